"""Whether the airways come as far as both lungs."""

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.lungs.airway_tree import AirwayTree
from vis3d.segmentation.voxels.frame import Bools, Spacing
from vis3d.segmentation.voxels.grids import Factors
from vis3d.segmentation.voxels.morphology import indices, kji_of

FAR_WIDTHS, MIN_SHARE = 1.0, 0.15
"""How far aside of the trachea, in widths of it, a main bronchus is looked for, and how much of
it there is at least, as a share of the cube of that width."""
WIDE = 0.7
"""Slices of at least this share of the largest section are trachea."""
SIDES = {"left": 1, "right": -1}


def sides_missing(
    tree: AirwayTree,
    trachea: Bools,
    left_steps_mm: NDArray[np.float32],
    factors: Factors,
    spacing_kji: Spacing,
) -> tuple[str, ...]:
    """To which sides the airways don't come, `left` or `right`.

    `trachea` lies on the coarse grid of `factors` and `spacing_kji`, the tree on the scan's;
    `left_steps_mm` is how far to the patient's left a step along k, j and i of the coarse
    grid leads. Airways that the lower end of the scan cuts may go on below it.
    """
    places = indices(trachea)
    lumen_kji = kji_of(tree.places, tree.shape)
    if not len(places) or (lumen_kji[0] < factors[0]).any():
        return ()
    sections = np.bincount(places[:, 0])
    wide = sections >= WIDE * sections.max()  # lower down it may already run in a bronchus
    of_trachea = places[wide[places[:, 0]]]
    mm3 = float(np.prod(spacing_kji))
    width_mm = float(np.sqrt(sections[wide].mean() * mm3 / spacing_kji[0]))
    middle_mm = float((of_trachea @ left_steps_mm).mean())
    left_mm = sum(n * mm for n, mm in zip(lumen_kji, left_steps_mm / factors, strict=True))
    aside_mm = left_mm - middle_mm
    fine_mm3 = mm3 / float(np.prod(factors))
    least = MIN_SHARE * width_mm**3 / fine_mm3
    return tuple(
        side
        for side, sign in SIDES.items()
        if np.count_nonzero(sign * aside_mm > FAR_WIDTHS * width_mm) < least
    )
