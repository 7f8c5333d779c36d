"""A group of pictures -> the Series a person sees: its grid and what loading will do."""

import numpy as np

from vis3d.dicom.findings import spacing_findings, value_findings
from vis3d.dicom.frames import Frame
from vis3d.dicom.grouping import Group
from vis3d.dicom.series import Series
from vis3d.dicom.stacking import REPAIRABLE, Stack, normal_of, stack
from vis3d.dicom.tilt import straight_extent
from vis3d.geometry import FloatArray, Geometry


def planned_series(index: int, group: Group) -> Series:
    """The series made of one group of pictures."""
    first = group.frames[0]
    header = first.header
    refused = any(finding.severity == "error" for finding in group.findings)
    placed = first.position is not None and first.orientation is not None
    plan = stack_of(group.frames) if placed and not refused else None
    findings = (
        *group.findings,
        *(plan.findings if plan else ()),
        *value_findings(group.frames),
        *spacing_findings(group.frames, plan),
    )
    errors = {finding.code for finding in findings if finding.severity == "error"}
    geometry = geometry_of(group.frames, plan) if plan and errors <= REPAIRABLE else None
    shape = (
        geometry.shape
        if geometry
        else (len(group.frames), first.format.rows, first.format.columns)
    )
    return Series(
        index=index,
        uid=header.text("SeriesInstanceUID"),
        modality=header.text("Modality")[:16],
        description=header.free_text("SeriesDescription"),
        files=tuple(dict.fromkeys(frame.header.name for frame in group.frames)),
        geometry=geometry,
        shape=shape,
        unit=first.unit,
        transfer_syntaxes=tuple(
            sorted({frame.header.transfer_syntax for frame in group.frames})
        ),
        loadable=not errors,
        findings=findings,
        frames=group.frames,
        stack=plan,
    )


def stack_of(frames: tuple[Frame, ...]) -> Stack:
    """Where the slices of a group lie."""
    orientation = frames[0].orientation
    assert orientation is not None
    positions = np.array([frame.position for frame in frames])
    return stack(positions, orientation, frames[0].steps_mm)


def geometry_of(frames: tuple[Frame, ...], plan: Stack) -> Geometry:
    """The grid of the volume, after the repairs that the stack needs."""
    first = frames[0]
    assert first.orientation is not None
    assert first.position is not None
    between_rows, between_columns = first.steps_mm
    spacing = (between_columns, between_rows, plan.spacing or _lone_spacing(first))
    row, column = first.orientation
    direction = np.column_stack([row, column, normal_of(first.orientation)])
    shape = (plan.count, first.format.rows, first.format.columns)
    origin: FloatArray = first.position
    if plan.tilted:
        start_ji, size_ji = straight_extent(plan, shape[1:], (between_rows, between_columns))
        origin = origin + direction @ (start_ji[1] * spacing[0], start_ji[0] * spacing[1], 0.0)
        shape = (plan.count, *size_ji)
    x, y, z = origin.tolist()
    return Geometry(shape, spacing, (x, y, z), direction)


def flat_geometry(frame: Frame) -> Geometry:
    """The grid of a picture without a place in the patient."""
    between_rows, between_columns = frame.steps_mm
    shape = (1, frame.format.rows, frame.format.columns)
    return Geometry(shape, (between_columns, between_rows, 1.0))


def _lone_spacing(frame: Frame) -> float:
    """What stands for the spacing of a single slice: its thickness, else 1 mm."""
    return frame.thickness_mm or 1.0
