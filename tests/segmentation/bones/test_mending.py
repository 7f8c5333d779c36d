"""Gaps between cortex and marrow are filled; canals and joints stay open; shreds go."""

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.bones.mending import drop_crumbs, fill_gaps

Bools = NDArray[np.bool_]
SHAPE = (6, 30, 34)


def away_mm() -> NDArray[np.float64]:
    """How far the voxels lie from the middle line of a leaning tube."""
    k, j, i = np.indices(SHAPE)
    return np.asarray(np.hypot(0.9 * (j - 14 - 0.3 * k), 0.8 * (i - 16 + 0.2 * k)))


def with_gaps_filled(drawn: Bools, bony: Bools, hu: NDArray[np.int16] | None = None) -> Bools:
    mask = drawn.copy()
    fill_gaps(mask, bony.copy(), np.full(SHAPE, -60, np.int16) if hu is None else hu)
    return mask


def test_gaps_round_marrow_are_filled_to_the_cortex() -> None:
    away = away_mm()
    drawn = (away < 9) & ((away > 7) | (away < 5))
    np.testing.assert_array_equal(with_gaps_filled(drawn, away < 11), away < 9)


def test_a_canal_beside_what_is_no_bone_stays_as_wide() -> None:
    away = away_mm()
    cortex = (away < 9) & (away > 7)
    found = with_gaps_filled(cortex, (away < 11) & (away > 5))
    np.testing.assert_array_equal(found, cortex)


def test_a_gap_that_leads_out_stays_open_however_long_it_is() -> None:
    away = away_mm()
    drawn = (away < 9) & ((away > 7) | (away < 5))
    drawn[:, 15:, 16] = False  # one break in the wall
    np.testing.assert_array_equal(with_gaps_filled(drawn, away < 11), drawn)


def test_gas_in_a_bone_is_no_gap() -> None:
    away = away_mm()
    drawn = (away < 9) & ((away > 7) | (away < 5))
    hu = np.where((away > 5) & (away < 6), -700, -60).astype(np.int16)
    np.testing.assert_array_equal(with_gaps_filled(drawn, away < 11, hu), drawn)


def test_shreds_beside_what_has_gone_go_and_other_bone_stays() -> None:
    bones = away_mm() < 9
    bones[:, 2, :] = bones[0, :, 1] = False
    whole = bones.copy()
    bones[2:4, 1, 3] = True
    bones[3, 27, 30] = True
    gone = np.ravel_multi_index(([2, 3], [1, 1], [4, 4]), SHAPE)
    drop_crumbs(gone, bones)
    whole[3, 27, 30] = True  # nothing went beside it
    np.testing.assert_array_equal(bones, whole)
