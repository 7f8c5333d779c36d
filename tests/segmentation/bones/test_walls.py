"""Thin walls are told in mm, whichever way the patient's axes run."""

from itertools import permutations

import numpy as np
import pytest

from vis3d.segmentation.bones.walls import with_thin_walls
from vis3d.segmentation.voxels.morphology import components

SPACING = (2.6, 1.9, 3.1)


def a_wall_with_a_hole() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """HU of a plate as thin as a voxel, less dense in its middle; its dense part; the hole."""
    k, j, i = np.indices((24, 26, 28))
    plate = (j == 13) & (np.abs(k - 12) < 9) & (np.abs(i - 14) < 9)
    hole = plate & (np.abs(k - 12) < 3) & (np.abs(i - 14) < 3)
    hu = np.full(plate.shape, -20.0, np.float32)
    hu[plate], hu[hole] = 400, 100
    hu[(j == 20) & (np.abs(k - 12) < 9) & (i > 20)] = 100  # a sheet of muscle by itself
    return hu, plate & ~hole, hole


@pytest.mark.parametrize("axes", list(permutations(range(3))))
@pytest.mark.parametrize("flipped", [(), (0, 2), (1,)])
def test_a_hole_in_a_thin_wall_closes_whichever_way_the_wall_runs(
    axes: tuple[int, ...], flipped: tuple[int, ...]
) -> None:
    def turn(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.flip(array.transpose(axes), flipped))

    hu, shell, hole = (turn(array) for array in a_wall_with_a_hole())
    spacing = (SPACING[axes[0]], SPACING[axes[1]], SPACING[axes[2]])
    found = with_thin_walls(shell, hu, np.ones(hu.shape, bool), 10.0, spacing)
    np.testing.assert_array_equal(found, shell | hole)
    assert components(found).max() == 1
