"""Where the page finds the pixels of each plane in the patient, straight or turned."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.geometry import Geometry
from vis3d.imaging import PLANES, Plane
from vis3d.imaging.stacks import Stack, stack
from vis3d.volume import Volume

TOWARDS = {"axial": (2, -1), "coronal": (1, 1), "sagittal": (0, 1)}
"""Where the wheel leads when it is turned towards oneself: feet, back, left (axis, sign)."""

_UNPLACED: dict[str, Any] = {"placed": False, "letters": [""] * 4}

STRAIGHT = (1.0, 0.0, 0.0, 0.0)
"""The turn, a quaternion (w, x, y, z), that leaves a plane along the grid."""


def plane_maps(
    geometry: Geometry,
    turns: Sequence[Sequence[float]] = (STRAIGHT,) * 3,
    *,
    placed: bool = True,
) -> dict[str, dict[str, Any]]:
    """For each plane what the page needs to place a slice in the patient.

    `first`, `column`, `row` and `slice` are LPS mm: the first pixel of slice 0, and the steps
    to the next column, row and slice; `forward` is the sign of the wheel; `fit_mm` is the
    straight picture's size; `turn` is None for a straight plane. Of a scan that isn't
    `placed` nobody knows how it lies in the patient: its sides have no letters.
    """
    unknown = {} if placed else _UNPLACED
    return {
        plane: _plane_map(geometry, plane, turn) | unknown
        for plane, turn in zip(PLANES, turns, strict=True)
    }


def is_placed(volume: Volume) -> bool:
    """Whether the file says how the scan lies in the patient."""
    return not any(finding.code == "no-position" for finding in volume.findings)


def turned_stack(geometry: Geometry, plane: Plane, turn: Sequence[float]) -> Stack:
    """The slices of a plane turned by a quaternion (w, x, y, z)."""
    return stack(geometry, plane, None if is_straight(turn) else rotation(turn))


def rotation(turn: Sequence[float]) -> NDArray[np.float64]:
    """The rotation matrix of a quaternion (w, x, y, z) of any length above zero."""
    w, x, y, z = np.asarray(turn, float) / np.linalg.norm(turn)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def is_straight(turn: Sequence[float]) -> bool:
    """Whether a quaternion turns nothing."""
    return abs(abs(turn[0]) / float(np.linalg.norm(turn)) - 1) < 1e-9


def _plane_map(geometry: Geometry, plane: Plane, turn: Sequence[float]) -> dict[str, Any]:
    straight = stack(geometry, plane)
    where = turned_stack(geometry, plane, turn)
    axis, sign = TOWARDS[plane]
    sheet = where.sheet(0, np.zeros((1, 1)))
    width_mm, height_mm = (
        count * float(np.linalg.norm(step))
        for count, step in (
            (straight.columns, straight.column_step_lps),
            (straight.rows, straight.row_step_lps),
        )
    )
    return {
        "first": where.first_lps.tolist(),
        "column": where.column_step_lps.tolist(),
        "row": where.row_step_lps.tolist(),
        "slice": where.slice_step_lps.tolist(),
        "columns": where.columns,
        "rows": where.rows,
        "count": where.count,
        "spacing": list(sheet.pixel_spacing_mm),
        "placed": True,
        "letters": list(sheet.letters),
        "forward": 1 if straight.slice_step_lps[axis] * sign >= 0 else -1,
        "fit_mm": [width_mm, height_mm],
        "turn": list(turn) if where.turned else None,
        "scan": f"{geometry.shape} {geometry.origin}",
    }
