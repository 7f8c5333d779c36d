"""LPS here, and what surface files say of their own frame."""

import re
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError
from vis3d.volume import Finding

Coordinates: TypeAlias = Literal["lps", "ras"]

RAS_SIGNS = np.array([-1, -1, 1], np.float32)
"""LPS -> RAS and back is half a turn about the long axis: no triangle turns inside out."""

_SPACE = re.compile(r"SPACE\s*=\s*(LPS|RAS)", re.IGNORECASE)


def in_frame(
    points_lps: NDArray[np.floating], coordinates: Coordinates
) -> NDArray[np.floating]:
    """Points in LPS mm as a file wants them."""
    return points_lps if coordinates == "lps" else points_lps * RAS_SIGNS


def in_lps(points: NDArray[np.floating], frame: Coordinates) -> NDArray[np.floating]:
    """Points of a file in its frame, as LPS mm."""
    return points if frame == "lps" else points * RAS_SIGNS


def frame_said(text: str, kind: str) -> tuple[Coordinates, tuple[Finding, ...]]:
    """The frame that a header or comment names as 3D Slicer does; LPS where it is silent."""
    found = _SPACE.search(text)
    if found:
        return ("ras" if found[1].upper() == "RAS" else "lps"), ()
    message = f"{kind} names no frame: points are taken as LPS mm."
    return "lps", (Finding("frame-assumed", "note", message),)


def check_points(points: NDArray[np.floating], path: Path) -> None:
    """Refuse points that lie nowhere.

    Raises:
        InputError: a coordinate is NaN or infinite.
    """
    if not np.isfinite(points).all():
        raise InputError(f"{path}: some coordinates are no numbers; the file is damaged.")
