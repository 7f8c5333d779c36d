"""The airways: from the trachea down, as far as the walls hold."""

from dataclasses import dataclass

import numpy as np

from vis3d.progress import Progress, silent
from vis3d.segmentation.frame import Bools, Spacing
from vis3d.segmentation.grids import Factors, spread
from vis3d.segmentation.morphology import bounding_box, components, fringed

GRID_MM = 1.0
LEVELS_HU = (-950, -925, -900, -875, -850)
MAX_STEP_ML = 6.0
MAX_STEP_SHARE = 0.25
MAX_VOLUME_ML = 140.0
WALL_HU = -500
"""Half way between the air in a wide airway and its wall."""


@dataclass(frozen=True, eq=False)
class AirwayTree:
    """The lumen at full resolution, the level it was grown at, and whether it leaked above."""

    mask: Bools
    level_hu: float
    leaked: bool


def grow_airways(
    hu: np.ndarray,
    trachea: Bools,
    inside: Bools,
    factors: Factors,
    spacing_kji: Spacing,
    progress: Progress = silent,
) -> AirwayTree:
    """The tree that hangs on the trachea (both on coarse grids of `factors`).

    The level rises until the volume jumps: there the flood has broken through a wall into
    the lung, and the level before is the answer.
    """
    box = _box(inside | trachea, factors, hu.shape)
    values = hu[box]
    seeds = _seeds(values, spread(trachea, factors, hu.shape)[box])
    tree, level, leaked = _highest_sound_level(
        values, seeds, float(np.prod(spacing_kji)) / 1000, progress
    )
    # the level lies inside the lumen: its rim shares voxels with the wall
    tree |= fringed(tree, (1, 2)) & (values < WALL_HU)
    mask = np.zeros(hu.shape, bool)
    mask[box] = tree
    return AirwayTree(mask, level, leaked)


def _box(inside: Bools, factors: Factors, shape: tuple[int, ...]) -> tuple[slice, ...]:
    box = bounding_box(inside) or (slice(0, 1), slice(0, 1), slice(0, 1))
    return tuple(
        slice(part.start * factor, min(n, part.stop * factor))
        for part, factor, n in zip(box, factors, shape, strict=True)
    )


def _seeds(values: np.ndarray, near: Bools) -> Bools:
    return near & (values < -850)


def _highest_sound_level(
    values: np.ndarray, seeds: Bools, voxel_ml: float, progress: Progress
) -> tuple[Bools, float, bool]:
    best, best_ml, best_level = seeds, float(seeds.sum()) * voxel_ml, float(LEVELS_HU[0])
    for number, level in enumerate(LEVELS_HU):
        progress(number / len(LEVELS_HU), "Following the airways")
        labels = components(values < level)
        names = np.unique(labels[seeds])
        tree = np.isin(labels, names[names > 0]) if len(names) > 64 else _among(labels, names)
        ml = float(np.count_nonzero(tree)) * voxel_ml
        jump = ml - best_ml
        if ml > MAX_VOLUME_ML or (number and jump > max(MAX_STEP_ML, MAX_STEP_SHARE * best_ml)):
            return best, best_level, True
        best, best_ml, best_level = tree, ml, float(level)
    return best, best_level, False


def _among(labels: np.ndarray, names: np.ndarray) -> Bools:
    table = np.zeros(int(labels.max()) + 1, bool)
    table[names[names > 0]] = True
    return np.asarray(table[labels])
