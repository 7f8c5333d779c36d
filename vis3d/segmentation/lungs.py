"""The lungs: airy, inside the body, left and right apart, without trachea and gas."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from vis3d.progress import Progress, silent
from vis3d.segmentation.frame import Bools, Floats, Labels, Spacing
from vis3d.segmentation.morphology import (
    closed,
    components,
    deep_in,
    distance_mm,
    filled,
    filled_in_slices,
    grown,
    keep,
    sizes,
    sums,
    with_closed_ends,
)
from vis3d.segmentation.nodules import pleural_nodules

Sides: TypeAlias = NDArray[np.uint8]
"""1 left, 2 right, 0 neither."""
LUNG_HU = (-960.0, -450.0)
AIRY_HU = (-950, -500)
MIN_AIRY_SHARE = 0.35
LARGE_LUNG_ML = 300.0
MIN_AIRY_SHARE_OF_LARGE = 0.15
"""Severe emphysema leaves little of the usual density."""
GAS_HU = -930
MAX_GAS_SHARE = 0.25
MAX_MASS_CM2 = 15.0
DEEP_MM = 4.0
MIN_LUNG_ML = 25.0
MIN_FRAGMENT_ML = 0.3
FRAGMENT_REACH_MM = 15.0
FAR_APART_MM, CLOSE_MM = (60.0, 80.0), (35.0, 25.0)
"""How far apart two lungs lie at least, and how far from the body's middle at most.

Parts that lie less far apart are tried second: they must lie about the middle itself.
"""
NEAR_MIDDLE_MM = 15.0
WEAR_MM = (2.5, 4.0, 6.0, 8.0, 11.0, 15.0, 20.0)
CLOSING_MM = 5.0
THRESHOLD_RANGE_HU = (-520.0, -320.0)


@dataclass(frozen=True, eq=False)
class CoarseLungs:
    """Left and right on the coarse grid, and what happened on the way."""

    left: Bools
    right: Bools
    certain: Bools
    """What closing and filling added: vessels and nodules, inside whatever their HU."""
    merged: bool = False


def air_threshold(hu: Floats, body: Bools) -> float:
    """The level between lung and tissue by iterative selection (Ridler and Calvard 1978)."""
    values = np.clip(hu[body], -1000, 200)
    level = -400.0
    for _ in range(20):
        low, high = values[values < level], values[values >= level]
        if len(low) < 50 or len(high) < 50:
            break
        new = float(low.mean() + high.mean()) / 2
        if abs(new - level) < 1:
            break
        level = new
    return float(np.clip(level, *THRESHOLD_RANGE_HU))


@dataclass(frozen=True, eq=False)
class _Parts:
    """The connected airy parts of a scan, by label: how large, how dense, how dark."""

    labels: Labels
    ml: NDArray[np.float64]
    mean_hu: NDArray[np.float64]
    gas_share: NDArray[np.float64]
    deep: NDArray[np.int64]
    deep_airy: NDArray[np.float64]

    def lungs(self) -> NDArray[np.bool_]:
        """Parts large enough for a lung, with the density of lung deep inside.

        At an edge gas and tissue share voxels and look like lung; that is why a sinus or a
        bowel loop is told from lung by what lies deep in it.
        """
        least = np.where(self.ml < LARGE_LUNG_ML, MIN_AIRY_SHARE, MIN_AIRY_SHARE_OF_LARGE)
        return self._dense_enough() & (self.ml >= MIN_LUNG_ML) & (self.deep_airy > least)

    def fragments(self) -> NDArray[np.bool_]:
        """Small parts that are lung if one lies beside them."""
        judged_deep = (self.deep < 5) | (self.deep_airy > 0.6)
        light = self.gas_share < MAX_GAS_SHARE
        return self._dense_enough() & (self.ml >= MIN_FRAGMENT_ML) & light & judged_deep

    def _dense_enough(self) -> NDArray[np.bool_]:
        return np.asarray((self.mean_hu > LUNG_HU[0]) & (self.mean_hu < LUNG_HU[1]))


def _parts(hu: Floats, air: Bools, spacing_kji: Spacing) -> _Parts:
    labels = components(air)
    voxels = np.maximum(sizes(labels), 1)
    inner = labels * deep_in(air, DEEP_MM, spacing_kji)
    deep = np.bincount(inner[inner > 0], minlength=len(voxels))
    airy = sums(inner, (hu > AIRY_HU[0]) & (hu < AIRY_HU[1]), len(voxels))
    return _Parts(
        labels,
        voxels * (float(np.prod(spacing_kji)) / 1000),
        sums(labels, hu) / voxels,
        sums(labels, hu < GAS_HU) / voxels,
        deep,
        airy / np.maximum(deep, 1),
    )


def airy_parts(hu: Floats, air: Bools, spacing_kji: Spacing) -> Bools:
    """The connected airy parts that could be lung by their size and density."""
    parts = _parts(hu, air, spacing_kji)
    return keep(parts.labels, parts.lungs())


def find_lungs(
    hu: Floats,
    air: Bools,
    airways: Bools,
    lumen: Bools,
    body: Bools,
    spacing_kji: Spacing,
    left_mm: Floats,
    middle_mm: float,
    progress: Progress = silent,
) -> CoarseLungs:
    """Left and right lung on the coarse grid.

    `airways` are left out, walls and all, to find the lungs, and then their `lumen` only, so
    that bronchi leave no hollow round them in the lung. `left_mm` is how far to the
    patient's left each voxel lies and `middle_mm` where the body's middle is: only these
    decide the sides.
    """
    progress(0.0, "Finding the lungs")
    parts = _parts(hu, air & ~airways, spacing_kji)
    main = keep(parts.labels, parts.lungs())
    if not main.any():
        return CoarseLungs(main, main, main)
    main |= _beside(main, parts, spacing_kji)
    progress(0.2, "Telling left from right")
    sides, merged = _split(main, spacing_kji, left_mm, middle_mm)
    progress(0.4, "Closing the lungs over vessels")
    left, right = (_whole(sides == side, spacing_kji) for side in (1, 2))
    progress(0.6, "Looking for nodules at the pleura")
    left |= pleural_nodules(left, hu, body, spacing_kji, is_right=False)
    progress(0.8, "Looking for nodules at the pleura")
    right |= pleural_nodules(right, hu, body, spacing_kji, is_right=True)
    left &= ~lumen & (sides != 2)
    right &= ~lumen & ~left
    return CoarseLungs(left, right, (left | right) & ~main, merged)


def _beside(main: Bools, parts: _Parts, spacing_kji: Spacing) -> Bools:
    """The lung-like fragments close to the main parts."""
    near = np.zeros(len(parts.ml), bool)
    near[np.unique(parts.labels[grown(main, FRAGMENT_REACH_MM, spacing_kji)])] = True
    return keep(parts.labels, near & parts.fragments())


def _whole(lung: Bools, spacing_kji: Spacing) -> Bools:
    """The lung with its vessels, and the masses that it holds on all sides."""
    if not lung.any():
        return lung
    whole = filled(closed(lung, CLOSING_MM, spacing_kji))
    pixel_mm2 = spacing_kji[1] * spacing_kji[2]
    masses = filled_in_slices(whole, MAX_MASS_CM2 * 100, pixel_mm2) & ~whole
    return np.asarray(whole | with_closed_ends(masses, whole))


def _split(
    main: Bools, spacing_kji: Spacing, left_mm: Floats, middle_mm: float
) -> tuple[Sides, bool]:
    """Each voxel's side (1 left, 2 right), and whether the lungs had to be cut apart.

    Where the lungs touch, they are worn down until two parts lie far apart, and grown again
    from those: the cut runs where the junction is thinnest.
    """
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    cores = components(main)
    pair = _two_far_apart(cores, left_mm, middle_mm, voxel_ml, FAR_APART_MM)
    if pair is not None:
        return _with_the_rest(_sides_of(cores, pair), main, left_mm), False
    depth = distance_mm(main, spacing_kji)
    for limits_mm in (FAR_APART_MM, CLOSE_MM):
        for radius_mm in WEAR_MM:
            cores = components(depth > radius_mm)
            pair = _two_far_apart(cores, left_mm, middle_mm, voxel_ml, limits_mm)
            if pair is not None:
                markers = _sides_of(cores, pair).astype(np.int32)
                sides = watershed(-depth, markers, mask=main).astype(np.uint8)
                return _with_the_rest(sides, main, left_mm), True
    return _one_sided(main, left_mm, middle_mm), False


def _sides_of(cores: Labels, pair: dict[int, int]) -> Sides:
    side_of: Sides = np.zeros(int(cores.max()) + 1, np.uint8)
    for label, side in pair.items():
        side_of[label] = side
    return np.asarray(side_of[cores])


def _with_the_rest(sides: Sides, main: Bools, left_mm: Floats) -> Sides:
    """The sides, and each fragment on the side whose middle is nearer."""
    rest = components(main & (sides == 0))
    if not rest.any():
        return sides
    left, right = (float(left_mm[sides == side].mean()) for side in (1, 2))
    center = sums(rest, left_mm) / np.maximum(sizes(rest), 1)
    side_of = np.where(center > (left + right) / 2, 1, 2).astype(np.uint8)
    side_of[0] = 0
    return sides + side_of[rest]


def _two_far_apart(
    cores: Labels,
    left_mm: Floats,
    middle_mm: float,
    voxel_ml: float,
    limits_mm: tuple[float, float],
) -> dict[int, int] | None:
    """Sides for the large cores, if they lie in two groups on either side of the middle."""
    voxels = sizes(cores)
    big = np.flatnonzero(voxels >= max(0.05 * voxels.sum(), 5 / voxel_ml))
    if len(big) < 2:
        return None
    center = sums(cores, left_mm) / np.maximum(voxels, 1)
    order = big[np.argsort(center[big])]
    gaps = np.diff(center[order])
    widest = int(gaps.argmax())
    between = float(center[order[widest : widest + 2]].mean())
    if gaps[widest] < limits_mm[0] or abs(between - middle_mm) > limits_mm[1]:
        return None
    return {int(n): 2 if place <= widest else 1 for place, n in enumerate(order)}


def _one_sided(main: Bools, left_mm: Floats, middle_mm: float) -> Sides:
    """A single lung and scraps of the other, each on the side of the middle where it lies."""
    parts = components(main)
    center = sums(parts, left_mm) / np.maximum(sizes(parts), 1)
    largest = int(sizes(parts).argmax())
    left = center > middle_mm
    doubtful = np.abs(center - middle_mm) < NEAR_MIDDLE_MM
    side_of = np.where(np.where(doubtful, left[largest], left), 1, 2).astype(np.uint8)
    side_of[0] = 0
    return np.asarray(side_of[parts])
