"""Closed 2-manifolds that stay so in a file, where only coordinates tell vertices apart.

An STL file has no indices: its reader welds corners with equal float32 coordinates. A mesh
that is sound by its indices can so get edges of four triangles. Here sheets that touch are
taken apart by a few micrometres (Gueziec et al., "Cutting and stitching", 2001), each
towards its own inside.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from vis3d.geometry import FloatArray
from vis3d.meshing.edges import Edges, Indices, Triangles, equal_runs, fans, next_corner
from vis3d.meshing.threads import in_blocks

Points: TypeAlias = NDArray[np.floating]
Mesh: TypeAlias = tuple[Points, Triangles]

_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)

APART_MM = 0.002
"""How far touching sheets are moved apart; float32 resolves 0.0001 mm at 1 m."""


def welded(points: Points, triangles: Triangles) -> Mesh:
    """The mesh with one vertex for each float32 position, as a reader of STL makes it.

    Triangles that lose a corner so, and vertices of no triangle, are left out.
    """
    single = np.ascontiguousarray(points, np.float32) + np.float32(0)  # no negative zeros
    order, new = _by_position(single)
    if new.all():
        return compact(single, triangles[_has_three_corners(triangles)])
    index = np.empty(len(single), np.int64)
    index[order] = np.cumsum(new) - 1
    joined = index[triangles]
    return compact(single[order[new]], joined[_has_three_corners(joined)])


def use_counts(triangles: Triangles) -> Indices:
    """For each edge how many triangles use it: 2 everywhere in a closed manifold."""
    return Edges.of(triangles).sizes


def piece_of_points(n_points: int, triangles: Triangles) -> NDArray[np.int32]:
    """Which connected piece each point belongs to, from 0."""
    starts = triangles[:, :2].reshape(-1).astype(np.int32, copy=False)
    ends = triangles[:, 1:].reshape(-1).astype(np.int32, copy=False)
    # Each point goes to a lower neighbour, and so on down: only few are lower than all
    # of theirs, and only those are left to be joined.
    lowest = np.arange(n_points, dtype=np.int32)
    lowest[np.maximum(starts, ends)] = np.minimum(starts, ends)
    while True:
        lower = lowest[lowest]
        if (lower == lowest).all():
            break
        lowest = lower
    is_lowest = lowest == np.arange(n_points, dtype=np.int32)
    number = (np.cumsum(is_lowest, dtype=np.int32) - 1)[lowest]
    one, other = number[starts], number[ends]
    apart = one != other
    links = _graph(
        one[apart],
        other[apart],
        np.ones(np.count_nonzero(apart), np.int8),
        int(np.count_nonzero(is_lowest)),
    )
    piece: NDArray[np.int32] = connected_components(links, directed=False)[1]
    return piece[number]


def border_points(n_points: int, triangles: Triangles) -> NDArray[np.bool_]:
    """Points on edges with a single triangle."""
    starts, ends = triangles.reshape(-1), np.roll(triangles, -1, axis=1).reshape(-1)
    keys = np.minimum(starts, ends) * n_points + np.maximum(starts, ends)
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    border = np.zeros(n_points, bool)
    single = first[counts == 1]
    border[starts[single]] = border[ends[single]] = True
    return border


def neighbor_means(n_points: int, triangles: Triangles) -> csr_array:
    """The matrix (float32) that takes points to the means of their neighbours."""
    # In a closed surface each edge runs once either way, so one direction is enough.
    starts, ends = triangles.reshape(-1), np.roll(triangles, -1, axis=1).reshape(-1)
    count = np.bincount(starts, minlength=n_points)
    shares = (1 / np.maximum(count, 1)).astype(np.float32)[starts]
    return _graph(starts, ends, shares, n_points)


def compact(points: Points, triangles: Triangles) -> Mesh:
    """Without the vertices that no triangle uses."""
    used = np.zeros(len(points), bool)
    used[triangles] = True
    if used.all():
        return points, triangles
    return points[used], (np.cumsum(used) - 1)[triangles]


def folded(triangles: Triangles) -> NDArray[np.bool_]:
    """The pairs of triangles that have the same corners and opposite sides."""
    drop = np.zeros(len(triangles), bool)
    # Few triangles have the sum of another one's corners' random numbers.
    random = np.random.default_rng(0).integers(2**62, size=int(triangles.max(initial=-1)) + 1)
    a, b, c = triangles.T
    sums = random[a] + random[b] + random[c]
    order = np.argsort(sums)
    _, sizes = equal_runs(sums[order])
    suspects = np.sort(order[np.repeat(sizes > 1, sizes)])
    drop[suspects] = _folded_among(triangles[suspects])
    return drop


def _folded_among(triangles: Triangles) -> NDArray[np.bool_]:
    low, high = triangles.min(axis=1), triangles.max(axis=1)
    middle = triangles.sum(axis=1) - low - high
    order = np.lexsort((high, middle, low))
    same = (np.diff(np.stack([low, middle, high])[:, order]) == 0).all(axis=0)
    starts, sizes = equal_runs(np.cumsum(np.concatenate([[1], ~same])))
    up = triangles[np.arange(len(triangles)), (triangles.argmin(axis=1) + 1) % 3] == middle
    drop = np.zeros(len(triangles), bool)
    for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
        group = order[start : start + size]
        ups, downs = group[up[group]], group[~up[group]]
        n = min(len(ups), len(downs))
        drop[ups[:n]] = drop[downs[:n]] = True
    return drop


def separated(points: Points, triangles: Triangles) -> Mesh:
    """The same surface as a 2-manifold even after welding equal coordinates.

    The mesh must be a boundary: each edge used as often in one direction as in the other,
    as is every collapsed closed surface. Triangles folded onto each other vanish; at an
    edge of four triangles or more those that bound the same piece of inside stay together;
    vertices shared by several fans, and edges that still coincide, are moved apart. Open
    borders stay open.
    """
    points, triangles = welded(points, triangles)
    points, triangles = compact(points, triangles[~folded(triangles)])
    edges = Edges.of(triangles)
    crowded, partner = edges.crowded, edges.partners(triangles)
    _pair_crowded(points, triangles, crowded, partner)
    count, fan = fans(partner)
    if not len(crowded) and count == len(points):
        return points, triangles
    vertex = np.zeros(count, np.int64)
    vertex[fan] = triangles.reshape(-1)
    shared = np.bincount(vertex, minlength=len(points))[vertex] > 1
    points, triangles = _without_doubled_edges(
        points[vertex], fan.reshape(-1, 3), partner, crowded
    )
    moving = np.concatenate([shared, np.ones(len(points) - count, bool)])
    return _nudged(points, triangles, np.flatnonzero(moving)), triangles


def sound(points: Points, triangles: Triangles) -> Mesh:
    """A mesh that is a manifold by its indices, made one by its coordinates too."""
    single = np.ascontiguousarray(points, np.float32) + np.float32(0)
    if _by_position(single)[1].all():
        return single, triangles
    return separated(single, triangles)


def _graph(
    starts: NDArray[np.integer],
    ends: NDArray[np.integer],
    weights: NDArray[np.number],
    n_points: int,
) -> csr_array:
    """The links from `starts` to `ends` as a sparse matrix, doubled ones kept apart."""
    places = starts.astype(np.int32), ends.astype(np.int32)
    links = coo_array((weights, places), (n_points, n_points))
    links.has_canonical_format = True  # else SciPy sorts every row to sum what is doubled
    return links.tocsr()


def _by_position(points: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """An order in which equal points are neighbours, and where in it a new one begins.

    Sorted by a hash of the coordinates, which is several times faster than by coordinates.
    """
    hashed = np.empty(len(points), np.uint64)

    def mix(rows: slice) -> None:
        bits = points[rows].view(np.uint32).astype(np.uint64)
        mixed = bits[:, 0] * _MIX[0] ^ bits[:, 1] * _MIX[1] ^ bits[:, 2] * _MIX[2]
        hashed[rows] = mixed ^ (mixed >> np.uint64(29))

    in_blocks(mix, len(points))
    order = np.argsort(hashed)
    differs = np.diff(hashed[order]) != 0
    alike = np.flatnonzero(~differs)
    if (points[order[alike]] != points[order[alike + 1]]).any():
        order = np.lexsort((points[:, 2], points[:, 1], points[:, 0]))
        differs = (points[order[1:]] != points[order[:-1]]).any(axis=1)
    return order, np.concatenate([np.ones(min(len(points), 1), bool), differs])


def _has_three_corners(triangles: Triangles) -> NDArray[np.bool_]:
    a, b, c = triangles.T
    different: NDArray[np.bool_] = (a != b) & (b != c) & (c != a)
    return different


def _edges_of(triangles: Triangles, half_edges: Indices) -> tuple[Indices, Indices]:
    """The lower and the higher end of some half-edges."""
    corner = triangles.reshape(-1)
    starts, ends = corner[half_edges], corner[next_corner(half_edges)]
    return np.minimum(starts, ends), np.maximum(starts, ends)


def _pair_crowded(
    points: Points, triangles: Triangles, crowded: Indices, partner: Indices
) -> None:
    """Join the triangles round edges of more than two that bound the same wedge of inside.

    `crowded` are the half-edges on such edges, those of each edge in a row.
    """
    if not len(crowded):
        return
    low, high = _edges_of(triangles, crowded)
    new = np.concatenate([[True], (np.diff(low) != 0) | (np.diff(high) != 0)])
    first, sizes = equal_runs(np.cumsum(new))
    group = np.repeat(np.arange(len(first)), sizes)
    runs_up = triangles.reshape(-1)[crowded] == low
    origin = points[low[first]].astype(float)
    axis = points[high[first]] - origin
    across = np.cross(axis, np.eye(3)[np.abs(axis).argmin(axis=1)])
    up_there = np.cross(axis, across) / np.linalg.norm(axis, axis=1, keepdims=True)
    tips = points[triangles.reshape(-1)[next_corner(next_corner(crowded))]] - origin[group]
    angle = np.arctan2(
        np.einsum("ij,ij->i", tips, up_there[group]), np.einsum("ij,ij->i", tips, across[group])
    )
    # Seen along the edge, outwards is where the angle grows for a triangle that runs up
    # the edge: so inside begins at one that runs down and ends at one that runs up.
    turn = np.lexsort((runs_up, angle, group))
    ends = runs_up[turn].tolist()
    half_edges = crowded[turn].tolist()
    for begin, size in zip(first.tolist(), sizes.tolist(), strict=True):
        for opened, closed in _matched(ends[begin : begin + size]):
            one, other = half_edges[begin + opened], half_edges[begin + closed]
            partner[one], partner[other] = other, one


def _matched(ends: list[bool]) -> list[tuple[int, int]]:
    """The pairs of brackets (False opens, True closes) in a circle of them."""
    pairs: list[tuple[int, int]] = []
    opened: list[int] = []
    closed: set[int] = set()
    for n in (*range(len(ends)), *range(len(ends))):
        if n in closed or n in opened:
            continue
        if not ends[n]:
            opened.append(n)
        elif opened:
            pairs.append((opened.pop(), n))
            closed.update(pairs[-1])
    return pairs


def _without_doubled_edges(
    points: Points, triangles: Triangles, partner: Indices, crowded: Indices
) -> Mesh:
    """Pairs of triangles on edges that several pairs share get a vertex in the middle.

    Only half-edges that were `crowded` can be on one. The new vertices come last. As no
    pair is folded (`folded`), all edges are then unique.
    """
    low, high = _edges_of(triangles, crowded)
    order = np.lexsort((high, low))
    changes = (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)
    _, sizes = equal_runs(np.cumsum(np.concatenate([[True], changes])[: len(order)]))
    still = crowded[order[np.repeat(sizes > 2, sizes)]]
    first = np.sort(still[still < partner[still]])
    if not len(first):
        return points, triangles
    sides = np.concatenate([first, partner[first]])
    rows, row = np.unique(sides // 3, return_inverse=True)
    middle = np.full((len(rows), 3), -1, np.int64)
    middle[row, sides % 3] = len(points) + np.tile(np.arange(len(first)), 2)
    one, other = _edges_of(triangles, first)
    between = (points[one].astype(float) + points[other]) / 2
    together = np.concatenate([points, between.astype(points.dtype)])
    whole = np.ones(len(triangles), bool)
    whole[rows] = False
    return together, np.concatenate([triangles[whole], _subdivided(triangles[rows], middle)])


def _subdivided(triangles: Triangles, middle: Triangles) -> Triangles:
    """Triangles cut at the middles of their edges (corner n to the next) that aren't -1."""
    cuts = (middle >= 0).sum(axis=1)
    # Turned so that a single cut is on the first edge, and a single whole edge the last.
    turn = np.where(cuts == 1, (middle >= 0).argmax(axis=1), 0)
    turn = np.where(cuts == 2, (middle < 0).argmax(axis=1) + 1, turn)
    columns = (np.arange(3) + turn[:, None]) % 3
    a, b, c = np.take_along_axis(triangles, columns, axis=1).T
    ab, bc, ca = np.take_along_axis(middle, columns, axis=1).T
    patterns = {
        1: ((a, ab, c), (ab, b, c)),
        2: ((a, ab, c), (ab, bc, c), (ab, b, bc)),
        3: ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)),
    }
    parts = [triangles[cuts == 0]]
    for count, pattern in patterns.items():
        parts += [np.stack(corners, axis=1)[cuts == count] for corners in pattern]
    return np.concatenate(parts)


def _nudged(points: Points, triangles: Triangles, moving: NDArray[np.int64]) -> Points:
    """Float32 points no two of which are equal, the `moving` ones moved inwards."""
    exact = points.astype(float)
    if moving.size:
        exact[moving] += APART_MM * _inwards(exact, triangles, moving)
    random = np.random.default_rng(0)
    for attempt in range(1, 20):
        single = exact.astype(np.float32) + np.float32(0)
        order, new = _by_position(single)
        equal = order[~new]
        if not equal.size:
            break
        exact[equal] += attempt * APART_MM * random.uniform(-1, 1, (len(equal), 3))
    return single


def _inwards(points: FloatArray, triangles: Triangles, which: NDArray[np.int64]) -> FloatArray:
    """Unit vectors from the vertices `which` to the inside of their fans."""
    chosen = np.full(len(points), -1)
    chosen[which] = np.arange(len(which))
    touching = triangles[(chosen[triangles] >= 0).any(axis=1)]
    a, b, c = (points[touching[:, n]] for n in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    middle = (a + b + c) / 3
    inward = np.zeros((len(which), 3))
    for n in range(3):
        row = chosen[touching[:, n]]
        along = middle - points[touching[:, n]]
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
        np.add.at(inward, row[row >= 0], (0.3 * along - normal)[row >= 0])
    inward /= np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), 1e-12)
    return inward
