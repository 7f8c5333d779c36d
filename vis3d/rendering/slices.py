"""Slices that stand in the patient, as textured rectangles.

VTK's own slice mappers are left out: a rectangle with its corners in LPS is right on any
grid, and the picture on it is the one that the 2D views show.
"""

from collections.abc import Sequence

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersSources import vtkPlaneSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkTexture

from vis3d.geometry import FloatArray
from vis3d.imaging import Window, cut, parse_window, picture, slice_index
from vis3d.scene import ClipPlane, SliceLayer
from vis3d.volume import Volume


class SliceProp:
    """One slice on the stage."""

    def __init__(self, layer: SliceLayer) -> None:
        self.source: Volume = layer.volume
        self._rectangle = vtkPlaneSource()
        self._texture = vtkTexture()
        self._texture.InterpolateOn()
        self._drawn: tuple[object, ...] = ()
        self.prop = vtkActor()
        mapper = vtkPolyDataMapper()
        mapper.SetInputConnection(self._rectangle.GetOutputPort())
        self.prop.SetMapper(mapper)
        self.prop.SetTexture(self._texture)
        self.prop.GetProperty().LightingOff()
        self.update(layer)

    @property
    def corners_lps(self) -> FloatArray:
        """The corners of the rectangle."""
        rectangle = self._rectangle
        ends = (rectangle.GetOrigin(), rectangle.GetPoint1(), rectangle.GetPoint2())
        origin, right, top = (np.array(end) for end in ends)
        return np.array([origin, right, top, right + top - origin])

    def update(self, layer: SliceLayer) -> None:
        """Take the layer's plane, place, window and visibility."""
        self.prop.SetVisibility(layer.visible)
        geometry = self.source.geometry
        point = geometry.center_lps if layer.point_lps is None else layer.point_lps
        index = slice_index(geometry, layer.plane, point)
        if self._drawn != (layer.plane, index, layer.window):
            self._draw(layer, index)
            self._drawn = (layer.plane, index, layer.window)

    def _draw(self, layer: SliceLayer, index: int) -> None:
        named = layer.window
        window = parse_window(named, self.source) if isinstance(named, str) else Window(*named)
        scan = cut(self.source, layer.plane, index)
        rows, columns = scan.array.shape
        low, high = -0.5, rows - 0.5  # the rectangle reaches to the pixels' outer edges
        self._rectangle.SetOrigin(scan.to_lps(high, -0.5).tolist())
        self._rectangle.SetPoint1(scan.to_lps(high, columns - 0.5).tolist())
        self._rectangle.SetPoint2(scan.to_lps(low, -0.5).tolist())
        pixels = picture(self.source, layer.plane, index, window)
        upward = np.ascontiguousarray(pixels[::-1])  # VTK's first row is the lowest
        scalars = numpy_to_vtk(upward.reshape(-1, 3), deep=True)
        image = vtkImageData()
        image.SetDimensions(columns, rows, 1)
        image.GetPointData().SetScalars(scalars)
        self._texture.SetInputData(image)

    def set_quality(self, coarse: bool) -> None:
        """Nothing to do: a slice costs the same at rest."""

    def cut(self, planes: Sequence[ClipPlane]) -> None:
        """Nothing to do: slices show what was cut off."""
