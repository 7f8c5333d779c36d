"""What the headers of a series tell a reader to know of its values and sizes."""

import itertools
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from vis3d.dicom.codecs import LOSSY_TRANSFER_SYNTAXES
from vis3d.dicom.frames import Frame, frame_count
from vis3d.dicom.headers import Header
from vis3d.dicom.padding import padding_of
from vis3d.dicom.stacking import Stack
from vis3d.errors import InputError
from vis3d.volume import Finding, Severity

SPACING_SHARE = 0.05
"""A thickness or spacing in the header that differs by more from the positions is told."""

FACTOR = 1.5
"""A spacing in the header that differs by this factor contradicts the positions."""

EXACT_BITS = 24
"""Whole numbers of more bits are rounded in float32."""
_ROUNDED = ("i4", "u4", "f8")

RUNS_A_VALUE = 3
"""An attribute that changes this many times a value along the stack alternates."""

ALTERNATING = ("AcquisitionNumber", "TemporalPositionIdentifier", "SeriesDescription")
"""What stacks that lie between each other's slices would differ in."""

SETTINGS = {
    "ConvolutionKernel": "kernel",
    "KVP": "tube voltage",
    "PatientPosition": "the patient's position",
}
"""What one reconstruction has one of; stacks are only parted by it where slices repeat."""

_Said: TypeAlias = tuple[object, str, Severity, str]
"""Whether it is so, and the finding's code, severity and message."""


def value_findings(frames: tuple[Frame, ...]) -> tuple[Finding, ...]:
    """What loading does to the stored values, and what they don't tell."""
    headers = list({id(frame.header): frame.header for frame in frames}.values())
    said = (*_of_values(frames, headers), *_of_files(frames, headers))
    return (*padding_of(frames).findings, *_true_ones(said))


def _of_values(frames: tuple[Frame, ...], headers: list[Header]) -> Iterator[_Said]:
    first = frames[0]
    rescales = {(frame.slope, frame.intercept) for frame in frames}
    surplus = sum(_has_surplus_pixels(header, first) for header in headers)
    yield (
        len(rescales) > 1,
        "per-slice-rescale",
        "warning" if first.unit == "HU" else "note",  # PET and MR are scaled slice by slice
        f"The slices have {len(rescales)} different rescale slopes and intercepts.",
    )
    yield (
        any(_is_lossy(header) for header in headers),
        "lossy",
        "warning",
        "The pixels went through a lossy compression.",
    )
    yield (
        surplus,
        "truncated-pixels",
        "warning",
        f"{surplus} file(s) hold more bytes of pixels than their images; trimmed.",
    )
    yield (
        any(frame.format.kind in _ROUNDED for frame in frames)
        and any(frame.format.stored > EXACT_BITS for frame in frames),
        "rounded-values",
        "note",
        f"Values of more than {EXACT_BITS} bits are rounded to floating-point numbers of 32.",
    )
    yield (
        any(frame.lookup for frame in frames),
        "modality-lut",
        "note",
        "A table in the file (Modality LUT) gives the values their meaning.",
    )
    yield (
        first.header.text("Modality") == "CT" and not first.unit,
        "no-rescale",
        "warning",
        "No rescale is given: the values may not be HU.",
    )


def _of_files(frames: tuple[Frame, ...], headers: list[Header]) -> Iterator[_Said]:
    pretences = ", ".join(sorted({header.preamble for header in headers} - {""}))
    mixed = [
        words
        for keyword, words in SETTINGS.items()
        if len({frame.telling(keyword) for frame in frames}) > 1
    ]
    yield (
        pretences,
        "preamble",
        "warning",
        f"Files begin like {pretences}; only the scan is used.",
    )
    yield (
        not headers[0].text("SeriesInstanceUID"),
        "no-series-uid",
        "warning",
        "The files name no series: whether they belong together is a guess.",
    )
    names = [header.text("SOPInstanceUID") for header in headers]
    shared = len([name for name in names if name]) - len({*names} - {""})
    yield (
        shared,
        "shared-instance-uids",
        "warning",
        f"{shared} of {len(names)} files have the SOPInstanceUID of another slice. All are "
        "used; what refers to one of them, such as a SEG, may mean the other.",
    )
    yield (
        mixed,
        "mixed-settings",
        "warning",
        f"The slices differ in {', '.join(mixed)}: they may not be of one reconstruction.",
    )
    yield (
        _alternates(frames),
        "interleaved-acquisitions",
        "warning",
        "Slices of different acquisitions take turns along the stack: they may be several "
        "scans that lie between each other.",
    )


def spacing_findings(frames: tuple[Frame, ...], plan: Stack | None) -> tuple[Finding, ...]:
    """What the header says of sizes, where it is missing or differs from the positions."""
    first = frames[0]
    apart = plan.spacing if plan and plan.count > 1 else None
    thickness, claimed = first.thickness_mm, _claimed_spacing(first.header)
    ratio = claimed / apart if apart and claimed else 1.0
    thinned = ratio < 1 / FACTOR
    contradicts = thinned or ratio > FACTOR
    said: list[_Said] = [
        (
            first.pixel_spacing is None,
            "no-spacing",
            "warning",
            "No pixel spacing is given; 1 mm stands for it.",
        ),
        (
            first.magnified,
            "magnified-spacing",
            "warning",
            "The pixel spacing is the detector's: lengths in the patient are shorter.",
        ),
        (
            plan and plan.count == 1,
            "single-slice",
            "note",
            f"One slice alone; {'its thickness' if thickness else '1 mm'} stands for spacing.",
        ),
        (
            apart and thickness and _differ(thickness, apart),
            "thickness-differs",
            "note",
            f"Slices {thickness or 0:.2f} mm thick lie {apart or 0:.2f} mm apart.",
        ),
        (
            apart and claimed and _differ(claimed, apart),
            "spacing-differs",
            "warning" if contradicts else "note",
            f"The header says that slices lie {claimed or 0:.2f} mm apart; by their positions "
            f"they lie {apart or 0:.2f} mm apart, which is used."
            f"{' Perhaps every other slice or more is missing.' if thinned else ''}",
        ),
    ]
    return tuple(_true_ones(said))


def _true_ones(said: Iterable[_Said]) -> list[Finding]:
    return [Finding(code, severity, words) for true, code, severity, words in said if true]


def _differ(one: float, other: float) -> bool:
    return abs(one - other) > SPACING_SHARE * other


def _claimed_spacing(header: Header) -> float | None:
    """SpacingBetweenSlices without its sign, which some use for the direction."""
    try:
        values = header.numbers("SpacingBetweenSlices")
    except InputError:
        return None
    return abs(values[0]) if values else None


def _alternates(frames: tuple[Frame, ...]) -> bool:
    """Whether an attribute goes to and fro along the stack: no single scan's does."""
    for keyword in ALTERNATING:
        values = [frame.telling(keyword) for frame in frames]
        runs = 1 + sum(one != other for one, other in itertools.pairwise(values))
        if len(set(values)) > 1 and runs > RUNS_A_VALUE * len(set(values)):
            return True
    return False


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
    return declared > frame.format.bytes_of(frame_count(header)) + 1
