"""The marrow: what cortex encloses on nearly all sides, but not cord, brain and muscle."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d.progress import Progress, part, silent
from vis3d.segmentation.metal import EDGE_HU
from vis3d.segmentation.voxels.enclosure import open_directions
from vis3d.segmentation.voxels.frame import Bools, Spacing, Whole
from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    components,
    filled,
    fringed,
    keep,
    kji_of,
    sizes,
    sums,
)
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
MAX_BARE, LARGE_ML = 0.2, 5.0
"""How much of the surface of a piece of marrow may lie open; pores count in small ones only."""
SEED_ML = 1.0
"""So much as even as brain lies all but closed in where a long bone is full of it."""
MARGIN = 2
"""How many voxels beyond a piece are looked at."""
Sides: TypeAlias = list[tuple[int, float]]


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
        leading_out = open_directions(solid, REACH_MM, spacing_kji, progress=step)
        solid = solid | (leading_out <= most)
    solid = solid | _even_marrow(solid, leading_out, most, spacing_kji)
    return solid | (_small_cavities(solid, hu, spacing_kji) & allowed)


def _even_marrow(
    solid: Bools,
    leading_out: NDArray[np.uint8],
    most: NDArray[np.int8],
    spacing_kji: Spacing,
) -> Bools:
    """Large pieces as even as brain that bone walls in: marrow without trabeculae.

    In old bones it is no denser than muscle, and in long ones more directions lead nowhere.
    Muscle and brain, and what lies between two bones, are open over more of their surface.
    """
    marrow = np.zeros(solid.shape, bool)
    most = np.where(most == MOST_OPEN_EVEN, MOST_OPEN_FLUID, most)
    pieces = components((leading_out <= most) & ~solid)
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    box = bounding_box(keep(pieces, sizes(pieces) * voxel_ml > SEED_ML), REACH_MM, spacing_kji)
    if box is None:
        return marrow
    whole = solid[box]
    for _ in range(ROUNDS):
        whole = whole | (open_directions(whole, REACH_MM, spacing_kji) <= most[box])
    pieces = components(whole & ~solid[box])
    large = keep(pieces, sizes(pieces) * voxel_ml > LARGE_ML)
    marrow[box] = walled_pieces(large, whole, spacing_kji)
    return marrow


def walled_pieces(marrow: Bools, whole: Bools, spacing_kji: Spacing) -> Bools:
    """The pieces of marrow that bone walls in; fat between two bones lies half open.

    Faces are weighed by their area, so that a finer grid is judged alike.
    """
    labels = components(marrow)
    of, count = labels[marrow], int(labels.max(initial=0)) + 1
    own, solid = (np.pad(mask, MARGIN, mode="edge") for mask in (marrow, whole))
    kji = kji_of(np.flatnonzero(marrow), marrow.shape)
    at = np.ravel_multi_index([n + MARGIN for n in kji], own.shape)
    sides = _sides(own.shape, spacing_kji)
    surface, bare, open_ = np.zeros((3, count))
    for step, mm2 in sides:
        beside = at + step
        hole = ~solid.reshape(-1)[beside]
        surface += mm2 * np.bincount(of[~own.reshape(-1)[beside]], minlength=count)
        bare += mm2 * np.bincount(of[hole], minlength=count)
        hole &= ~_in_pores(beside, solid.reshape(-1), sides)
        open_ += mm2 * np.bincount(of[hole], minlength=count)
    ml = np.bincount(of, minlength=count) * (float(np.prod(spacing_kji)) / 1000)
    return keep(labels, np.where(ml < LARGE_ML, bare, open_) < MAX_BARE * surface)


def _in_pores(at: NDArray[np.intp], solid: Bools, sides: Sides) -> Bools:
    """Which places have bone beside more than half of their surface."""
    more = (0.5 + 1e-6) * sum(mm2 for _, mm2 in sides)  # a corner has bone beside just half
    return np.asarray(sum(mm2 * solid[at + step] for step, mm2 in sides) > more)


def _sides(shape: tuple[int, ...], spacing_kji: Spacing) -> Sides:
    """The six steps to the voxels beside one in a flat array, and the area of each face."""
    steps = (shape[1] * shape[2], shape[2], 1)
    areas = [float(np.prod(spacing_kji)) / mm for mm in spacing_kji]
    ahead = list(zip(steps, areas, strict=True))
    return ahead + [(-step, mm2) for step, mm2 in ahead]


def _small_cavities(solid: Bools, hu: Whole, spacing_kji: Spacing) -> Bools:
    """What is enclosed altogether, but neither the brain in a skull nor the air of a sinus.

    Beside metal, of which one voxel more counts as wall, its shadow looks like air.
    """
    cavities = components(filled(solid) & ~solid)
    voxels = sizes(cavities)
    airy = 2 * sums(cavities, hu < GAS_HU) > voxels
    if airy.any():
        airy &= sums(cavities, fringed(fringed(hu > EDGE_HU))) == 0
    return keep(
        cavities, (voxels * float(np.prod(spacing_kji)) <= 1000 * MAX_CAVITY_ML) & ~airy
    )


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
