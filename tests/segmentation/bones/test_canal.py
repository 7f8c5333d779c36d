"""The spinal canal goes on where arches leave it half open, and ends with the spine."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vis3d.segmentation.bones.canal import spinal_canal

SPACING_KJI = (2.5, 1.9, 2.2)
SHAPE = (80, 50, 44)


def leaning_spine(half_open: float) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """HU and bone of a canal that leans; bone lies round the share `half_open` in its middle.

    Above and below it is round all of it, and at the upper end round a quarter.
    """
    k, j, i = np.indices(SHAPE)
    height = (k - 40) * SPACING_KJI[0]
    y = (j - 25) * SPACING_KJI[1] - 0.2 * height
    x = (i - 22) * SPACING_KJI[2] + 0.05 * height
    away, turn = np.hypot(x, y), np.abs(np.arctan2(x, -y)) / np.pi
    share = np.select([height > 75, np.abs(height) < 30], [0.25, half_open], 1.0)
    bone = (away > 9) & (away < 15) & (turn < share)
    hu = np.where(bone, 600, 30).astype(np.int16)
    return hu, bone


@pytest.mark.parametrize(("half_open", "goes_on"), [(0.46, True), (0.35, False)])
def test_a_canal_goes_on_where_bone_surrounds_it_less(half_open: float, goes_on: bool) -> None:
    hu, bone = leaning_spine(half_open)
    there = spinal_canal(hu, bone, SPACING_KJI).any(axis=(1, 2))
    assert there[6:22].all()
    assert there[50:64].all()
    assert (there[39:44] == goes_on).all()
    assert not there[-4:].any()
