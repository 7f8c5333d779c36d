"""Spheres on which the lung lies that is seen from within them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from vis3d.segmentation.voxels.frame import Bools, Spacing
from vis3d.segmentation.voxels.morphology import indices, slabs

Points = NDArray[np.floating[Any]]
"""Places (k, j, i) in mm from the first voxel, or steps between them; (..., 3)."""

Places = tuple[NDArray[np.int64], ...]
"""The k, the j and the i of voxels."""

STEPS, STEP_MM = 16, 1.0
REACH_MM = STEPS * STEP_MM
AT_ONCE = 64
"""From how many places is looked at a time: what that takes fits into a processor's cache."""
FIT_MM, FIT_SHARE = 1.5, 0.2
"""How far from a sphere its surface may lie: so many mm, or so much of its radius."""
RADIUS_MM = (3.5, 14.5)
ROUND_IT = 2.0
"""How far round a sphere, in radii, lung shows where the pleura went that it hides."""
FEWEST = 5
"""Fewer points than that have no hull."""
BRONCHUS_HU, BESIDE_MM = -500, 3.0
"""What has a bronchus in it or beside it are vessels of the hilum."""


@dataclass(frozen=True, eq=False)
class Spheres:
    """Where spheres lie and how well they fit what is seen from their middles."""

    centers: Points
    radii_mm: NDArray[np.floating[Any]]
    seen: Bools
    """Which directions of `EVEN_DIRECTIONS` meet lung on the surface, one row a sphere."""
    on_it: NDArray[np.floating[Any]]
    """How much of the lung that is seen from the middle lies on the surface."""

    def of(self, which: NDArray[Any]) -> "Spheres":
        """Some of them."""
        centers, radii_mm, seen = self.centers[which], self.radii_mm[which], self.seen[which]
        return Spheres(centers, radii_mm, seen, self.on_it[which])

    def each(self) -> Iterator[tuple[Points, float]]:
        """Their centres and radii."""
        return zip(self.centers, self.radii_mm.tolist(), strict=True)


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


def one_of_each_block(
    mask: Bools, rank: NDArray[np.uint8], block_mm: float, spacing_kji: Spacing
) -> Points:
    """Of each block of the mask's voxels the place of the highest rank."""
    points = indices(mask) * np.asarray(spacing_kji)
    block = (points // block_mm).astype(np.int64) @ (1 << 20, 1 << 10, 1)
    order = np.lexsort((-rank[mask].astype(int), block))
    _, first = np.unique(block[order], return_index=True)
    return np.asarray(points[order[first]])


def fitted(
    lung: Bools, seeds: Points, rounds: Sequence[float], spacing_kji: Spacing
) -> Spheres:
    """The spheres that the lung seen from the seeds lies on, those that could be nodules.

    A sphere is fitted to the lung seen from its middle, which then lies elsewhere, in several
    `rounds`: each says on how much of the sphere lung lies at least.
    """
    centers, distance = seeds, _distance_mm(lung, seeds, spacing_kji)
    radii = np.sort(distance, axis=1)[:, len(EVEN_DIRECTIONS) // 4]
    allowed = np.maximum(2.5, 0.4 * np.minimum(radii, REACH_MM))
    for worth_a_fit in rounds:
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
    seen = np.abs(distance - radii[:, None]) < allowed[:, None]
    on_it = seen.sum(axis=1) / np.maximum(np.isfinite(distance).sum(axis=1), 1)
    spheres = Spheres(centers, radii, seen, on_it)
    return spheres.of((radii >= RADIUS_MM[0]) & (radii <= RADIUS_MM[1]))


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


def different(spheres: Spheres) -> Spheres:
    """Each once: many seeds lead to the same."""
    return spheres.of(_once(np.column_stack([spheres.centers, spheres.radii_mm])))


def holds(mask: Bools, center: Points, radius_mm: float, spacing_kji: Spacing) -> bool:
    """Whether any of the mask lies in the sphere or beside it."""
    out_mm = np.arange(1.0, radius_mm + BESIDE_MM, 1.5)[:, None, None]
    return bool(_there(mask, center, out_mm * EVEN_DIRECTIONS, spacing_kji).any())


def tissue_within(
    tissue: Bools, center: Points, radius_mm: float, spacing_kji: Spacing
) -> Places:
    """Where tissue lies in a sphere."""
    return _near(tissue, center, radius_mm + min(spacing_kji) / 4, spacing_kji)


def _near(mask: Bools, center: Points, reach_mm: float, spacing_kji: Spacing) -> Places:
    mm = np.asarray(spacing_kji)
    low = np.maximum(0, np.floor((center - reach_mm) / mm)).astype(int)
    high = np.minimum(mask.shape, np.ceil((center + reach_mm) / mm).astype(int) + 1)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    kji = indices(mask[box]) + low
    near = ((kji * mm - center) ** 2).sum(axis=1) <= reach_mm**2
    return tuple(kji[near].T)


def within_lung(
    lung: Bools, inside: Places, center: Points, radius_mm: float, spacing_kji: Spacing
) -> Places:
    """Places in a sphere that lie in the convex hull of the lung round it.

    Pleura that a nodule hides goes on as the pleura beside it does.
    """
    near = _ends_of_rows(_near(lung, center, ROUND_IT * radius_mm, spacing_kji))
    if len(near[0]) < FEWEST:
        return tuple(places[:0] for places in inside)
    lung_mm, inside_mm = (
        np.stack(places, axis=-1) * spacing_kji - center for places in (near, inside)
    )
    # joggled, points in a plane have a hull, too
    faces = ConvexHull(lung_mm, qhull_options="QJ").equations
    # so few are slower in several threads, which @ would begin
    beyond_mm = np.einsum("na,fa->nf", inside_mm, faces[:, :3]) + faces[:, 3]
    wanted = (beyond_mm <= min(spacing_kji) / 2).all(axis=1)
    return tuple(places[wanted] for places in inside)


def _ends_of_rows(places: Places) -> Places:
    """The first and the last of those that lie in one row along i: their hull is the same."""
    k, j, _ = places
    begins = np.ones(len(k) + 1, bool)
    begins[1:-1] = (np.diff(k) != 0) | (np.diff(j) != 0)
    ends = begins[:-1] | begins[1:]
    return tuple(along[ends] for along in places)
