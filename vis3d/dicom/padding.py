"""Which values mark pixels outside the scan, in the files and in the volume."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.dicom.frames import Frame, whole_numbers
from vis3d.volume import Finding

LOWEST_TISSUE_HU = -1024.0
"""Air in the patient may be clipped to this value; nothing of the patient lies below."""
OUTSIDE_HU = -2048.0
"""Marks pixels outside the scan where no value of the file can."""


@dataclass(frozen=True)
class Padding:
    """The volume's padding value; `moved` where stored padding must be set to it."""

    value: float | None
    moved: bool
    findings: tuple[Finding, ...] = ()


def padding_of(frames: Sequence[Frame]) -> Padding:
    """How a group of slices marks what is outside the scan (PS3.3 C.7.5.1.1.2).

    A padding value keeps its rescaled value, unless tissue or air could have it, or the
    slices differ: then one value below all tissue stands for it.
    """
    limits = {
        (stored_range(frame), frame.slope, frame.intercept, id(frame.lookup)): frame
        for frame in frames
    }
    rescaled = {
        (frame.measured(ends[0]), ends[0] == ends[1])
        for (ends, *_), frame in limits.items()
        if ends is not None
    }
    if not rescaled:
        return Padding(None, False)
    value, exact = min(rescaled)
    possible_tissue = frames[0].unit == "HU" and value > LOWEST_TISSUE_HU
    moved = possible_tissue or len(rescaled) > 1 or not exact or not whole_numbers(frames)
    value = OUTSIDE_HU if possible_tissue else float(np.float32(value))
    what = f"Pixels outside the scan are marked by the value {value:g}"
    why = "; the file's own padding value could be tissue." if possible_tissue else "."
    return Padding(value, moved, (Finding("padding", "note", what + why),))


def padding_in_corners(array: NDArray[Any], unit: str) -> Padding:
    """What marks the outside of the scanner's circle where the file doesn't say it.

    All corners of all slices must hold one value that is below every other one and below
    all that lies in a patient, so that nothing measured can be mistaken for it.
    """
    corners = array[:, :: max(1, array.shape[1] - 1), :: max(1, array.shape[2] - 1)]
    value = float(corners.flat[0])
    if unit != "HU" or value >= LOWEST_TISSUE_HU:
        return Padding(None, False)
    if (corners != corners.flat[0]).any() or not array.min() == value < array.max():
        return Padding(None, False)
    message = (
        f"Pixels outside the scan are marked by the value {value:g}, which all corners have; "
        f"the file doesn't say so."
    )
    return Padding(value, False, (Finding("padding", "note", message),))


def stored_range(frame: Frame) -> tuple[float, float] | None:
    """The least and greatest stored value that is padding, as signed as the pixels are."""
    header = frame.header
    if frame.format.floating:
        return _floating_range(frame)
    if not header.has("PixelPaddingValue"):
        return None
    low = _signed(header.integer("PixelPaddingValue", 0), frame)
    high = (
        _signed(header.integer("PixelPaddingRangeLimit"), frame)
        if (header.has("PixelPaddingRangeLimit"))
        else low
    )
    return (min(low, high), max(low, high))


def _floating_range(frame: Frame) -> tuple[float, float] | None:
    """The same of floating-point pixels; one that is no number needs no mark."""
    double = "Double" if frame.format.allocated == 64 else ""
    ends = [
        frame.header.floating(f"{double}FloatPixelPadding{end}")
        for end in ("Value", "RangeLimit")
    ]
    marks = [end for end in ends if end is not None]
    return (min(marks), max(marks)) if marks and np.isfinite(marks).all() else None


def is_padding(stored: NDArray[Any], frame: Frame) -> NDArray[np.bool_] | None:
    """Where stored values are padding; None where the file declares none."""
    limits = stored_range(frame)
    if limits is None:
        return None
    low, high = limits
    found: NDArray[np.bool_] = (
        stored == low if low == high else (stored >= low) & (stored <= high)
    )
    return found


def _signed(raw: int, frame: Frame) -> int:
    """A padding value, written as an unsigned number by many, in the pixels' own terms."""
    bits = min(frame.format.stored, 16)
    raw &= (1 << bits) - 1
    return raw - (1 << bits) if frame.format.signed and raw >> (bits - 1) else raw
