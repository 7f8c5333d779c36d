"""Planes that cut what is shown: a box along the patient's axes, one free plane."""

from collections.abc import Sequence

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkPlane, vtkPlaneCollection

from vis3d.errors import UsageError
from vis3d.geometry import FloatArray
from vis3d.scene import ClipPlane, CropBox

OPENGL_PLANES = 6
"""vtkOpenGLPolyDataMapper (VTK 9.7) takes no more, and of more none."""


def cutting_planes(crop: CropBox | None, clip: ClipPlane | None) -> tuple[ClipPlane, ...]:
    """The planes of a box and of a free plane together.

    Raises:
        UsageError: a box without inside, or a plane without direction.
    """
    planes: list[ClipPlane] = []
    if crop is not None:
        if not all(low < high for low, high in zip(crop.low_lps, crop.high_lps, strict=True)):
            raise UsageError("A crop box's low corner must lie below its high one.")
        for axis in np.eye(3):
            planes.append(ClipPlane(crop.low_lps, tuple(axis.tolist())))
            planes.append(ClipPlane(crop.high_lps, tuple((-axis).tolist())))
    if clip is not None:
        if not np.linalg.norm(clip.normal_lps) > 0:
            raise UsageError("A clip plane needs a normal that isn't zero.")
        planes.append(clip)
    return tuple(planes)


def cutting(
    planes: Sequence[ClipPlane], box_lps: FloatArray
) -> tuple[Sequence[ClipPlane], Sequence[ClipPlane]]:
    """The planes that cut what lies in a box (2, 3), LPS mm: those for OpenGL, and the rest."""
    corners = np.array([box_lps[list(ends), range(3)] for ends in np.ndindex(2, 2, 2)])
    needed = [plane for plane in planes if not kept(corners, [plane]).all()]
    return needed[:OPENGL_PLANES], needed[OPENGL_PLANES:]


def vtk_planes(planes: Sequence[ClipPlane]) -> vtkPlaneCollection:
    """The planes as VTK's mappers take them; they keep what the normal points to."""
    collection = vtkPlaneCollection()
    for plane in planes:
        one = vtkPlane()
        one.SetOrigin(plane.point_lps)
        normal = np.array(plane.normal_lps)
        one.SetNormal((normal / np.linalg.norm(normal)).tolist())
        collection.AddItem(one)
    return collection


def kept(points_lps: FloatArray, planes: Sequence[ClipPlane]) -> "np.ndarray":
    """Which of the points (n, 3) the planes leave."""
    inside = np.ones(len(points_lps), bool)
    for plane in planes:
        inside &= (points_lps - plane.point_lps) @ np.array(plane.normal_lps) >= 0
    return inside
