"""Which grid edges a surface crosses, and how the crossings are joined to triangles.

The surface is read off the label alone: flying edges on the boolean voxels give a closed
2-manifold whose vertices are grid edges between a voxel inside and a neighbour outside.
Where on its edge each vertex lies is decided elsewhere, so no position can change the
topology.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

from vis3d.geometry import FloatArray, Geometry
from vis3d.volume import Mask
from vis3d.vtk_data import surface_from_vtk, to_vtk

Kji: TypeAlias = tuple[int, int, int]
Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Crossings:
    """The grid edges that a surface crosses, and its triangles.

    `inside_ijk` (n, 3) is the voxel on the inner side of each edge, `step` (n, 3) the unit
    vector to the one on the outer side, which may lie one voxel outside the grid.
    `capped` (n,) are those that do. `triangles` (m, 3) join edges, counter-clockwise seen
    from outside.
    """

    inside_ijk: NDArray[np.int32]
    step: NDArray[np.int8]
    capped: Flags
    triangles: NDArray[np.integer]

    def points_ijk(self, fraction: FloatArray) -> FloatArray:
        """Where vertices lie that have gone `fraction` (0 to 1) of their edge outwards."""
        return self.inside_ijk + self.step * fraction[:, None]

    def values(self, array: NDArray[Any], steps: int) -> FloatArray:
        """The values so many voxels outwards of the inner ones, beyond the grid its last."""
        last_ijk = np.array(array.shape[::-1]) - 1
        i, j, k = (self.inside_ijk + steps * self.step.astype(int)).clip(0, last_ijk).T
        values: FloatArray = array[k, j, i].astype(float)
        return values


def crossings_of(inside: Flags, *, open_ends: bool = False) -> Crossings:
    """The crossings of the border of the voxels `inside` [k, j, i].

    A structure that meets the border of the grid is closed there, or with `open_ends`
    left open at the centres of its last voxels.
    """
    box = bounding_box(inside)
    if box is None:
        nothing = np.zeros((0, 3), np.int32)
        none = np.zeros(0, bool)
        return Crossings(nothing, nothing.astype(np.int8), none, nothing.astype(np.int64))
    padded, start_ijk = _padded_crop(inside, box, open_ends=open_ends)
    points, triangles = _flying_edges(padded)
    # Vertices lie at the middle of their edges, so they name them exactly.
    lower = np.floor(points).astype(np.int32)
    axis = (points - lower).argmax(axis=1)
    unit = np.eye(3, dtype=np.int8)[axis]
    i, j, k = lower.T
    outwards = padded[k, j, i][:, None]
    inner = np.where(outwards, lower, lower + unit) + start_ijk
    step = np.where(outwards, unit, -unit)
    outer = inner + step
    capped: Flags = np.any((outer < 0) | (outer >= inside.shape[::-1]), axis=1)
    return Crossings(inner.astype(np.int32), step.astype(np.int8), capped, triangles)


def bounding_box(inside: Flags) -> tuple[Kji, Kji] | None:
    """The first and one past the last index (k, j, i) of the voxels inside, if any."""
    slices = np.flatnonzero(inside.any(axis=(1, 2)))
    if not slices.size:
        return None
    flat: Flags = np.any(inside[slices[0] : slices[-1] + 1], axis=0)
    rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
    start = (int(slices[0]), int(rows[0]), int(columns[0]))
    stop = (int(slices[-1]) + 1, int(rows[-1]) + 1, int(columns[-1]) + 1)
    return start, stop


def _padded_crop(
    inside: Flags, box: tuple[Kji, Kji], *, open_ends: bool
) -> tuple[Flags, NDArray[np.int32]]:
    """The box with one voxel of outside all round, and its first index (i, j, k)."""
    start, stop = np.array(box)
    before = np.ones(3, int)
    after = np.ones(3, int)
    if open_ends:
        before[start == 0] = 0
        after[stop == np.array(inside.shape)] = 0
    padded = np.zeros(stop - start + before + after, bool)
    within = tuple(slice(b, b + n) for b, n in zip(before, stop - start, strict=True))
    source = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    padded[within] = inside[source]
    return padded, (start - before)[::-1].astype(np.int32)


def _flying_edges(
    inside: Flags,
) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    """Vertices in voxel indices (i, j, k) and outward triangles."""
    edges = vtkFlyingEdges3D()
    edges.SetInputData(to_vtk(Mask(inside, Geometry(_shape(inside)))))
    edges.SetValue(0, 0.5)
    edges.ComputeNormalsOff()
    edges.ComputeGradientsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    surface = surface_from_vtk(edges.GetOutput())
    return surface.points, surface.triangles.astype(np.int64, copy=False)


def _shape(array: Flags) -> Kji:
    nk, nj, ni = array.shape
    return nk, nj, ni
