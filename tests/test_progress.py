"""Progress of steps within a whole."""

import pytest

from vis3d.errors import Cancelled, Vis3dError
from vis3d.progress import part


def test_a_part_fills_its_share_of_the_whole() -> None:
    seen: list[tuple[float, str]] = []
    step = part(lambda fraction, what: seen.append((fraction, what)), 0.5, 0.75)
    step(0, "meshing")
    step(1, "meshing")
    assert seen == [(0.5, "meshing"), (0.75, "meshing")]


def test_nobody_watching_is_fine() -> None:
    part(None, 0, 1)(0.5, "meshing")


def test_the_wish_to_stop_survives_code_that_survives_errors() -> None:
    with pytest.raises(Cancelled):
        try:
            raise Cancelled
        except (Vis3dError, Exception):  # noqa: BLE001  # as careless code does
            pytest.fail("swallowed")
