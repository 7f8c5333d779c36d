"""How noisy a scan is, and smoothing no more than that needs."""

import numpy as np

from vis3d.segmentation.frame import Spacing, Values

TISSUE_HU = (-50.0, 150.0)
LAG_MM = 4.0
"""Neighbours share their noise after a soft kernel; voxels this far apart don't."""
EVERY, MOST_SLICES = 8, 16
"""Every eighth slice is asked, of long scans fewer, and every second row of it."""
BEARABLE_HU = 25.0
MAX_PASSES = 2
ROWS = 32
"""How many are smoothed at a time: the sums take as much memory as the values."""
SAME_STEP = 1.6
"""Smoothing runs along an axis unless its voxels are this many times the finest ones."""


def noise_hu(values: Values, column_mm: float) -> float:
    """The noise of soft tissue, from voxels a few mm apart in some of the slices."""
    return _noise_of(_sample(values), max(1, round(LAG_MM / column_mm)))


def passes_needed(values: Values, spacing_kji: Spacing) -> tuple[int, float]:
    """How often `smoothed` must run to make the noise bearable, and the noise that is left."""
    sample = _sample(values)
    lag = max(1, round(LAG_MM / spacing_kji[2]))
    passes, noise = 0, _noise_of(sample, lag)
    while noise > BEARABLE_HU and passes < MAX_PASSES:
        sample = smoothed(sample, 1, (np.inf, spacing_kji[1], spacing_kji[2]))
        passes, noise = passes + 1, _noise_of(sample, lag)
    return passes, noise


def smoothed(values: Values, passes: int, spacing_kji: Spacing) -> Values:
    """The values with weights 1, 2, 1 along each axis, `passes` times; int16 stays int16.

    Axes whose voxels are much longer than the finest ones are left alone.
    """
    whole = values.dtype.kind in "iu"
    clipped = np.clip(values, -1024, 8000)
    out = clipped.astype(np.int16 if whole else np.float32, copy=False)
    finest = min(spacing_kji)
    for axis in [a for a in range(3) if spacing_kji[a] < SAME_STEP * finest] * passes:
        if out.shape[axis] > 1:
            _smooth_along(np.moveaxis(out, axis, 0), whole=whole)
    return out


def _smooth_along(values: Values, *, whole: bool) -> None:
    """In place, the ends repeated; means of two neighbours twice are weights 1, 2, 1."""
    for start in range(0, values.shape[1], ROWS):
        rows = values[:, start : start + ROWS]
        first = rows[:1].copy()
        for ahead, here in ((rows[1:], rows[:-1]), (rows[:-1], rows[1:])):
            total = ahead + here
            here[...] = total >> 1 if whole else total * np.float32(0.5)
        rows[:1] = (rows[:1] + first) >> 1 if whole else (rows[:1] + first) / 2


def _sample(values: Values) -> Values:
    every = max(EVERY, len(values) // MOST_SLICES)
    return values[len(values) % every // 2 :: every].astype(np.float32)


def _noise_of(sample: Values, lag: int) -> float:
    if sample.shape[2] <= lag:
        return 0.0
    first, second = sample[:, ::2, :-lag], sample[:, ::2, lag:]
    tissue = (first > TISSUE_HU[0]) & (first < TISSUE_HU[1])
    tissue &= (second > TISSUE_HU[0]) & (second < TISSUE_HU[1])
    if np.count_nonzero(tissue) < 100:
        return 0.0
    # for a normal distribution the median absolute difference of two is 0.954 sigma
    return float(np.median(np.abs(second[tissue] - first[tissue]))) / 0.954
