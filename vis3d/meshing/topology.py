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
from vtkmodules.vtkCommonCore import vtkSMPTools
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

from vis3d.geometry import Geometry
from vis3d.meshing.threads import in_blocks
from vis3d.volume import Mask
from vis3d.vtk_data import surface_from_vtk, to_vtk

Kji: TypeAlias = tuple[int, int, int]
Flags: TypeAlias = NDArray[np.bool_]
Values: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Crossings:
    """The grid edges that a surface crosses, and its triangles.

    `inside_ijk` (n, 3) is the voxel on the inner side of each edge; from there the edge
    runs along the grid's `axis` (n,), 0 to 2 for i to k, upwards where `sign` (n,) is 1
    and downwards where it is -1, to a voxel that may lie one outside the grid.
    `capped` (n,) are those that do. `triangles` (m, 3) join edges, counter-clockwise seen
    from outside.
    """

    inside_ijk: NDArray[np.int32]
    axis: NDArray[np.int8]
    sign: NDArray[np.int8]
    capped: Flags
    triangles: NDArray[np.integer]

    def __len__(self) -> int:
        return len(self.axis)

    def points_mm(self, fraction: Values, spacing: tuple[float, float, float]) -> Values:
        """Where vertices lie that have gone `fraction` (0 to 1) of their edge outwards.

        Along the grid's axes, (n, 3) float32 mm from the first voxel's centre; with a
        spacing of 1 mm that is voxel indices.
        """
        points = np.empty((len(self), 3), np.float32)

        def place(rows: slice) -> None:
            here = self.inside_ijk[rows].astype(np.float32)
            step = self.sign[rows] * fraction[rows]
            here.reshape(-1)[3 * np.arange(len(here)) + self.axis[rows]] += step
            points[rows] = here * np.array(spacing, np.float32)

        in_blocks(place, len(self))
        return points

    def values(self, array: NDArray[Any], steps: int, rows: slice) -> Values:
        """The values so many voxels outwards of the inner ones, beyond the grid its last."""
        i, j, k = self.inside_ijk[rows].T
        axis = self.axis[rows]
        at = self.inside_ijk[rows].reshape(-1)[3 * np.arange(len(axis)) + axis]
        last = np.array(array.shape[::-1], np.int32)[axis] - 1
        moved = (at + steps * self.sign[rows]).clip(0, last) - at
        stride = np.cumprod([1, *array.shape[:0:-1]])
        flat = (k.astype(np.int64) * array.shape[1] + j) * array.shape[2] + i
        values: Values = array.reshape(-1)[flat + moved * stride[axis]].astype(np.float32)
        return values


def crossings_of(inside: Flags, *, open_ends: bool = False) -> Crossings:
    """The crossings of the border of the voxels `inside` [k, j, i].

    A structure that meets the border of the grid is closed there, or with `open_ends`
    left open at the centres of its last voxels.
    """
    box = bounding_box(inside)
    if box is None:
        nothing = np.zeros((0, 3), np.int32)
        none = np.zeros(0, np.int8)
        return Crossings(nothing, none, none, none.astype(bool), nothing.astype(np.int64))
    padded, start_ijk = _padded_crop(inside, box, open_ends=open_ends)
    points, triangles = _flying_edges(padded)
    n = len(points)
    inner, capped = np.empty((n, 3), np.int32), np.empty(n, bool)
    axis, sign = np.empty(n, np.int8), np.empty(n, np.int8)

    def decode(rows: slice) -> None:
        # Vertices lie at the middle of their edges, so they name them exactly.
        twice = (2 * points[rows]).astype(np.int32)
        lower, along = twice >> 1, (twice & 1).argmax(axis=1)
        i, j, k = lower.T
        outwards = padded[k, j, i]
        lower.reshape(-1)[3 * np.arange(len(along)) + along] += ~outwards
        inner[rows], axis[rows], sign[rows] = lower + start_ijk, along, 2 * outwards - 1
        outer = np.take_along_axis(inner[rows], along[:, None], axis=1)[:, 0] + sign[rows]
        capped[rows] = (outer < 0) | (outer >= np.array(inside.shape[::-1])[along])

    in_blocks(decode, n)
    return Crossings(inner, axis, sign, capped, triangles)


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
    _on_all_cores(edges)
    surface = surface_from_vtk(edges.GetOutput())
    return surface.points, surface.triangles.astype(np.int64, copy=False)


def _on_all_cores(edges: vtkFlyingEdges3D) -> None:
    """Run the filter in threads; the wheels' own choice is one core."""
    before = vtkSMPTools.GetBackend()
    vtkSMPTools.SetBackend("STDThread")
    edges.Update()
    vtkSMPTools.SetBackend(before)


def _shape(array: Flags) -> Kji:
    nk, nj, ni = array.shape
    return nk, nj, ni
