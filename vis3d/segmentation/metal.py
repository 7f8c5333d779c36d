"""Metal: implants, clips, leads and fillings, and contrast so thick that it looks like it."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from vis3d.segmentation.voxels.frame import Bools, Labels, Spacing, T, Values
from vis3d.segmentation.voxels.grids import Factors, fine_box, mostly, spread
from vis3d.segmentation.voxels.morphology import (
    components,
    fringed,
    grown,
    keep,
    sizes,
    sums,
    widened,
)
from vis3d.segmentation.voxels.sparse import sparse_zeros

METAL_HU = 2900
"""Denser than enamel and the petrous bone; the usual scale of CT ends at 3071."""
EDGE_HU = 1800
"""What touches metal and is denser than nearly all bone is its blurred edge."""
MIN_METAL_ML = 0.01
STREAK_MM, MIN_BONE_ROUND_METAL = 6.0, 0.4
"""An implant in bone has bone round it; what a clip or a lead has round it is blur."""
SHADOW_HU, SHADED = -150, 0.2
"""Where as much round it is as dark, what is bright there may be streaks as well."""
MAX_STREAK_ML, REACH_MM = 10.0, 40.0
"""Pieces that are larger, or reach farther, are bones."""
FAN_MM, FAN_SHARE, CORTEX_HU = 20.0, 0.8, 500
MAX_CORTEX = 0.02
"""Or they lie round the metal to that share, and a few mm away hold nothing like cortex."""
UNDILUTED_HU, UNDILUTED_SHARE = 1400, 0.05
"""Near metal small pieces as dense as this are contrast, too, and no bone."""


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
        j, i = np.divmod(np.flatnonzero(plane > EDGE_HU), plane.shape[1])
        dense[k // factors[0], j // factors[1], i // factors[2]] = True
    return dense


def drop_streaks(
    bones: Bools, hu: Values, metal: Bools, factors: Factors, spacing_kji: Spacing
) -> None:
    """Take the pieces of bone, in place, that lie beside metal in soft tissue: its streaks.

    They are small, or end near by and hold nothing dense. Veins full of undiluted contrast
    and the streaks of a port are apart from the bones only at full resolution [k, j, i]; the
    coarse grid has them touch.
    """
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    margins = [
        int(np.ceil(REACH_MM / (mm * f))) for mm, f in zip(spacing_kji, factors, strict=True)
    ]
    for k, j, i in find_objects(components(fringed(mostly(metal, factors, 0.0)), 26)):
        fine = fine_box(widened((k, j, i), margins), factors, bones.shape)
        here = bones[fine]
        near = grown(metal[fine], STREAK_MM, spacing_kji) & ~metal[fine]
        around = max(int(np.count_nonzero(near)), 1)
        shadow = np.count_nonzero(hu[fine][near] < SHADOW_HU) / around
        if np.count_nonzero(here & near) / around > MIN_BONE_ROUND_METAL and shadow < SHADED:
            continue
        pieces = components(here)
        voxels = sizes(pieces)
        small = voxels * voxel_ml < MAX_STREAK_ML
        within = np.ones(len(voxels), bool)
        within[np.unique(_faces(pieces))] = False  # these may go on
        beside = sums(pieces, near) > 0
        dense = sums(pieces, hu[fine] > UNDILUTED_HU) > UNDILUTED_SHARE * voxels
        streaks = within & small & (dense | beside)
        large = within & ~small & beside
        large[0] = False
        if large.any():
            streaks |= large & _fans(pieces, metal[fine], hu[fine], spacing_kji)
        here[keep(pieces, streaks)] = False


def _fans(pieces: Labels, metal: Bools, hu: Values, spacing_kji: Spacing) -> NDArray[np.bool_]:
    """Which pieces lie round the metal and have no cortex away from it."""
    voxels = np.maximum(sizes(pieces), 1)
    near = grown(metal, FAN_MM, spacing_kji)
    away = hu > CORTEX_HU
    away &= ~grown(metal, STREAK_MM, spacing_kji)
    cortex = sums(pieces, away) > MAX_CORTEX * voxels
    return np.asarray((sums(pieces, near) > FAN_SHARE * voxels) & ~cortex)


def _faces(labels: NDArray[T]) -> NDArray[T]:
    """The labels at the ends of the array."""
    turned = [np.moveaxis(labels, axis, 0)[[0, -1]].ravel() for axis in range(3)]
    return np.concatenate(turned)
