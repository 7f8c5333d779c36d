"""Joints that curve round a bone's head: enclosed on all sides as marrow is, but no bone."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from vis3d.segmentation.voxels.frame import Bools, Labels, Spacing
from vis3d.segmentation.voxels.morphology import (
    components,
    grown,
    keep,
    opened,
    shrunk,
    sizes,
    widened,
)

MOST_BONE = 0.5
"""A coarse voxel in a gap holds less dense bone than this share."""
GAP_MM = 7.5
"""Cartilage and fluid between two bones of a joint, 6 mm, with what the grid adds."""
MIN_GAP_ML = 1.0
DEEP_MM, MIN_CORE_ML = 3.0, 0.5
"""The bones on both sides are thicker than twice this; their cores have so much."""
NEAR_MM, MIN_BESIDE = 8.0, 0.8
"""The cores of two bones lie so near to this share of a joint; marrow lies in one bone."""


def joint_gaps(whole: Bools, share: NDArray[np.floating], spacing_kji: Spacing) -> Bools:
    """The thin layers, within what looks like one bone, that lie between two thick ones.

    Without them the bones are apart, at least 3 mm below their surfaces: where a joint is too
    narrow for the grid, a bridge of single voxels doesn't join them there. `share` is how much
    of each voxel of the coarse grid is dense bone.
    """
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    inner = whole & (share < MOST_BONE)
    layers = components(inner & ~opened(inner, GAP_MM / 2, spacing_kji))
    large = sizes(layers) * voxel_ml >= MIN_GAP_ML
    gaps = np.zeros(whole.shape, bool)
    if not large.any():
        return gaps
    bones = components(shrunk(whole & ~keep(layers, large), DEEP_MM, spacing_kji))
    bones[~keep(bones, sizes(bones) * voxel_ml >= MIN_CORE_ML)] = 0
    margins = [int(np.ceil(NEAR_MM / mm)) for mm in spacing_kji]
    for layer, (k, j, i) in enumerate(find_objects(layers), 1):
        if not large[layer]:
            continue
        box = widened((k, j, i), margins)
        here = layers[box] == layer
        if _between_two(here, bones[box], spacing_kji):
            gaps[box] |= here
    return gaps


def _between_two(layer: Bools, bones: Labels, spacing_kji: Spacing) -> bool:
    """Whether the cores of two bones lie near most of the layer."""
    names = np.unique(bones[bones > 0])
    if len(names) < 2:
        return False
    near = [grown(bones == name, NEAR_MM, spacing_kji) for name in names]
    beside = sorted(np.count_nonzero(layer & bone) for bone in near)
    return bool(beside[-2] >= MIN_BESIDE * np.count_nonzero(layer))
