"""Means over the neighbours of voxels."""

import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d

from vis3d.segmentation.voxels.slabs import mean_of_three


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", [(20, 30, 40), (1, 2, 3)])
def test_mean_of_three_is_that_of_a_uniform_filter(shape: tuple[int, ...], axis: int) -> None:
    hu = np.random.default_rng(1).normal(0, 500, shape).astype(np.float32)
    expected = uniform_filter1d(hu.astype(np.float64), 3, axis)
    assert mean_of_three(hu, axis) == pytest.approx(expected, abs=1e-3)


def test_mean_of_what_is_the_same_everywhere_is_the_same() -> None:
    """Or air without noise would seem to vary."""
    for hu in range(1, 2364, 7):  # above, the squares of three are no whole numbers in 32 bits
        square = np.full((2, 3, 4), hu**2, np.float32)
        assert all((mean_of_three(square, axis) == square).all() for axis in range(3))
