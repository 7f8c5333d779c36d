"""Fair surfaces: without staircase where only the label is known, smoother where asked."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from vis3d.geometry import FloatArray
from vis3d.meshing.manifold import Points, Triangles, piece_of_points
from vis3d.meshing.topology import Crossings, Flags

ROUNDS = 20
"""Rounds of fairing; more change a surface by less than a hundredth of a voxel."""

STEP = 0.5
"""The share of the way to the middle of its neighbours that a vertex goes in a round."""


def fair(
    crossings: Crossings,
    fraction: FloatArray,
    free: Flags,
    spacing: tuple[float, float, float],
    *,
    nearest: float,
) -> FloatArray:
    """The fractions of `crossings`, the `free` ones chosen for a surface that bends least.

    Each vertex stays on its grid edge, `nearest` away from its ends, so whatever the
    surface becomes, it still has exactly the label's voxels inside.
    """
    if not free.any():
        return fraction
    start = crossings.inside_ijk[free] * np.array(spacing)
    edge = crossings.step[free] * np.array(spacing)
    length = np.linalg.norm(edge, axis=1)
    means = neighbor_means(len(free), crossings.triangles)
    around = fan_sums(len(free), crossings.triangles)
    means_free, around_free = means[free], around[free]
    points = crossings.points_ijk(fraction) * np.array(spacing)
    for _ in range(ROUNDS):
        bend = means @ points - points
        wanted = points[free] - 0.8 * STEP * (means_free @ bend - bend[free])
        normal = _units(twice_area(points, crossings.triangles, around_free))
        along = np.einsum("ij,ij->i", edge, normal)
        ahead = np.einsum("ij,ij->i", wanted - start, normal)
        share = np.clip(ahead / np.maximum(along, 0.25 * length), nearest, 1 - nearest)
        points[free] = start + share[:, None] * edge
    fraction = fraction.copy()
    fraction[free] = share
    return fraction


def smoothed(points: Points, triangles: Triangles, *, radius_mm: float) -> FloatArray:
    """The points with details below `radius_mm` smoothed away and each piece's volume kept.

    Heat flow over the mesh, to a Gaussian of that standard deviation, applied twice over
    (twicing), so that shapes much larger than the radius don't shrink; what volume is
    still lost comes back by an even offset. Open borders stay where they are.
    """
    means = neighbor_means(len(points), triangles)
    start = points.astype(float)
    step_mm = _root_mean_square_edge_mm(start, triangles)
    rounds = int(np.ceil(2 * radius_mm**2 / (STEP * step_mm**2)))
    still = _border_points(len(points), triangles)
    once = _flowed(start, means, rounds, still)
    result = once + _flowed(start - once, means, rounds, still)
    return _with_volume_of(start, result, triangles)


def neighbor_means(n_points: int, triangles: Triangles) -> csr_array:
    """The matrix that takes points to the means of their neighbours."""
    starts, ends = triangles.reshape(-1), np.roll(triangles, -1, axis=1).reshape(-1)
    both = (np.concatenate([starts, ends]), np.concatenate([ends, starts]))
    links = csr_array((np.ones(len(both[0]), np.float32), both), (n_points, n_points))
    counts = np.maximum(links.sum(axis=1), 1)
    return csr_array(diags_array(1 / counts) @ links)


def fan_sums(n_points: int, triangles: Triangles) -> csr_array:
    """The matrix that sums, for each point, over the triangles round it."""
    rows = triangles.reshape(-1)
    columns = np.repeat(np.arange(len(triangles)), 3)
    return csr_array((np.ones(len(rows)), (rows, columns)), (n_points, len(triangles)))


def twice_area(points: FloatArray, triangles: Triangles, around: csr_array) -> FloatArray:
    """For each row of `around` twice the area vector of its triangles, along the normal."""
    a, b, c = (points[triangles[:, n]] for n in range(3))
    sums: FloatArray = around @ np.cross(b - a, c - a)
    return sums


def _units(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12))


def _flowed(values: FloatArray, means: csr_array, rounds: int, still: Flags) -> FloatArray:
    for _ in range(rounds):
        values = np.where(still[:, None], values, values + STEP * (means @ values - values))
    return values


def _root_mean_square_edge_mm(points: FloatArray, triangles: Triangles) -> float:
    edges = points[triangles] - points[np.roll(triangles, -1, axis=1)]
    return float(np.sqrt((edges**2).sum(axis=2).mean()))


def _border_points(n_points: int, triangles: Triangles) -> Flags:
    """Points on edges with a single triangle."""
    starts, ends = triangles.reshape(-1), np.roll(triangles, -1, axis=1).reshape(-1)
    keys = np.minimum(starts, ends) * n_points + np.maximum(starts, ends)
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    border = np.zeros(n_points, bool)
    single = first[counts == 1]
    border[starts[single]] = border[ends[single]] = True
    return border


def _with_volume_of(before: FloatArray, after: FloatArray, triangles: Triangles) -> FloatArray:
    """`after`, each piece offset along its normals to the volume it had in `before`."""
    piece_of = piece_of_points(len(after), triangles)
    piece = piece_of[triangles[:, 0]]
    around = fan_sums(len(after), triangles)
    target = _volumes(before, triangles, piece)
    for _ in range(2):
        missing = target - _volumes(after, triangles, piece)
        offset = missing / np.maximum(_areas(after, triangles, piece), 1e-9)
        after = after + offset[piece_of, None] * _units(twice_area(after, triangles, around))
    return after


def _volumes(points: FloatArray, triangles: Triangles, piece: NDArray[np.int32]) -> FloatArray:
    a, b, c = (points[triangles[:, n]] - points.mean(axis=0) for n in range(3))
    volumes = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    return np.bincount(piece, volumes).astype(float)


def _areas(points: FloatArray, triangles: Triangles, piece: NDArray[np.int32]) -> FloatArray:
    a, b, c = (points[triangles[:, n]] for n in range(3))
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    return np.bincount(piece, areas).astype(float)
