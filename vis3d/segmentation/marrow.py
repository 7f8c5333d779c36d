"""The marrow: what cortex encloses on nearly all sides, but not cord, brain and muscle."""

import numpy as np
from scipy.ndimage import uniform_filter

from vis3d.progress import Progress, part, silent
from vis3d.segmentation.enclosure import open_directions
from vis3d.segmentation.frame import Bools, Floats, Spacing
from vis3d.segmentation.morphology import components, filled, keep, sizes

REACH_MM = 30.0
"""Farther than the middle of a femoral head or of a vertebra is from its cortex."""
FLUID_HU = (0.0, 70.0)
"""Cord, brain, muscle and disc; marrow is mostly fatty, or spongy with trabeculae."""
EVEN_HU, EVEN_NOISES = 20.0, 2.0
MOST_OPEN, MOST_OPEN_FLUID, MOST_OPEN_EVEN = 5, 4, 2
"""How many of 26 directions may lead out, by how unlike soft tissue it looks."""
ROUNDS = 3
"""Marrow that was found is a wall for the rest: gaps in a thin cortex close so."""
GAS_HU = -200.0
MAX_CAVITY_ML = 20.0


def with_marrow(
    cortex: Bools,
    hu: Floats,
    allowed: Bools,
    canal: Bools,
    spacing_kji: Spacing,
    noise_hu: float,
    progress: Progress = silent,
) -> Bools:
    """The cortex and what it encloses, on a coarse grid; only `allowed` voxels are added.

    The canal of the spine is open at its ends; what looks like it but is closed is filled.
    """
    mean, deviation = _between(hu, cortex)
    fluid = (mean > FLUID_HU[0]) & (mean < FLUID_HU[1])
    even = deviation < max(EVEN_HU, EVEN_NOISES * noise_hu)
    most = np.where(fluid, np.where(even, MOST_OPEN_EVEN, MOST_OPEN_FLUID), MOST_OPEN)
    most = np.where(allowed & ~canal & (hu > GAS_HU), most, -1).astype(np.int8)
    solid = cortex
    for n in range(ROUNDS):
        step = part(progress, n / ROUNDS, (n + 1) / ROUNDS)
        found = open_directions(solid, REACH_MM, spacing_kji, progress=step) <= most
        solid = solid | found
    return solid | (_small_cavities(solid, spacing_kji) & allowed)


def _small_cavities(solid: Bools, spacing_kji: Spacing) -> Bools:
    """What is enclosed altogether, but not the brain in a skull."""
    cavities = components(filled(solid) & ~solid)
    ml = sizes(cavities) * (float(np.prod(spacing_kji)) / 1000)
    return keep(cavities, ml <= MAX_CAVITY_ML)


def _between(hu: Floats, cortex: Bools) -> tuple[Floats, Floats]:
    """The local mean and deviation of what isn't cortex, which would lift every gap in it."""
    gap = (~cortex).astype(np.float32)
    weight = np.maximum(uniform_filter(gap, 3), np.float32(0.01))
    mean = uniform_filter(hu * gap, 3) / weight
    square = uniform_filter(hu * hu * gap, 3) / weight
    deviation = np.sqrt(np.maximum(square - mean * mean, 0))
    return mean.astype(np.float32, copy=False), deviation.astype(np.float32, copy=False)
