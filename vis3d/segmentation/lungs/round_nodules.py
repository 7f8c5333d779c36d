"""Round nodules at the pleura, by the sphere on which their side towards the lung lies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.lungs.spheres import (
    BRONCHUS_HU,
    EVEN_DIRECTIONS,
    OUTER_PRODUCTS,
    Places,
    Points,
    Spheres,
    different,
    fitted,
    holds,
    one_of_each_block,
    tissue_within,
    within_lung,
)
from vis3d.segmentation.voxels.frame import Bools, Spacing, Whole
from vis3d.segmentation.voxels.morphology import grown

SEEDS = ((3.0, 14), (6.0, 12))
"""Where a nodule's middle may be: no nearer to lung than so many mm, with lung in so many of
26 directions; of each block of voxels the one with lung in most directions is tried."""
SEED_BLOCK_MM = 8.0
ROUNDS = (0.2, 0.22, 0.24, 0.28)
"""On how much of a sphere lung lies when it is fitted for the first, second ... time."""
LEAST_SEEN = 0.32
"""How much of the sphere lies on lung: flat pleura through the middle of a nodule leaves half
of it, a corner between two walls less."""
MEDIAL = 0.5
"""Towards the body's middle lie heart and vessels."""
DEEP_ROUND = 20
"""In how many directions lung lies round its innermost voxel."""
CORE_MM, CORE_HU, MOST_UNEVEN_HU = 2.5, (-60.0, 60.0), 55.0
"""Off the lung a nodule is soft tissue through and through; chest wall has fat in it."""
MASS_HU, MOSTLY = (-60.0, 140.0), 0.7
"""So much of a mass is soft tissue; what has died or calcified in it, and ribs, are not."""


@dataclass(frozen=True)
class Demands:
    """What a sphere must be to hold what is looked for."""

    radius_mm: float
    """At least, on the grid on which it is looked for."""
    seen_medial: float
    """On how much of it lung lies where the rest lies towards the body's middle."""
    one_sided: float
    """What does not lie on lung is one side, that of the pleura; of a vessel it is both ends.
    The mean of its directions is as long as the lung's share of the sphere, if it is a cap."""
    even: float
    """How wide what is seen is for its length: the aorta's side is longer than wide."""
    mostly: bool
    """Whether it is enough that most of it is soft tissue."""


NODULE = Demands(0.0, seen_medial=0.45, one_sided=0.65, even=0.45, mostly=False)


def round_nodules(
    lung: Bools,
    tissue: Bools,
    hu: Whole,
    around: NDArray[np.uint8],
    spacing_kji: Spacing,
    *,
    is_right: bool,
) -> Bools:
    """The tissue on the lung's side of the pleura that lies within spheres which fit it.

    `around` counts in how many of 26 directions lung is near. The sphere shows where a
    nodule ends that hides much of the pleura, as in the corner between rib and diaphragm.
    """
    (found,) = in_spheres(lung, tissue, hu, around, spacing_kji, [NODULE], is_right=is_right)
    return found


def in_spheres(
    lung: Bools,
    tissue: Bools,
    hu: Whole,
    around: NDArray[np.uint8],
    spacing_kji: Spacing,
    wanted: Sequence[Demands],
    *,
    is_right: bool,
) -> list[Bools]:
    """The same for whatever is wanted, each on its own."""
    found = [np.zeros(lung.shape, bool) for _ in wanted]
    seeds = _seeds(lung, tissue, around, spacing_kji)
    if not len(seeds):
        return found
    tissue = tissue & ~lung
    core = ~grown(lung, CORE_MM, spacing_kji)
    air = (hu < BRONCHUS_HU) & ~lung
    fitting = fitted(lung, seeds, ROUNDS, spacing_kji)
    for demands, taken in zip(wanted, found, strict=True):
        for center, radius_mm in different(_round_ones(fitting, demands, is_right=is_right)):
            inside = tissue_within(tissue, center, radius_mm, spacing_kji)
            if not _is_deep(inside, around) or holds(air, center, radius_mm, spacing_kji):
                continue
            places = within_lung(lung, inside, center, radius_mm, spacing_kji)
            if _is_deep(places, around) and _is_soft(hu, places, core, mostly=demands.mostly):
                taken[places] = True
    return found


def _is_deep(places: Places, around: NDArray[np.uint8]) -> bool:
    """Whether lung lies round any of the places."""
    return bool((around[places] >= DEEP_ROUND).any())


def _is_soft(hu: Whole, places: Places, core: Bools, *, mostly: bool) -> bool:
    """Whether it is soft tissue through and through; without a core it is judged whole."""
    values = hu[places]
    inner = values[core[places]]
    if len(inner) <= 1:
        inner = values
    if mostly:
        return bool(((inner > MASS_HU[0]) & (inner < MASS_HU[1])).mean() >= MOSTLY)
    return bool(CORE_HU[0] < inner.mean() < CORE_HU[1] and inner.std() < MOST_UNEVEN_HU)


def _seeds(
    lung: Bools, tissue: Bools, around: NDArray[np.uint8], spacing_kji: Spacing
) -> Points:
    seeds = []
    for depth_mm, least_around in SEEDS:
        deep = tissue & (around >= least_around) & ~grown(lung, depth_mm, spacing_kji)
        seeds.append(one_of_each_block(deep, around, SEED_BLOCK_MM, spacing_kji))
    return np.concatenate(seeds)


def _round_ones(spheres: Spheres, demands: Demands, *, is_right: bool) -> Spheres:
    """Those that lie on lung as a nodule does that hides some pleura."""
    seen = spheres.seen.mean(axis=1)
    unseen = ~spheres.seen
    away = unseen.astype(float) @ EVEN_DIRECTIONS
    length = np.linalg.norm(away, axis=1)
    away /= np.maximum(length, 1e-6)[:, None]
    medial = away[:, 2] * (1 if is_right else -1)  # i runs to the patient's left
    good = seen >= np.where(medial > MEDIAL, demands.seen_medial, LEAST_SEEN)
    good &= spheres.radii_mm >= demands.radius_mm
    good &= length >= demands.one_sided * seen * unseen.sum(axis=1)
    good &= _evenness(spheres.seen, away) >= demands.even
    return spheres.of(good)


def _evenness(seen: Bools, away: Points) -> NDArray[np.float64]:
    """How much less wide than long what is seen is, looking at the pleura; 1 for a cap."""
    onto_pleura = np.eye(3) - away[:, :, None] * away[:, None, :]
    products = (seen.astype(float) @ OUTER_PRODUCTS).reshape(-1, 3, 3)
    spread = onto_pleura @ products @ onto_pleura
    width = np.linalg.eigvalsh(spread)
    return np.asarray(width[:, 1] / np.maximum(width[:, 2], 1e-6))
