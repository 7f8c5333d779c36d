"""A series -> its volume."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d.dicom.frames import Frame, whole_numbers
from vis3d.dicom.gaps import filled
from vis3d.dicom.metadata import metadata_of
from vis3d.dicom.padding import OUTSIDE_HU, padding_in_corners, padding_of
from vis3d.dicom.planning import flat_geometry, geometry_of, stack_of
from vis3d.dicom.series import Series
from vis3d.dicom.stacking import FILL_ADVICE, REPAIRABLE, Stack
from vis3d.dicom.tilt import straightened
from vis3d.dicom.values import measured_values
from vis3d.errors import IrregularSeriesError, UsageError
from vis3d.memory import check_memory
from vis3d.progress import Progress, part
from vis3d.volume import Finding, Volume

Gaps: TypeAlias = Literal["refuse", "interpolate"]
Tilt: TypeAlias = Literal["correct", "refuse"]


def load_series(
    series: Series,
    *,
    gaps: Gaps = "refuse",
    tilt: Tilt = "correct",
    slices: slice | None = None,
    progress: Progress | None = None,
) -> Volume:
    """The volume of a series: int16 where the values allow it, float32 otherwise.

    `gaps="interpolate"` fills missing slices and evens out variable spacing;
    `tilt="refuse"` stops at a tilted stack instead of correcting it; `slices` takes a part
    of the sorted slices, before anything is repaired.

    Raises:
        IrregularSeriesError: the slices make no regular grid and no option repairs it.
        InputError: a file's pixels are bad.
        TooLargeError: the volume doesn't fit into the free memory.
    """
    frames, plan, findings = _chosen(series, slices)
    findings = _decided(findings, gaps=gaps, tilt=tilt)
    geometry = geometry_of(frames, plan) if plan else flat_geometry(frames[0])
    repairs = bool(plan and plan.tilted) + bool(plan and plan.gapped)
    check_memory(
        geometry.shape,
        2 if whole_numbers(frames) else 4,
        copies=1 + repairs,
        advice="Load a part of it: slices=slice(A, B) (--slices A:B).",
    )
    padding = padding_of(frames)
    array = measured_values(frames, padding, part(progress, 0.0, 0.8 if repairs else 1.0))
    if padding.value is None:
        padding = padding_in_corners(array, series.unit)
        findings = (*findings, *padding.findings)
    marks = padding.value
    if plan and repairs:
        array, marks = _repaired(array, frames, plan, marks, part(progress, 0.8, 1.0))
    metadata = metadata_of(series, frames[0], findings)
    return Volume(array, geometry, series.unit, marks, metadata)


def _chosen(
    series: Series, slices: slice | None
) -> tuple[tuple[Frame, ...], Stack | None, tuple[Finding, ...]]:
    """The slices asked for, where they lie, and what is found of them."""
    if slices is None:
        return series.frames, series.stack, series.findings
    frames = series.frames[slices]
    if not frames:
        raise UsageError(
            f"slices {slices.start}:{slices.stop} hold none of the {len(series.frames)} slices."
        )
    if series.stack is None:
        return frames, None, series.findings
    if slices.step not in (None, 1):
        raise UsageError("slices take a part without steps: slice(first, last + 1).")
    plan = stack_of(frames)
    others = [finding for finding in series.findings if finding not in series.stack.findings]
    return frames, plan, (*plan.findings, *others)


def _decided(findings: Iterable[Finding], *, gaps: Gaps, tilt: Tilt) -> tuple[Finding, ...]:
    """The findings of what will be loaded.

    Raises:
        IrregularSeriesError: one of them refuses it.
    """
    decided: list[Finding] = []
    for finding in findings:
        if gaps == "interpolate" and finding.code in REPAIRABLE:
            message = finding.message.replace(FILL_ADVICE, "The gaps were interpolated.")
            finding = replace(finding, severity="warning", message=message)
        if finding.severity == "error":
            raise IrregularSeriesError(finding.message)
        if finding.code == "gantry-tilt" and tilt == "refuse":
            raise IrregularSeriesError(
                f'{finding.message.split(";")[0]}. Use tilt="correct" (--tilt correct) to '
                "resample them onto a right-angled grid."
            )
        decided.append(finding)
    return tuple(decided)


def _repaired(
    array: NDArray[Any],
    frames: Sequence[Frame],
    plan: Stack,
    padding: float | None,
    progress: Progress,
) -> tuple[NDArray[Any], float | None]:
    """The array on its regular grid, and the value that marks what is outside."""
    if plan.tilted:
        spacing = frames[0].pixel_spacing or (1.0, 1.0)
        outside = _outside(array, frames[0].unit) if padding is None else padding
        array = straightened(array, plan, spacing, padding, outside, part(progress, 0, 0.5))
        padding = outside
    if plan.gapped:
        array = filled(array, plan, padding, part(progress, 0.5, 1))
    return array, padding


def _outside(array: NDArray[Any], unit: str) -> float:
    """A value that marks corners: below all tissue, below all values where unit unknown."""
    if unit == "HU":
        return OUTSIDE_HU
    lowest = float(array.min()) - 1
    if np.issubdtype(array.dtype, np.integer):
        lowest = max(lowest, float(np.iinfo(np.int16).min))
    return lowest
