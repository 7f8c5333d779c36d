"""Organs full of contrast that looks like bone: thick, but without a rim that is denser."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from vis3d.segmentation.voxels.frame import Bools, Labels, Spacing, Whole
from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    components,
    deep_in,
    fringed,
    grown,
    keep,
    sizes,
    sums,
    trimmed,
)

DEPTH_MM, MIN_DEEP_ML = 6.0, 8.0
"""Only organs and thick bones hold as much that lies as deep, with an edge of `EDGE_MM`."""
EDGE_MM = 2.0
RIM_ABOVE_HU = 60.0
"""Cortex is as much denser than what it holds; contrast is densest inside."""
MAX_CONTACT = 0.15
"""How much of the surface of an organ may touch bone: a thick part of a bone touches more."""
RIM_HU = 280.0
"""A kidney of which only the cortex is filled has a rim too, but none as dense as a bone's."""
MAX_REST_ML = 10.0
"""Smaller pieces beside an organ are what its edge leaves."""
BODY_OF_VERTEBRA_MM = 10.0
BESIDE_LUNGS = 0.67
"""Up to what share of their height kidneys may lie beside the lungs that a scan shows."""


def organs_with_contrast(
    solid: Bools,
    hu: Whole,
    canal: Bools,
    spacing_kji: Spacing,
    slices: NDArray[np.bool_] | None = None,
) -> Bools:
    """What of `solid`, found dense or filled, is bladder or kidney with contrast.

    On a coarse grid [k, j, i]. Deep parts are judged by the densest voxels beside each of
    theirs, at the border and inside, so that mottled contrast is no rim. Vertebrae, known
    by the spinal canal, are never asked, nor is what reaches beyond the `slices`.
    """
    deep = deep_in(solid, DEPTH_MM, spacing_kji)
    parts = components(deep)
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    asked = sizes(parts) * voxel_ml > MIN_DEEP_ML
    if asked.any():
        asked[parts[grown(canal, DEPTH_MM + BODY_OF_VERTEBRA_MM, spacing_kji)]] = False
    if slices is not None:
        asked[parts[~slices]] = False
    organs = np.zeros(solid.shape, bool)
    there = keep(parts, asked)
    box = bounding_box(there, DEPTH_MM + EDGE_MM + 3 * max(spacing_kji), spacing_kji)
    if box is None:
        return organs
    parts = parts[box] * there[box]
    around = with_edges(parts, solid[box], DEPTH_MM + EDGE_MM, spacing_kji)
    organs[box] = keep(around, _without_rim(parts, around, solid[box], hu[box]))
    return with_rests(organs, solid, voxel_ml)


def with_edges(parts: Labels, solid: Bools, reach_mm: float, spacing_kji: Spacing) -> Labels:
    """The parts with what of the solid lies within reach of them along the axes."""
    window = [2 * round(reach_mm / mm) + 1 for mm in spacing_kji]
    return np.asarray(maximum_filter(parts, window) * solid, parts.dtype)


def _without_rim(parts: Labels, around: Labels, solid: Bools, hu: Whole) -> Bools:
    """Which parts, by label, have no denser rim and touch hardly anything."""
    rim = around * (solid & ~trimmed(solid))
    rim_hu, deep_hu = _means(rim, parts, hu)
    surface = np.maximum(sizes(rim, len(rim_hu)), 1)
    no_rim = (rim_hu < deep_hu + RIM_ABOVE_HU) | (rim_hu < RIM_HU)
    contact = sums(rim, fringed(solid & (around == 0)), len(rim_hu))
    free = contact < MAX_CONTACT * surface
    return np.asarray(no_rim & free)


def _means(
    rim: Labels, parts: Labels, hu: Whole
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How dense the rims and the parts are by label, by the densest voxels beside each."""
    peak, count = maximum_filter(hu, 3), int(parts.max()) + 1
    at_rim, inside = (
        sums(labels, peak, count) / np.maximum(sizes(labels, count), 1)
        for labels in (rim, parts)
    )
    return at_rim, inside


def with_rests(organs: Bools, solid: Bools, voxel_ml: float) -> Bools:
    """The organs and the small pieces of the solid that are left beside them."""
    if not organs.any():
        return organs
    rests = components(solid & ~organs, 18)
    small = sizes(rests) * voxel_ml < MAX_REST_ML
    beside = sums(rests, fringed(organs), len(small)) > 0
    return organs | keep(rests, small & beside)
