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

Points: TypeAlias = NDArray[np.floating]
Triangles: TypeAlias = NDArray[np.integer]
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
    index = np.empty(len(single), np.int64)
    index[order] = np.cumsum(new) - 1
    joined = index[triangles]
    return compact(single[order[new]], joined[_has_three_corners(joined)])


def use_counts(triangles: Triangles) -> NDArray[np.int64]:
    """For each edge how many triangles use it: 2 everywhere in a closed manifold."""
    _, keys = _half_edges(triangles)
    return _equal_runs(np.sort(keys))[1]


def fan_count(triangles: Triangles) -> int:
    """How many fans of triangles round a vertex there are: one a vertex in a manifold."""
    return _fans(triangles, _partners(np.zeros((0, 3)), triangles, geometric=False))[0]


def piece_of_points(n_points: int, triangles: Triangles) -> NDArray[np.int32]:
    """Which connected piece each point belongs to, from 0."""
    starts, ends = triangles[:, :2].reshape(-1), triangles[:, 1:].reshape(-1)
    links = _graph(starts, ends, np.ones(len(starts), np.int8), n_points)
    labels: NDArray[np.int32] = connected_components(links, directed=False)[1]
    return labels


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
    _, sizes = _equal_runs(sums[order])
    suspects = np.sort(order[np.repeat(sizes > 1, sizes)])
    drop[suspects] = _folded_among(triangles[suspects])
    return drop


def _folded_among(triangles: Triangles) -> NDArray[np.bool_]:
    low, high = triangles.min(axis=1), triangles.max(axis=1)
    middle = triangles.sum(axis=1) - low - high
    order = np.lexsort((high, middle, low))
    same = (np.diff(np.stack([low, middle, high])[:, order]) == 0).all(axis=0)
    starts, sizes = _equal_runs(np.cumsum(np.concatenate([[1], ~same])))
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
    partner = _partners(points, triangles)
    count, fan = _fans(triangles, partner)
    vertex = np.zeros(count, np.int64)
    vertex[fan] = triangles.reshape(-1)
    shared = np.bincount(vertex, minlength=len(points))[vertex] > 1
    points, triangles = _without_doubled_edges(points[vertex], fan.reshape(-1, 3), partner)
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
    bits = points.view(np.uint32).astype(np.uint64)
    hashed = bits[:, 0] * _MIX[0] ^ bits[:, 1] * _MIX[1] ^ bits[:, 2] * _MIX[2]
    hashed ^= hashed >> np.uint64(29)
    order = np.argsort(hashed)
    differs = (points[order[1:]] != points[order[:-1]]).any(axis=1)
    if (differs & (hashed[order[1:]] == hashed[order[:-1]])).any():
        order = np.lexsort((points[:, 2], points[:, 1], points[:, 0]))
        differs = (points[order[1:]] != points[order[:-1]]).any(axis=1)
    return order, np.concatenate([np.ones(min(len(points), 1), bool), differs])


def _has_three_corners(triangles: Triangles) -> NDArray[np.bool_]:
    a, b, c = triangles.T
    different: NDArray[np.bool_] = (a != b) & (b != c) & (c != a)
    return different


def _half_edges(triangles: Triangles) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each triangle's three edges start (3m,), and one number for each edge."""
    starts = triangles.reshape(-1).astype(np.int64, copy=False)
    ends = np.roll(triangles, -1, axis=1).reshape(-1)
    n = int(starts.max(initial=0)) + 1
    return starts, np.minimum(starts, ends) * n + np.maximum(starts, ends)


def _equal_runs(ordered: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where runs of equal numbers begin, and how long they are."""
    new = np.concatenate([np.ones(min(len(ordered), 1), bool), np.diff(ordered) != 0])
    starts = np.flatnonzero(new)
    return starts, np.diff(starts, append=len(ordered))


def _partners(
    points: Points, triangles: Triangles, *, geometric: bool = True
) -> NDArray[np.int64]:
    """The half-edge on the other side of each half-edge (3m,), -1 where there is none.

    Without `geometric`, half-edges of edges with more than two triangles have none.
    """
    corner, keys = _half_edges(triangles)
    order = np.argsort(keys)
    starts, sizes = _equal_runs(keys[order])
    first = order[starts[sizes == 2]]
    second = order[starts[sizes == 2] + 1]
    opposite = corner[first] != corner[second]
    partner = np.full(len(keys), -1, np.int64)
    partner[first[opposite]] = second[opposite]
    partner[second[opposite]] = first[opposite]
    if geometric:
        _pair_crowded(points, triangles, order[np.repeat(sizes > 2, sizes)], partner)
    return partner


def _pair_crowded(
    points: Points,
    triangles: Triangles,
    crowded: NDArray[np.int64],
    partner: NDArray[np.int64],
) -> None:
    """Join the triangles round edges of more than two that bound the same wedge of inside.

    `crowded` are the half-edges on such edges, those of each edge in a row.
    """
    starts, keys = _half_edges(triangles)
    starts, (first, sizes) = starts[crowded], _equal_runs(keys[crowded])
    if not len(first):
        return
    group = np.repeat(np.arange(len(first)), sizes)
    low, high = np.minimum.reduceat(starts, first), np.maximum.reduceat(starts, first)
    origin = points[low].astype(float)
    axis = points[high] - origin
    across = np.cross(axis, np.eye(3)[np.abs(axis).argmin(axis=1)])
    up_there = np.cross(axis, across) / np.linalg.norm(axis, axis=1, keepdims=True)
    tips = points[triangles.reshape(-1)[_next_corner(_next_corner(crowded))]] - origin[group]
    angle = np.arctan2(
        np.einsum("ij,ij->i", tips, up_there[group]), np.einsum("ij,ij->i", tips, across[group])
    )
    # Seen along the edge, outwards is where the angle grows for a triangle that runs up
    # the edge: so inside begins at one that runs down and ends at one that runs up.
    runs_up = starts == low[group]
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


def _fans(triangles: Triangles, partner: NDArray[np.int64]) -> tuple[int, NDArray[np.integer]]:
    """How many fans there are, and the fan of each triangle corner (3m,).

    Half-edge h runs from corner h to the next corner of its triangle.
    """
    if (partner >= 0).all():
        return _cycles(_next_corner(partner))
    here = np.flatnonzero(partner >= 0)
    n = triangles.size
    following = _next_corner(partner[here])
    graph = coo_array((np.ones(len(here), np.int8), (here, following)), (n, n))
    count, label = connected_components(graph, directed=False)
    return int(count), label


def _next_corner(corners: NDArray[np.int64]) -> NDArray[np.int64]:
    """The corner that follows in the same triangle."""
    return np.where(corners % 3 == 2, corners - 2, corners + 1)


def _cycles(following: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    """The cycles of a permutation: how many, and which one each element is in."""
    least = np.arange(len(following))
    while True:
        lower = np.minimum(least, least[following])
        if (lower == least).all():
            break
        least, following = lower, following[following]
    roots = least == np.arange(len(least))
    return int(np.count_nonzero(roots)), (np.cumsum(roots) - 1)[least]


def _without_doubled_edges(
    points: Points, triangles: Triangles, partner: NDArray[np.int64]
) -> Mesh:
    """Pairs of triangles on edges that several pairs share get a vertex in the middle.

    The new vertices come last. As no pair is folded (`folded`), all edges are then unique.
    """
    starts, keys = _half_edges(triangles)
    order = np.argsort(keys)
    _, sizes = _equal_runs(keys[order])
    crowded = order[np.repeat(sizes > 2, sizes)]
    first = np.sort(crowded[crowded < partner[crowded]])
    middle = np.full(len(keys), -1, np.int64)
    middle[first] = middle[partner[first]] = len(points) + np.arange(len(first))
    ends = triangles.reshape(-1)[_next_corner(first)]
    between = (points[starts[first]].astype(float) + points[ends]) / 2
    together = np.concatenate([points, between.astype(points.dtype)])
    return together, _subdivided(triangles, middle.reshape(-1, 3))


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
