"""What a person has chosen in the browser, as one frozen value."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import get_args

from vis3d.rendering import VOLUME_PRESETS
from vis3d.scene import Handles, View

VIEWS: tuple[View, ...] = get_args(View)

LAYOUTS = ("grid", "large", "axial", "coronal", "sagittal", "volume")
"""Two by two, one large with three small, or one view alone."""

LARGE = ("axial", "coronal", "sagittal", "volume")
SLABS = ("thin", "mean", "mip", "minip")
MAX_SLAB_MM = 200.0

HANDLES: tuple[Handles, ...] = get_args(Handles)

MAX_SMOOTH_MM = 5.0
"""Of surfaces on the screen."""

MAX_POINTS = 32
"""Of a transfer function."""

MAX_LABEL = 65_535
MAX_HU = 100_000.0
LEAST_WIDTH = 1e-3
MAX_MM = 100_000.0
"""Limits of what a browser may send; far beyond what any scan has."""


@dataclass(frozen=True)
class Settings:
    """What to show and how; every value is one that JSON can carry.

    `crosshair_lps` is in mm. `window_center` and `window_width` are in the scan's own unit.
    `turns` are quaternions (w, x, y, z) of the axial, coronal and sagittal plane.
    `hidden`, `opacity` and `smoothness` (mm) go by label (as text in the latter two, since
    JSON's keys are texts); opacities are 0 to 1. With `render_here` the browser draws the
    surfaces. `crop` holds a box's low and high corner, `clip` a plane's point and
    normal, both in LPS mm, or nothing. `transfer` holds the rows of a transfer function of
    one's own (value, r, g, b, opacity), or nothing where the preset's is meant.
    """

    crosshair_lps: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    window_center: float = 40.0
    window_width: float = 400.0
    layout: str = "grid"
    large: str = "axial"
    slab: str = "thin"
    slab_mm: float = 10.0
    turns: list[float] = field(default_factory=lambda: [1.0, 0.0, 0.0, 0.0] * 3)
    show_volume: bool = True
    show_surfaces: bool = True
    preset: str = "bone"
    view: str = "anterior"
    show_overlay: bool = True
    overlay_opacity: float = 0.25
    hidden: list[int] = field(default_factory=list)
    opacity: dict[str, float] = field(default_factory=dict)
    smoothness: dict[str, float] = field(default_factory=dict)
    show_emphysema: bool = False
    render_here: bool = False
    parallel: bool = False
    ambient_occlusion: bool = True
    slices_in_3d: bool = False
    turning: bool = False
    crop: list[float] = field(default_factory=list)
    clip: list[float] = field(default_factory=list)
    handles: str = "none"
    transfer: list[list[float]] = field(default_factory=list)


def accept(name: str, value: object) -> object:
    """The value a browser wants `name` to have, where it is one that makes sense.

    Raises:
        ValueError: there is no such setting, or the value is of another type or range.
    """
    rule = _RULES.get(name)
    if rule is None or not rule(value):
        raise ValueError("The setting can't have this value.")
    return value


def _number(low: float, high: float) -> Callable[[object], bool]:
    def is_number(value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return math.isfinite(value) and low <= value <= high

    return is_number


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _label(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_LABEL


def _point(value: object) -> bool:
    within = _number(-MAX_MM, MAX_MM)
    return isinstance(value, list) and len(value) == 3 and all(within(mm) for mm in value)


def _turns(value: object) -> bool:
    """A quaternion of length 1 for each of the three planes."""
    within = _number(-1.0001, 1.0001)
    if not isinstance(value, list) or len(value) != 12 or not all(map(within, value)):
        return False
    return all(abs(math.hypot(*value[n : n + 4]) - 1) < 1e-3 for n in (0, 4, 8))


def _labels(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MAX_LABEL and all(map(_label, value))


def _by_label(low: float, high: float) -> Callable[[object], bool]:
    """A number for some of the labels."""
    number = _number(low, high)

    def are_numbers(value: object) -> bool:
        return isinstance(value, Mapping) and all(
            isinstance(key, str) and key.isdecimal() and _label(int(key[:6])) and number(one)
            for key, one in value.items()
        )

    return are_numbers


def _numbers(count: int) -> Callable[[object], bool]:
    """Nothing, or that many numbers."""
    within = _number(-MAX_MM, MAX_MM)

    def are_numbers(value: object) -> bool:
        return isinstance(value, list) and len(value) in (0, count) and all(map(within, value))

    return are_numbers


def _box(value: object) -> bool:
    """Two corners with something between them, or nothing."""
    if not _numbers(6)(value) or not isinstance(value, list):
        return False
    return all(low < high for low, high in zip(value[:3], value[3:], strict=True))


def _plane(value: object) -> bool:
    """A point and a direction, or nothing."""
    if not _numbers(6)(value) or not isinstance(value, list):
        return False
    return not value or any(value[3:])


def _transfer(value: object) -> bool:
    """Rows of rising values, colours and opacities 0 to 1; nothing, or two and more."""
    if not isinstance(value, list) or len(value) == 1 or len(value) > MAX_POINTS:
        return False
    value_of, fraction = _number(-MAX_HU, MAX_HU), _number(0.0, 1.0)
    for row in value:
        if not isinstance(row, list) or len(row) != 5 or not value_of(row[0]):
            return False
        if not all(map(fraction, row[1:])):
            return False
    return all(one[0] < other[0] for one, other in pairwise(value))


_RULES: dict[str, Callable[[object], bool]] = {
    "crosshair_lps": _point,
    "window_center": _number(-MAX_HU, MAX_HU),
    "window_width": _number(LEAST_WIDTH, 2 * MAX_HU),
    "layout": lambda value: value in LAYOUTS,
    "large": lambda value: value in LARGE,
    "slab": lambda value: value in SLABS,
    "slab_mm": _number(0.1, MAX_SLAB_MM),
    "turns": _turns,
    "show_volume": _flag,
    "show_surfaces": _flag,
    "preset": lambda value: value in tuple(VOLUME_PRESETS),
    "view": lambda value: value in VIEWS,
    "show_overlay": _flag,
    "overlay_opacity": _number(0.0, 1.0),
    "hidden": _labels,
    "opacity": _by_label(0.0, 1.0),
    "smoothness": _by_label(0.0, MAX_SMOOTH_MM),
    "show_emphysema": _flag,
    "render_here": _flag,
    "parallel": _flag,
    "ambient_occlusion": _flag,
    "slices_in_3d": _flag,
    "turning": _flag,
    "crop": _box,
    "clip": _plane,
    "handles": lambda value: value in HANDLES,
    "transfer": _transfer,
}
assert set(_RULES) == {setting.name for setting in fields(Settings)}
