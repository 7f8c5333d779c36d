"""Calcified arteries and stones: small dense pieces deep in the trunk, apart from all bones."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, maximum_filter

from vis3d.segmentation.voxels.frame import Bools, Labels, Spacing
from vis3d.segmentation.voxels.grids import Factors, fine_box, pooled, spread
from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    components,
    deep_in,
    grown,
    keep,
    sections,
    sizes,
    sums,
    widened,
)

MIN_TRUNK_MM2 = 35_000.0
"""Necks, where a small bone lies free, and limbs are smaller in their slices."""
MAX_PLAQUE_ML = 5.0
FAR_MM, DEEP_MM = 15.0, 35.0
"""Parts of a rib or of a broken bone lie nearer to bone, or nearer to the skin."""
BEFORE_MM, ASIDE_MM = (20.0, 80.0), 45.0
"""Where the aorta and its branches may touch the spine: as far before the spinal canal, and to
its sides. The front of a vertebra hangs together with its back."""
LUMEN_MM, WALL_MM, BONE_MM = 5.0, 5.0, 3.0
"""Calcium lies no farther from a vessel as thick; bone goes on there, and stays so near."""
CORTEX = np.uint8(1)
Bits = NDArray[np.uint8]
Shares = NDArray[np.float16]


def drop_plaques(
    drawn: Bits,
    share: Shares,
    body: Bools,
    contrast: Bools,
    canal: Bools,
    factors: Factors,
    spacing_kji: Spacing,
) -> None:
    """Take calcium that is no bone out of what is drawn as dense, and of its shares, in place.

    `drawn` is at full resolution, the rest on the coarse grid [k, j, i], whose voxels are
    `factors` voxels of the scan. Before the spine pieces are told apart at full resolution,
    since there a calcified aorta all but touches the vertebrae.
    """
    before = before_the_spine(canal, body, spacing_kji)
    _drop_loose_pieces(drawn, share, before, contrast, factors, spacing_kji)
    del before
    labels = components(share > 0, 26)
    ml = sums(labels, share) * (float(np.prod(spacing_kji)) / 1000)
    # what is drawn there has no share left, and so is no bone
    share[keep(labels, _far_from_bones(labels, ml, body, spacing_kji))] = 0


def _drop_loose_pieces(
    drawn: Bits,
    share: Shares,
    where: Bools,
    contrast: Bools,
    factors: Factors,
    spacing_kji: Spacing,
) -> None:
    """Take out the walls of vessels there, and small pieces that hang together with nothing."""
    box = bounding_box(where, max(spacing_kji), spacing_kji)
    if box is None:
        return
    fine = fine_box(box, factors, drawn.shape)
    dense = (drawn[fine] & CORTEX).view(bool)
    wall = _wall(contrast[box] & where[box], share[box] > 0, spacing_kji)
    if wall.any():
        dense &= ~spread(wall, factors, dense.shape)
    pieces = components(dense)
    ml = sizes(pieces) * (float(np.prod(spacing_kji)) / np.prod(factors) / 1000)
    beyond = spread(~where[box], factors, dense.shape)
    linked = sums(pieces, beyond, len(ml)) > 0
    dense &= ~keep(pieces, ~linked & (ml < MAX_PLAQUE_ML))
    drawn[fine] &= dense.view(np.uint8)
    share[box] = pooled(dense, factors)


def small_and_deep(
    dense: Bools, max_ml: float, spine: Bools, body: Bools, spacing_kji: Spacing
) -> Bools:
    """The small pieces of what is dense, on a coarse grid, that lie deep in the trunk.

    What runs through the whole scan along `spine`, round its canal, is one in a few slices.
    """
    labels = components(dense)
    small = sizes(labels) * (float(np.prod(spacing_kji)) / 1000) < max_ml
    through = np.intersect1d(labels[0], labels[-1])
    small[np.intersect1d(through, labels[spine])] = False
    return keep(labels, _deep(labels, small, body, spacing_kji))


def _wall(lumen: Bools, dense: Bools, spacing_kji: Spacing) -> Bools:
    """What is dense round a thick vessel, and thin: bone goes on beyond the wall."""
    lumen = lumen & grown(deep_in(lumen, LUMEN_MM, spacing_kji), 2 * LUMEN_MM, spacing_kji)
    near = dense & grown(lumen, WALL_MM, spacing_kji)
    return near & ~grown(dense & ~near, BONE_MM, spacing_kji)


def _far_from_bones(
    labels: Labels, ml: NDArray[np.float64], body: Bools, spacing_kji: Spacing
) -> NDArray[np.bool_]:
    """Which small pieces lie deep in the trunk and away from all large ones."""
    bones = ml >= MAX_PLAQUE_ML
    far = [round(FAR_MM / mm) for mm in spacing_kji]
    loose = _deep(labels, ~bones, body, spacing_kji)
    for label, (k, j, i) in enumerate(find_objects(labels), 1):
        if loose[label]:
            loose[label] = not bones[labels[widened((k, j, i), far)]].any()
    return loose


def _deep(
    labels: Labels, small: NDArray[np.bool_], body: Bools, spacing_kji: Spacing
) -> NDArray[np.bool_]:
    """Which of the small pieces lie deep in the trunk."""
    trunk = trunk_slices(body, spacing_kji)
    margins = [0, *(round(DEEP_MM / mm) for mm in spacing_kji[1:])]
    window = [2 * margin + 1 for margin in margins]
    deep = np.zeros(len(small), bool)
    for label, (k, j, i) in enumerate(find_objects(labels), 1):
        if small[label] and trunk[k].all():
            around = widened((k, j, i), margins)
            outside = ~body[around]
            if outside.any():
                outside &= maximum_filter(labels[around] == label, window)
            deep[label] = not outside.any()
    return deep


def trunk_slices(body: Bools, spacing_kji: Spacing) -> NDArray[np.bool_]:
    """Which slices are as large as the trunk of a grown-up."""
    mm2 = sections(body) * float(np.prod(spacing_kji[1:]))
    return np.asarray(mm2 > MIN_TRUNK_MM2)


def before_the_spine(canal: Bools, body: Bools, spacing_kji: Spacing) -> Bools:
    """Where the aorta may lie, deep in the trunk, in the slices that show the spinal canal."""
    zone = np.zeros(canal.shape, bool)
    _, j_mm, i_mm = spacing_kji
    near, far, deep = (round(mm / j_mm) for mm in (*BEFORE_MM, DEEP_MM))
    aside = round(ASIDE_MM / i_mm)
    for k in np.flatnonzero(canal.any(axis=(1, 2)) & trunk_slices(body, spacing_kji)):
        j, i = np.nonzero(canal[k])
        front = max(int(body[k].any(axis=1).argmax()) + deep, int(j.min()) - far)
        columns = slice(max(0, int(i.min()) - aside), int(i.max()) + aside + 1)
        zone[k, front : max(front, int(j.min()) - near), columns] = True
    return zone
