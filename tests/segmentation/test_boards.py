"""Boards and thin walls are told in mm, whichever way the patient's axes run."""

from itertools import permutations

import numpy as np
import pytest

from vis3d.segmentation.boards import are_boards
from vis3d.segmentation.morphology import components
from vis3d.segmentation.walls import with_thin_walls

SPACING = (2.6, 1.9, 3.1)
BOARD, SHAFT, STUB = 1, 2, 3


def a_patient_on_a_board(back_axis: int, *, behind: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pieces by label in a body 150 mm wide: a board that presses on it, bones in it."""
    k, back, across = (np.indices((30, 60, 60))[a] for a in (0, back_axis, 3 - back_axis))
    across_mm = (across - 30) * SPACING[3 - back_axis]
    back_mm = back * SPACING[back_axis]
    body = (np.abs(across_mm) < 75) & (back_mm > 8) & (back_mm < 80)
    pieces = np.zeros(body.shape, np.uint32)
    pieces[(np.abs(across_mm) < 60) & (back_mm >= 70) & (back_mm < 80)] = BOARD
    pieces[(np.abs(across_mm) < 12) & (np.abs(back_mm - 40) < 12)] = SHAFT
    pieces[(np.abs(across_mm - 50) < 12) & (np.abs(back_mm - 40) < 12) & (k < 12)] = STUB
    if not behind:
        body, pieces = np.flip(body, back_axis), np.flip(pieces, back_axis)
    return pieces.copy(), body.copy()


@pytest.mark.parametrize("back_axis", [1, 2])
@pytest.mark.parametrize("behind", [True, False])
def test_a_board_is_told_on_any_side_of_the_body(back_axis: int, *, behind: bool) -> None:
    pieces, body = a_patient_on_a_board(back_axis, behind=behind)
    assert are_boards(pieces, body, SPACING).tolist() == [False, True, False, False]


def test_a_board_with_body_beyond_it_or_no_longer_than_a_bone_is_none() -> None:
    pieces, body = a_patient_on_a_board(1, behind=True)
    everywhere = np.ones_like(body)
    assert not are_boards(pieces, everywhere, SPACING).any()
    pieces[20:] *= pieces[20:] != BOARD
    assert not are_boards(pieces, body, SPACING).any()


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
