"""The marrow: what cortex encloses on nearly all sides, but not cord, brain and muscle."""

import numpy as np
from numpy.typing import NDArray

from vis3d.progress import Progress, part, silent
from vis3d.segmentation.voxels.enclosure import open_directions
from vis3d.segmentation.voxels.frame import Bools, Spacing, Whole
from vis3d.segmentation.voxels.morphology import components, filled, keep, sizes, sums
from vis3d.segmentation.voxels.slabs import WINDOW_HALO, each_part, mean_and_deviation

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
MAX_BARE, MAX_BARE_SMALL, SMALL_ML = 0.4, 0.2, 5.0
"""How much of the surface of a piece of marrow may lie open; less, if it's a small piece."""


def with_marrow(
    cortex: Bools,
    hu: Whole,
    allowed: Bools,
    canal: Bools,
    spacing_kji: Spacing,
    noise_hu: float,
    progress: Progress = silent,
) -> Bools:
    """The cortex and what it encloses, on a coarse grid; only `allowed` voxels are added.

    The canal of the spine is open at its ends; what looks like it but is closed is filled.
    """
    most = _most_open(hu, cortex, max(EVEN_HU, EVEN_NOISES * noise_hu), spacing_kji)
    most[~allowed | canal | (hu <= GAS_HU)] = -1
    solid = cortex
    for n in range(ROUNDS):
        step = part(progress, n / ROUNDS, (n + 1) / ROUNDS)
        solid = solid | (open_directions(solid, REACH_MM, spacing_kji, progress=step) <= most)
    return solid | (_small_cavities(solid, spacing_kji) & allowed)


def walled_pieces(marrow: Bools, whole: Bools, voxel_ml: float) -> Bools:
    """The pieces of marrow that bone walls in; fat between two bones lies half open."""
    labels = components(marrow)
    faces = sums(labels, _neighbours(~marrow))
    bare = sums(labels, _neighbours(~whole), len(faces))
    small = sizes(labels, len(faces)) * voxel_ml < SMALL_ML
    return keep(labels, bare < np.where(small, MAX_BARE_SMALL, MAX_BARE) * faces)


def _neighbours(mask: Bools) -> NDArray[np.uint8]:
    """How many of the six voxels beside each one belong to the mask."""
    count = np.zeros(mask.shape, np.uint8)
    for axis in range(3):
        of, to = np.moveaxis(mask.view(np.uint8), axis, 0), np.moveaxis(count, axis, 0)
        to[1:] += of[:-1]
        to[:-1] += of[1:]
    return count


def _small_cavities(solid: Bools, spacing_kji: Spacing) -> Bools:
    """What is enclosed altogether, but not the brain in a skull."""
    cavities = components(filled(solid) & ~solid)
    ml = sizes(cavities) * (float(np.prod(spacing_kji)) / 1000)
    return keep(cavities, ml <= MAX_CAVITY_ML)


def _most_open(
    hu: Whole, cortex: Bools, even_hu: float, spacing_kji: Spacing
) -> NDArray[np.int8]:
    """How many directions may lead out of each voxel, by what isn't cortex round it.

    Cortex would lift the mean of every gap in it.
    """
    most = np.empty(hu.shape, np.int8)

    def work(here: slice, around: slice, own: slice) -> None:
        gap = (~cortex[around]).astype(np.float32)
        mean, deviation = (
            part[own] for part in mean_and_deviation(hu[around], spacing_kji, gap)
        )
        fluid = (mean > FLUID_HU[0]) & (mean < FLUID_HU[1])
        most[here] = np.where(fluid, MOST_OPEN_FLUID, MOST_OPEN)
        most[here][fluid & (deviation < even_hu)] = MOST_OPEN_EVEN

    each_part(work, len(hu), WINDOW_HALO)
    return most
