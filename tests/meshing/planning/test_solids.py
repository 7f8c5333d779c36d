"""Solids joined, subtracted and shared have the volumes that sets have."""

import numpy as np
import pytest

from tests.meshing.judges import is_closed_and_manifold, piece_count
from tests.meshing.planning.solids import AT, TURN, ball, brick, inside_out, joined, ring
from vis3d.errors import InputError
from vis3d.meshing.planning import intersection, split, subtracted, union
from vis3d.surface import Surface

BESIDE = AT + TURN @ [10.0, 0, 0]


def test_two_balls_share_a_lens() -> None:
    first, second = ball(10), ball(10, BESIDE)
    shared = intersection(first, second)
    lens_ml = np.pi * (4 * 10 + 10) * (2 * 10 - 10) ** 2 / 12 / 1000
    assert shared.volume_ml == pytest.approx(lens_ml, rel=0.006)
    both = union(first, second)
    together_ml = first.volume_ml + second.volume_ml
    assert both.volume_ml + shared.volume_ml == pytest.approx(together_ml, rel=1e-5)
    less = subtracted(first, second)
    assert less.volume_ml == pytest.approx(first.volume_ml - shared.volume_ml, rel=1e-5)
    assert all(is_closed_and_manifold(one) for one in (shared, both, less))


def test_solids_apart_share_nothing() -> None:
    with pytest.raises(InputError, match="share is empty"):
        intersection(ball(4), ball(4, BESIDE))


def test_bricks_that_touch_along_an_edge_stay_closed_in_a_file() -> None:
    across = AT + TURN @ [4.0, 6.0, 0]
    both = union(brick((4, 6, 8)), brick((4, 6, 8), across))
    assert both.volume_ml == pytest.approx(0.384, rel=1e-3)
    assert is_closed_and_manifold(both)


def test_parts_come_the_largest_first_and_keep_their_cavities() -> None:
    hollow = joined(ball(10), inside_out(ball(4)), ball(2))
    parts = split(joined(brick((3, 3, 3), AT + np.array([40, 0, 0])), hollow, far_ring()))
    volumes_ml = [one.volume_ml for one in parts]
    shell_ml = ball(10).volume_ml - ball(4).volume_ml
    known_ml = [shell_ml, ring().volume_ml, ball(2).volume_ml, 0.027]
    assert volumes_ml == pytest.approx(known_ml, rel=1e-3)
    assert [piece_count(one) for one in parts] == [2, 1, 1, 1]
    assert [one.name for one in parts] == [f"parts {n}" for n in (1, 2, 3, 4)]


def far_ring() -> Surface:
    return Surface(ring().points + 100, ring().triangles)
