"""Surfaces for the screen: made in a moment, light enough to turn on a CPU.

Files get `extract_surface`, which follows the scan's values with every triangle.
"""

import numpy as np
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

from vis3d.meshing.decimation import decimated_for_view
from vis3d.meshing.extract import Color
from vis3d.meshing.tiles import GRAY, tiled_for_view
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume
from vis3d.vtk_data import surface_from_vtk, to_vtk

VIEW_TRIANGLES = 300_000
"""What a CPU can turn, a structure."""


def surface_for_view(
    mask: Mask, *, color: Color = GRAY, max_triangles: int = VIEW_TRIANGLES
) -> Surface:
    """The surface of a structure within half a block of its voxels, LPS mm.

    Closed, but drawn in or out a little where it is thin: for the screen alone. Of an empty
    mask it is empty.
    """
    return decimated_for_view(tiled_for_view(mask, color=color).whole, max_triangles)


def isosurface_for_view(volume: Volume, level: float, *, color: Color = GRAY) -> Surface:
    """Where the values cross `level`, LPS mm, closed where the scan ends; for the screen.

    Inside is value >= level; padding lies outside. Of a level that nothing reaches it is
    empty. `isosurface` promises more and takes longer.
    """
    values = np.asarray(volume.array, np.float32)
    outside = np.isnan(values)
    if volume.padding is not None:
        outside |= values == np.float32(volume.padding)
    least = min(float(values.min(initial=level, where=~outside)), level) - 1
    closed = np.pad(np.where(outside, np.float32(least), values), 1, constant_values=least)
    nk, nj, ni = closed.shape
    grid = volume.geometry.cropped((-1, -1, -1), (nk, nj, ni))
    edges = vtkFlyingEdges3D()  # honours the direction matrix, unlike vtkContourFilter
    edges.SetInputData(to_vtk(Volume(closed, grid, "")))
    edges.SetValue(0, level)
    edges.ComputeNormalsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    return surface_from_vtk(edges.GetOutput(), name="level", color=color)
