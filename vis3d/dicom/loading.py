"""A series -> its volume."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d.dicom.frames import Frame, whole_numbers
from vis3d.dicom.gaps import filled
from vis3d.dicom.metadata import metadata_of
from vis3d.dicom.padding import OUTSIDE_HU, padding_in_corners, padding_of
from vis3d.dicom.planning import flat_geometry, geometry_of, stack_of
from vis3d.dicom.series import DAMAGED_FILES, Series
from vis3d.dicom.stacking import FILL_ADVICE, REPAIRABLE, TILT_CORRECTED, Stack
from vis3d.dicom.tilt import straightened
from vis3d.dicom.values import measured_values
from vis3d.errors import IrregularSeriesError, UsageError
from vis3d.memory import check_memory
from vis3d.progress import Progress, part, silent
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
        advice="Take a part of it: vis3d convert --slices A:B, or slices=slice(A, B).",
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


def load_slices(
    series: Series, *, tilt: Tilt = "correct", progress: Progress | None = None
) -> Volume:
    """The slices of a stack as they were scanned, in order; gaps and tilt stay in it.

    For what looks at slices among their neighbours and puts each back where it was
    (`write_derived_series` with `in_place`), not for lengths: the grid's spacing is the
    median distance of two slices, and its direction theirs.

    Raises:
        IrregularSeriesError: the slices are no stack, or tilted where `tilt` is "refuse".
        InputError: a file's pixels are bad.
        TooLargeError: the volume doesn't fit into the free memory.
    """
    frames, plan = series.frames, series.stack
    found = [one for one in series.findings if one.code not in _OF_THE_EVEN_GRID]
    findings = _decided(found, gaps="interpolate", tilt=tilt, told=_LEFT)
    if plan is None:
        raise IrregularSeriesError(
            "The images have no place in the patient: they are no stack."
        )
    check_memory((len(frames), *series.shape[1:]), 2 if whole_numbers(frames) else 4)
    padding = padding_of(frames)
    array = measured_values(frames, padding, progress or silent)
    if padding.value is None:
        padding = padding_in_corners(array, series.unit)
    apart = float(np.median(np.diff(plan.distances))) if len(frames) > 1 else 0.0
    untilted = replace(plan, count=len(frames), spacing=apart, tilted=False)
    metadata = metadata_of(series, frames[0], (*findings, *padding.findings))
    return Volume(array, geometry_of(frames, untilted), series.unit, padding.value, metadata)


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


@dataclass(frozen=True)
class _Told:
    """What becomes of gaps and of a tilt, as findings say it."""

    gaps: str
    tilt: str


_FILLED = _Told("The gaps were interpolated.", TILT_CORRECTED)
_OF_THE_EVEN_GRID = ("spacing-differs", "thickness-differs")
_LEFT = _Told("The slices stay where they are.", "they stay so.")


def _decided(
    findings: Collection[Finding], *, gaps: Gaps, tilt: Tilt, told: _Told = _FILLED
) -> tuple[Finding, ...]:
    """The findings of what will be loaded.

    Raises:
        IrregularSeriesError: one of them refuses it.
    """
    decided: list[Finding] = []
    for finding in findings:
        if gaps == "interpolate" and finding.code in REPAIRABLE:
            message = finding.message.replace(FILL_ADVICE, told.gaps)
            finding = replace(finding, severity="warning", message=message)
        if finding.severity == "error":
            lost = [one.message for one in findings if one.code == DAMAGED_FILES]
            raise IrregularSeriesError(" ".join((*lost, finding.message)))
        if finding.code == "gantry-tilt" and tilt == "refuse":
            raise IrregularSeriesError(
                f'{finding.message.split(";")[0]}. Use tilt="correct" (--tilt correct) to '
                "resample them onto a right-angled grid."
            )
        message = finding.message.replace(TILT_CORRECTED, told.tilt)
        decided.append(replace(finding, message=message))
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
        spacing = frames[0].steps_mm
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
