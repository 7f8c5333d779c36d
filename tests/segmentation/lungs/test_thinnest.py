"""The cut of least area between two parts, where the answer is known."""

import numpy as np

from vis3d.segmentation.lungs.thinnest import FIRST, SECOND, thinnest_cut

SPACING = (3.0, 2.0, 1.0)


def dumbbell() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two balls of 20 mm joined by a rod along j; the rod is thinner at j = 45 mm."""
    k, j, i = np.ogrid[:20, :60, :50]
    across = np.hypot((k - 10) * 3.0, i - 25.0)
    j_mm = j * 2.0
    balls = [across**2 + (j_mm - middle) ** 2 < 20**2 for middle in (20, 100)]
    rod = (across < np.where(abs(j_mm - 45) < 2, 4.0, 8.0)) & (abs(j_mm - 60) < 40)
    markers = np.zeros(rod.shape, np.uint8)
    for middle, mark in ((20, FIRST), (100, SECOND)):
        markers[across**2 + (j_mm - middle) ** 2 < 15**2] = mark
    return (balls[0] | balls[1] | rod), markers, np.broadcast_to(j_mm, rod.shape)


def test_the_cut_runs_through_the_thinnest_place() -> None:
    parts, markers, j_mm = dumbbell()
    even = np.zeros(parts.shape, np.float32)
    first = thinnest_cut(markers, parts.astype(np.float32), even, SPACING)
    assert not (first & ~parts).any()
    assert 42 <= j_mm[first].max() <= 46
    assert 44 <= j_mm[parts & ~first].min() <= 48


def test_a_place_filled_only_in_part_is_thin() -> None:
    parts, markers, j_mm = dumbbell()
    share = np.where(parts & (abs(j_mm - 70) < 1.5), 0.1, parts).astype(np.float32)
    first = thinnest_cut(markers, share, np.zeros(parts.shape, np.float32), SPACING)
    assert 67 <= j_mm[first].max() <= 70


def test_a_bridge_as_wide_everywhere_is_cut_in_the_middle() -> None:
    _, j, _ = np.indices((8, 40, 8))
    markers = np.zeros(j.shape, np.uint8)
    markers[:, :2], markers[:, -2:] = FIRST, SECOND
    off_middle_mm = (j * 2.0 - 30.0).astype(np.float32)
    first = thinnest_cut(markers, np.ones(j.shape, np.float32), off_middle_mm, SPACING)
    assert np.array_equal(first, j <= j[first].max())
    assert abs(j[first].max() * 2.0 + 1.0 - 30.0) <= 4.0
