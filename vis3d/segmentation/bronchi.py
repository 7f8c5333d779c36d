"""Whether the airways come as far as both lungs."""

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.frame import Bools, Spacing

FAR_WIDTHS, MIN_SHARE = 1.0, 0.15
"""How far aside of the trachea, in widths of it, a main bronchus is looked for, and how much of
it there is at least, as a share of the cube of that width."""
WIDE = 0.7
"""Slices of at least this share of the largest section are trachea."""
SIDES = {"left": 1, "right": -1}


def sides_missing(
    lumen: NDArray[np.uint8],
    trachea: Bools,
    left_steps_mm: NDArray[np.float32],
    spacing_kji: Spacing,
) -> tuple[str, ...]:
    """To which sides the airways don't come, `left` or `right`.

    `lumen` tells how many percent of each voxel of the coarse grid they are; `left_steps_mm`
    how far to the patient's left a step along k, j and i leads. Airways that the lower end
    of the scan cuts may go on below it.
    """
    places = np.argwhere(trachea)
    if not len(places) or lumen[0].any():
        return ()
    sections = np.bincount(places[:, 0])
    wide = sections >= WIDE * sections.max()  # lower down it may already run in a bronchus
    of_trachea = places[wide[places[:, 0]]]
    mm3 = float(np.prod(spacing_kji))
    width_mm = float(np.sqrt(sections[wide].mean() * mm3 / spacing_kji[0]))
    middle_mm = float((of_trachea @ left_steps_mm).mean())
    tree = np.argwhere(lumen)
    aside_mm = tree @ left_steps_mm - middle_mm
    found_mm3 = lumen[tuple(tree.T)] * (mm3 / 100)
    return tuple(
        side
        for side, sign in SIDES.items()
        if found_mm3[sign * aside_mm > FAR_WIDTHS * width_mm].sum() < MIN_SHARE * width_mm**3
    )
