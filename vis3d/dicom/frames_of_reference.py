"""Whether an object's positions in mm mean the places that a scan's do (PS3.3 C.7.4.1)."""

import hashlib
from collections.abc import Iterable

from vis3d.errors import InputError
from vis3d.geometry import SAME_GRID_MM, Geometry
from vis3d.labels import LabelMap
from vis3d.volume import Finding


def frame_name(uid: str) -> str:
    """What stands for a frame of reference in `Volume.metadata`: no UID, so nobody's data."""
    return hashlib.sha256(uid.encode()).hexdigest()[:16] if uid else ""


def checked_frame(
    labelmaps: tuple[LabelMap, ...],
    uids: Iterable[str],
    scan: str,
    *,
    fits: bool,
    name: str,
) -> tuple[LabelMap, ...]:
    """The label maps, with a warning where their frame of reference isn't the scan's.

    `uids` are those that the object names, `scan` is the scan's `frame_name`; where either is
    unknown there is nothing to compare. `fits` says that the object lies on the very slices
    of the scan: then its frame was lost on the way rather than another one.

    Raises:
        InputError: another frame of reference, and the object doesn't fit the scan's slices.
    """
    named = {frame_name(uid) for uid in uids if uid}
    if not scan or not named or scan in named:
        return labelmaps
    if not fits:
        raise InputError(
            f"{name} has another frame of reference than the scan, so its positions in mm "
            f"aren't the scan's, and it doesn't lie on the scan's slices: give what was drawn "
            f"on this scan, or register it first."
        )
    message = (
        "The segmentation names another frame of reference than the scan; it lies on the "
        "scan's own slices and is taken as drawn on them."
    )
    finding = Finding("frame-of-reference", "warning", message)
    return tuple(one.with_findings(finding) for one in labelmaps)


def on_grid_of(labelmaps: tuple[LabelMap, ...], geometry: Geometry | None) -> bool:
    """Whether label maps have the voxels of a scan, or there is no scan to compare with."""
    return geometry is None or all(
        one.geometry.matches(geometry, tolerance_mm=SAME_GRID_MM) for one in labelmaps
    )
