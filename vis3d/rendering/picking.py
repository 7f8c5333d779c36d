"""What a pixel shows: surfaces by VTK's cell picker, volumes by a ray of our own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from vtkmodules.vtkRenderingCore import vtkCellPicker

from vis3d.geometry import FloatArray
from vis3d.rendering.clipping import kept
from vis3d.rendering.volumes import VolumeProp
from vis3d.scene import ClipPlane, TransferFunction
from vis3d.volume import Volume

SEEN_OPACITY = 0.3
"""A ray stops in a volume where it has met this much opacity."""


def pick_lps(
    renderer: Any,
    size: tuple[int, int],
    props: Sequence[Any],
    x: float,
    y: float,
    planes: Sequence[ClipPlane] = (),
) -> FloatArray | None:
    """The nearest visible point in LPS mm at pixel (x, y) from the top left, or None.

    What `planes` cut away isn't visible.
    """
    near, far = (_world(renderer, size, x, y, depth) for depth in (0.0, 1.0))
    if not np.isfinite([near, far]).all():  # a camera that stands nowhere sees nothing
        return None
    found: list[FloatArray | None] = []
    solid = [p for p in props if not isinstance(p, VolumeProp) and p.prop.GetVisibility()]
    if solid:
        found.append(_picked(renderer, size, solid, x, y))
    found += [
        first_seen(prop.source, prop.transfer, near, far, planes)
        for prop in props
        if isinstance(prop, VolumeProp) and prop.prop.GetVisibility()
    ]
    points = [point for point in found if point is not None]
    return min(points, key=lambda point: float(np.linalg.norm(point - near)), default=None)


def first_seen(
    volume: Volume,
    transfer: TransferFunction,
    near: FloatArray,
    far: FloatArray,
    planes: Sequence[ClipPlane] = (),
) -> FloatArray | None:
    """Where a ray from `near` to `far` (LPS mm) first meets something opaque in a volume.

    For maximum and minimum intensity projections it is the voxel that the picture shows.
    """
    geometry = volume.geometry
    step_mm = min(geometry.spacing) / 2
    # only within the grid: a camera may stand far away
    start, stop = _within(geometry.to_ijk(np.stack([near, far]))[:, ::-1], geometry.shape)
    if start > stop:
        return None
    count = int((stop - start) * np.linalg.norm(far - near) / step_mm) + 2
    points = near + np.linspace(start, stop, count)[:, None] * (far - near)
    kji = geometry.to_ijk(points)[:, ::-1]
    inside = ((kji >= 0) & (kji <= np.array(geometry.shape) - 1)).all(axis=1)
    inside &= kept(points, planes)
    if not inside.any():
        return None
    points, kji = points[inside], kji[inside]
    array: NDArray[Any] = volume.array
    values = map_coordinates(array, kji.T, output=np.dtype(np.float32), order=1)
    stops = np.array(transfer.points)
    opacity = np.interp(values, stops[:, 0], stops[:, 4])
    if transfer.blend != "composite":
        best = int(values.argmax() if transfer.blend == "mip" else values.argmin())
        return points[best] if opacity[best] > 0 else None
    through = np.cumprod((1 - np.clip(opacity, 0, 0.999)) ** step_mm)
    seen = np.nonzero(1 - through >= SEEN_OPACITY)[0]
    return points[seen[0]] if seen.size else None


def _within(ends_kji: FloatArray, shape: tuple[int, int, int]) -> tuple[float, float]:
    """Between which shares of its length a line runs within the grid; nowhere if 1st > 2nd."""
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = np.array([np.full(3, -1), shape])
        shares = np.sort((sides - ends_kji[0]) / (ends_kji[1] - ends_kji[0]), axis=0)
    first, last = np.nan_to_num(shares, nan=0.0)
    return max(0.0, float(first.max())), min(1.0, float(last.min()))


def _picked(
    renderer: Any, size: tuple[int, int], props: Sequence[Any], x: float, y: float
) -> FloatArray | None:
    picker = vtkCellPicker()
    picker.SetTolerance(0)
    picker.PickFromListOn()
    for prop in props:
        picker.AddPickList(prop.prop)
    if not picker.Pick(x, size[1] - 1 - y, 0, renderer):
        return None
    return np.array(picker.GetPickPosition())


def _world(
    renderer: Any, size: tuple[int, int], x: float, y: float, depth: float
) -> FloatArray:
    """The point in LPS mm at a pixel, on the near (0) or far (1) clipping plane."""
    renderer.SetDisplayPoint(x, size[1] - 1 - y, depth)
    renderer.DisplayToWorld()
    world = np.array(renderer.GetWorldPoint())
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(world[:3] / world[3], float)
