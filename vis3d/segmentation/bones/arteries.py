"""Arteries of limbs and neck full of contrast: slender, and as dense all along."""

import numpy as np
from scipy.ndimage import binary_erosion, find_objects

from vis3d.segmentation.bones.plaques import MIN_TRUNK_MM2
from vis3d.segmentation.voxels.frame import Bools, Spacing, Whole
from vis3d.segmentation.voxels.grids import Box
from vis3d.segmentation.voxels.morphology import (
    components,
    components_in_slices,
    fringed,
    keep,
    sizes,
    widened,
)

BLOOD_HU = (150.0, 600.0)
MOST_SPREAD_HU = 90.0
"""From the 5th to the 95th percentile along the middle of an artery; bones have more."""
RIM_PERCENT, RIM = 90, 1.1
"""How dense its rim is, by the densest of its middle; the cortex round marrow is denser."""
MIN_MM3, MIN_MM, MAX_MM2 = 250.0, 30.0, 80.0
"""How large and long its middle is at least, without its outermost voxels, and how thick."""


def free_arteries(hu: Whole, soft: Bools, lungs: Bools, spacing_kji: Spacing) -> Bools:
    """The middle of arteries where the body is thinner than a trunk; on a coarse grid.

    There no heart shows how dense the contrast is, and few arteries are thick enough to be
    even parts. In a trunk vertebrae and kidneys hold what looks alike.
    """
    found = np.zeros(hu.shape, bool)
    dense = soft & (hu > BLOOD_HU[0])
    dense[lungs.any(axis=(1, 2))] = False
    heights = np.flatnonzero(dense.any(axis=(1, 2)))
    if not len(heights):
        return found
    here = slice(heights[0], heights[-1] + 1)
    dense[here] &= thinner_than_a_trunk(soft[here], spacing_kji)
    labels = components(binary_erosion(dense), 26)
    mm3 = sizes(labels) * float(np.prod(spacing_kji))
    for label, (k, j, i) in enumerate(find_objects(labels), 1):
        length_mm = _length_mm((k, j, i), spacing_kji)
        if length_mm < MIN_MM or not MIN_MM3 <= mm3[label] <= MAX_MM2 * length_mm:
            continue
        box = widened((k, j, i), (1, 1, 1))
        middle = labels[box] == label
        if _is_blood(hu[box], middle, fringed(middle) & ~middle):
            found[box] |= middle
    return found


def thinner_than_a_trunk(body: Bools, spacing_kji: Spacing) -> Bools:
    """What of each slice k is a section of a limb, a neck or a head."""
    pieces = components_in_slices(body)
    return keep(pieces, sizes(pieces) * float(np.prod(spacing_kji[1:])) < MIN_TRUNK_MM2)


def _length_mm(box: Box, spacing_kji: Spacing) -> float:
    sides = [(s.stop - s.start) * mm for s, mm in zip(box, spacing_kji, strict=True)]
    return float(np.linalg.norm(sides))


def _is_blood(hu: Whole, middle: Bools, rim: Bools) -> bool:
    low, median, high = np.percentile(hu[middle], (5, 50, 95))
    even = median < BLOOD_HU[1] and high - low < MOST_SPREAD_HU
    return bool(even and np.percentile(hu[rim], RIM_PERCENT) < RIM * high)
