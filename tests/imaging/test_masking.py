"""Masked volumes keep what is inside, and a margin where it is asked for."""

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from vis3d.errors import UsageError
from vis3d.imaging import within
from vis3d.volume import Mask, Volume

GEOMETRY = oblique_geometry((20, 30, 40), (0.7, 0.9, 2.5))


def ones_and_box() -> tuple[Volume, Mask]:
    inside = np.zeros(GEOMETRY.shape, bool)
    inside[5:15, 10:20, 10:30] = True
    return Volume(np.ones(GEOMETRY.shape, np.int16), GEOMETRY), Mask(inside, GEOMETRY)


def test_outside_becomes_air_and_inside_stays() -> None:
    volume, mask = ones_and_box()
    masked = within(volume, mask)
    assert (masked.array[mask.array] == 1).all()
    assert (masked.array[~mask.array] == -1024).all()
    assert masked.array.dtype == np.int16
    assert (volume.array == 1).all()


@pytest.mark.parametrize(
    ("margin_mm", "size"), [(3.0, (10 + 2, 10 + 6, 20 + 8)), (-3.0, (8, 4, 12))]
)
def test_the_margin_is_in_mm_along_every_axis(margin_mm: float, size: tuple[int, ...]) -> None:
    volume, mask = ones_and_box()
    kept = np.nonzero(within(volume, mask, margin_mm=margin_mm).array == 1)
    assert tuple(np.ptp(axis) + 1 for axis in kept) == size
    assert len(kept[0]) == np.prod(size)


def test_a_value_that_the_voxels_cannot_hold_is_cut() -> None:
    volume, mask = ones_and_box()
    small = volume.with_array(volume.array.astype(np.uint8))
    assert within(small, mask).array.min() == 0


def test_a_mask_of_another_grid_is_refused() -> None:
    volume, mask = ones_and_box()
    other = Mask(mask.array, oblique_geometry(mask.array.shape, (1, 1, 1)))
    with pytest.raises(UsageError, match="another grid"):
        within(volume, other)
