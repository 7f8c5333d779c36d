"""Masks from values: by threshold, by Otsu's method, by clusters, by growing from a point.

Padding is never selected. Every function takes the whole `Volume`, with sizes in mm.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from vis3d.errors import UsageError
from vis3d.geometry import Geometry
from vis3d.progress import Progress, part, silent
from vis3d.segmentation.voxels import morphology
from vis3d.segmentation.voxels.frame import Bools, Labels
from vis3d.volume import Mask, Volume, require_volume

Connectivity = Literal[6, 18, 26]
"""Voxels touch by faces (6), also by edges (18), also by corners (26)."""

MAX_CLUSTERS = 16
CLUSTER_BINS = 1024


def threshold(
    volume: Volume,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    name: str = "threshold",
    progress: Progress | None = None,
) -> Mask:
    """Every voxel of value `low` to `high`, both included.

    Raises:
        UsageError: `low` lies above `high`, or one is no number.
    """
    require_volume(volume)
    if not low <= high:
        raise UsageError(f"No value lies from {low:g} to {high:g}.")
    inside = np.empty(volume.array.shape, bool)
    _select(volume.array, (low, high), volume.padding, inside, progress or silent)
    return volume.mask(inside, name)


def otsu_level(
    volume: Volume, within: Mask | None = None, *, progress: Progress | None = None
) -> float:
    """The level that best parts the values into those up to it and those above it.

    Otsu, IEEE Trans Syst Man Cybern 1979;9:62-66: the variance between the two classes is
    the greatest possible.

    Raises:
        UsageError: there are no two different values to part.
    """
    values, counts, width = _counted(volume, within, progress)
    if len(values) < 2:
        raise UsageError("Otsu's method needs voxels of at least two different values.")
    return float(threshold_otsu(hist=(counts.astype(np.float64), values))) + width


def kmeans_ranges(
    volume: Volume,
    clusters: int,
    within: Mask | None = None,
    *,
    progress: Progress | None = None,
) -> tuple[tuple[float, float], ...]:
    """The range of values, ends included, of each of `clusters` clusters, the lowest first.

    One-dimensional k-means: the squared distances of the values to their cluster's mean are
    the least possible. It is solved exactly on 1024 bins (Wang and Song, R Journal
    2011;3:29-33), so there is no start that could be unlucky, and refined on all values
    (Lloyd, IEEE Trans Inf Theory 1982;28:129-137). `threshold(volume, *range)` gives a
    cluster's mask.

    Raises:
        UsageError: fewer than 2 or more than 16 clusters, or than there are values.
    """
    if not 2 <= clusters <= MAX_CLUSTERS:
        raise UsageError(f"Choose 2 to {MAX_CLUSTERS} clusters, not {clusters}.")
    values, counts, width = _counted(volume, within, progress)
    if len(values) < clusters:
        raise UsageError(
            f"There are {len(values)} different values, too few for {clusters} clusters."
        )
    bins = np.floor((values - values[0]) / (np.ptp(values) + 1e-9) * CLUSTER_BINS)
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    if len(starts) < clusters:
        starts = np.arange(len(values))
    weight = np.add.reduceat(counts, starts).astype(np.float64)
    middle = np.add.reduceat(counts * values, starts) / weight
    firsts = _settled(values, counts, starts[_optimal_starts(middle, weight, clusters)])
    lows = values[firsts]
    if width:  # a bin holds values up to where the next one begins, in the volume's own type
        lows = lows.astype(volume.array.dtype)
        lasts = np.append(np.nextafter(lows[1:], lows.dtype.type(-np.inf)), np.inf)
    else:
        lasts = np.append(values[firsts[1:] - 1], values[-1])
    return tuple(zip(lows.tolist(), lasts.tolist(), strict=True))


def _settled(
    values: NDArray[np.float64], counts: NDArray[np.int64], firsts: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Where each cluster begins once every value is with the mean nearest to it."""
    for _ in range(100):
        voxels = np.add.reduceat(counts, firsts)
        means = np.add.reduceat(counts * values, firsts) / voxels
        moved = np.append(0, np.searchsorted(values, (means[1:] + means[:-1]) / 2))
        if (moved == firsts).all() or (np.diff(moved) <= 0).any():
            break
        firsts = moved
    return firsts


def region_growing(
    volume: Volume,
    seed_lps: Sequence[float],
    *,
    range_hu: tuple[float, float] | None = None,
    tolerance: float | None = None,
    max_radius_mm: float | None = None,
    connectivity: Connectivity = 6,
    name: str = "region",
    progress: Progress | None = None,
) -> Mask:
    """The voxels connected with a point whose values lie in a range, ends included.

    The range is `range_hu`, or the point's own value and what differs from it by up to
    `tolerance`. With `max_radius_mm` the region stays in a ball round the point.

    Raises:
        UsageError: the point (LPS mm) lies outside the scan or its value outside the range,
            or there isn't exactly one of range and tolerance.
    """
    require_volume(volume)
    if (range_hu is None) == (tolerance is None):
        raise UsageError("Region growing needs a range of values, or a tolerance.")
    seed = voxel_at(volume.geometry, seed_lps)
    value = float(volume.array[seed])
    if range_hu is None:
        range_hu = (value - float(tolerance or 0), value + float(tolerance or 0))
    if not range_hu[0] <= value <= range_hu[1] or value == volume.padding:
        raise UsageError(
            f"The point has the value {value:g}, outside {range_hu[0]:g} to {range_hu[1]:g}: "
            "choose another point or a wider range."
        )
    box = _ball_box(volume.geometry, seed, max_radius_mm)
    alike = np.empty(tuple(where.stop - where.start for where in box), bool)
    _select(volume.array[box], range_hu, volume.padding, alike, part(progress, 0.0, 0.5))
    if max_radius_mm is not None:
        _keep_ball(alike, box, volume.geometry, seed, max_radius_mm)
    part(progress, 0.5, 1.0)(0.0, "Finding what is connected")
    labels = joined(alike, connectivity)
    region = np.zeros(volume.array.shape, bool)
    own = labels[tuple(n - where.start for n, where in zip(seed, box, strict=True))]
    np.equal(labels, own, out=region[box])
    return volume.mask(region, name)


def not_negative(size: float) -> float:
    """The size in mm, mm2 or ml, which may be infinite."""
    if not size >= 0:
        raise UsageError(f"A size isn't negative: {size:g} was given.")
    return size


def joined(mask: Bools, connectivity: Connectivity) -> Labels:
    """The connected pieces of a mask, numbered from 1."""
    if connectivity not in (6, 18, 26):
        raise UsageError(f"Voxels touch 6, 18 or 26 others, not {connectivity}.")
    return morphology.components(mask, connectivity)


def voxel_at(geometry: Geometry, point_lps: Sequence[float]) -> tuple[int, int, int]:
    """The index (k, j, i) of the voxel that holds a point in LPS mm.

    Raises:
        UsageError: the point lies outside the scan, or isn't three finite numbers.
    """
    try:
        point = np.asarray(point_lps, float)
    except (TypeError, ValueError):
        point = np.empty(0)
    if point.shape != (3,) or not np.isfinite(point).all():
        raise UsageError("A point is three finite numbers in LPS mm.")
    ijk = geometry.to_ijk(point)
    i, j, k = np.floor(ijk + 0.5).astype(int).tolist()
    if not all(0 <= n < size for n, size in zip((k, j, i), geometry.shape, strict=True)):
        where = ", ".join(f"{mm:.1f}" for mm in point)
        raise UsageError(f"The point ({where}) (LPS mm) lies outside the scan.")
    return k, j, i


def _select(
    values: NDArray[Any],
    limits: tuple[float, float],
    padding: float | None,
    out: Bools,
    progress: Progress,
) -> None:
    """Mark the voxels whose values lie within the limits, slice by slice."""
    for k, numbers in enumerate(values):
        progress(k / len(out), "Selecting by value")
        np.greater_equal(numbers, limits[0], out=out[k])
        out[k] &= numbers <= limits[1]
        if padding is not None:
            out[k] &= numbers != padding


def _ball_box(
    geometry: Geometry, seed: tuple[int, int, int], radius_mm: float | None
) -> tuple[slice, slice, slice]:
    """The part of the grid that a ball round a voxel reaches; all of it without a radius."""
    if radius_mm is not None and not radius_mm > 0:
        raise UsageError(f"A radius is above 0 mm, not {radius_mm:g}.")
    reach = [
        size if radius_mm is None else int(min(radius_mm / mm, size))
        for mm, size in zip(geometry.spacing_kji, geometry.shape, strict=True)
    ]
    k, j, i = (
        slice(max(0, at - n), min(at + n + 1, size))
        for at, n, size in zip(seed, reach, geometry.shape, strict=True)
    )
    return k, j, i


def _keep_ball(
    inside: Bools,
    box: tuple[slice, slice, slice],
    geometry: Geometry,
    seed: tuple[int, int, int],
    radius_mm: float,
) -> None:
    k2, j2, i2 = (
        ((np.arange(where.start, where.stop) - at) * mm) ** 2
        for where, at, mm in zip(box, seed, geometry.spacing_kji, strict=True)
    )
    in_plane = j2[:, None] + i2
    for plane, across in zip(inside, k2, strict=True):
        plane &= in_plane <= radius_mm**2 - across


def _counted(
    volume: Volume, within: Mask | None, progress: Progress | None
) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
    """The values that occur, in order, how often, and 0.

    Other than whole numbers are counted in 65536 bins: where those begin, and their width.
    """
    require_volume(volume)
    if within is not None and not within.geometry.matches(volume.geometry):
        raise UsageError("The mask lies on another grid than the volume.")
    ends = [
        (float(measured.min()), float(measured.max()))
        for measured in _measured(volume, within, part(progress, 0.0, 0.4))
        if measured.size
    ]
    if not ends:
        return np.zeros(0), np.zeros(0, np.int64), 0.0
    low, high = min(least for least, _ in ends), max(greatest for _, greatest in ends)
    whole = volume.array.dtype.kind in "iu" and high - low < 1 << 17
    width = 1.0 if whole or low == high else (high - low) / (1 << 16)
    counts = np.zeros(int((high - low) / width) + 1, np.int64)
    for measured in _measured(volume, within, part(progress, 0.4, 1.0)):
        places = (measured.astype(np.float64) - low) / width
        counts += np.bincount(places.astype(np.intp), minlength=len(counts))
    found = np.flatnonzero(counts)
    values = np.asarray(low + found * width, np.float64)
    return values, counts[found], 0.0 if whole else width


def _measured(
    volume: Volume, within: Mask | None, progress: Progress
) -> Iterator[NDArray[Any]]:
    """The measured values of each slice, inside a mask if there is one."""
    for k, plane in enumerate(volume.array):
        progress(k / len(volume.array), "Counting values")
        values: NDArray[Any] = plane.reshape(-1) if within is None else plane[within.array[k]]
        if volume.padding is not None:
            values = values[values != volume.padding]
        yield values if values.dtype.kind != "f" else values[np.isfinite(values)]


def _optimal_starts(
    values: NDArray[np.float64], weights: NDArray[np.float64], clusters: int
) -> NDArray[np.intp]:
    """Where each cluster of sorted values begins so that the squared deviations are least."""
    count = len(values)
    w, wx, wxx = (
        np.append(0, np.cumsum(weights * (values - values[0]) ** power)) for power in range(3)
    )
    stop = np.arange(1, count + 1)
    start = np.arange(count)[:, None]
    weight = np.where(start < stop, w[stop] - w[start], 1)
    cost = wxx[stop] - wxx[start] - (wx[stop] - wx[start]) ** 2 / weight
    cost[start >= stop] = np.inf  # [a, b]: of one cluster of a up to and including b
    best, firsts = cost[0], []
    for _ in range(clusters - 1):
        together = best[:-1, None] + cost[1:]  # the last cluster begins at a = row + 1
        firsts.append(together.argmin(axis=0) + 1)
        best = together.min(axis=0)
    starts = [count]
    for first in reversed(firsts):
        starts.append(int(first[starts[-1] - 1]))
    return np.array([0, *reversed(starts[1:])])
