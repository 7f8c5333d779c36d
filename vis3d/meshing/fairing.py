"""Fair surfaces: without staircase where only the label is known, smoother where asked."""

from threading import Lock

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from vis3d.errors import TooLargeError
from vis3d.geometry import FloatArray
from vis3d.meshing.edges import Triangles
from vis3d.meshing.manifold import (
    Points,
    border_points,
    neighbor_means,
    piece_of_points,
)
from vis3d.meshing.threads import in_blocks
from vis3d.meshing.topology import Crossings, Flags, Values
from vis3d.progress import Progress, part, silent

ROUNDS = 10
"""Rounds of fairing; 20 would change a surface by a hundredth of a voxel."""

ROUNDS_A_NORMAL = 5
"""Rounds before the normals are taken anew."""

BENDING = 0.7
"""The share of its bend that a vertex gives up in a round of fairing; unstable above 0.8."""

STEP = 0.5
"""The share of the way to the middle of its neighbours that a vertex goes when smoothed."""

ROUND_S, POINT_S = 5e-5, 5e-8
"""Processor seconds that a round of smoothing takes, and each point in it."""

MOST_S = 600
"""Smoothing that would take longer is refused."""


def fair(
    crossings: Crossings,
    fraction: Values,
    free: Flags,
    spacing: tuple[float, float, float],
    *,
    nearest: float,
    progress: Progress | None = None,
) -> Values:
    """The fractions of `crossings`, the `free` ones chosen for a surface that bends least.

    Each vertex stays on its grid edge, `nearest` away from its ends, so whatever the
    surface becomes, it still has exactly the label's voxels inside.
    """
    if not free.any():
        return fraction
    near, triangles = _around(free, crossings.triangles)
    moving = np.flatnonzero(free[near])
    points = crossings.points_mm(fraction, spacing)[near]
    axis, sign = crossings.axis[near[moving]], crossings.sign[near[moving]]
    length = np.array(spacing, np.float32)[axis] * sign
    share = fraction[near[moving]]
    row = 3 * moving + axis
    start = points.reshape(-1)[row] - share * length
    means = neighbor_means(len(near), triangles)
    means_moving = means[moving]
    for done in range(ROUNDS):
        (progress or silent)(done / ROUNDS, "Placing the surface")
        if done % ROUNDS_A_NORMAL == 0:
            normal = _units(twice_area(points, triangles)[moving]).astype(np.float32)
            ahead = np.take_along_axis(normal, axis[:, None].astype(int), axis=1)[:, 0] * sign
            along = np.maximum(ahead, np.float32(0.25)) * np.abs(length)
        bend = means @ points - points
        change = means_moving @ bend - bend[moving]
        # The vertex's way to where it is wanted, measured along its edge.
        way = np.einsum("ij,ij->i", change, normal) * np.float32(-BENDING)
        way += ahead * np.abs(length) * share
        share = np.clip(way / along, np.float32(nearest), np.float32(1 - nearest))
        points.reshape(-1)[row] = start + share * length
    result = fraction.copy()
    result[near[moving]] = share
    return result


def smoothed(
    points: Points, triangles: Triangles, *, radius_mm: float, progress: Progress | None = None
) -> FloatArray:
    """The points with details below `radius_mm` smoothed away and each piece's volume kept.

    Heat flow over the mesh, to a Gaussian of that standard deviation, applied twice over
    (twicing), so that shapes much larger than the radius don't shrink; what volume is
    still lost comes back by an even offset. Open borders stay where they are, and so do
    specks of which the smoothing would leave less than half.

    Raises:
        TooLargeError: it would take more than ten minutes of a processor.
    """
    means = neighbor_means(len(points), triangles)
    start = points.astype(float)
    step_mm = _root_mean_square_edge_mm(start, triangles)
    rounds = _rounds(radius_mm, step_mm, len(points))
    still = border_points(len(points), triangles)
    once = _flowed(start, means, rounds, still, part(progress, 0.1, 0.5))
    rest = _flowed(start - once, means, rounds, still, part(progress, 0.5, 0.9))
    return _with_volume_of(start, once + rest, triangles)


def twice_area(points: NDArray[np.floating], triangles: Triangles) -> FloatArray:
    """For each point twice the area vector of the triangles round it, along its normal."""
    sums = np.zeros((3, len(points)))
    lock = Lock()

    def add(rows: slice) -> None:
        corners = triangles[rows]
        if not corners.size:
            return
        first, last = int(corners.min()), int(corners.max())
        a, b, c = np.ascontiguousarray(corners.T) - first
        x, y, z = np.ascontiguousarray(points[first : last + 1].T, float)
        ux, uy, uz = x[b] - x[a], y[b] - y[a], z[b] - z[a]
        vx, vy, vz = x[c] - x[a], y[c] - y[a], z[c] - z[a]
        products = (uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx)
        for axis, product in enumerate(products):
            found = [np.bincount(corner, product, len(x)) for corner in (a, b, c)]
            with lock:
                sums[axis, first : last + 1] += found[0] + found[1] + found[2]

    # Flying edges' triangles come in the order of their points, so a block needs few.
    in_blocks(add, len(triangles))
    return np.ascontiguousarray(sums.T)


def _around(free: Flags, triangles: Triangles) -> tuple[NDArray[np.int64], Triangles]:
    """The vertices up to two edges from the free ones, and the triangles between those."""
    near = free
    for _ in range(2):
        a, b, c = triangles.T
        touching = triangles[near[a] | near[b] | near[c]]
        near = np.zeros(len(free), bool)
        near[touching] = True
    number = np.cumsum(near) - 1
    return np.flatnonzero(near), number[touching]


def _units(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12))


def _rounds(radius_mm: float, step_mm: float, n_points: int) -> int:
    """How many rounds of steps between neighbours make up a Gaussian of that radius."""
    wanted = 2 * radius_mm**2 / (STEP * step_mm**2)
    most = MOST_S / (2 * (ROUND_S + POINT_S * n_points))
    if wanted > most:
        raise TooLargeError(
            f"Smoothing over {radius_mm:g} mm takes more than {MOST_S // 60} minutes on a "
            f"surface as fine as this: smooth over {radius_mm * np.sqrt(most / wanted):.2g} mm "
            "or less."
        )
    return int(np.ceil(wanted))


def _flowed(
    values: FloatArray, means: csr_array, rounds: int, still: Flags, progress: Progress
) -> FloatArray:
    for done in range(rounds):
        progress(done / rounds, "Smoothing")
        values = np.where(still[:, None], values, values + STEP * (means @ values - values))
    return values


def _root_mean_square_edge_mm(points: FloatArray, triangles: Triangles) -> float:
    edges = points[triangles] - points[np.roll(triangles, -1, axis=1)]
    return float(np.sqrt((edges**2).sum(axis=2).mean()))


def _with_volume_of(before: FloatArray, after: FloatArray, triangles: Triangles) -> FloatArray:
    """`after`, each piece offset along its normals to the volume it had in `before`."""
    piece = piece_of_points(len(after), triangles)
    target = _volumes(before, twice_area(before, triangles), piece)
    now = _volumes(after, twice_area(after, triangles), piece)
    left = now / np.where(target, target, 1)
    speck = ~((left > 0.5) & (left < 1.5))
    for _ in range(2):
        area = twice_area(after, triangles)
        missing = target - _volumes(after, area, piece)
        areas = np.bincount(piece, np.linalg.norm(area, axis=1) / 6)
        offset = missing / np.maximum(areas, 1e-9)
        after = after + offset[piece, None] * _units(area)
    return np.where(speck[piece, None], before, after)


def _volumes(points: FloatArray, area: FloatArray, piece: NDArray[np.int32]) -> FloatArray:
    """The volume of each piece, from twice the area vectors at its points."""
    shares = np.einsum("ij,ij->i", points - points.mean(axis=0), area) / 18
    return np.bincount(piece, shares).astype(float)
