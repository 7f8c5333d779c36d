"""Which voxel a click in 3D means: the tissue that is seen, not what lies before it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vis3d.geometry import FloatArray
from vis3d.volume import Volume
from vis3d_viewer.poses import Pose
from vis3d_viewer.scene3d import opacity_of, transfer_of
from vis3d_viewer.settings import Settings
from vis3d_viewer.study import Study

DEPTH_VOXELS = 1.5
"""So far behind what is seen its tissue is looked for."""

STEPS_A_VOXEL = 4


def tissue_at(
    study: Study, settings: Settings, seen_lps: Sequence[float], pose: Pose | None
) -> list[float]:
    """The point in LPS mm behind one that is seen where its tissue begins.

    A surface runs between the voxels, so that the one next to it is as often air as bone.
    Looked for, away from the eye, is a voxel of a structure that is shown, else one that the
    volume's colours make as opaque as any near it. What slices show is where it is.
    """
    volume = study.volume
    if volume is None or pose is None or settings.slices_in_3d:
        return list(seen_lps)
    points, kji = _behind(volume, seen_lps, pose)
    inside = _in_structure(study, settings, kji)
    if not inside.any() and settings.show_volume:
        inside = _opaque(volume, settings, kji)
    return points[inside.argmax()].tolist() if inside.any() else list(seen_lps)


def _behind(
    volume: Volume, seen_lps: Sequence[float], pose: Pose
) -> tuple[FloatArray, NDArray[np.intp]]:
    """Points on the way from the eye, from the one that is seen, and their voxels."""
    geometry = volume.geometry
    seen = np.asarray(seen_lps, float)
    toward = np.subtract(pose.focus_lps if pose.parallel else seen, pose.position_lps)
    toward /= max(float(np.linalg.norm(toward)), 1e-12)
    depth_mm, step_mm = DEPTH_VOXELS * max(geometry.spacing), min(geometry.spacing)
    way = np.arange(0, depth_mm, step_mm / STEPS_A_VOXEL)
    points = seen + way[:, None] * toward
    kji = np.rint(geometry.to_ijk(points)[:, ::-1]).astype(np.intp)
    within = ((kji >= 0) & (kji < geometry.shape)).all(axis=1)
    return points[within], kji[within]


def _in_structure(study: Study, settings: Settings, kji: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which voxels belong to a structure whose surface is shown."""
    if study.labels is None or not settings.show_surfaces:
        return np.zeros(len(kji), bool)
    shown = [
        label
        for label in study.surfaces
        if label not in settings.hidden and opacity_of(label, study, settings) > 0
    ]
    return np.isin(study.labels.array[tuple(kji.T)], shown)


def _opaque(volume: Volume, settings: Settings, kji: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which voxels are at least half as opaque as the most opaque of them."""
    transfer = transfer_of(volume, settings)
    if not len(kji) or transfer.blend != "composite":
        return np.zeros(len(kji), bool)
    stops = np.array(transfer.points)
    opacity = np.interp(volume.array[tuple(kji.T)], stops[:, 0], stops[:, 4])
    return np.asarray((opacity > 0) & (opacity >= opacity.max() / 2))
