"""Surfaces for the screen in tiles: what is corrected by hand is drawn anew where it changed.

All tiles of a structure are cut from one field, the softened share of each block of voxels
that is inside: neighbours meet in the same points with the same normals, without a seam.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

from vis3d.geometry import FloatArray, Geometry
from vis3d.meshing.blocks import (
    BLOCK_MM,
    FULL,
    REACH,
    TILE,
    Bools,
    Floats,
    Grain,
    Index,
    grain_of,
    shares_of,
    span,
)
from vis3d.meshing.extract import Color
from vis3d.meshing.threads import THREADS
from vis3d.progress import Progress, silent
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume
from vis3d.vtk_data import NORMALS, surface_from_vtk, to_vtk

GRAY: Color = (214, 214, 214)

CELL = 4
"""Blocks along an edge of the cells in which the light copy has one point."""

MOST_TRIANGLES = 600_000
"""What a CPU can draw in half a second, a structure; of more, blocks are larger."""

Change = tuple[Sequence[int], Bools]
"""Where a box of the array starts [k, j, i], and which voxels of it changed sides."""


@dataclass(frozen=True, eq=False)
class Tile:
    """A part of a surface, with normals, and a copy of few triangles to draw while it moves.

    `border` says which of its points lie on the tile's sides.
    """

    surface: Surface
    light: Surface
    border: Bools


@dataclass(frozen=True, eq=False)
class TiledSurface:
    """The surface of a structure for the screen, LPS mm, in tiles by their place (k, j, i)."""

    name: str
    color: Color
    grain: Grain
    tiles: Mapping[Index, Tile]

    @property
    def triangle_count(self) -> int:
        """How many triangles all tiles have."""
        return sum(len(tile.surface.triangles) for tile in self.tiles.values())

    @property
    def bounds_mm(self) -> FloatArray:
        """The least and the greatest corner, (2, 3), LPS mm; zeros where it is empty."""
        if not self.tiles:
            return np.zeros((2, 3))
        bounds = np.array([tile.surface.bounds_mm for tile in self.tiles.values()])
        return np.array([bounds[:, 0].min(axis=0), bounds[:, 1].max(axis=0)])

    @property
    def whole(self) -> Surface:
        """All tiles in one, closed."""
        surfaces = [tile.surface for tile in self.tiles.values()]
        if not surfaces:
            return Surface(np.zeros((0, 3)), np.zeros((0, 3), int), self.name, self.color)
        firsts = np.cumsum([0, *(len(surface.points) for surface in surfaces[:-1])])
        triangles = [s.triangles + first for s, first in zip(surfaces, firsts, strict=True)]
        points = np.concatenate([surface.points for surface in surfaces])
        doubled = np.nonzero(np.concatenate([t.border for t in self.tiles.values()]))[0]
        _, first, which = np.unique(
            points[doubled], axis=0, return_index=True, return_inverse=True
        )
        stands_for = np.arange(len(points))
        stands_for[doubled] = doubled[first[which.reshape(-1)]]
        kept = stands_for == np.arange(len(points))
        number = (np.cumsum(kept, dtype=np.int32) - 1)[stands_for]
        return Surface(points[kept], number[np.concatenate(triangles)], self.name, self.color)


def tiled_for_view(
    mask: Mask,
    *,
    color: Color = GRAY,
    max_triangles: int = MOST_TRIANGLES,
    progress: Progress | None = None,
) -> TiledSurface:
    """The surface of a structure within half a block of its voxels, LPS mm.

    Closed but for the tiles' borders being doubled, and drawn in or out a little where it is
    thin: for the screen alone. Blocks measure 1.6 mm, or more where there would be more than
    `max_triangles`, or less where nothing would be left. Of an empty mask it is empty.
    """
    say = progress or silent
    tiles: Mapping[Index, Tile] = {}
    grain = grain_of(mask.geometry, BLOCK_MM)
    if not mask.array.any():
        return TiledSurface(mask.name, color, grain, tiles)
    for factor in (1.0, 1.5, 2.25, 3.4, 5.0):
        grain = grain_of(mask.geometry, factor * BLOCK_MM)
        limit = max_triangles if factor < 5 else None
        found = _all_tiles(mask, grain, color, say, limit)
        if found is not None:
            tiles = found
            break
    if not tiles:  # so small or thin that it melted away
        for soften in (True, False):
            grain = Grain((1, 1, 1), soften)
            tiles = _all_tiles(mask, grain, color, say, None) or {}
            if tiles:
                break
    return TiledSurface(mask.name, color, grain, tiles)


def retiled(
    before: TiledSurface,
    mask: Mask,
    changes: Iterable[Change],
    *,
    progress: Progress | None = None,
) -> TiledSurface:
    """The surface after voxels changed sides: only tiles that these can reach are made anew.

    The others are the same objects as before. `mask` is the structure as it is now.
    """
    say = progress or silent
    shape, grain = mask.geometry.shape, before.grain
    tiles = dict(before.tiles)
    usual = grain_of(mask.geometry, BLOCK_MM).factors
    if tiles and all(f >= least for f, least in zip(grain.factors, usual, strict=True)):
        stale = {index for change in changes for index in _reached(change, shape, grain)}
        for done, (index, tile) in enumerate(_made(mask, grain, before.color, sorted(stale))):
            say(done / len(stale), f"Drawing the {mask.name}")
            tiles.pop(index, None)
            if tile is not None:
                tiles[index] = tile
        after = TiledSurface(mask.name, before.color, grain, dict(sorted(tiles.items())))
        if tiles and after.triangle_count <= 1.5 * MOST_TRIANGLES:
            return after
    return tiled_for_view(mask, color=before.color, progress=progress)


def _counts(shape: Sequence[int], grain: Grain) -> list[int]:
    """How many tiles cover the grid and a block of nothing on each side, an axis."""
    blocks = [-(-n // f) for n, f in zip(shape, grain.factors, strict=True)]
    return [-(-(n + 1) // TILE) for n in blocks]


def _reached(change: Change, shape: Sequence[int], grain: Grain) -> Iterable[Index]:
    """The tiles that look different for the voxels that changed."""
    start, changed = change
    for index in np.ndindex(*_counts(shape, grain)):
        part = []
        for tile, factor, n, first in zip(index, grain.factors, shape, start, strict=True):
            low, high = span(tile, factor, n, REACH)
            part.append(slice(max(low - first, 0), max(high - first, 0)))
        if changed[tuple(part)].any():
            k, j, i = index
            yield (k, j, i)


def _all_tiles(
    mask: Mask, grain: Grain, color: Color, say: Progress, limit: int | None
) -> dict[Index, Tile] | None:
    """Every tile that shows something; None where they have more triangles than `limit`."""
    indices = [(k, j, i) for k, j, i in np.ndindex(*_counts(mask.geometry.shape, grain))]
    tiles: dict[Index, Tile] = {}
    triangles = 0
    for done, (index, tile) in enumerate(_made(mask, grain, color, indices)):
        say(done / len(indices), f"Drawing the {mask.name}")
        if tile is not None:
            tiles[index] = tile
            triangles += len(tile.surface.triangles)
            if limit is not None and triangles > limit:
                return None
    return tiles


def _made(
    mask: Mask, grain: Grain, color: Color, indices: Sequence[Index]
) -> Iterable[tuple[Index, Tile | None]]:
    """These tiles, some at a time: VTK and NumPy let go of Python's lock meanwhile."""
    with ThreadPoolExecutor(THREADS) as pool:
        coming = [pool.submit(_tile, mask, grain, color, index) for index in indices]
        try:
            for index, one in zip(indices, coming, strict=True):
                yield index, one.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _tile(mask: Mask, grain: Grain, color: Color, index: Index) -> Tile | None:
    shares = shares_of(mask.array, grain, index)
    if shares is None:
        return None
    inner = shares[1:-1, 1:-1, 1:-1]
    image = Volume(inner, Geometry(inner.shape, (1, 1, 1), (0, 0, 0), np.eye(3)), "")
    edges = vtkFlyingEdges3D()
    edges.SetInputData(to_vtk(image))
    edges.SetValue(0, FULL / 2)
    edges.ComputeNormalsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    found = surface_from_vtk(edges.GetOutput())
    if not len(found.triangles):
        return None
    place = _Place(mask.geometry, grain, index)
    normals = place.normals_lps(_slopes(shares, found.points))
    surface = _surface(place.lps(found.points), normals, found.triangles, color)
    points, of_point = _clustered(found.points, normals)
    sums = [np.bincount(of_point, normals[:, axis]) for axis in range(3)]
    triangles = of_point[found.triangles]
    a, b, c = triangles.T
    triangles = triangles[(a != b) & (b != c) & (c != a)]
    light = _surface(place.lps(points), _of_length_1(np.stack(sums, 1)), triangles, color)
    border = ((found.points == 0) | (found.points == TILE)).any(axis=1)
    return Tile(surface, light, border)


def _surface(points: Any, normals: Any, triangles: Any, color: Color) -> Surface:
    return Surface(
        points.astype(np.float32),
        triangles.astype(np.int32),  # of a tile: half of what VTK would take
        color=color,
        point_data={NORMALS: normals.astype(np.float32)},
    )


def _slopes(shares: Floats, points: Floats) -> Floats:
    """How the shares rise (i, j, k) at points on the grid's edges; the shares begin at -1."""
    low = np.floor(points).astype(int)
    high = np.ceil(points).astype(int)
    along = (points - low).max(axis=1, keepdims=True)
    slopes: Floats = (1 - along) * _rise(shares, low) + along * _rise(shares, high)
    return slopes


def _rise(shares: Floats, ijk: NDArray[np.intp]) -> Floats:
    _, nj, ni = shares.shape
    flat = shares.reshape(-1)
    at = ((ijk[:, 2] + 1) * nj + ijk[:, 1] + 1) * ni + ijk[:, 0] + 1
    return np.stack([flat[at + step] - flat[at - step] for step in (1, ni, nj * ni)], axis=1)


@dataclass(frozen=True)
class _Place:
    """Where a tile's samples lie in the patient."""

    geometry: Geometry
    grain: Grain
    index: Index

    def lps(self, points: NDArray[Any]) -> FloatArray:
        """Points (n, 3) of a tile's samples (i, j, k), in LPS mm."""
        factors = np.array(self.grain.factors[::-1])
        first = TILE * np.array(self.index[::-1]) - 1
        return self.geometry.to_lps((points + first) * factors + (factors - 1) / 2)

    def normals_lps(self, slopes: Floats) -> FloatArray:
        """Outward normals of length 1 from what rises inwards along (i, j, k)."""
        block_mm = np.array(self.grain.factors[::-1]) * self.geometry.spacing
        return _of_length_1((-slopes / block_mm) @ self.geometry.direction.T)


def _of_length_1(vectors: NDArray[Any]) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12))


def _clustered(points: Floats, normals: FloatArray) -> tuple[FloatArray, NDArray[np.intp]]:
    """The middles of the points in each cell, and for each point the number of its middle.

    Opposite sides of what is thin keep apart. Points on a tile's border have cells of their
    own, so that neighbours still meet.
    """
    cells = (points / CELL).astype(int) + 1
    cells[points == 0] = 0
    cells[points == TILE] = TILE // CELL + 1
    radix = TILE // CELL + 2
    keys = (cells[:, 2] * radix + cells[:, 1]) * radix + cells[:, 0]
    keys = keys * 8 + (normals > 0) @ np.array((1, 2, 4))
    _, of_point, counts = np.unique(keys, return_inverse=True, return_counts=True)
    of_point = of_point.reshape(-1)
    sums = [np.bincount(of_point, points[:, axis]) for axis in range(3)]
    return np.stack(sums, axis=1) / counts[:, None], of_point
