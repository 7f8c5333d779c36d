"""Nodules that fill a sheet of lung, as thin as in a recess, from one pleura to the other."""

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.lungs.pockets import Pockets
from vis3d.segmentation.voxels.frame import Bools, Spacing, Whole
from vis3d.segmentation.voxels.morphology import components, fringed, opened

SOLID_HU, RADIUS_MM = -80, 2.0
"""No fat; and what is thinner is a wall between two parts of the lung."""
MEAN_AROUND = 13
"""In how many of 26 directions lung lies round them on average: in fewer than on a flat
pleura, where nodules are judged otherwise."""
LEAST_LINES = 1.6
"""Along how many lines lung goes on beyond a gap, on average: between two narrow tips of a
lung it does along fewer."""
LEAST_ML, LEAST_SHARE = 0.15, 0.25
"""Least volume, and least share of its box: nodules are no bands."""
MOST_UNEVEN_HU = 50.0
"""Chest wall is muscle, fat and bone."""


def nodules_in_gaps(
    lung: Bools,
    tissue: Bools,
    hu: Whole,
    around: NDArray[np.uint8],
    lines: NDArray[np.uint8],
    spacing_kji: Spacing,
) -> Bools:
    """Even tissue that fills a gap in a sheet of lung.

    Most directions lead out of the sheet at once, but along lines within it lung goes on
    beyond the gap. `around` counts in how many of 26 directions lung is in reach, `lines`
    along how many of 13 lines it is on both sides.
    """
    gaps = tissue & (lines > 0) & ~lung
    solid = gaps & (hu > SOLID_HU)
    thick = opened(solid, RADIUS_MM, spacing_kji)
    if not thick.any():
        return thick
    labels = components(solid & fringed(thick))
    pieces = Pockets.of_labels(labels, spacing_kji)
    box_mm3, _ = pieces.boxes()
    wanted = (pieces.mm3 >= LEAST_ML * 1000) & (pieces.mm3 >= LEAST_SHARE * box_mm3)
    wanted &= (pieces.mean(lines) >= LEAST_LINES) & (pieces.mean(around) < MEAN_AROUND)
    wanted &= pieces.sd(hu) < MOST_UNEVEN_HU
    # what shares its voxels with lung or fat belongs to it as well
    return fringed(pieces.those(wanted)) & gaps
