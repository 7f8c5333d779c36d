"""Vessels full of contrast that touch bone: nothing near them is as dense as cortex."""

import numpy as np

from vis3d.segmentation.bones.bones import CoarseScan
from vis3d.segmentation.voxels.frame import Bools, Values
from vis3d.segmentation.voxels.grids import Factors, mostly, spread
from vis3d.segmentation.voxels.morphology import (
    components,
    deep_in,
    fringed,
    grown,
    keep,
    sizes,
    sums,
)
from vis3d.segmentation.voxels.slabs import each_slab

ABOVE_CONTRAST_HU = 80.0
"""Only cortex (or metal) is this much denser than the contrast."""
FAR_MM, BESIDE_MM = 9.0, 4.0
"""Thin bone is hardly ever farther from cortex than the one, and ends at the other."""
NEAR_MM, MOST_OFF = 6.0, 0.04
"""Only where thin bone has cortex as near, but for so much of it, can they be told apart: not
on thick slices, nor where bone is no denser than the contrast."""
THICK_MM, ROUND_THICK_MM = 6.0, 8.0
"""Farther within vertebrae and joints there may be marrow only."""
MIN_VESSEL_ML, VESSEL_HU = 0.3, 150.0
ABOVE_LUNGS_MM = 60.0
"""How far up the vessels of the arms reach. Skulls, with other thin walls, are left alone."""
PART, SLICES = 0.4, 8


def drop_vessels(bones: Bools, hu: Values, scan: CoarseScan) -> None:
    """Take vessels of the chest out of the bones, in place, at full resolution [k, j, i].

    A vessel that touches a rib or an arm is as dense as thin bone is, but along it nothing is
    denser than the contrast elsewhere, and it is no marrow.
    """
    heights = np.flatnonzero(scan.lungs.any(axis=(1, 2)))
    if not len(heights) or not scan.contrast.found or scan.specimen:
        return
    factors, mm = scan.factors, scan.spacing_kji
    coarse = mostly(bones, factors, PART)
    cortex = _cortex(bones, hu, scan.contrast.level_hu + ABOVE_CONTRAST_HU, factors)
    thin = coarse & ~grown(deep_in(coarse, THICK_MM, mm), ROUND_THICK_MM, mm)
    off = np.count_nonzero(thin & ~grown(cortex, NEAR_MM, mm))
    if off > MOST_OFF * np.count_nonzero(thin):
        return
    far = thin & ~grown(cortex, FAR_MM, mm)
    far[: heights[0]] = far[heights[-1] + 1 + round(ABOVE_LUNGS_MM / mm[0]) :] = False
    pieces = components(far, 26)
    voxels = np.maximum(sizes(pieces), 1)
    dense = sums(pieces, scan.hu) > VESSEL_HU * voxels
    far = keep(pieces, dense & (voxels * scan.voxel_ml > MIN_VESSEL_ML))
    if not far.any():
        return
    beside = coarse & grown(far, FAR_MM, mm) & ~grown(cortex, BESIDE_MM, mm)
    pieces = components(beside | far, 26)
    vessels = keep(pieces, sums(pieces, far) > 0)
    vessels |= fringed(vessels) & ~coarse
    for k in np.flatnonzero(vessels.any(axis=(1, 2))):
        here = bones[k * factors[0] : (k + 1) * factors[0]]
        here &= ~spread(vessels[k : k + 1], factors, here.shape)


def _cortex(bones: Bools, hu: Values, least_hu: float, factors: Factors) -> Bools:
    """Which coarse voxels hold bone so dense; in noise a voxel alone is none."""
    found = np.zeros([-(-n // f) for n, f in zip(hu.shape, factors, strict=True)], bool)

    def work(start: int, stop: int) -> None:
        here = slice(start * factors[0], stop * factors[0])
        dense = bones[here] & (hu[here] > least_hu)
        pairs = np.zeros_like(dense)
        pairs[:, 1:] = dense[:, 1:] & dense[:, :-1]
        pairs[:, :, 1:] |= dense[:, :, 1:] & dense[:, :, :-1]
        found[start:stop] = mostly(pairs, factors, 0.0)

    each_slab(work, len(found), SLICES)
    return found
