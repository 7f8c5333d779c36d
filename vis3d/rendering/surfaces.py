"""Surfaces as VTK props."""

from vtkmodules.vtkFiltersCore import vtkTriangleMeshPointNormals
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from vis3d.geometry import FloatArray
from vis3d.scene import SurfaceLayer
from vis3d.surface import Surface
from vis3d.vtk_data import to_vtk


class SurfaceProp:
    """A surface on the stage, with its normals and its material."""

    def __init__(self, layer: SurfaceLayer) -> None:
        self.source: Surface = layer.surface
        self.prop = vtkActor()
        mapper = vtkPolyDataMapper()
        mapper.ScalarVisibilityOff()
        if len(layer.surface.triangles):
            normals = vtkTriangleMeshPointNormals()
            normals.SetInputData(to_vtk(layer.surface))
            normals.Update()
            mapper.SetInputData(normals.GetOutput())
        self.prop.SetMapper(mapper)
        material = self.prop.GetProperty()
        material.SetInterpolationToPhong()
        material.SetAmbient(0.06)
        material.SetDiffuse(0.9)
        material.SetSpecular(0.22)
        material.SetSpecularPower(24)
        self.update(layer)

    @property
    def corners_lps(self) -> FloatArray:
        """The corners of its box."""
        return self.source.bounds_mm

    def update(self, layer: SurfaceLayer) -> None:
        """Take the layer's colour, opacity and visibility."""
        material = self.prop.GetProperty()
        material.SetColor([value / 255 for value in layer.color or self.source.color])
        material.SetOpacity(layer.opacity)
        self.prop.SetVisibility(
            layer.visible and layer.opacity > 0 and len(self.source.points) > 0
        )

    def set_quality(self, coarse: bool) -> None:
        """Nothing to do: surfaces are drawn whole."""
