"""Metal: implants, clips, leads and fillings, and contrast so thick that it looks like it."""

import numpy as np

from vis3d.segmentation.frame import Bools, Values
from vis3d.segmentation.grids import Factors, spread
from vis3d.segmentation.morphology import bounding_box, components, keep, sums

METAL_HU = 2900
"""Denser than enamel and the petrous bone; the usual scale of CT ends at 3071."""
EDGE_HU = 1800
"""What touches metal and is denser than nearly all bone is its blurred edge."""
MIN_METAL_ML = 0.01


def find_metal(hu: Values, body: Bools, factors: Factors, voxel_ml: float) -> Bools | None:
    """Metal in the body at full resolution; None without any.

    `body` is on the coarse grid, whose voxels are `factors` voxels of the scan.
    """
    if hu.max() < METAL_HU:
        return None
    dense = np.asarray(hu > EDGE_HU)
    box = bounding_box(dense)
    if box is None:
        return None
    dense = dense[box] & spread(body, factors, hu.shape)[box]
    pieces = components(dense, 26)
    ml = sums(pieces, hu[box] >= METAL_HU) * voxel_ml
    found = ml >= MIN_METAL_ML
    if not found.any():
        return None
    metal = np.zeros(hu.shape, bool)
    metal[box] = keep(pieces, found)
    return metal
