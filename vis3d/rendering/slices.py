"""Slices that stand in the patient, as textured polygons.

VTK's own slice mappers are left out: a polygon with its corners in LPS is right on any grid,
and the picture on it is the one that the 2D views show.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkImageData, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkTexture

from vis3d.geometry import FloatArray, Geometry
from vis3d.imaging import Window, parse_window
from vis3d.imaging.pictures import gray_picture
from vis3d.imaging.stacks import Stack, shown, stack
from vis3d.scene import ClipPlane, SliceLayer
from vis3d.volume import Volume


class SliceProp:
    """One slice on the stage."""

    def __init__(self, layer: SliceLayer) -> None:
        self.source: Volume = layer.volume
        self.corners_lps: FloatArray = np.empty((0, 3))
        self._mapper = vtkPolyDataMapper()
        self._texture = vtkTexture()
        self._texture.InterpolateOn()
        self._drawn: tuple[object, ...] = ()
        self.prop = vtkActor()
        self.prop.SetMapper(self._mapper)
        self.prop.SetTexture(self._texture)
        self.prop.GetProperty().LightingOff()
        self.update(layer)

    def update(self, layer: SliceLayer) -> None:
        """Take the layer's plane, place, turn, window and visibility."""
        geometry = self.source.geometry
        point = geometry.center_lps if layer.point_lps is None else layer.point_lps
        where = stack(geometry, layer.plane, layer.turn)
        index = _index_at(where, point)
        wanted = (layer.plane, layer.turn, index, layer.window)
        if self._drawn != wanted:
            self._draw(where, index, layer.window)
            self._drawn = wanted
        self.prop.SetVisibility(layer.visible and len(self.corners_lps) > 0)

    def _draw(self, where: Stack, index: int, named: tuple[float, float] | str) -> None:
        window = parse_window(named, self.source) if isinstance(named, str) else Window(*named)
        sheet = shown(self.source, where, index)
        pixels = gray_picture(sheet, self.source, window)
        rows, columns = pixels.shape
        shades = np.repeat(pixels.reshape(-1, 1), 3, axis=1)
        outside = _outside(sheet.array, self.source.padding)
        if outside.any():  # what is outside the scan is seen through
            opacity = np.where(outside, 0, 255).astype(np.uint8)
            shades = np.hstack([shades, opacity.reshape(-1, 1)])
        scalars = numpy_to_vtk(shades, deep=True)
        image = vtkImageData()
        image.SetDimensions(columns, rows, 1)
        image.GetPointData().SetScalars(scalars)
        self._texture.SetInputData(image)
        self.corners_lps = outline_lps(self.source.geometry, where, index)
        self._mapper.SetInputData(_polygon(self.corners_lps, where, index))

    def set_quality(self, coarse: bool) -> None:
        """Nothing to do: a slice costs the same at rest."""

    def cut(self, planes: Sequence[ClipPlane]) -> None:
        """Nothing to do: slices show what was cut off."""


def _outside(sheet: NDArray[Any], padding: float | None) -> NDArray[np.bool_]:
    """Which pixels are padding, or aren't numbers."""
    outside = np.isnan(sheet) if sheet.dtype.kind == "f" else np.zeros(sheet.shape, bool)
    if padding is not None:
        outside = outside | (sheet == sheet.dtype.type(padding))
    return np.asarray(outside)


def outline_lps(geometry: Geometry, where: Stack, index: int) -> FloatArray:
    """The corners, in order, of what a slice shows of the scan: out to its voxels' faces.

    None where a turned slice passes the scan by.
    """
    first = where.first_lps + index * where.slice_step_lps
    if not where.turned:
        ends = ((-0.5, -0.5), (-0.5, 1.0), (1.0, 1.0), (1.0, -0.5))
        return np.array(
            [
                first
                + (row if row < 0 else where.rows - 0.5) * where.row_step_lps
                + (column if column < 0 else where.columns - 0.5) * where.column_step_lps
                for row, column in ends
            ]
        )
    across = where.slice_step_lps / where.step_mm
    faces = np.array(geometry.shape[::-1]) - 0.5
    corners = geometry.to_lps(
        [
            [faces[axis] if end else -0.5 for axis, end in enumerate(ends)]
            for ends in np.ndindex(2, 2, 2)
        ]
    )
    height = (corners - first) @ across
    met = [
        corners[a] + height[a] / (height[a] - height[b]) * (corners[b] - corners[a])
        for a, b in combinations(range(8), 2)
        if (a ^ b).bit_count() == 1 and (height[a] < 0) != (height[b] < 0)  # an edge
    ]
    if len(met) < 3:
        return np.empty((0, 3))
    points = np.array(met)
    from_middle = points - points.mean(axis=0)
    angles = np.arctan2(from_middle @ where.row_step_lps, from_middle @ where.column_step_lps)
    return np.asarray(points[np.argsort(angles)], float)


def _index_at(where: Stack, point: Sequence[float] | FloatArray) -> int:
    """The slice nearest to a point, as the 2D views choose it."""
    offset = np.asarray(point, float) - where.first_lps
    place = float(offset @ where.slice_step_lps) / where.step_mm**2
    return min(max(int(np.floor(place + 0.5)), 0), where.count - 1)


def _polygon(corners: FloatArray, where: Stack, index: int) -> vtkPolyData:
    """The outline with the place of each corner in the picture (its texture's 0 to 1)."""
    offset = corners - (where.first_lps + index * where.slice_step_lps)
    places = np.stack(
        [
            (offset @ step / (step @ step) + 0.5) / count
            for step, count in (
                (where.column_step_lps, where.columns),
                (where.row_step_lps, where.rows),
            )
        ],
        axis=1,
    )
    points, cells = vtkPoints(), vtkCellArray()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(corners), deep=True))
    if len(corners):
        cells.InsertNextCell(len(corners), list(range(len(corners))))
    polygon = vtkPolyData()
    polygon.SetPoints(points)
    polygon.SetPolys(cells)
    polygon.GetPointData().SetTCoords(numpy_to_vtk(places.astype(np.float32), deep=True))
    return polygon
