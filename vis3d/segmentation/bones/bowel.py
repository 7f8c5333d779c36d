"""Bowel full of contrast: mottled by gas and food, it looks like marrow in cortex."""

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.bones.canal import spinal_canal
from vis3d.segmentation.bones.organs import MIN_GAS, marrow_in_cortex, with_rests
from vis3d.segmentation.voxels.frame import Bools, Labels, Spacing, Whole
from vis3d.segmentation.voxels.morphology import (
    components,
    deep_in,
    fringed,
    grown,
    keep,
    sections,
    sizes,
    sums,
    trimmed,
)

GAS_HU = -300.0
"""No bone of the abdomen has any gas beside it."""
STREAKS_MM, SKIN_MM = 40.0, 8.0
"""Beside metal what looks like gas may be its shadow, and beside the skin air."""
MIN_TRUNK_MM2 = 35_000.0
"""Heads and necks, where air lies beside bone, are smaller in their slices."""
BEFORE_MM, ASIDE_MM = 30.0, 50.0
"""As far from the spinal canal vertebrae and what touches them end."""
MAX_CONTACT = 0.1
"""How much of a loop's surface may touch the bones of the spine."""
MIN_BOWEL_ML = 10.0
THICK_MM = 4.0
MARROW_HU, MIN_CORE, MAX_MARROW = 80.0, 0.1, 0.05
"""What is so thick, and so seldom holds anything as light as marrow, is even contrast."""
JOINT_MM = 6.0
"""As near to each other lie the bones of a joint: heads of children are even and dense."""


def gas_of_bowel(
    hu: Whole, body: Bools, lungs: Bools, metal: Bools, spacing_kji: Spacing
) -> Bools:
    """The gas in bowel and stomach, on a coarse grid [k, j, i] as in `PatientFrame`.

    Below the middle of the lungs, and not where it may be a shadow or air beside the skin.
    """
    gas = body & (hu < GAS_HU) & _trunk(body, lungs, spacing_kji)[:, None, None]
    if gas.any():
        gas &= ~fringed(fringed(lungs)) & ~grown(metal, STREAKS_MM, spacing_kji)
        gas &= ~grown(~body, SKIN_MM, spacing_kji)
    return gas


def bowel_with_contrast(
    solid: Bools, hu: Whole, body: Bools, lungs: Bools, gas: Bools, spacing_kji: Spacing
) -> Bools:
    """What of `solid`, found dense or filled, is bowel or stomach with contrast and gas.

    On a coarse grid. Loops are told by the gas that touches them. Even contrast far from bone
    needs less of it, or none if other loops have some.
    """
    bowel = np.zeros(solid.shape, bool)
    if not (fringed(gas) & solid).any():
        return bowel
    canal = spinal_canal(hu, solid, spacing_kji)
    trunk = _trunk(body, lungs, spacing_kji)
    pieces = components(solid & ~_spine(canal, spacing_kji) & trunk[:, None, None])
    count = int(pieces.max()) + 1
    surface = pieces * (solid & ~trimmed(solid))
    faces = np.maximum(sizes(surface, count), 1)
    contact = sums(surface, fringed(solid & (pieces == 0)), count) / faces
    beside_gas = sums(surface, fringed(gas), count) / faces
    # what has grown together with a hip or a sacrum stays bone
    bone = sums(pieces, marrow_in_cortex(solid, hu, spacing_kji), count) > 0
    even = _even(pieces, surface, solid, hu, spacing_kji) & ~bone
    is_bowel = (contact < MAX_CONTACT) & (beside_gas > np.where(even, 0, MIN_GAS)) & ~bone
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    if sizes(pieces)[is_bowel].sum() * voxel_ml < MIN_BOWEL_ML:
        return bowel
    return with_rests(keep(pieces, is_bowel | even), solid, voxel_ml)


def _even(
    pieces: Labels, surface: Labels, solid: Bools, hu: Whole, spacing_kji: Spacing
) -> Bools:
    """Which pieces, by label, hold no marrow and lie neither at a bone nor cut off."""
    count = int(pieces.max()) + 1
    deep = deep_in(solid, THICK_MM, spacing_kji)
    core = sums(pieces, deep, count)
    marrow = sums(pieces, deep & (hu < MARROW_HU), count)
    even = (core > MIN_CORE * sizes(pieces, count)) & (marrow < MAX_MARROW * core)
    near = grown(solid & ~keep(pieces, even), JOINT_MM, spacing_kji)
    held = sums(surface, near, count) + sizes(pieces[[0, -1]], count)
    return np.asarray(even & (held < MAX_CONTACT * sizes(surface, count)))


def _trunk(body: Bools, lungs: Bools, spacing_kji: Spacing) -> NDArray[np.bool_]:
    """Which slices show the trunk below the middle of the lungs."""
    trunk = sections(body) * float(np.prod(spacing_kji[1:])) > MIN_TRUNK_MM2
    heights = np.flatnonzero(lungs.any(axis=(1, 2)))
    if len(heights):
        trunk[(heights[0] + heights[-1]) // 2 :] = False
    return np.asarray(trunk)


def _spine(canal: Bools, spacing_kji: Spacing) -> Bools:
    """What lies near the canal or behind it, in its slices."""
    spine = np.zeros(canal.shape, bool)
    depth, width = round(BEFORE_MM / spacing_kji[1]), round(ASIDE_MM / spacing_kji[2])
    for k in np.flatnonzero(canal.any(axis=(1, 2))):
        j, i = np.nonzero(canal[k])
        front = max(0, int(j.min()) - depth)
        spine[k, front:, max(0, int(i.min()) - width) : int(i.max()) + width + 1] = True
    return spine
