"""LPS here, and what surface files say of their own frame."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError
from vis3d.surface import Surface
from vis3d.volume import Finding, Severity

Coordinates: TypeAlias = Literal["lps", "ras"]

RAS_SIGNS = np.array([-1, -1, 1], np.float32)
"""LPS -> RAS and back is half a turn about the long axis: no triangle turns inside out."""

LONGEST_MESSAGE = 500
"""Characters; VTK's PLY reader (9.7) keeps lines of 4096 bytes."""

_FINDING = re.compile(r"FINDING=(\{.*\})")
_SPACE = re.compile(r"SPACE\s*=\s*(LPS|RAS)", re.IGNORECASE)


def in_frame(
    points_lps: NDArray[np.floating], coordinates: Coordinates
) -> NDArray[np.floating]:
    """Points in LPS mm as a file wants them."""
    return points_lps if coordinates == "lps" else points_lps * RAS_SIGNS


def in_lps(points: NDArray[np.floating], frame: Coordinates) -> NDArray[np.floating]:
    """Points of a file in its frame, as LPS mm."""
    return points if frame == "lps" else points * RAS_SIGNS


def remarks(surface: Surface, coordinates: Coordinates) -> list[str]:
    """What a file says of itself, as lines: units, frame, and the findings of the scan."""
    findings = surface.metadata.get("findings", ())
    listed = findings if isinstance(findings, Iterable) else ()
    told = [one for one in listed if isinstance(one, Finding)]
    rows = [{**one.as_dict(), "message": one.message[:LONGEST_MESSAGE]} for one in told]
    return [
        f"vis3d; UNITS=mm; SPACE={coordinates.upper()}",
        *(f"FINDING={json.dumps(row)}" for row in rows),
    ]


def frame_said(text: str, kind: str) -> tuple[Coordinates, tuple[Finding, ...]]:
    """The frame that a header or comment names as 3D Slicer does; LPS where it is silent.

    Findings that we wrote are read back.
    """
    findings = tuple(found for row in _FINDING.findall(text) for found in _finding(row))
    found = _SPACE.search(text)
    if found:
        return ("ras" if found[1].upper() == "RAS" else "lps"), findings
    message = f"{kind} names no frame: points are taken as LPS mm."
    return "lps", (Finding("frame-assumed", "note", message), *findings)


def _finding(row: str) -> list[Finding]:
    try:
        code, severity, message = (str(value) for value in json.loads(row).values())
    except (ValueError, AttributeError, RecursionError):
        return []
    known: tuple[Severity, ...] = ("note", "warning", "error")
    return [Finding(code, word, message) for word in known if word == severity]


def check_points(points: NDArray[np.floating], path: Path) -> None:
    """Refuse points that lie nowhere.

    Raises:
        InputError: a coordinate is NaN or infinite.
    """
    if not np.isfinite(points).all():
        raise InputError(f"{path}: some coordinates are no numbers; the file is damaged.")
