"""How far a surface is: from a point, from another surface; and points among themselves."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from vis3d.errors import InputError, UsageError
from vis3d.meshing.deviation import distances
from vis3d.meshing.planning.solids import solid_of
from vis3d.surface import Surface


@dataclass(frozen=True)
class Nearest:
    """The point of a surface nearest to another point, LPS mm, and how far it is.

    `normal_lps` is the unit normal of the triangle it lies on.
    """

    point_lps: tuple[float, float, float]
    distance_mm: float
    normal_lps: tuple[float, float, float]


Point: TypeAlias = tuple[float, float, float]


def distance_mm(one_lps: Point, other_lps: Point) -> float:
    """The straight way between two points."""
    return math.dist(one_lps, other_lps)


def angle_degrees(one_lps: Point, corner_lps: Point, other_lps: Point) -> float:
    """The angle at `corner_lps` between the ways to the two other points, 0 to 180.

    Raises:
        UsageError: one of them lies on the corner.
    """
    a, b = np.array(one_lps, float) - corner_lps, np.array(other_lps, float) - corner_lps
    if not (a.any() and b.any()):
        raise UsageError("An angle takes two points that lie apart from its corner.")
    # Exact for small angles too, unlike the arc cosine.
    return math.degrees(math.atan2(float(np.linalg.norm(np.cross(a, b))), float(a @ b)))


def nearest_point(surface: Surface, point_lps: tuple[float, float, float]) -> Nearest:
    """The point of the surface nearest to `point_lps`, on its triangles, not its corners.

    Raises:
        InputError: the surface has no triangles.
    """
    if not len(surface.triangles):
        raise InputError(f"{surface.name or 'The surface'} has no triangles to be near to.")
    here = np.array(point_lps, float)
    a, b, c = (surface.points[surface.triangles[:, n]].astype(float) for n in range(3))
    on_side = [_on_segments(here, start, end) for start, end in ((a, b), (b, c), (c, a))]
    candidates = np.concatenate([_on_faces(here, a, b, c), *on_side])
    away = np.linalg.norm(candidates - here, axis=1)
    best = int(away.argmin())
    x, y, z = candidates[best].tolist()
    one = best % len(a)
    normal = np.cross(b[one] - a[one], c[one] - a[one])
    nx, ny, nz = (normal / max(float(np.linalg.norm(normal)), 1e-24)).tolist()
    return Nearest((x, y, z), float(away[best]), (nx, ny, nz))


def gap_mm(surface: Surface, other: Surface) -> float:
    """The shortest way between two closed surfaces; 0 where they touch or overlap.

    Raises:
        InputError: one of them isn't closed.
    """
    first, second = solid_of(surface), solid_of(other)
    if not (first ^ second).is_empty():
        return 0.0
    some = surface.points[:: max(1, len(surface.points) // 5000)].astype(float)
    at_most = float(distances(some, other).min())
    return float(first.min_gap(second, at_most * 1.001 + 1e-6))


def _on_segments(point: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The points of the segments nearest to `point`."""
    along = end - start
    square = np.maximum(np.einsum("ij,ij->i", along, along), 1e-24)
    share = np.clip(np.einsum("ij,ij->i", point - start, along) / square, 0, 1)
    return np.asarray(start + share[:, None] * along)


def _on_faces(point: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """The feet of the perpendiculars from `point`, infinite beside their triangle."""
    normal = np.cross(b - a, c - a)
    square = np.maximum(np.einsum("ij,ij->i", normal, normal), 1e-24)
    foot = point - (np.einsum("ij,ij->i", point - a, normal) / square)[:, None] * normal
    within = np.ones(len(a), bool)
    for start, end in ((a, b), (b, c), (c, a)):
        within &= np.einsum("ij,ij->i", np.cross(end - start, foot - start), normal) >= 0
    return np.where(within[:, None], foot, np.inf)
