"""Bowel full of contrast, mottled by gas and food: dense all through, without a denser rim."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from vis3d.segmentation.bones.organs import with_edges, with_rests
from vis3d.segmentation.bones.plaques import trunk_slices
from vis3d.segmentation.voxels.frame import Bools, Floats, Labels, Spacing, Whole
from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    components,
    deep_in,
    fringed,
    grown,
    keep,
    kji_of,
    sizes,
    sums,
    trimmed,
)

DEPTH_MM, EDGE_MM = 4.0, 3.0
"""What is dense lies as deep in bowel, and in bones whose marrow is as dense; with what is
dense round it, that is a part."""
MIN_DEEP_ML, MIN_PART_ML = 8.0, 1.0
"""Where a loop holds as much that lies deep, others may hold less."""
BLOCK_MM, BLOCKS = 10.0, 5
"""Rim and inside are compared within a window of so many blocks."""
RIM_TIMES = 1.1
"""Cortex is denser than what it holds by more; contrast is no denser at its rim than inside."""
MAX_CONTACT = 0.3
"""How much of the surface of bowel may go on as bone: a dense place in a bone has more."""
MOST_HU = 800.0
"""What is denser all through may be a bone gone solid, or cement in one."""
VERTEBRA_MM = 16.0
"""What lies as close to the spinal canal is a vertebra."""


def below_lungs(lungs: Bools, share: float) -> NDArray[np.bool_]:
    """Which slices lie in the lower `share` of the lungs or below; all, without any lungs."""
    below = np.ones(len(lungs), bool)
    heights = np.flatnonzero(lungs.any(axis=(1, 2)))
    if len(heights):
        below[int(heights[0] + share * (heights[-1] - heights[0])) :] = False
    return below


def trunk_below_lungs(body: Bools, lungs: Bools, spacing_kji: Spacing) -> NDArray[np.bool_]:
    """Which slices show the trunk below the middle of the lungs."""
    return np.asarray(trunk_slices(body, spacing_kji) & below_lungs(lungs, 0.5))


def bowel_with_contrast(
    dense: Bools, hu: Whole, trunk: NDArray[np.bool_], canal: Bools, spacing_kji: Spacing
) -> Bools:
    """What of the `dense`, found before marrow is filled, is bowel, stomach or bladder.

    On a coarse grid [k, j, i], in the slices of `trunk`. What lies deep is compared with the
    rim near it, not with that of the whole piece, so that bowel is told from a bone with
    which it hangs together.
    """
    bowel = np.zeros(dense.shape, bool)
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    deep = deep_in(dense, DEPTH_MM, spacing_kji) & trunk[:, None, None]
    pieces = components(deep)
    ml = sizes(pieces) * voxel_ml
    if ml.max() < MIN_DEEP_ML:
        return bowel
    deep = keep(pieces, ml > MIN_PART_ML)
    box = bounding_box(deep, BLOCK_MM * BLOCKS / 2, spacing_kji)
    if box is None:
        return bowel
    even = _without_rim(deep[box], dense[box], hu[box], spacing_kji)
    parts = components(even)
    voxels = sizes(parts)
    asked = voxels * voxel_ml > MIN_PART_ML
    asked &= sums(parts, hu[box]) < MOST_HU * np.maximum(voxels, 1)
    asked[parts[grown(canal[box], VERTEBRA_MM, spacing_kji)]] = False
    parts = parts * keep(parts, asked)
    around = with_edges(parts, dense[box], DEPTH_MM + EDGE_MM, spacing_kji)
    bowel[box] = _ending(around, dense[box])
    return with_rests(bowel, dense, voxel_ml)


def _without_rim(deep: Bools, dense: Bools, hu: Whole, spacing_kji: Spacing) -> Bools:
    """Which deep voxels have no denser rim near them, in the mean."""
    at_rim = _near(dense & ~trimmed(dense), hu, deep, spacing_kji)
    inside = _near(deep, hu, deep, spacing_kji)
    without = deep.copy()
    without[deep] = at_rim < RIM_TIMES * inside
    return without


def _near(mask: Bools, values: Whole, at: Bools, spacing_kji: Spacing) -> Floats:
    """The mean of the mask's values near each voxel of `at`, block by block; else infinite."""
    block = [max(1, round(BLOCK_MM / mm)) for mm in spacing_kji]
    shape = tuple(-(-n // b) for n, b in zip(mask.shape, block, strict=True))

    def blocks_of(voxels: Bools) -> NDArray[np.intp]:
        kji = kji_of(np.flatnonzero(voxels), voxels.shape)
        return np.ravel_multi_index([n // b for n, b in zip(kji, block, strict=True)], shape)

    of, count = blocks_of(mask), int(np.prod(shape))
    total, voxels = (
        uniform_filter(np.bincount(of, weights, count).reshape(shape), BLOCKS, mode="constant")
        for weights in (values[mask], np.ones(len(of)))
    )
    found = voxels > 1e-6
    mean = np.divide(total, voxels, out=np.full(shape, np.inf), where=found)
    return np.asarray(mean.reshape(-1)[blocks_of(at)], np.float32)


def _ending(parts: Labels, dense: Bools) -> Bools:
    """The parts that end on most sides: what lies in a bone goes on as bone."""
    surface = parts * ~trimmed(parts > 0)
    faces = sizes(surface)
    contact = sums(surface, fringed(dense & (parts == 0)), len(faces))
    return keep(parts, contact < MAX_CONTACT * np.maximum(faces, 1))
