"""Nodules that fill a sheet of lung, as thin as in a recess, from one pleura to the other."""

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.lungs.pockets import Pockets
from vis3d.segmentation.lungs.spheres import (
    BRONCHUS_HU,
    different,
    fitted,
    holds,
    one_of_each_block,
    tissue_within,
    within_lung,
)
from vis3d.segmentation.voxels.frame import Bools, Spacing, Whole
from vis3d.segmentation.voxels.morphology import components, fringed, opened

SOLID_HU, RADIUS_MM = -80, 2.0
"""No fat; and what is thinner is a wall between two parts of the lung."""
MEAN_AROUND = 13
"""In how many of 26 directions lung lies round them on average: in fewer than on a flat
pleura, where nodules are judged otherwise."""
LEAST_LINES, LEAST_LINES_IF_ROUND = 1.6, 1.1
"""Along how many lines lung goes on beyond a gap, on average: between two narrow tips of a
lung it does along fewer, and so it does beside the end of a recess; there a nodule must be
round."""
LEAST_SHARE = 0.25
"""Least share of its box: nodules are no bands."""
ROUNDS, SEED_BLOCK_MM = (0.14, 0.16, 0.18, 0.2), 4.0
"""On how much of a sphere lung lies when it is fitted for the first, second ... time; and of
how large blocks one voxel each is tried."""


def nodules_in_gaps(
    lung: Bools,
    tissue: Bools,
    hu: Whole,
    around: NDArray[np.uint8],
    lines: NDArray[np.uint8],
    spacing_kji: Spacing,
) -> Bools:
    """Tissue that fills a gap in a sheet of lung.

    Most directions lead out of the sheet at once, but along lines within it lung goes on
    beyond the gap. `around` counts in how many of 26 directions lung is in reach, `lines`
    along how many of 13 lines it is on both sides. Where a sphere fits the gap, what of it
    lies between the pleurae goes on to where the lung's end is hidden.
    """
    gaps = tissue & (lines > 0) & ~lung
    solid = gaps & (hu > SOLID_HU)
    thick = opened(solid, RADIUS_MM, spacing_kji)
    if not thick.any():
        return thick
    pieces = Pockets.of_labels(components(solid & fringed(thick)), spacing_kji)
    box_mm3, _ = pieces.boxes()
    mean_lines = pieces.mean(lines)
    nodules = (pieces.mm3 >= LEAST_SHARE * box_mm3) & (pieces.mean(around) < MEAN_AROUND)
    nodules &= mean_lines >= LEAST_LINES_IF_ROUND
    if not nodules.any():
        return np.zeros(lung.shape, bool)
    # what shares its voxels with lung or fat belongs to it as well
    found = fringed(pieces.those(nodules & (mean_lines >= LEAST_LINES))) & gaps
    outside, air = tissue & ~lung, (hu < BRONCHUS_HU) & ~lung
    seeds = one_of_each_block(pieces.those(nodules), lines, SEED_BLOCK_MM, spacing_kji)
    for center, radius_mm in different(fitted(lung, seeds, ROUNDS, spacing_kji)).each():
        if holds(air, center, radius_mm, spacing_kji):
            continue
        inside = tissue_within(outside, center, radius_mm, spacing_kji)
        found[within_lung(lung, inside, center, radius_mm, spacing_kji)] = True
    return found
