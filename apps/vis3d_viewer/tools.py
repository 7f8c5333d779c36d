"""The tools of the workbench: functions by the names that the page knows, and its words."""

import re
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import numpy as np

from vis3d import segmentation
from vis3d.errors import UsageError
from vis3d.labels import normal_name
from vis3d.progress import Progress
from vis3d.segmentation import Edit
from vis3d.volume import Mask, Volume
from vis3d_viewer import scripts
from vis3d_viewer.asked import finite
from vis3d_viewer.structures import Structures

Side: TypeAlias = Literal["inside", "outside"]

MAX_MM = 100.0
MAX_VALUE = 1e6

SHAPES: dict[str, Callable[..., Mask]] = {
    "smooth": segmentation.smooth,
    "grow": segmentation.add_margin,
    "shrink": lambda mask, mm, progress: segmentation.add_margin(mask, -mm, progress=progress),
    "close": segmentation.close,
    "open": segmentation.open_up,
}
"""What changes a structure's shape by mm."""

FUNCTIONS = {
    "smooth": ("smooth", 1),
    "grow": ("add_margin", 1),
    "shrink": ("add_margin", -1),
    "close": ("close", 1),
    "open": ("open_up", 1),
}
"""The functions of `vis3d.segmentation` behind them, and the sign of their size."""

STROKES: dict[str, Callable[..., Edit]] = {
    "brush": segmentation.paint,
    "eraser": segmentation.erase,
}
SIDES: dict[str, Side] = {"inside": "inside", "outside": "outside"}

MAX_STROKE = 2000
"""So many points a stroke or an outline has at most."""

POINTED: dict[str, Callable[..., Mask]] = {
    "keep island": segmentation.keep_island,
    "remove island": segmentation.remove_island,
}
"""What changes a structure at a point."""


def found_in(
    volume: Volume,
    names: tuple[str, ...],
    step: str,
    structures: Structures,
    progress: Progress,
) -> frozenset[int]:
    """Find structures in a volume, and list them; the labels that changed."""
    labels = segmentation.segment(volume, names, progress=progress)
    return structures.found(labels, step.replace("Finding", "Find"), scripts.finding(names))


def threshold_of(volume: Volume, values: tuple[float, float], progress: Progress) -> Mask:
    """Every voxel from one value to another."""
    return segmentation.threshold(volume, *values, progress=progress)


def grown_from(
    volume: Volume, seed_lps: list[float], values: tuple[float, float], progress: Progress
) -> Mask:
    """What is connected with a point, from one value to another."""
    return segmentation.region_growing(volume, seed_lps, range_hu=values, progress=progress)


def enumerated(names: Sequence[str]) -> str:
    """Words as a sentence lists them."""
    return ", ".join(names[:-1]) + (" and " if names[:-1] else "") + names[-1]


def name_or(value: object, otherwise: str) -> str:
    """A name, or another one where it is none."""
    return value if isinstance(value, str) and normal_name(value) else otherwise


def slice_mm(volume: Volume, normal: tuple[float, float, float]) -> float:
    """How thick a slice of the grid is that lies across a normal, or nearly."""
    geometry = volume.geometry
    along = np.abs(geometry.direction.T @ np.array(normal))
    return float(geometry.spacing[int(along.argmax())])


def titled(value: object) -> str:
    """With a capital, as a step is named."""
    return str(value).capitalize()


def color_of(value: object) -> tuple[int, int, int]:
    """A colour (RGB 0 to 255) from #rrggbb.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(value, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise UsageError("A colour is written as #rrggbb.")
    return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)


def range_of(low: object, high: object) -> tuple[float, float]:
    """Two values, the lower one first.

    Raises:
        UsageError: they are none.
    """
    first, last = (finite(one, -MAX_VALUE, MAX_VALUE, "A value") for one in (low, high))
    if first > last:
        raise UsageError("The lower value comes first.")
    return first, last


def level_of(value: object) -> float:
    """The level of an isosurface.

    Raises:
        UsageError: it is none.
    """
    return finite(value, -MAX_VALUE, MAX_VALUE, "A level")


def size_of(mm: object) -> float:
    """A size above zero in mm.

    Raises:
        UsageError: it is none.
    """
    size = finite(mm, 0.0, MAX_MM, "A size in mm")
    if not size:
        raise UsageError("A size in mm is above zero.")
    return size
