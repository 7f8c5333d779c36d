"""Round nodules at the pleura, by the sphere on which their side towards the lung lies."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.voxels.frame import Bools, Spacing, Whole
from vis3d.segmentation.voxels.morphology import grown, indices, slabs

Points = NDArray[np.floating[Any]]
"""Places (k, j, i) in mm from the first voxel, or steps between them; (..., 3)."""

Places = tuple[NDArray[np.int64], ...]
"""The k, the j and the i of voxels."""

SEEDS = ((3.0, 14), (6.0, 12))
"""Where a nodule's middle may be: no nearer to lung than so many mm, with lung in so many of
26 directions; of each block of voxels the one with lung in most directions is tried."""
SEED_BLOCK_MM = 8.0
STEPS, STEP_MM = 16, 1.0
REACH_MM = STEPS * STEP_MM
AT_ONCE = 64
"""From how many places is looked at a time: what that takes fits into a processor's cache."""
ROUNDS = (0.2, 0.22, 0.24, 0.28)
"""A sphere is fitted to the lung seen from its middle, which then lies elsewhere, if lung lies
on so much of it."""
FIT_MM, FIT_SHARE = 1.5, 0.2
"""How far from a sphere its surface may lie: so many mm, or so much of its radius."""
RADIUS_MM = (3.5, 14.5)
LEAST_SEEN = 0.32
"""How much of the sphere lies on lung: flat pleura through the middle of a nodule leaves half
of it, a corner between two walls less."""
LEAST_ONE_SIDED = 0.65
"""What doesn't lie on lung lies on one side, that of the pleura; of a vessel it is both ends.
The mean of its directions is as long as the lung's share of the sphere, if it is a cap."""
ENCLOSED = 0.4
"""What of the sphere is lung: from where so many ways out of it lead into lung, or as many as
from its middle."""
LEAST_EVEN = 0.45
"""The aorta's side towards the lung is longer than wide."""
MEDIAL, LEAST_SEEN_MEDIAL = 0.5, 0.45
"""Towards the body's middle lie heart and vessels."""
BRONCHUS_HU, BESIDE_MM = -500, 3.0
"""What has a bronchus in it or beside it are vessels of the hilum."""
DEEP_ROUND = 20
"""In how many directions lung lies round its innermost voxel."""
CORE_MM, CORE_HU, MOST_UNEVEN_HU = 2.5, (-60.0, 60.0), 55.0
"""Off the lung a nodule is soft tissue through and through; chest wall has fat in it."""


@dataclass(frozen=True, eq=False)
class Spheres:
    """Where spheres lie and how well they fit what is seen from their middles."""

    centers: Points
    radii_mm: NDArray[np.floating[Any]]
    seen: Bools
    """Which directions of `EVEN_DIRECTIONS` meet lung on the surface, one row a sphere."""

    def of(self, which: NDArray[np.bool_]) -> "Spheres":
        """Some of them."""
        return Spheres(self.centers[which], self.radii_mm[which], self.seen[which])


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
    found = np.zeros(lung.shape, bool)
    seeds = _seeds(lung, tissue, around, spacing_kji)
    if not len(seeds):
        return found
    tissue = tissue & ~lung
    core = ~grown(lung, CORE_MM, spacing_kji)
    air = (hu < BRONCHUS_HU) & ~lung
    spheres = _round_ones(_fitted(lung, seeds, spacing_kji), is_right=is_right)
    for center, radius_mm, seen in _different(spheres):
        inside = _inside(tissue, center, radius_mm, spacing_kji)
        if not _is_deep(inside, around) or _holds(air, center, radius_mm, spacing_kji):
            continue
        ways = min(seen, ENCLOSED)
        places = _enclosed(lung, inside, center, radius_mm, ways, spacing_kji)
        if _is_deep(places, around) and _is_even(hu, places, core):
            found[places] = True
    return found


def _is_deep(places: Places, around: NDArray[np.uint8]) -> bool:
    """Whether lung lies round any of the places."""
    return bool((around[places] >= DEEP_ROUND).any())


def _is_even(hu: Whole, places: Places, core: Bools) -> bool:
    """Whether it is soft tissue through and through; without a core it is judged whole."""
    values = hu[places]
    inner = values[core[places]]
    inner = inner if len(inner) > 1 else values
    return bool(CORE_HU[0] < inner.mean() < CORE_HU[1] and inner.std() < MOST_UNEVEN_HU)


def _even_directions(count: int) -> Points:
    """Directions spread evenly, on a spiral from pole to pole."""
    n = np.arange(count) + 0.5
    down, turn = np.arccos(1 - 2 * n / count), np.pi * (1 + 5**0.5) * n
    return np.stack(
        [np.cos(down), np.sin(down) * np.sin(turn), np.sin(down) * np.cos(turn)], axis=-1
    )


EVEN_DIRECTIONS = _even_directions(64)
OUTER_PRODUCTS = (EVEN_DIRECTIONS[:, :, None] * EVEN_DIRECTIONS[:, None, :]).reshape(-1, 9)
"""Of each direction with itself: weighted sums of these are products of matrices."""
FIRST_MM = np.full(1 << STEPS, np.inf, np.float32)
"""How far away the first of `STEPS` steps lies that is true, by the number of which they are
the bits; infinite where none is."""
FIRST_MM[1:] = (STEPS - 0.5 - np.floor(np.log2(np.arange(1, 1 << STEPS)))) * STEP_MM


def _seeds(
    lung: Bools, tissue: Bools, around: NDArray[np.uint8], spacing_kji: Spacing
) -> Points:
    seeds = []
    for depth_mm, least_around in SEEDS:
        deep = tissue & (around >= least_around) & ~grown(lung, depth_mm, spacing_kji)
        points = indices(deep) * np.asarray(spacing_kji)
        block = (points // SEED_BLOCK_MM).astype(np.int64) @ (1 << 20, 1 << 10, 1)
        order = np.lexsort((-around[deep].astype(int), block))
        _, first = np.unique(block[order], return_index=True)
        seeds.append(points[order[first]])
    return np.concatenate(seeds)


def _fitted(lung: Bools, seeds: Points, spacing_kji: Spacing) -> Spheres:
    """The spheres that the lung seen from the seeds lies on, those that could be nodules."""
    centers, distance = seeds, _distance_mm(lung, seeds, spacing_kji)
    radii = np.sort(distance, axis=1)[:, len(EVEN_DIRECTIONS) // 4]
    allowed = np.maximum(2.5, 0.4 * np.minimum(radii, REACH_MM))
    for worth_a_fit in ROUNDS:
        off = distance - np.minimum(radii, REACH_MM)[:, None]
        on_it = np.abs(off) < allowed[:, None]
        worth = on_it.astype(np.float32).mean(axis=1) >= worth_a_fit
        moved, radii = _least_squares(centers[worth], distance[worth], on_it[worth])
        near = np.linalg.norm(moved - seeds[worth], axis=1) < RADIUS_MM[1]
        near &= (radii > RADIUS_MM[0] / 2) & (radii < REACH_MM)
        once = _once(np.column_stack([moved, radii])[near])
        seeds = seeds[worth][near][once]
        centers, radii = moved[near][once], radii[near][once]
        distance = _distance_mm(lung, centers, spacing_kji)
        allowed = np.maximum(FIT_MM, FIT_SHARE * radii)
    return Spheres(centers, radii, np.abs(distance - radii[:, None]) < allowed[:, None])


def _once(places_mm: Points) -> NDArray[np.int64]:
    """One of those that are the same in whole mm."""
    # each as one number: no scan is 8 m long
    digits = 14 * np.arange(places_mm.shape[1])
    numbers = (np.rint(places_mm).astype(np.int64) << digits).sum(axis=1)
    return np.sort(np.unique(numbers, return_index=True)[1])


def _distance_mm(
    lung: Bools, centers: Points, spacing_kji: Spacing
) -> NDArray[np.floating[Any]]:
    """How far lung is from each centre in each direction; infinite where none is in reach.

    Beyond its ends the array goes straight on.
    """
    along_mm = np.arange(1, STEPS + 1, dtype=np.float32) * np.float32(STEP_MM)
    ways = (EVEN_DIRECTIONS[:, None] * along_mm[:, None]).astype(np.float32)
    distance = np.empty((len(centers), len(EVEN_DIRECTIONS)), np.float32)
    for some in slabs(centers, AT_ONCE):
        start = centers[some].astype(np.float32)[:, None, None]
        met = _there(lung, start, ways, spacing_kji)
        steps = np.packbits(met.reshape(-1)).view(">u2")
        FIRST_MM.take(steps.reshape(distance[some].shape), out=distance[some], mode="clip")
    return distance


def _there(mask: Bools, start: Points, step: Points, spacing_kji: Spacing) -> Bools:
    """The mask at places that lie some steps from others, [..., (k, j, i)] in mm."""
    at: NDArray[np.int32] | int = 0
    for axis, (mm, n) in enumerate(zip(spacing_kji, mask.shape, strict=True)):
        voxels = start[..., axis] / mm + 0.5 + step[..., axis] / mm
        voxel = np.clip(voxels, 0, n - 1, out=voxels).astype(np.int32)
        voxel += at * n
        at = voxel
    return np.asarray(mask.ravel().take(at))


def _least_squares(
    centers: Points, distance: NDArray[np.floating[Any]], on_it: Bools
) -> tuple[Points, NDArray[np.float64]]:
    """The spheres nearest to the points seen: |p|2 = 2 c p + (r2 - |c|2) is linear."""
    far = np.where(on_it, distance, 0).astype(float)
    square = far * far
    normal, right = np.empty((len(far), 4, 4)), np.empty((len(far), 4))
    normal[:, :3, :3] = 4 * (square @ OUTER_PRODUCTS).reshape(-1, 3, 3)
    normal[:, :3, 3] = normal[:, 3, :3] = 2 * (far @ EVEN_DIRECTIONS)
    normal[:, 3, 3] = np.count_nonzero(on_it, axis=1)
    right[:, :3] = 2 * ((square * far) @ EVEN_DIRECTIONS)
    right[:, 3] = square.sum(axis=1)
    solved = np.linalg.solve(normal + 1e-3 * np.eye(4), right[..., None])[..., 0]
    shift = solved[:, :3]
    radii = np.sqrt(np.maximum(solved[:, 3] + (shift**2).sum(axis=1), 0))
    return centers + shift, radii


def _round_ones(spheres: Spheres, *, is_right: bool) -> Spheres:
    """Those that lie on lung as a nodule does that hides some pleura."""
    seen = spheres.seen.mean(axis=1)
    unseen = ~spheres.seen
    away = unseen.astype(float) @ EVEN_DIRECTIONS
    length = np.linalg.norm(away, axis=1)
    away /= np.maximum(length, 1e-6)[:, None]
    medial = away[:, 2] * (1 if is_right else -1)  # i runs to the patient's left
    good = seen >= np.where(medial > MEDIAL, LEAST_SEEN_MEDIAL, LEAST_SEEN)
    good &= length >= LEAST_ONE_SIDED * seen * unseen.sum(axis=1)
    good &= _evenness(spheres.seen, away) >= LEAST_EVEN
    good &= (spheres.radii_mm >= RADIUS_MM[0]) & (spheres.radii_mm <= RADIUS_MM[1])
    return spheres.of(good)


def _evenness(seen: Bools, away: Points) -> NDArray[np.float64]:
    """How much less wide than long what is seen is, looking at the pleura; 1 for a cap."""
    onto_pleura = np.eye(3) - away[:, :, None] * away[:, None, :]
    products = (seen.astype(float) @ OUTER_PRODUCTS).reshape(-1, 3, 3)
    spread = onto_pleura @ products @ onto_pleura
    width = np.linalg.eigvalsh(spread)
    return np.asarray(width[:, 1] / np.maximum(width[:, 2], 1e-6))


def _different(spheres: Spheres) -> list[tuple[Points, float, float]]:
    """Their centres and radii, each once: many seeds lead to the same."""
    first = _once(np.column_stack([spheres.centers, spheres.radii_mm]))
    return [
        (spheres.centers[n], float(spheres.radii_mm[n]), float(spheres.seen[n].mean()))
        for n in first
    ]


def _holds(mask: Bools, center: Points, radius_mm: float, spacing_kji: Spacing) -> bool:
    """Whether any of the mask lies in the sphere or beside it."""
    out_mm = np.arange(1.0, radius_mm + BESIDE_MM, 1.5)[:, None, None]
    return bool(_there(mask, center, out_mm * EVEN_DIRECTIONS, spacing_kji).any())


def _inside(tissue: Bools, center: Points, radius_mm: float, spacing_kji: Spacing) -> Places:
    """Where tissue lies in a sphere."""
    mm = np.asarray(spacing_kji)
    low = np.maximum(0, np.floor((center - radius_mm) / mm)).astype(int)
    high = np.minimum(tissue.shape, np.ceil((center + radius_mm) / mm).astype(int) + 1)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    kji = indices(tissue[box]) + low
    inside = ((kji * mm - center) ** 2).sum(axis=1) <= (radius_mm + mm.min() / 4) ** 2
    return tuple(kji[inside].T)


def _enclosed(
    lung: Bools,
    inside: Places,
    center: Points,
    radius_mm: float,
    ways: float,
    spacing_kji: Spacing,
) -> Places:
    """Places in a sphere from where so many ways out of it lead into lung."""
    directions = EVEN_DIRECTIONS.astype(np.float32)
    step = (np.stack(inside, axis=-1) * spacing_kji - center).astype(np.float32)
    along = step @ directions.T
    short = radius_mm**2 - (step**2).sum(axis=1)
    out_mm = np.sqrt(np.maximum(along**2 + short[:, None], 0)) - along
    met = np.zeros(out_mm.shape, bool)
    for beyond_mm in (1.0, 2.5):
        ends = step[:, None] + (out_mm + beyond_mm)[..., None] * directions
        met |= _there(lung, center, ends, spacing_kji)
    wanted = met.mean(axis=1) >= ways
    return tuple(places[wanted] for places in inside)
