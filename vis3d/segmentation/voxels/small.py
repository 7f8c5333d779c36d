"""Small patients: an infant is read as an adult whose scan has larger voxels."""

import numpy as np

from vis3d.segmentation.voxels.frame import Bools, Spacing
from vis3d.segmentation.voxels.morphology import fringed, sections

SMALL_CM2, USUAL_CM2 = 200.0, 600.0
"""The section of a small patient's trunk at most, and of an adult's."""
MAX_CUT = 0.2
"""How much of the edge of the slices a small patient fills at most; a crop fills more."""


def enlargement(body: Bools, unmeasured: Bools | None, spacing_kji: Spacing) -> float:
    """How many times larger a small patient must be taken to be as large as an adult; else 1.

    All lengths of the methods are an adult's, from the width of a trachea to the thickness
    of the chest's wall, and with the patient all of them shrink.
    """
    _, j_mm, i_mm = spacing_kji
    sections_cm2 = sections(body) * j_mm * i_mm / 100
    there = sections_cm2 > 0
    if not there.any() or sections_cm2.max() > SMALL_CM2:
        return 1.0
    edge = np.zeros(body.shape, bool) if unmeasured is None else fringed(unmeasured)
    edge[:, [0, -1]] = edge[:, :, [0, -1]] = True
    if unmeasured is not None:
        edge &= ~unmeasured
    if np.count_nonzero(body & edge) > MAX_CUT * np.count_nonzero(edge[there]):
        return 1.0
    return float(np.sqrt(USUAL_CM2 / np.median(sections_cm2[there])))
