"""Surfaces as VTK props."""

from collections.abc import Sequence
from typing import Any

from vtkmodules.vtkFiltersCore import (
    vtkClipPolyData,
    vtkQuadricClustering,
    vtkTriangleMeshPointNormals,
)
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from vis3d.geometry import FloatArray
from vis3d.meshing.decimation import decimated_for_view
from vis3d.rendering.clipping import cutting, vtk_planes
from vis3d.scene import ClipPlane, SurfaceLayer
from vis3d.surface import Surface
from vis3d.vtk_data import NORMALS, to_vtk

MANY_TRIANGLES = 20_000
"""Surfaces of more are drawn from a lighter copy while they move."""

LEAST_VEIL_TRIANGLES, PIXELS_A_TRIANGLE = 200_000, 5
"""What a still picture draws of a veil: at least so many triangles, more where it is large.

On a chest in veils of 2.4 million triangles 1 % of pixels change by more than 5 of 255, the
mean by 0.5, and peeling takes half as long.
"""

VEIL = """//VTK::Light::Impl
  if (opacity < 1.0) {
    float slant = 1.0 - abs(normalVCVSOutput.z);
    float rim = (1.0 - opacity) * (3.0 * slant * slant - 0.5);
    gl_FragData[0].a = clamp(opacity * (1.0 + rim), 0.0, 1.0);
  }
"""
"""Veils are thinner where they face the viewer and thicker at their rims, as glass is.

The mean over a ball's disc is the opacity asked for: slant squared has the mean 1/6 there.
"""

COARSE_CELLS = 50
"""The lighter copy has at most one point in each cell of a grid of so many on an edge."""


def veil_triangles(size: tuple[int, int]) -> int:
    """How many triangles of a veil a picture of that many pixels needs."""
    return max(LEAST_VEIL_TRIANGLES, size[0] * size[1] // PIXELS_A_TRIANGLE)


class SurfaceProp:
    """A surface on the stage, with its normals and its material.

    While it is translucent at most `veil_triangles` of it are drawn, or about as many.
    """

    def __init__(self, layer: SurfaceLayer, *, veil_triangles: int | None = None) -> None:
        self.source: Surface = layer.surface
        self.prop = vtkActor()
        self._fine = _mapper(layer.surface)
        self._light = layer.light
        self._coarse: Any = None
        self._veil: Any = None
        self._planes: Sequence[ClipPlane] = ()
        self._whole: dict[Any, Any] = {}
        self._veil_triangles = veil_triangles
        self._corners_lps = layer.surface.bounds_mm
        self.prop.SetMapper(self._fine)
        material = self.prop.GetProperty()
        material.SetInterpolationToPhong()
        material.SetAmbient(0.06)
        material.SetDiffuse(0.9)
        material.SetSpecular(0.22)
        material.SetSpecularPower(24)
        shader: Any = self.prop.GetShaderProperty()
        shader.AddFragmentShaderReplacement("//VTK::Light::Impl", True, VEIL, False)
        self.update(layer)

    @property
    def corners_lps(self) -> FloatArray:
        """The corners of its box."""
        return self._corners_lps

    def update(self, layer: SurfaceLayer) -> None:
        """Take the layer's colour, opacity and visibility."""
        if layer.light is not self._light:
            self._whole.pop(self._coarse, None)
            self._light, self._coarse = layer.light, None
        material = self.prop.GetProperty()
        material.SetColor([value / 255 for value in layer.color or self.source.color])
        material.SetOpacity(layer.opacity)
        self.prop.SetVisibility(
            layer.visible and layer.opacity > 0 and len(self.source.points) > 0
        )

    def cut(self, planes: Sequence[ClipPlane]) -> None:
        """Show only what lies on the planes' sides."""
        for mapper in (self._fine, self._coarse, self._veil):
            if mapper is not None:
                self._cut(mapper, planes)
        self._planes = planes

    def set_quality(self, coarse: bool, *, outsides: bool = False) -> None:
        """A lighter copy with simpler light while moving, all triangles at rest.

        With `outsides` light copies show those alone, where nobody can look inside.
        """
        material = self.prop.GetProperty()
        # Light copies have small folds, which are black inside, and half of them is hidden.
        hidden = coarse and outsides and self._light is not None and material.GetOpacity() == 1
        material.SetBackfaceCulling(hidden)
        (material.SetInterpolationToGouraud if coarse else material.SetInterpolationToPhong)()
        many = self._light is not None or len(self.source.triangles) > MANY_TRIANGLES
        if not coarse and self._is_heavy_veil:
            self._veil = self._veil or self._veil_mapper()
            self.prop.SetMapper(self._veil)
        elif not coarse or not many:
            self.prop.SetMapper(self._fine)
        elif self.prop.GetVisibility():
            if self._coarse is None:
                self._coarse = self._coarse_mapper()
            self.prop.SetMapper(self._coarse)

    @property
    def _is_heavy_veil(self) -> bool:
        limit = self._veil_triangles
        is_veil = self.prop.GetProperty().GetOpacity() < 1 and self.prop.GetVisibility()
        return limit is not None and len(self.source.triangles) > limit and bool(is_veil)

    def _veil_mapper(self) -> Any:
        assert self._veil_triangles is not None
        made = _mapper(decimated_for_view(self.source, self._veil_triangles))
        self._cut(made, self._planes)
        return made

    def _cut(self, mapper: Any, planes: Sequence[ClipPlane]) -> None:
        """Have OpenGL cut by most planes, and cut the triangles themselves by the others."""
        by_opengl, others = cutting(planes, self._corners_lps)
        mapper.SetClippingPlanes(vtk_planes(by_opengl))
        whole = self._whole.setdefault(mapper, mapper.GetInput())
        if whole is None:  # an empty surface
            return
        for number in range(len(others)):
            clip = vtkClipPolyData()
            clip.SetInputData(whole)
            clip.SetClipFunction(vtk_planes(others).GetItem(number))
            clip.Update()
            whole = clip.GetOutput()
        if mapper.GetInput() is not whole:
            mapper.SetInputData(whole)

    def _coarse_mapper(self) -> Any:
        made = _clustered(self._fine) if self._light is None else _mapper(self._light)
        self._cut(made, self._planes)
        return made


def _mapper(surface: Surface) -> Any:
    mapper: Any = vtkPolyDataMapper()
    mapper.ScalarVisibilityOff()
    if len(surface.triangles):
        mapper.SetInputData(_with_normals(to_vtk(surface)))
    return mapper


def _with_normals(surface: Any) -> Any:
    if surface.GetPointData().HasArray(NORMALS):
        surface.GetPointData().SetActiveNormals(NORMALS)
        return surface
    normals = vtkTriangleMeshPointNormals()
    normals.SetInputData(surface)
    normals.Update()
    return normals.GetOutput()


def _clustered(fine: Any) -> Any:
    clustering = vtkQuadricClustering()
    clustering.SetInputData(fine.GetInput())
    clustering.AutoAdjustNumberOfDivisionsOff()
    clustering.SetNumberOfDivisions(COARSE_CELLS, COARSE_CELLS, COARSE_CELLS)
    clustering.Update()
    mapper = vtkPolyDataMapper()
    mapper.ScalarVisibilityOff()
    mapper.SetInputData(_with_normals(clustering.GetOutput()))
    return mapper
