"""Volumes as VTK props: ray casters that land where the voxels lie."""

from typing import Any

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPiecewiseFunction
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import vtkColorTransferFunction, vtkVolume
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper
from vtkmodules.vtkRenderingVolumeOpenGL2 import vtkOpenGLGPUVolumeRayCastMapper

from vis3d.geometry import FloatArray, Geometry
from vis3d.rendering.presets import transfer_function
from vis3d.scene import TransferFunction, VolumeLayer
from vis3d.volume import Volume
from vis3d.vtk_data import to_vtk

COARSE_PIXELS = 4.0
"""While moving, one ray is cast for this many pixels in each direction."""


class VolumeProp:
    """A volume on the stage, drawn by the CPU or by OpenGL.

    Both mappers get the grid without origin and direction, which go into the prop's matrix:
    vtkFixedPointVolumeRayCastMapper ignores the direction matrix (VTK 9.7).
    """

    def __init__(self, layer: VolumeLayer, *, on_cpu: bool) -> None:
        self.source: Volume = layer.volume
        self._on_cpu = on_cpu
        self._transfer: TransferFunction | None = None
        self._opacity = 1.0
        self._coarse = False
        self.prop = vtkVolume()
        self._mapper: Any = (
            vtkFixedPointVolumeRayCastMapper() if on_cpu else vtkOpenGLGPUVolumeRayCastMapper()
        )
        self._mapper.SetAutoAdjustSampleDistances(False)
        self.prop.SetMapper(self._mapper)
        self.prop.SetUserMatrix(_pose(self.source.geometry))
        self.update(layer)
        self.set_quality(coarse=False)

    @property
    def corners_lps(self) -> FloatArray:
        """The corners of the grid."""
        return self.source.geometry.corners_lps

    @property
    def transfer(self) -> TransferFunction:
        """Colours and opacities as they are drawn."""
        assert self._transfer is not None  # set by the first update
        return self._transfer

    def update(self, layer: VolumeLayer) -> None:
        """Take the layer's transfer function, opacity and visibility."""
        self.prop.SetVisibility(layer.visible and layer.opacity > 0)
        transfer = transfer_function(layer.transfer, self.source)
        if transfer == self._transfer and layer.opacity == self._opacity:
            return
        if self._transfer is None or transfer.blend != self._transfer.blend:
            self._mapper.SetInputData(_image(self.source, transfer))
            _set_blend(self._mapper, transfer)
        self._transfer, self._opacity = transfer, layer.opacity
        self.prop.SetProperty(_property(transfer, layer.opacity))

    def set_quality(self, coarse: bool) -> None:
        """Fewer rays and samples while moving, all of them at rest."""
        finest = min(self.source.geometry.spacing)
        self._mapper.SetSampleDistance(finest if coarse else finest / 2)
        self._mapper.SetImageSampleDistance(COARSE_PIXELS if coarse else 1.0)
        if self._on_cpu:
            self._mapper.SetInteractiveSampleDistance(finest)


def _image(volume: Volume, transfer: TransferFunction) -> vtkImageData:
    geometry = volume.geometry
    if transfer.blend == "minip" and volume.padding is not None:
        # Padding is less than anything measured: it would be all that a minimum shows.
        array = np.where(volume.inside_scan(), volume.array, volume.array.max())
        volume = volume.with_array(array)
    return to_vtk(Volume(volume.array, Geometry(geometry.shape, geometry.spacing), volume.unit))


def _pose(geometry: Geometry) -> vtkMatrix4x4:
    matrix = np.eye(4)
    matrix[:3, :3] = geometry.direction
    matrix[:3, 3] = geometry.origin
    pose = vtkMatrix4x4()
    pose.DeepCopy(matrix.ravel().tolist())
    return pose


def _set_blend(mapper: Any, transfer: TransferFunction) -> None:
    {
        "composite": mapper.SetBlendModeToComposite,
        "mip": mapper.SetBlendModeToMaximumIntensity,
        "minip": mapper.SetBlendModeToMinimumIntensity,
    }[transfer.blend]()


def _property(transfer: TransferFunction, layer_opacity: float) -> Any:
    from vtkmodules.vtkRenderingCore import vtkVolumeProperty

    colors, opacities = vtkColorTransferFunction(), vtkPiecewiseFunction()
    for value, red, green, blue, opacity in transfer.points:
        colors.AddRGBPoint(value, red, green, blue)
        opacities.AddPoint(value, opacity * layer_opacity)
    material = vtkVolumeProperty()
    material.SetColor(colors)
    material.SetScalarOpacity(opacities)
    material.SetScalarOpacityUnitDistance(1.0)  # opacities are those of 1 mm
    material.SetInterpolationTypeToLinear()
    if transfer.shaded and transfer.blend == "composite":
        material.ShadeOn()
        material.SetAmbient(0.2)
        material.SetDiffuse(0.9)
        material.SetSpecular(0.2)
        material.SetSpecularPower(12)
    return material
