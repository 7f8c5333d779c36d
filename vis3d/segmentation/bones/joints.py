"""Joints round the head of a bone: a dark layer on the head, with bone behind it, is open."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, gaussian_filter, map_coordinates, maximum_filter1d
from scipy.sparse import csr_array
from scipy.spatial import KDTree

from vis3d.segmentation.bones.peaks import PEAK_HU
from vis3d.segmentation.voxels.frame import Bools, Floats, Spacing, Values, Whole
from vis3d.segmentation.voxels.grids import Box
from vis3d.segmentation.voxels.morphology import components, shrunk, widened

DEEP_MM, MIN_DEEP_ML = 10.0, 0.5
"""A head is thicker than twice this, with so much of it in the middle."""
FROM_CANAL_MM = 40.0
"""No farther from the spinal canal the bones are vertebrae."""
RADII_MM = (12.0, 32.0)
"""Radii of the heads of femora and humeri, from children to large people."""
SLOPE_HU, EDGE_HU = 40.0, (-100.0, 600.0)
"""How much the values rise in a mm at a surface of bone, and between which they are read."""
VOTE_STEP_MM, VOTE_MM = 2.0, 3.0
MOST_HEADS, APART_MM = 3, 15.0
"""How many places are looked at in one thick piece of bone, and how far apart they are."""
RADIAL_MM = np.arange(8.0, 42.0, 0.5)
"""Where the rays from the middle of a head are read."""
FEW, MANY = (300, 14.0), (1000, 9.0)
"""How many rays there are, and over how many degrees round each they are averaged."""
TISSUE_HU, DIP_HU = 130.0, 50.0
"""Soft tissue is below the first; a joint is so much darker than bone on both sides of it."""
INWARDS_MM, OUTWARDS_MM = 5.0, 7.0
"""How far from the middle of the layer the densest of the bones lies: cartilage and fluid take
3 to 5 mm, where the ligament of the femoral head lies more."""
ROUND_MM = 1.5
"""How far from one sphere a head's surface lies, in the joint and where it is free."""
FEWEST = 10
"""Rays that a sphere is laid through."""
MIN_FREE, MIN_JOINT = 0.06, 0.15
"""Shares of the sphere: neck and socket leave some free, and the socket holds some."""
MUCH = 0.5
"""Of several round surfaces the innermost counts that is seen in so much of the directions in
which the widest is."""
CLOSED_DEG = 30.0
"""The layer goes on where it is seen in half of the directions so near."""


@dataclass(frozen=True, eq=False)
class Rays:
    """Directions spread evenly over the sphere, as k, j, i."""

    ways: Floats
    tree: KDTree
    near: csr_array
    wide: csr_array
    """Which directions are neighbours, as rows of shares: near ones, and `CLOSED_DEG`."""


@dataclass(frozen=True, eq=False)
class Head:
    """What is seen from the middle of the head of a bone, in each direction."""

    rays: Rays
    free: Bools
    """Where soft tissue lies on its round surface."""
    joint: Bools
    """Where a dark layer lies on it, with bone behind that."""
    surface_mm: Floats
    middle_mm: Floats
    behind_mm: Floats
    """How far away the head ends, the layer is darkest, and the bone behind it begins."""

    @property
    def in_joint(self) -> bool:
        """Whether this is a round head, in a socket."""
        return bool(self.free.mean() >= MIN_FREE and self.joint.mean() >= MIN_JOINT)


def middles_of_heads(
    hu: Whole, whole: Bools, canal: Bools, spacing_kji: Spacing
) -> list[Floats]:
    """Where the middle of a round head of a bone may lie, on a coarse grid.

    In mm from the corner of the array along k, j, i. `whole` is bone with marrow. Surfaces of
    bone vote for what lies behind them in the direction in which the values rise.
    """
    if min(hu.shape) < 2:  # one slice: nothing slopes across it, and no head is seen in it
        return []
    thick = components(_thick(whole, canal, spacing_kji), 26)
    least = MIN_DEEP_ML * 1000 / float(np.prod(spacing_kji))
    found: list[Floats] = []
    for piece, (k, j, i) in enumerate(find_objects(thick), 1):
        box = (k, j, i)
        inside = thick[box] == piece
        if np.count_nonzero(inside) >= least:
            votes = _votes(hu, inside, box, spacing_kji)
            first = np.array([s.start for s in box])
            found += [
                (first + at + 0.5) * np.array(spacing_kji)
                for at in _highest(votes, spacing_kji)
            ]
    return found


def open_joints(
    bones: Bools, hu: Values, middles_mm: list[Floats], spacing_kji: Spacing
) -> None:
    """Take the joints round heads with these middles out of the bones, in place.

    The layer is told along rays from the middle of the head, averaged over a patch of its
    surface, so it is found where it is narrower than a coarse voxel and noisy.
    """
    opened: list[Floats] = []
    for middle in middles_mm:
        if any(np.linalg.norm(middle - other) < RADII_MM[1] for other in opened):
            continue
        if _head(hu, middle, _rays(*FEW), spacing_kji).in_joint:
            middle = _centred(hu, middle, spacing_kji)
            head = _head(hu, middle, _rays(*MANY), spacing_kji)
            if head.in_joint:
                _take_out(bones, middle, head, spacing_kji)
                opened.append(middle)


def _thick(whole: Bools, canal: Bools, spacing_kji: Spacing) -> Bools:
    """What lies deep in bone, but not in a vertebra."""
    deep = shrunk(whole, DEEP_MM, spacing_kji)
    for plane, hole in zip(deep, canal, strict=True):
        if hole.any() and plane.any():
            j, i = np.argwhere(hole).mean(axis=0)
            of = np.nonzero(plane)
            away = np.hypot((of[0] - j) * spacing_kji[1], (of[1] - i) * spacing_kji[2])
            plane[of] = away > FROM_CANAL_MM
    return deep


def _votes(hu: Whole, inside: Bools, box: Box, spacing_kji: Spacing) -> Floats:
    """For how many voxels of surfaces each voxel `inside` lies in the middle of a sphere."""
    mm = np.array(spacing_kji)
    around = widened(box, [int(np.ceil(RADII_MM[1] / step)) for step in spacing_kji])
    values = np.clip(hu[around], *EDGE_HU).astype(np.float32)
    slopes = np.stack([np.asarray(of) for of in np.gradient(values, *spacing_kji)], axis=-1)
    steep = np.sqrt(np.square(slopes).sum(axis=-1))
    at = np.nonzero(steep > SLOPE_HU)
    ways = slopes[at] / steep[at][:, None] / mm
    starts = np.stack(at, axis=1) + [
        a.start - b.start for a, b in zip(around, box, strict=True)
    ]
    votes = np.zeros(inside.size, np.float32)
    for radius in np.arange(*RADII_MM, VOTE_STEP_MM):
        to = np.rint(starts + radius * ways).astype(np.intp)
        to = to[((to >= 0) & (to < inside.shape)).all(axis=1)]
        places = np.ravel_multi_index(tuple(to.T), inside.shape)
        votes += np.bincount(places, minlength=inside.size)
    smooth = gaussian_filter(votes.reshape(inside.shape), VOTE_MM / mm, mode="constant")
    return np.asarray(np.where(inside, smooth, 0))


def _highest(votes: Floats, spacing_kji: Spacing) -> list[NDArray[np.intp]]:
    """The voxels with most votes, some distance apart."""
    places = np.argwhere(votes > 0)
    left = votes[votes > 0]
    found: list[NDArray[np.intp]] = []
    while left.max(initial=0) > 0 and len(found) < MOST_HEADS:
        best = places[left.argmax()]
        found.append(best)
        away = np.linalg.norm((places - best) * spacing_kji, axis=1)
        left[away < APART_MM] = 0
    return found


@cache
def _rays(count: int, near_deg: float) -> Rays:
    """A spiral from pole to pole (Fibonacci's), in which the directions are even."""
    n = np.arange(count) + 0.5
    turn, height = np.pi * (1 + np.sqrt(5)) * n, 1 - 2 * n / count
    across = np.sqrt(1 - height**2)
    ways = np.stack([height, across * np.cos(turn), across * np.sin(turn)], axis=1)
    cosines = ways @ ways.T
    near, wide = (cosines > np.cos(np.radians(deg)) for deg in (near_deg, CLOSED_DEG))
    shares = [
        csr_array((of / of.sum(axis=1, keepdims=True)).astype(np.float32))
        for of in (near, wide)
    ]
    return Rays(ways.astype(np.float32), KDTree(ways), *shares)


def _head(hu: Values, middle_mm: Floats, rays: Rays, spacing_kji: Spacing) -> Head:
    """The head of a bone as it is seen from its middle."""
    values = _along(rays, hu, middle_mm, spacing_kji)
    inner = _highest_beside(values, -INWARDS_MM)
    outer = _highest_beside(values, OUTWARDS_MM)
    soft = np.maximum(values, outer) < TISSUE_HU
    edges = (inner >= TISSUE_HU) & soft
    edges[:, 1:] &= ~soft[:, :-1]
    first, seen = _at_mode(edges)
    edge_mm = _half_way(values, inner, first, -1)
    radius_mm = float(np.median(edge_mm[seen])) if seen.any() else 0.0
    dips = np.minimum(inner, outer) - values > DIP_HU
    dips &= np.minimum(inner, outer) > TISSUE_HU
    dips[:, 1:-1] &= (values[:, 1:-1] <= values[:, :-2]) & (values[:, 1:-1] <= values[:, 2:])
    dips &= (radius_mm - ROUND_MM <= RADIAL_MM) & (radius_mm + INWARDS_MM >= RADIAL_MM)
    middle = dips.argmax(axis=1)
    surface_mm = _half_way(values, inner, middle, -1)
    joint = dips.any(axis=1) & (np.abs(surface_mm - radius_mm) <= ROUND_MM)
    free = seen & (np.abs(edge_mm - radius_mm) <= ROUND_MM)
    return Head(
        rays,
        free & ~joint,
        joint,
        np.where(joint, surface_mm, edge_mm),
        RADIAL_MM[middle],
        _half_way(values, outer, middle, 1),
    )


def _along(rays: Rays, hu: Values, middle_mm: Floats, spacing_kji: Spacing) -> Floats:
    """The values along rays, one a row; beyond the scan there is air."""
    places = middle_mm + rays.ways[:, None] * RADIAL_MM[:, None]
    places = places / np.array(spacing_kji) - 0.5
    read = map_coordinates(
        hu, places.reshape(-1, 3).T, np.float32, order=1, mode="constant", cval=-1000
    )
    values = np.minimum(read, PEAK_HU).reshape(len(rays.ways), -1)
    return np.asarray(rays.near @ values)


def _highest_beside(values: Floats, reach_mm: float) -> Floats:
    """The highest value on the way from each place outwards (inwards, if negative)."""
    count = int(abs(reach_mm) / (RADIAL_MM[1] - RADIAL_MM[0]))
    origin = (count - 1) // 2 if reach_mm < 0 else -(count // 2)
    return np.asarray(maximum_filter1d(values, count, 1, mode="nearest", origin=origin))


def _at_mode(hits: Bools) -> tuple[NDArray[np.intp], Bools]:
    """In each direction the first hit near the radius that most have, and where there is one.

    The outside of a socket is round, too, but farther out.
    """
    count = int(2 * ROUND_MM / (RADIAL_MM[1] - RADIAL_MM[0])) + 1
    share = maximum_filter1d(hits.view(np.uint8), count, 1).mean(axis=0)
    share[(RADII_MM[0] > RADIAL_MM) | (RADII_MM[1] < RADIAL_MM)] = 0
    first = RADIAL_MM[(share >= MUCH * share.max()).argmax()]
    share[first + 2 * ROUND_MM < RADIAL_MM] = 0
    mode_mm = float(RADIAL_MM[share >= share.max()].mean())
    near = hits & (np.abs(RADIAL_MM - mode_mm) <= ROUND_MM)
    return near.argmax(axis=1), np.asarray(near.any(axis=1))


def _half_way(values: Floats, high: Floats, at: NDArray[np.intp], way: int) -> Floats:
    """Where, inwards or outwards of a dark place, the values are half-way up to the bone."""
    of = np.arange(len(values))
    level = (values[of, at] + high[of, at]) / 2
    step = np.arange(len(RADIAL_MM))
    beyond = (values >= level[:, None]) & ((step - at[:, None]) * way > 0)
    if way < 0:
        return np.asarray(np.where(beyond, RADIAL_MM, 0).max(axis=1))
    return np.asarray(np.where(beyond, RADIAL_MM, RADIAL_MM[-1]).min(axis=1))


def _centred(hu: Values, middle_mm: Floats, spacing_kji: Spacing) -> Floats:
    """The middle of the sphere on which the surface of the head lies best.

    Where it is free comes first: what looks like a joint from beside the middle may be none.
    """
    for with_joint in (False, False, True):
        head = _head(hu, middle_mm, _rays(*FEW), spacing_kji)
        seen = head.free | (head.joint & with_joint)
        if np.count_nonzero(seen) < FEWEST:
            break
        points = head.rays.ways[seen] * head.surface_mm[seen][:, None]
        sides = np.column_stack([2 * points, np.ones(len(points))])
        moved = np.linalg.lstsq(sides, np.square(points).sum(axis=1))[0][:3]
        middle_mm = middle_mm + moved
    return middle_mm


def _take_out(bones: Bools, middle_mm: Floats, head: Head, spacing_kji: Spacing) -> None:
    """Take the layer between head and socket out of the bones, at least one voxel thick."""
    rays, mm = head.rays, np.array(spacing_kji)
    closed = rays.wide @ head.joint.astype(np.float32) > 0.5
    if not closed.any():
        return
    inner, middle, outer = (
        _evened(of, head) for of in (head.surface_mm, head.middle_mm, head.behind_mm)
    )
    low, high = middle_mm - outer[closed].max(), middle_mm + outer[closed].max()
    box = tuple(
        slice(max(0, int(a)), int(b) + 1) for a, b in zip(low / mm, high / mm, strict=True)
    )
    at = np.nonzero(bones[box])
    first = np.array([s.start for s in box])
    from_middle = (np.stack(at, axis=1) + first + 0.5) * mm - middle_mm
    away = np.linalg.norm(from_middle, axis=1)
    near = np.flatnonzero((away > inner[closed].min() - mm.max()) & (away < outer.max()))
    ways = from_middle[near] / away[near][:, None]
    of = rays.tree.query(ways)[1]
    through = np.abs(away[near] - middle[of]) <= np.abs(ways) @ mm / 2
    between = (away[near] > inner[of]) & (away[near] < outer[of])
    gone = near[closed[of] & (through | between)]
    bones[box][tuple(axis[gone] for axis in at)] = False


def _evened(mm: Floats, head: Head) -> Floats:
    """Lengths averaged over the directions around in which the joint is seen."""
    seen = head.joint.astype(np.float32)
    wide = head.rays.wide
    return np.asarray((wide @ (mm * seen)) / np.maximum(wide @ seen, 1e-6))
