"""A surface taken apart into the solids it consists of."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vis3d.geometry import FloatArray
from vis3d.meshing.manifold import compact, piece_of_points
from vis3d.surface import Surface


def split(surface: Surface) -> tuple[Surface, ...]:
    """Each solid as a surface of its own, the largest first, cavities with their solid.

    Names get a number: "bones 1".
    """
    if not len(surface.triangles):
        return ()
    of_point = piece_of_points(len(surface.points), surface.triangles)
    of_triangle = of_point[surface.triangles[:, 0]]
    volumes = _volumes_mm3(surface, of_triangle)
    owner = _owners(surface, of_point, of_triangle, volumes)
    totals = np.bincount(owner, volumes, len(volumes))
    found = [
        _part(surface, owner[of_triangle] == piece)
        for piece in np.argsort(-totals, kind="stable")
        if owner[piece] == piece
    ]
    name = surface.name or "piece"
    return tuple(replace(one, name=f"{name} {n}") for n, one in enumerate(found, start=1))


def _volumes_mm3(surface: Surface, of_triangle: NDArray[np.integer]) -> FloatArray:
    """The volume each piece encloses, negative for the wall of a cavity."""
    points = surface.points.astype(float) - surface.bounds_mm.mean(axis=0)
    a, b, c = (points[surface.triangles[:, n]] for n in range(3))
    each = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    return np.bincount(of_triangle, each, int(of_triangle.max()) + 1).astype(float)


def _owners(
    surface: Surface,
    of_point: NDArray[np.integer],
    of_triangle: NDArray[np.integer],
    volumes: FloatArray,
) -> NDArray[np.intp]:
    """For each piece itself, or for a cavity the smallest piece round it."""
    owner = np.arange(len(volumes))
    solids = np.flatnonzero(volumes > 0)
    solids = solids[np.argsort(volumes[solids], kind="stable")]
    first = np.zeros(len(volumes), np.intp)
    first[of_point[::-1]] = np.arange(len(of_point))[::-1]
    low, high = _boxes(surface, of_point, len(volumes))
    for cavity in np.flatnonzero(volumes <= 0):
        point = surface.points[first[cavity]].astype(float)
        round_it = (low[solids] <= point).all(axis=1) & (point <= high[solids]).all(axis=1)
        for solid in solids[round_it & (volumes[solids] > -volumes[cavity])]:
            if _is_inside(point, surface, of_triangle == solid):
                owner[cavity] = solid
                break
    return owner


def _boxes(
    surface: Surface, of_point: NDArray[np.integer], count: int
) -> tuple[FloatArray, FloatArray]:
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    np.minimum.at(low, of_point, surface.points)
    np.maximum.at(high, of_point, surface.points)
    return low, high


def _is_inside(point: FloatArray, surface: Surface, chosen: NDArray[np.bool_]) -> bool:
    """Whether the triangles fill the whole view from the point (Van Oosterom, 1983)."""
    corners = surface.points[surface.triangles[chosen]].astype(float) - point
    a, b, c = (corners[:, n] for n in range(3))
    la, lb, lc = (np.linalg.norm(one, axis=1) for one in (a, b, c))
    above = np.einsum("ij,ij->i", a, np.cross(b, c))
    below = la * lb * lc + (
        np.einsum("ij,ij->i", a, b) * lc
        + np.einsum("ij,ij->i", b, c) * la
        + np.einsum("ij,ij->i", c, a) * lb
    )
    return bool(abs(np.arctan2(above, below).sum()) > np.pi)


def _part(surface: Surface, chosen: NDArray[np.bool_]) -> Surface:
    used = np.zeros(len(surface.points), bool)
    used[surface.triangles[chosen]] = True
    points, triangles = compact(surface.points, surface.triangles[chosen])
    data = {name: values[used] for name, values in surface.point_data.items()}
    return replace(surface, points=points, triangles=triangles, point_data=data)
