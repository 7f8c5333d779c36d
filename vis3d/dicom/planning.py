"""A group of pictures -> the Series a person sees: its grid and what loading will do."""

import numpy as np

from vis3d.dicom.codecs import LOSSY_TRANSFER_SYNTAXES
from vis3d.dicom.frames import Frame, frame_count
from vis3d.dicom.grouping import Group
from vis3d.dicom.headers import Header
from vis3d.dicom.padding import padding_of
from vis3d.dicom.series import Series
from vis3d.dicom.stacking import Stack, normal_of, stack
from vis3d.dicom.tilt import straight_extent
from vis3d.geometry import FloatArray, Geometry
from vis3d.volume import Finding

REPAIRABLE = frozenset(("missing-slices", "variable-spacing"))
"""Errors that `gaps="interpolate"` repairs."""


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
        *_value_findings(group.frames),
        *_spacing_findings(group.frames, plan),
    )
    geometry = geometry_of(group.frames, plan) if plan else None
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
        loadable=all(finding.severity != "error" for finding in findings),
        findings=findings,
        frames=group.frames,
        stack=plan,
    )


def stack_of(frames: tuple[Frame, ...]) -> Stack:
    """Where the slices of a group lie."""
    orientation = frames[0].orientation
    assert orientation is not None
    positions = np.array([frame.position for frame in frames])
    return stack(positions, orientation, frames[0].pixel_spacing or (1.0, 1.0))


def geometry_of(frames: tuple[Frame, ...], plan: Stack) -> Geometry:
    """The grid of the volume, after the repairs that the stack needs."""
    first = frames[0]
    assert first.orientation is not None
    assert first.position is not None
    between_rows, between_columns = first.pixel_spacing or (1.0, 1.0)
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
    between_rows, between_columns = frame.pixel_spacing or (1.0, 1.0)
    shape = (1, frame.format.rows, frame.format.columns)
    return Geometry(shape, (between_columns, between_rows, 1.0))


def _lone_spacing(frame: Frame) -> float:
    """What stands for the spacing of a single slice: its thickness, else 1 mm."""
    return frame.thickness_mm if frame.thickness_mm and frame.thickness_mm > 0 else 1.0


def _value_findings(frames: tuple[Frame, ...]) -> tuple[Finding, ...]:
    findings: list[Finding] = []
    rescales = {(frame.slope, frame.intercept) for frame in frames}
    if len(rescales) > 1:
        findings.append(
            Finding(
                "per-slice-rescale",
                "note",
                f"The slices have {len(rescales)} different rescale slopes and intercepts.",
            )
        )
    headers = list({id(frame.header): frame.header for frame in frames}.values())
    if any(_is_lossy(header) for header in headers):
        findings.append(
            Finding("lossy", "warning", "The pixels went through a lossy compression.")
        )
    findings += padding_of(frames).findings
    surplus = sum(_has_surplus_pixels(header, frames[0]) for header in headers)
    if surplus:
        message = f"{surplus} file(s) hold more bytes of pixels than their images; trimmed."
        findings.append(Finding("truncated-pixels", "warning", message))
    for kind in sorted({header.preamble for header in headers} - {""}):
        findings.append(
            Finding("preamble", "warning", f"Files begin like {kind}; only the scan is used.")
        )
    if not frames[0].header.text("SeriesInstanceUID"):
        message = "The files name no series: whether they belong together is a guess."
        findings.append(Finding("no-series-uid", "warning", message))
    if frames[0].header.text("Modality") == "CT" and not frames[0].unit:
        findings.append(
            Finding("no-rescale", "warning", "No rescale is given: the values may not be HU.")
        )
    return tuple(findings)


def _is_lossy(header: Header) -> bool:
    return (
        header.text("LossyImageCompression") == "01"
        or header.transfer_syntax in LOSSY_TRANSFER_SYNTAXES
    )


def _has_surplus_pixels(header: Header, frame: Frame) -> bool:
    """Whether native pixel data are longer than the images (but for padding to even)."""
    declared = header.elements.pixel_length
    if declared is None:
        return False
    return declared > frame.format.frame_bytes * frame_count(header) + 1


def _spacing_findings(frames: tuple[Frame, ...], plan: Stack | None) -> tuple[Finding, ...]:
    first = frames[0]
    findings: list[Finding] = []
    if first.pixel_spacing is None:
        findings.append(
            Finding("no-spacing", "warning", "No pixel spacing is given; 1 mm stands for it.")
        )
    if first.magnified:
        findings.append(
            Finding(
                "magnified-spacing",
                "warning",
                "The pixel spacing is the detector's: lengths in the patient are shorter.",
            )
        )
    if plan and plan.count == 1:
        findings.append(
            Finding(
                "single-slice", "note", "One slice alone; its thickness stands for spacing."
            )
        )
    elif (
        plan
        and first.thickness_mm
        and abs(first.thickness_mm - plan.spacing) > 0.05 * plan.spacing
    ):
        findings.append(
            Finding(
                "thickness-differs",
                "note",
                f"Slices {first.thickness_mm:.2f} mm thick lie {plan.spacing:.2f} mm apart.",
            )
        )
    return tuple(findings)
