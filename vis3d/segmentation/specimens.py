"""Phantoms and dry bones: no contrast fills them, and their bone may be even or bare."""

import numpy as np

from vis3d.segmentation.frame import Bools, Values
from vis3d.segmentation.morphology import fringed

FAT_HU, BETWEEN_HU = (-150, -40), (-40, 0)
"""Fat; and what lies between it and muscle, of which patients have plenty: mixtures."""
SOFT_HU = 110
AIRY_HU = -200
"""What lies beside air is a mixture with it, which may be as dense as fat."""
MIN_SHARE = 0.01
"""Patients' heads have four times as much of each, chests eight times and more."""
IN_SLICE = (1, 2)


def is_specimen(hu: Values, body: Bools) -> bool:
    """Whether a body on a coarse grid [k, j, i], in HU, is none of a patient.

    It has no fat, or holds nothing between fat and other tissue, as solids drawn by hand.
    """
    beside_air = fringed(fringed((hu < AIRY_HU) | ~body, IN_SLICE), IN_SLICE)
    soft = hu[body & ~beside_air & (hu < SOFT_HU)]
    shares = [
        np.count_nonzero((soft > low) & (soft <= high)) / max(soft.size, 1)
        for low, high in (FAT_HU, BETWEEN_HU)
    ]
    return bool(min(shares) < MIN_SHARE)
