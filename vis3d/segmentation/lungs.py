"""The lungs: airy, inside the body, left and right apart, without trachea and gas."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.segmentation import watershed

from vis3d.segmentation.frame import Bools, Floats, Labels, Spacing
from vis3d.segmentation.morphology import (
    closed,
    components,
    distance_mm,
    filled,
    grown,
    keep,
    shrunk,
    sizes,
    sums,
)

Sides: TypeAlias = NDArray[np.uint8]
"""1 left, 2 right, 0 neither."""
LUNG_HU = (-960.0, -450.0)
AIRY_HU = (-950, -500)
MIN_AIRY_SHARE = 0.35
DEEP_MM = 4.0
MIN_LUNG_ML = 25.0
MIN_FRAGMENT_ML = 0.3
FRAGMENT_REACH_MM = 15.0
APART_MM = 60.0
CLOSING_MM = 5.0
THRESHOLD_RANGE_HU = (-520.0, -320.0)


@dataclass(frozen=True, eq=False)
class CoarseLungs:
    """Left and right on the coarse grid, and what happened on the way."""

    left: Bools
    right: Bools
    certain: Bools
    """What closing and filling added: vessels and nodules, inside whatever their HU."""
    threshold_hu: float
    merged: bool = False
    gas_ml: float = 0.0


def air_threshold(hu: Floats, body: Bools) -> float:
    """The level between lung and tissue by iterative selection (Ridler and Calvard 1978)."""
    values = np.clip(hu[body], -1000, 200)
    level = -400.0
    for _ in range(20):
        low, high = values[values < level], values[values >= level]
        if len(low) < 50 or len(high) < 50:
            break
        new = float(low.mean() + high.mean()) / 2
        if abs(new - level) < 1:
            break
        level = new
    return float(np.clip(level, *THRESHOLD_RANGE_HU))


def airy_parts(
    hu: Floats, air: Bools, spacing_kji: Spacing, min_ml: float = MIN_LUNG_ML
) -> Bools:
    """The connected airy parts that could be lung by their size and density."""
    labels = components(air)
    deep = shrunk(air, DEEP_MM, spacing_kji)
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    return keep(labels, _lung_like(labels, hu, voxel_ml, min_ml, deep))


def _lung_like(
    labels: Labels, hu: Floats, voxel_ml: float, min_ml: float, deep: Bools | None = None
) -> NDArray[np.bool_]:
    """Which pieces have the density of lung, away from their edges where `deep` is given.

    At an edge gas and tissue share voxels and look like lung; that is why a sinus or a bowel
    loop is told from lung by what lies deep in it.
    """
    voxels = np.maximum(sizes(labels), 1)
    mean_hu = sums(labels, hu) / voxels
    judged = labels if deep is None else labels * deep
    count = np.maximum(np.bincount(judged.reshape(-1), minlength=len(voxels)), 1)
    airy_hu = ((hu > AIRY_HU[0]) & (hu < AIRY_HU[1])).reshape(-1)
    airy = np.bincount(judged.reshape(-1), airy_hu, minlength=len(voxels)) / count
    fits = (mean_hu > LUNG_HU[0]) & (mean_hu < LUNG_HU[1]) & (airy > MIN_AIRY_SHARE)
    return np.asarray(fits & (voxels * voxel_ml >= min_ml))


def find_lungs(
    hu: Floats,
    air: Bools,
    airways: Bools,
    threshold_hu: float,
    spacing_kji: Spacing,
    left_mm: Floats,
    middle_mm: float,
) -> CoarseLungs:
    """Left and right lung on the coarse grid.

    `airways` are left out. `left_mm` is how far to the patient's left each voxel lies and
    `middle_mm` where the body's middle is: only these decide the sides.
    """
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    open_air = air & ~airways
    parts = components(open_air)
    deep = shrunk(open_air, DEEP_MM, spacing_kji)
    large = _lung_like(parts, hu, voxel_ml, MIN_LUNG_ML, deep)
    sides: Sides = np.zeros(hu.shape, np.uint8)
    merged = False
    main = keep(parts, large)
    if main.any():
        main = _near_the_main(main, parts, hu, voxel_ml, spacing_kji)
        sides, merged = _split(main, spacing_kji, left_mm, middle_mm)
    lungs = []
    for side in (1, 2):
        one = sides == side
        whole = filled(closed(one, CLOSING_MM, spacing_kji)) if one.any() else one
        lungs.append(whole & ~airways)
    left, right = lungs[0], lungs[1] & ~(lungs[0] & ~(sides == 2))
    left = left & ~right
    certain = (left | right) & ~grown(main, 0.0, spacing_kji)
    return CoarseLungs(left, right, certain, threshold_hu, merged)


def _near_the_main(
    main: Bools, parts: Labels, hu: Floats, voxel_ml: float, spacing_kji: Spacing
) -> Bools:
    """The main parts and the lung-like fragments close to them."""
    close = grown(main, FRAGMENT_REACH_MM, spacing_kji)
    near = np.zeros(int(parts.max()) + 1, bool)
    near[np.unique(parts[close])] = True
    return main | keep(parts, near & _lung_like(parts, hu, voxel_ml, MIN_FRAGMENT_ML))


def _split(
    main: Bools, spacing_kji: Spacing, left_mm: Floats, middle_mm: float
) -> tuple[Sides, bool]:
    """Each voxel's side (1 left, 2 right), and whether the lungs had to be cut apart."""
    depth = distance_mm(main, spacing_kji)
    for radius_mm in (0.0, 2.5, 4.0, 6.0, 8.0, 11.0, 15.0, 20.0):
        cores = components((depth > radius_mm) & main)
        pair = _two_far_apart(cores, left_mm, float(np.prod(spacing_kji)) / 1000)
        if pair is not None:
            break
    if pair is None:
        return _one_sided(main, left_mm, middle_mm), False
    side_of: Sides = np.zeros(int(cores.max()) + 1, np.uint8)
    for label, side in pair.items():
        side_of[label] = side
    markers = side_of[cores]
    if radius_mm == 0.0:
        rest = main & (markers == 0)
        if rest.any():
            markers = _nearest(markers, main)
        return markers * main, False
    sides = watershed(-depth, markers.astype(np.int32), mask=main).astype(np.uint8)
    left_over = main & (sides == 0)
    if left_over.any():
        sides = _nearest(sides, main)
    return sides, True


def _two_far_apart(cores: Labels, left_mm: Floats, voxel_ml: float) -> dict[int, int] | None:
    """Sides for the large cores, if they lie in two groups far enough apart."""
    voxels = sizes(cores)
    voxels[0] = 0
    big = np.flatnonzero(voxels >= max(0.05 * voxels.sum(), 5 / voxel_ml))
    if len(big) < 2:
        return None
    center = sums(cores, left_mm) / np.maximum(voxels, 1)
    order = big[np.argsort(center[big])]
    gaps = np.diff(center[order])
    widest = int(gaps.argmax())
    if gaps[widest] < APART_MM:
        return None
    return {int(n): 2 if place <= widest else 1 for place, n in enumerate(order)}


def _one_sided(main: Bools, left_mm: Floats, middle_mm: float) -> Sides:
    """A single lung, on the side of the body's middle where it lies."""
    is_left = float(left_mm[main].mean()) > middle_mm
    return main.astype(np.uint8) * np.uint8(1 if is_left else 2)


def _nearest(markers: Sides, mask: Bools) -> Sides:
    """Each voxel of the mask gets the marker nearest to it."""
    index = distance_transform_edt(markers == 0, return_distances=False, return_indices=True)
    return np.where(mask, markers[tuple(index)], np.uint8(0))
