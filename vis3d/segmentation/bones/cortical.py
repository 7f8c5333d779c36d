"""Cortical and cancellous bone: the dense wall and the spongy inside."""

import numpy as np
from skimage.filters import threshold_otsu

from vis3d.progress import Progress, silent
from vis3d.segmentation.voxels.frame import Bools, Spacing, Values
from vis3d.segmentation.voxels.morphology import bounding_box, components, keep, sizes, trimmed
from vis3d.segmentation.voxels.noise import blur_needed, smoothed

RANGE_HU = (-200, 1500)
CORTICAL_HU = (250.0, 600.0)
"""Whatever the scan's own two classes say, cortex begins within this."""
MIN_CAVITY_ML = 0.05
"""Smaller pores belong to the cortex; smaller dense specks belong to the spongy bone."""


def cortical_bone(
    hu: Values, bones: Bools, spacing_kji: Spacing, progress: Progress = silent
) -> Bools:
    """What of the bones is cortex: denser than the scan's own level, and always the surface.

    The level parts the densities of the bones in two (Otsu 1979); blur by the scan makes a
    thin cortex less dense than that, so the outermost voxels are cortex whatever they hold.
    """
    box = bounding_box(bones, max(spacing_kji), spacing_kji)
    if box is None:
        return np.zeros(bones.shape, bool)
    what = "Parting cortical from cancellous bone"
    progress(0.0, what)
    blur, _ = blur_needed(hu, spacing_kji)
    values, inside = hu[box], bones[box]
    if blur:
        progress(0.1, what)
        values = smoothed(values, blur, spacing_kji)
    progress(0.4, what)
    level = float(threshold_otsu(np.clip(values[inside], *RANGE_HU)))
    dense = inside & (values > np.clip(level, *CORTICAL_HU))
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    dense |= inside & ~trimmed(inside)
    progress(0.5, what)
    wall = _large(dense, voxel_ml)
    progress(0.8, what)
    result = np.zeros(bones.shape, bool)
    result[box] = inside & ~_large(inside & ~wall, voxel_ml)
    return result


def _large(mask: Bools, voxel_ml: float) -> Bools:
    pieces = components(mask)
    return keep(pieces, sizes(pieces) * voxel_ml >= MIN_CAVITY_ML)
