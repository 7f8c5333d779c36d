"""Phantoms and dry bones: no contrast fills them, and their bone may be even or bare."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.voxels.frame import Bools, Spacing, Values
from vis3d.segmentation.voxels.morphology import fringed

FAT_HU, SOFT_HU = (-150, -40), (-40, 110)
AIRY_HU = -200
"""What lies beside air is a mixture with it, which may be as dense as fat."""
EVEN_HU_PER_MM = 30.0
"""Where neighbours differ by more, a voxel may be a mixture at a drawn edge. Told by the way
from one to the next, a scan cut into finer voxels is judged alike."""
USUAL_FAT_HU, USUAL_OTHER_HU = -100, 40
"""Of tissue that a scan doesn't hold."""
MIN_BETWEEN = 0.0015
"""How much of a patient's soft tissue at least lies between fat and muscle: 0.003 and more of
what fields of view of 90 mm hold, 0.0002 and less of drawn solids."""
VOXELS, MIN_VOXELS = 100_000, 2_500
"""As many, spread evenly, tell the share; fewer than the other tell nothing."""
MODE_HU = 21
IN_SLICE = (1, 2)
Sample = NDArray[np.integer[Any]]


def is_specimen(hu: Values, body: Bools, spacing_kji: Spacing) -> bool:
    """Whether a body on a coarse grid [k, j, i], in HU, is none of a patient.

    It holds more bone than soft tissue, or nothing between fat and other tissue, as solids
    drawn by hand. Of a field of view too small to tell, a patient is taken to be seen.
    """
    dense = body & (hu >= SOFT_HU[1])
    soft_or_dense = body & (hu > FAT_HU[0])
    if 2 * np.count_nonzero(dense) > np.count_nonzero(soft_or_dense):
        return True
    beside_air = fringed(fringed((hu < AIRY_HU) | ~body, IN_SLICE), IN_SLICE)
    even_hu = EVEN_HU_PER_MM * math.sqrt(spacing_kji[1] * spacing_kji[2])
    soft = _even_soft_hu(hu, body & ~beside_air, even_hu)
    if len(soft) < MIN_VOXELS:
        return False
    fat_hu = _mode(soft[soft <= FAT_HU[1]], USUAL_FAT_HU)
    other_hu = _mode(soft[soft > SOFT_HU[0]], USUAL_OTHER_HU)
    third = (other_hu - fat_hu) / 3
    between = (soft > fat_hu + third) & (soft < other_hu - third)
    return bool(np.count_nonzero(between) < MIN_BETWEEN * len(soft))


def _even_soft_hu(hu: Values, where: Bools, even_hu: float) -> Sample:
    """Medians over 3 x 3 voxels of a slice, of soft tissue where these differ little.

    Noise and the blurred edges of a drawn solid would else fill the gap between its tissues.
    """
    at = np.flatnonzero(where[:, 1:-1, 1:-1])
    inside = (where.shape[0], max(where.shape[1] - 2, 0), max(where.shape[2] - 2, 0))
    k, j, i = np.unravel_index(at[:: len(at) // VOXELS + 1], inside)
    around = np.stack([hu[k, j + dj, i + di] for dj in range(3) for di in range(3)])
    around.sort(axis=0)
    median, even = around[4], around[7] - around[1] < even_hu
    soft: Sample = median[even & (median > FAT_HU[0]) & (median < SOFT_HU[1])].astype(np.int64)
    return soft


def _mode(values: Sample, usual: int) -> int:
    """The most frequent value, told by the counts of those around each; `usual` of none."""
    if not len(values):
        return usual
    counts = np.bincount(values - FAT_HU[0])
    return int(np.convolve(counts, np.ones(MODE_HU), "same").argmax()) + FAT_HU[0]
