"""The one door between vis3d's nouns and VTK's data.

Arrays are shared, not copied: treat both sides as glass.
"""

from typing import Any, overload

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkImageData, vtkPolyData

from vis3d.geometry import Geometry
from vis3d.labels import LabelMap
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume

SCALARS = "values"
"""The name of the point array that holds the voxels."""

NORMALS = "normals"
"""The name under which a surface's `point_data` may hold its outward normals."""


@overload
def to_vtk(data: Volume | LabelMap | Mask) -> vtkImageData: ...
@overload
def to_vtk(data: Surface) -> vtkPolyData: ...
def to_vtk(data: Volume | LabelMap | Mask | Surface) -> Any:
    """A vtkImageData placed in the patient (LPS mm, oblique included), or a vtkPolyData.

    Voxels are shared with the array where it is C-ordered. Beware of VTK's filters that
    ignore the direction matrix: vtkContourFilter, and so PyVista's `contour` (VTK 9.7).
    """
    if isinstance(data, Surface):
        return _polydata(data)
    return _image(data.array, data.geometry)


def to_pyvista(data: Volume | LabelMap | Mask | Surface) -> Any:
    """The same as a pyvista.ImageData or pyvista.PolyData, memory still shared."""
    import pyvista  # half a second that most callers of this module needn't wait for

    return pyvista.wrap(to_vtk(data))


def surface_from_vtk(
    polydata: vtkPolyData, *, name: str = "", color: tuple[int, int, int] = (214, 214, 214)
) -> Surface:
    """The triangles of a vtkPolyData whose points are LPS mm (a view where VTK allows)."""
    if polydata.GetNumberOfPoints() == 0:
        return Surface(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int64), name, color)
    points = vtk_to_numpy(polydata.GetPoints().GetData())
    cells = polydata.GetPolys()
    triangles = vtk_to_numpy(cells.GetConnectivityArray()).reshape(-1, 3)
    return Surface(points, triangles, name, color)


def _image(array: Any, geometry: Geometry) -> vtkImageData:
    voxels = np.ascontiguousarray(array)
    if voxels.dtype == np.bool_:
        voxels = voxels.view(np.uint8)
    scalars = numpy_to_vtk(voxels.reshape(-1))
    scalars.SetName(SCALARS)
    image = vtkImageData()
    image.SetDimensions(geometry.shape[::-1])
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.origin)
    image.SetDirectionMatrix(geometry.direction.ravel().tolist())
    image.GetPointData().SetScalars(scalars)
    return image


def _polydata(surface: Surface) -> vtkPolyData:
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(surface.points)))
    cells = vtkCellArray()
    connectivity = np.ascontiguousarray(surface.triangles.reshape(-1))
    if connectivity.dtype != np.int32:  # which VTK takes as it is, in half the memory
        connectivity = connectivity.astype(np.int64, copy=False)
    cells.SetData(3, numpy_to_vtk(connectivity))
    polydata = vtkPolyData()
    polydata.SetPoints(points)
    polydata.SetPolys(cells)
    for name, values in surface.point_data.items():
        data = numpy_to_vtk(np.ascontiguousarray(values))
        data.SetName(name)
        polydata.GetPointData().AddArray(data)
    return polydata
