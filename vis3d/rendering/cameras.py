"""Cameras that stand round a patient, and see all of what is shown."""

from typing import Any

import numpy as np
from vtkmodules.vtkRenderingCore import vtkCamera

from vis3d.errors import UsageError
from vis3d.geometry import FloatArray
from vis3d.scene import Camera

VIEW_ANGLE_DEGREES = 30.0
MAX_ZOOM = 1e4
MARGIN = 1.05
"""How much more than the layers' box a picture shows."""

_VIEWS = {  # the side on which the viewer stands, and what is up in the picture, in LPS
    "anterior": ((0, -1, 0), (0, 0, 1)),
    "posterior": ((0, 1, 0), (0, 0, 1)),
    "left": ((1, 0, 0), (0, 0, 1)),
    "right": ((-1, 0, 0), (0, 0, 1)),
    "superior": ((0, 0, 1), (0, -1, 0)),
    "inferior": ((0, 0, -1), (0, -1, 0)),
}

VIEWS = tuple(_VIEWS)


def directions(camera: Camera) -> tuple[FloatArray, FloatArray]:
    """Unit vectors in LPS from the patient to the viewer, and up in the picture.

    Raises:
        UsageError: no such view.
    """
    if camera.view not in _VIEWS:
        raise UsageError(f"A view is one of {', '.join(VIEWS)}, not {camera.view!r}.")
    to_viewer, up = (np.array(axis, float) for axis in _VIEWS[camera.view])
    turn = _rotation(np.array((0.0, 0.0, 1.0)), camera.azimuth_degrees)
    to_viewer, up = turn @ to_viewer, turn @ up
    lift = _rotation(np.cross(to_viewer, up), camera.elevation_degrees)
    return lift @ to_viewer, lift @ up


def place(
    vtk_camera: vtkCamera, camera: Camera, corners_lps: FloatArray, aspect: float
) -> None:
    """Turn a VTK camera so that it sees all the corners (n, 3), from `camera`'s side.

    `aspect` is the picture's width over its height.
    """
    to_viewer, up = directions(camera)
    right = np.cross(up, to_viewer)
    middle = (corners_lps.min(axis=0) + corners_lps.max(axis=0)) / 2
    offsets = corners_lps - middle
    # Half the height of a picture that holds each corner, at that corner's depth.
    halves = np.maximum(np.abs(offsets @ up), np.abs(offsets @ right) / aspect) * MARGIN
    halves = np.maximum(halves, 1e-3)
    tangent = np.tan(np.radians(VIEW_ANGLE_DEGREES / 2))
    distance = float((halves / tangent + offsets @ to_viewer).max())
    vtk_camera.SetParallelProjection(camera.parallel)
    vtk_camera.SetViewAngle(VIEW_ANGLE_DEGREES)
    vtk_camera.SetParallelScale(float(halves.max()) / camera.zoom)
    vtk_camera.SetFocalPoint(middle.tolist())
    vtk_camera.SetPosition((middle + to_viewer * distance).tolist())
    vtk_camera.SetViewUp(up.tolist())
    if not camera.parallel:
        vtk_camera.SetViewAngle(2 * np.degrees(np.arctan(tangent / camera.zoom)))


def project(vtk_camera: vtkCamera, *, parallel: bool) -> None:
    """Change the projection; what lies at the focal point keeps its size in the picture."""
    if bool(vtk_camera.GetParallelProjection()) == parallel:
        return
    tangent = np.tan(np.radians(vtk_camera.GetViewAngle() / 2))
    vtk_camera.SetParallelProjection(parallel)
    if parallel:
        vtk_camera.SetParallelScale(vtk_camera.GetDistance() * tangent)
    else:
        focus = np.array(vtk_camera.GetFocalPoint())
        back = -np.array(vtk_camera.GetDirectionOfProjection())
        distance = vtk_camera.GetParallelScale() / tangent
        vtk_camera.SetPosition((focus + back * distance).tolist())


def turn(vtk_camera: vtkCamera, degrees: float) -> None:
    """Go round the focal point, about the patient's long axis."""
    rotation = _rotation(np.array((0.0, 0.0, 1.0)), degrees)
    focus = np.array(vtk_camera.GetFocalPoint())
    position = focus + rotation @ (np.array(vtk_camera.GetPosition()) - focus)
    vtk_camera.SetPosition(position.tolist())
    vtk_camera.SetViewUp((rotation @ np.array(vtk_camera.GetViewUp())).tolist())


def orbit(vtk_camera: vtkCamera, azimuth_degrees: float, elevation_degrees: float) -> None:
    """Go round the focal point as seen: to the right, and up."""
    vtk_camera.Azimuth(azimuth_degrees)
    vtk_camera.Elevation(elevation_degrees)
    vtk_camera.OrthogonalizeViewUp()


def hold(vtk_camera: vtkCamera, corners_lps: FloatArray) -> bool:
    """Keep a camera near what it shows, however far a hand zooms; whether that can be done.

    vtkFixedPointVolumeRayCastMapper (VTK 9.7) writes outside of its memory, and so ends the
    program, where a zoom runs over or a camera stands nowhere.
    """
    focus, position = (
        np.array(at) for at in (vtk_camera.GetFocalPoint(), vtk_camera.GetPosition())
    )
    scale, angle = vtk_camera.GetParallelScale(), vtk_camera.GetViewAngle()
    if not np.isfinite([*focus, *position, *vtk_camera.GetViewUp(), scale, angle]).all():
        return False
    size_mm = float(np.ptp(corners_lps, axis=0).max()) or 1.0
    least, most = size_mm / MAX_ZOOM, size_mm * MAX_ZOOM
    if not least <= scale <= most:
        vtk_camera.SetParallelScale(float(np.clip(scale, least, most)))
    distance = vtk_camera.GetDistance()
    if not least <= distance <= most:
        back = -np.array(vtk_camera.GetDirectionOfProjection())
        if not back.any():
            return False
        vtk_camera.SetPosition((focus + back * np.clip(distance, least, most)).tolist())
    return True


def swept(corners_lps: FloatArray) -> FloatArray:
    """All places that the corners (n, 3) take in a turn round the patient's long axis."""
    middle = (corners_lps.min(axis=0) + corners_lps.max(axis=0)) / 2
    axis = np.array((0.0, 0.0, 1.0))
    turns = [_rotation(axis, degrees) for degrees in range(0, 360, 10)]
    return np.concatenate([(corners_lps - middle) @ turn.T + middle for turn in turns])


def projection(vtk_camera: vtkCamera, size: tuple[int, int]) -> FloatArray:
    """The 4x4 matrix from LPS mm to VTK's view coordinates (-1 to 1 across the picture)."""
    matrix: Any = vtk_camera.GetCompositeProjectionTransformMatrix(size[0] / size[1], -1, 1)
    return np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])


def _rotation(axis: FloatArray, degrees: float) -> FloatArray:
    """Rodrigues' rotation about a unit axis."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    turned: FloatArray = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turned
