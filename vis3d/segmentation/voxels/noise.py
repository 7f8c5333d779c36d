"""How noisy a scan is, and smoothing no more than that needs."""

import numpy as np

from vis3d.segmentation.voxels.frame import Spacing, Values

TISSUE_HU = (-50.0, 150.0)
LAG_MM = 4.0
"""Neighbours share their noise after a soft kernel; voxels this far apart don't."""
EVERY, MOST_SLICES = 8, 16
"""Every eighth slice is asked, of long scans fewer, and every second row of it."""
CALM_HU = 22.5
"""With as much noise left, cortex needn't stand out more than it does without."""
FIRST_MM2, LAST_MM2 = 0.32, 5.12
"""The variances that are tried, each twice the one before: the same blur on every grid."""
LAST_VOXELS2 = 1.2
"""Large voxels may be smoothed over about one of themselves."""
STRUCTURE = 0.85
"""What a larger blur leaves so much of is no noise: noise falls to 0.7 of itself."""
FULL_HU = 40.0
"""More noise takes values out of the range of tissue: it and its falls look smaller."""
BEARABLE_HU, MAX_PASSES = 25.0, 2
"""On a coarse grid whole voxels are smoothed over, from more noise on."""
MOST_HU = 2000
"""What is denser is read as this: sums of 16-bit values must not run over."""
ROWS = 32
"""How many are smoothed at a time: the sums take as much memory as the values."""


def noise_hu(values: Values, column_mm: float) -> float:
    """The noise of soft tissue, from voxels a few mm apart in some of the slices."""
    return _noise_of(_sample(values), max(1, round(LAG_MM / column_mm)))


def blur_needed(values: Values, spacing_kji: Spacing) -> tuple[float, float]:
    """The variance in mm2 that `smoothed` needs to make the noise bearable; what is left.

    It is measured after smoothing within the slices. No more than needed: a step would
    make another scan of what is a little noisier, such as the same one on a finer grid.
    """
    sample = _sample(values)
    lag = max(1, round(LAG_MM / spacing_kji[2]))
    in_slices = (np.inf, spacing_kji[1], spacing_kji[2])
    last = max(LAST_MM2, LAST_VOXELS2 * max(spacing_kji[1:]) ** 2)
    noise = _noise_of(sample, lag)
    blur, wanted = 0.0, max(FIRST_MM2, spacing_kji[2] ** 2 / 4)
    while noise > CALM_HU and wanted <= last:
        left = _noise_of(smoothed(sample, wanted, in_slices), lag)
        if left <= CALM_HU:
            share = np.log(noise / CALM_HU) / np.log(noise / max(left, 1.0))
            return blur + float(share) * (wanted - blur), CALM_HU
        if left <= STRUCTURE * noise:
            blur, noise = wanted, left
        elif left < FULL_HU:
            break
        wanted *= 2
    return blur, noise


def calmed(values: Values, spacing_kji: Spacing) -> Values:
    """Values on a coarse grid, smoothed over a voxel or two where they are noisy."""
    lag = max(1, round(LAG_MM / spacing_kji[2]))
    out = values
    for _ in range(MAX_PASSES):
        if _noise_of(_sample(out), lag) <= BEARABLE_HU:
            break
        out = smoothed(out.astype(np.float32), min(spacing_kji) ** 2 / 2, spacing_kji)
    return out


def reach(variance_mm2: float, spacing_kji: Spacing) -> int:
    """How many slices `smoothed` looks beyond each one."""
    step, weights = _passes(variance_mm2, spacing_kji[0])
    return step * len(weights)


def smoothed(values: Values, variance_mm2: float, spacing_kji: Spacing) -> Values:
    """The values blurred by a variance along each axis; int16 stays int16.

    Axes whose voxels are much longer than the blur are left alone.
    """
    whole = values.dtype.kind in "iu"
    clipped = np.clip(values, -1024, MOST_HU)
    out = clipped.astype(np.int16 if whole else np.float32, copy=False)
    for axis, mm in enumerate(spacing_kji):
        step, weights = _passes(variance_mm2, mm)
        turned = np.moveaxis(out, axis, 0)
        for weight in weights:
            for first in range(min(step, len(turned))):
                if len(turned[first::step]) > 1:
                    _smooth_along(turned[first::step], weight, whole=whole)
    return out


def _passes(variance_mm2: float, mm: float) -> tuple[int, list[int]]:
    """Over steps of how many voxels, and with which weights in 16ths for either neighbour.

    Finer voxels take longer steps, so that a scan on a finer grid is smoothed alike. What is
    left for a last pass is rounded to a quarter of one.
    """
    step = max(1, int(np.sqrt(variance_mm2) / mm + 1e-3))
    quarters = round(8 * variance_mm2 / (step * mm) ** 2)
    return step, [4] * (quarters // 4) + [quarters % 4] * (quarters % 4 > 0)


def _smooth_along(values: Values, weight: int, *, whole: bool) -> None:
    """In place: either neighbour with `weight` 16ths, the ends repeated."""
    for start in range(0, values.shape[1], ROWS):
        rows = values[:, start : start + ROWS]
        total = rows * rows.dtype.type(16 - 2 * weight)
        scaled = rows * rows.dtype.type(weight)
        total[1:] += scaled[:-1]
        total[:-1] += scaled[1:]
        total[:1] += scaled[:1]
        total[-1:] += scaled[-1:]
        if whole:
            total += 8
            np.right_shift(total, 4, out=rows)
        else:
            np.divide(total, 16, out=rows)


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
