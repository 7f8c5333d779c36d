"""Volumes as VTK props: ray casters that land where the voxels lie."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPiecewiseFunction
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import vtkColorTransferFunction, vtkVolume, vtkVolumeProperty
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper
from vtkmodules.vtkRenderingVolumeOpenGL2 import vtkOpenGLGPUVolumeRayCastMapper

from vis3d.geometry import FloatArray, Geometry
from vis3d.rendering.clipping import vtk_planes
from vis3d.rendering.presets import transfer_function
from vis3d.scene import ClipPlane, TransferFunction, VolumeLayer
from vis3d.volume import Volume
from vis3d.vtk_data import to_vtk

COARSE_PIXELS = 4.0
"""While moving, one ray is cast for this many pixels in each direction."""

_NORMAL = "vec3 normal = normalize(({} * vec4(shading_gradient.xyz, 0.0)).xyz);"
_ITS_NORMAL, _RIGHT_NORMAL = (
    _NORMAL.format(matrix)
    for matrix in ("in_textureToEye[0]", "in_modelViewMatrix * in_volumeMatrix[0]")
)
"""How VTK's shader turns gradients in mm to the camera, and how it must.

vtkOpenGLGPUVolumeRayCastMapper (VTK 9.7) stretches them with the sides of the grid and forgets
how the grid lies, so that light falls on unequal and oblique grids from wrong directions.
"""

VISIBLE_OPACITY = 0.004
"""Voxels of less opacity are no part of what a camera must see."""

_EIGHT = tuple(np.ndindex(2, 2, 2))


class VolumeProp:
    """A volume on the stage, drawn by the CPU or by OpenGL.

    Both mappers get the grid without origin and direction, which go into the prop's matrix:
    vtkFixedPointVolumeRayCastMapper ignores the direction matrix (VTK 9.7).
    """

    def __init__(
        self, layer: VolumeLayer, *, on_cpu: bool, max_voxels: int | None = None
    ) -> None:
        self.source: Volume = layer.volume
        finite = layer.volume.with_array(_finite(layer.volume.array))
        self._drawn = coarser(finite, max_voxels or finite.array.size)
        self.on_cpu = on_cpu
        self._transfer: TransferFunction | None = None
        self._opacity = 1.0
        self._without_padding: bool | None = None
        self.prop = vtkVolume()
        self._mapper: Any = (
            vtkFixedPointVolumeRayCastMapper() if on_cpu else vtkOpenGLGPUVolumeRayCastMapper()
        )
        self._mapper.SetAutoAdjustSampleDistances(False)
        self.prop.SetMapper(self._mapper)
        if not on_cpu:
            shader: Any = self.prop.GetShaderProperty()
            shader.AddFragmentShaderReplacement(_ITS_NORMAL, False, _RIGHT_NORMAL, True)
        self.prop.SetUserMatrix(_pose(self._drawn.geometry))
        self.update(layer)
        self.set_quality(coarse=False)

    @property
    def corners_lps(self) -> FloatArray:
        """The corners of the box of what the transfer function shows."""
        return self._corners_lps

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
        without_padding = transfer.blend == "minip" and self.source.padding is not None
        if without_padding != self._without_padding:  # else its gradients are kept
            self._mapper.SetInputData(_image(self._drawn, without_padding))
            self._without_padding = without_padding
        _set_blend(self._mapper, transfer)
        self._transfer, self._opacity = transfer, layer.opacity
        self._corners_lps = visible_corners(self._drawn, transfer)
        self.prop.SetProperty(_property(transfer, layer.opacity))

    def cut(self, planes: Sequence[ClipPlane]) -> None:
        """Show only what lies on the planes' sides."""
        self._mapper.SetClippingPlanes(vtk_planes(planes))

    def set_quality(self, coarse: bool, pixels: float = COARSE_PIXELS) -> None:
        """Fewer rays (one for `pixels`, squared) and samples while moving, all at rest."""
        finest = min(self._drawn.geometry.spacing)
        self._mapper.SetSampleDistance(finest if coarse else finest / 2)
        self._mapper.SetImageSampleDistance(pixels if coarse else 1.0)
        if self.on_cpu:
            self._mapper.SetInteractiveSampleDistance(finest)


def visible_corners(volume: Volume, transfer: TransferFunction) -> FloatArray:
    """The corners (8, 3) in LPS mm of the voxels that are not transparent, a few sampled.

    All of the grid where everything is transparent.
    """
    geometry = volume.geometry
    steps = [max(1, n // 80) for n in geometry.shape]
    array: NDArray[Any] = volume.array
    values = array[:: steps[0], :: steps[1], :: steps[2]]
    stops = np.array(transfer.points)
    seen = np.nonzero(np.interp(values, stops[:, 0], stops[:, 4]) > VISIBLE_OPACITY)
    if not seen[0].size:
        return geometry.corners_lps
    ends = [
        ((found.min() - 0.5) * step, min((found.max() + 0.5) * step, n - 1))
        for found, step, n in zip(seen, steps, geometry.shape, strict=True)
    ]
    kji = np.array([[ends[axis][end] for axis, end in enumerate(pick)] for pick in _EIGHT])
    return geometry.to_lps(np.maximum(kji, 0)[:, ::-1])


def coarser(volume: Volume, max_voxels: int) -> Volume:
    """The volume with at most that many voxels, each the mean of some of its neighbours.

    The axis with the finest spacing is halved first; what is left over at an end is cut.
    """
    while volume.array.size > max_voxels and max(volume.array.shape) > 1:
        halvable = np.array(volume.array.shape) > 1
        spacing_mm = np.where(halvable, volume.geometry.spacing_kji, np.inf)
        volume = _halved(volume, int(spacing_mm.argmin()))
    return volume


def _halved(volume: Volume, axis: int) -> Volume:
    array: NDArray[Any] = np.moveaxis(volume.array, axis, 0)
    even = array.shape[0] // 2 * 2
    kind = np.float32 if array.dtype.kind == "f" else np.int32
    pairs = array[:even:2].astype(kind) + array[1:even:2]
    mean = (pairs / 2 if kind is np.float32 else pairs >> 1).astype(array.dtype)
    affine = volume.geometry.affine
    affine[:3, 3] += affine[:3, 2 - axis] / 2
    affine[:3, 2 - axis] *= 2
    halved = np.ascontiguousarray(np.moveaxis(mean, 0, axis))
    nk, nj, ni = halved.shape
    return volume.with_array(halved, Geometry.from_affine(affine, (nk, nj, ni)))


def _image(volume: Volume, without_padding: bool) -> vtkImageData:
    """The voxels on a grid without place; padding, else all that a minimum shows, is hidden."""
    geometry = volume.geometry
    array: NDArray[Any] = volume.array
    if without_padding:
        array = np.where(volume.inside_scan(), array, array.max())
    return to_vtk(Volume(array, Geometry(geometry.shape, geometry.spacing), volume.unit))


def _finite(array: NDArray[Any]) -> NDArray[Any]:
    """Values that VTK's tables hold; what isn't finite, or half a float, is changed."""
    if array.dtype.kind != "f":
        return array
    array = array.astype(np.float32, copy=False)
    good = np.isfinite(array)
    if good.all():
        return array
    low = array[good].min() if good.any() else np.float32(0)
    return np.where(good, array, low)


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
