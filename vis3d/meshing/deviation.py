"""How far one surface runs from another."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from vis3d.geometry import FloatArray
from vis3d.progress import Progress, silent
from vis3d.surface import Surface

SAMPLES = 20_000
"""Points on each of the two surfaces whose distance to the other one is measured."""

MANY = 10_000
"""Points from which on threads are worth starting."""

CHUNK = 20_000
"""Points between two calls of `progress`."""

DEVIATION_COLORS = np.array([(49, 54, 149), (171, 217, 233), (255, 255, 191), (215, 48, 39)])
"""From none to the most: blue, light blue, yellow, red (ColorBrewer RdYlBu, reversed)."""


@dataclass(frozen=True)
class Deviation:
    """Distances in mm between two surfaces; `worst_lps` is where the greatest one is."""

    mean: float
    p95: float
    max: float
    worst_lps: tuple[float, float, float] | None = None

    def as_dict(self) -> dict[str, float]:
        """As the report prints it."""
        return {"mean": self.mean, "p95": self.p95, "max": self.max}


NO_DEVIATION = Deviation(0.0, 0.0, 0.0)


def deviation(surface: Surface, full: Surface) -> Deviation:
    """How far `surface` runs from `full`, and `full` from it, from samples on both.

    The points are spread evenly over the area, the same ones for the same surfaces.
    """
    there, back = samples_of(surface)[0], samples_of(full)[0]
    distances_mm = np.concatenate([distances(there, full), distances(back, surface)])
    worst = int(distances_mm.argmax())
    l, p, s = np.concatenate([there, back])[worst].tolist()  # noqa: E741
    return Deviation(
        float(distances_mm.mean()),
        float(np.percentile(distances_mm, 95)),
        float(distances_mm[worst]),
        (l, p, s),
    )


def with_deviation(
    surface: Surface, full: Surface, *, progress: Progress | None = None
) -> Surface:
    """The surface with its distance to `full` at each point, as a number and as a colour.

    `point_data["deviation_mm"]` (n,) float32; `point_data["colors"]` (n, 3) uint8 from blue,
    none, to red, `metadata["deviation_colors_mm"]`: that is the 99th percentile, for a
    single peak would leave all else blue.
    """
    points = surface.points.astype(float)
    found = np.zeros(len(points), np.float32)
    same = surface.points is full.points and surface.triangles is full.triangles
    if not same and len(points):
        tree = tree_of(full)
        for start in range(0, len(points), CHUNK):
            (progress or silent)(start / len(points), "Measuring the deviation")
            part = slice(start, start + CHUNK)
            found[part] = distances_to(points[part], full, tree)
    most = float(np.percentile(found, 99)) if len(found) else 0.0
    place = np.clip(found / (most or 1.0), 0, 1)
    steps = np.linspace(0, 1, len(DEVIATION_COLORS))
    channels = [np.interp(place, steps, channel) for channel in DEVIATION_COLORS.T]
    colors = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return replace(
        surface,
        point_data={**surface.point_data, "deviation_mm": found, "colors": colors},
        metadata={**surface.metadata, "deviation_colors_mm": most},
    )


def distances(points_lps: FloatArray, surface: Surface) -> FloatArray:
    """The distance in mm of each point (n, 3) to the nearest triangle.

    Only triangles with a centre near the point are tried, more of them for the points that
    seem farthest off, so a distance can be a little too large, never too small.
    """
    return distances_to(points_lps, surface, tree_of(surface))


def tree_of(surface: Surface) -> KDTree:
    """Where the centres of its triangles are."""
    return KDTree(centers_of(surface), leafsize=32, balanced_tree=False, compact_nodes=False)


def distances_to(
    points_lps: FloatArray, surface: Surface, tree: KDTree | None = None
) -> FloatArray:
    """The same, with the surface's `tree_of` where it is at hand already."""
    tree = tree or tree_of(surface)
    found = _to_nearest(points_lps, surface, tree, candidates=4)
    for share, candidates in ((0.05, 40), (0.005, 400)):
        far = np.argsort(found)[-max(1, int(share * len(found))) :]
        found[far] = _to_nearest(points_lps[far], surface, tree, candidates=candidates)
    return found


def samples_of(surface: Surface) -> tuple[FloatArray, FloatArray]:
    """Points spread evenly over the area (the R2 sequence within triangles), and normals."""
    points, triangles = surface.points, surface.triangles
    sides = [points[triangles[:, n]] - points[triangles[:, 0]] for n in (1, 2)]
    normal = np.cross(*sides)
    size = np.linalg.norm(normal, axis=1)
    area = size.cumsum(dtype=float)
    n = np.arange(SAMPLES)
    chosen = np.searchsorted(area, (n + 0.5) / SAMPLES * area[-1])
    u, v = (n * 0.7548776662466927) % 1, (n * 0.5698402909980532) % 1
    u, v = np.where(u + v > 1, 1 - u, u)[:, None], np.where(u + v > 1, 1 - v, v)[:, None]
    a, b, c = np.moveaxis(points[triangles[chosen]].astype(float), 1, 0)
    unit = normal[chosen] / np.maximum(size[chosen, None], 1e-12)
    return np.asarray(a * (1 - u - v) + b * u + c * v), np.asarray(unit, float)


def nearest_triangles(
    points_lps: FloatArray, surface: Surface, tree: KDTree
) -> NDArray[np.intp]:
    """For each point (n, 3) the nearest of the four triangles with the nearest centres."""
    count = min(4, len(surface.triangles))
    found = np.empty(len(points_lps), np.intp)
    for start in range(0, len(points_lps), CHUNK):
        rows = slice(start, start + CHUNK)
        near = tree.query(points_lps[rows], count, workers=-1)[1].reshape(-1, count)
        corners = surface.points[surface.triangles[near.reshape(-1)]].astype(float)
        away = _squared_distances(np.repeat(points_lps[rows], count, axis=0), corners)
        best = away.reshape(-1, count).argmin(axis=1)
        found[rows] = near[np.arange(len(near)), best]
    return found


def centers_of(surface: Surface) -> FloatArray:
    """The centres of its triangles."""
    a, b, c = surface.triangles.T
    return np.asarray((surface.points[a] + surface.points[b] + surface.points[c]) / 3)


def _to_nearest(
    points: FloatArray, surface: Surface, tree: KDTree, *, candidates: int
) -> FloatArray:
    """The distance to the nearest of the triangles with the nearest centres."""
    count = min(candidates, len(surface.triangles))
    found = np.empty(len(points))
    for start in range(0, len(points), 200_000 // count):
        part = slice(start, start + 200_000 // count)
        threads = -1 if len(points) > MANY else 1
        _, near = tree.query(points[part], count, workers=threads)
        corners = surface.points[surface.triangles[near.reshape(-1)]].astype(float)
        squared = _squared_distances(np.repeat(points[part], count, axis=0), corners)
        found[part] = np.sqrt(squared.reshape(-1, count).min(axis=1))
    return found


def _squared_distances(points: FloatArray, corners: FloatArray) -> FloatArray:
    """From each point (n, 3) to its own triangle (n, 3, 3), in mm squared."""
    a, b, c = (corners[:, n] for n in range(3))
    normal = np.cross(b - a, c - a)
    area_squared = np.maximum(_dot(normal, normal), 1e-24)
    above = np.ones(len(points), bool)
    nearest = np.full(len(points), np.inf)
    for start, end in ((a, b), (b, c), (c, a)):
        along = end - start
        to_point = points - start
        above &= _dot(np.cross(along, to_point), normal) >= 0
        share = np.clip(_dot(to_point, along) / np.maximum(_dot(along, along), 1e-24), 0, 1)
        rest = to_point - share[:, None] * along
        nearest = np.minimum(nearest, _dot(rest, rest))
    to_plane = _dot(points - a, normal) ** 2 / area_squared
    return np.where(above, to_plane, nearest)


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    products: NDArray[np.float64] = np.einsum("ij,ij->i", a, b)
    return products
