"""Round nodules at the pleura, by the sphere on which their side towards the lung lies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.lungs.spheres import (
    BRONCHUS_HU,
    EVEN_DIRECTIONS,
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
LEAST_SEEN = 0.33
"""How much of the sphere lies on lung: flat pleura through the middle of a nodule leaves half
of it, a corner between two walls less."""
MEDIAL = 0.5
"""Towards the body's middle lie heart and vessels."""
CORE_MM, FAT_HU, CONTRAST_HU = 2.5, (-150.0, -50.0), 150.0
"""Off the lung a nodule is no fat, pads of which bulge into the lung as well, and no vessel
full of contrast; what is lighter than fat is part solid."""
MASS_HU, MOSTLY = (-60.0, 140.0), 0.7
"""So much of a mass is soft tissue; what has died or calcified in it, and ribs, are not."""


@dataclass(frozen=True)
class Demands:
    """What a sphere must be to hold what is looked for."""

    seen_medial: float
    """On how much of it lung lies where the rest lies towards the body's middle."""
    on_it: float
    """How much of the lung that is seen from its middle lies on it. Of lung round a vessel, a
    rib or a dome more lies off the sphere that fits best."""
    radius_mm: float = 0.0
    """At least, on the grid on which it is looked for."""
    soft: bool = False
    """Whether most of it must be soft tissue."""
    seen: float = LEAST_SEEN
    """On how much of it lung lies elsewhere."""


NODULE = Demands(seen_medial=0.5, on_it=0.85)


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
        spheres = different(_round_ones(fitting, demands, is_right=is_right))
        for center, radius_mm in spheres.each():
            if holds(air, center, radius_mm, spacing_kji):
                continue
            inside = tissue_within(tissue, center, radius_mm, spacing_kji)
            places = within_lung(lung, inside, center, radius_mm, spacing_kji)
            values = _core_hu(hu, places, core)
            good = _is_soft(values) if demands.soft else _may_be_nodule(values)
            if good:
                taken[places] = True
    return found


def _core_hu(hu: Whole, places: Places, core: Bools) -> Whole:
    """The values off the lung; without any, of all places."""
    values = hu[places]
    inner = values[core[places]]
    return inner if len(inner) > 1 else values


def _is_soft(hu: Whole) -> bool:
    """Whether most of it is soft tissue."""
    return len(hu) > 0 and bool(((hu > MASS_HU[0]) & (hu < MASS_HU[1])).mean() >= MOSTLY)


def _may_be_nodule(hu: Whole) -> bool:
    """Whether it is neither fat nor contrast."""
    mean = hu.mean() if len(hu) else np.inf
    return bool(mean < CONTRAST_HU and not FAT_HU[0] < mean < FAT_HU[1])


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
    away = (~spheres.seen).astype(float) @ EVEN_DIRECTIONS
    towards_left = away[:, 2] / np.maximum(np.linalg.norm(away, axis=1), 1e-6)
    medial = towards_left * (1 if is_right else -1)  # i runs to the patient's left
    least_seen = np.where(medial > MEDIAL, demands.seen_medial, demands.seen)
    good = spheres.seen.mean(axis=1) >= least_seen
    good &= spheres.on_it >= demands.on_it
    return spheres.of(good & (spheres.radii_mm >= demands.radius_mm))
