"""Metal: implants, clips, leads and fillings, and contrast so thick that it looks like it."""

import numpy as np
from scipy.ndimage import find_objects

from vis3d.segmentation.frame import Bools, Values
from vis3d.segmentation.grids import Factors, fine_box, spread
from vis3d.segmentation.morphology import components, keep, sums
from vis3d.segmentation.sparse import sparse_zeros

METAL_HU = 2900
"""Denser than enamel and the petrous bone; the usual scale of CT ends at 3071."""
EDGE_HU = 1800
"""What touches metal and is denser than nearly all bone is its blurred edge."""
MIN_METAL_ML = 0.01


def find_metal(hu: Values, body: Bools, factors: Factors, voxel_ml: float) -> Bools | None:
    """Metal in the body at full resolution; None without any.

    `body` is on the coarse grid, whose voxels are `factors` voxels of the scan. The answer
    takes memory only where there is metal.
    """
    if hu.max() < METAL_HU:
        return None
    metal, found = sparse_zeros(hu.shape, bool), False
    blocks = components(_dense_blocks(hu, factors) & body, 26)
    # what touches at full resolution lies in one piece of blocks
    for number, (k, j, i) in enumerate(find_objects(blocks), 1):
        box = (k, j, i)
        fine = fine_box(box, factors, hu.shape)
        values = hu[fine]
        if values.max() < METAL_HU:
            continue
        here = spread(blocks[box] == number, factors, values.shape)
        pieces = components(here & (values > EDGE_HU), 26)
        ml = sums(pieces, values >= METAL_HU) * voxel_ml
        found |= bool((ml >= MIN_METAL_ML).any())
        metal[fine] |= keep(pieces, ml >= MIN_METAL_ML)
    return metal if found else None


def _dense_blocks(hu: Values, factors: Factors) -> Bools:
    """Which coarse voxels hold one denser than `EDGE_HU`."""
    dense = np.zeros([-(-n // f) for n, f in zip(hu.shape, factors, strict=True)], bool)
    for k, plane in enumerate(hu):
        j, i = np.nonzero(plane > EDGE_HU)
        dense[k // factors[0], j // factors[1], i // factors[2]] = True
    return dense
