"""Enhanced multi-frame objects: each frame's place and meaning by its functional groups.

PS3.3 section C.7.6.16. The order of the frames in the file means nothing.
"""

import re
from dataclasses import replace
from typing import Any

from pydicom.config import disable_value_validation

from vis3d.dicom.datasets import header_dataset
from vis3d.dicom.frames import (
    Frame,
    PictureError,
    PixelFormat,
    orientation_lps,
    position_lps,
    rescale,
    single_frame,
    spacing_mm,
    thickness_of,
    unit_of,
)
from vis3d.dicom.headers import Header, finite
from vis3d.errors import InputError

_SPLITS = {
    "StackID": ("FrameContentSequence", "StackID"),
    "TemporalPositionIdentifier": ("FrameContentSequence", "TemporalPositionIndex"),
    "AcquisitionNumber": ("FrameContentSequence", "FrameAcquisitionNumber"),
    "AcquisitionDateTime": ("FrameContentSequence", "FrameAcquisitionDateTime"),
    "KVP": ("CTXRayDetailsSequence", "KVP"),
    "FlipAngle": ("MRTimingAndRelatedParametersSequence", "FlipAngle"),
    "EchoTime": ("MREchoSequence", "EffectiveEchoTime"),
    "DiffusionBValue": ("MRDiffusionSequence", "DiffusionBValue"),
    "ConvolutionKernel": ("CTReconstructionSequence", "ConvolutionKernel"),
    "NominalPercentageOfCardiacPhase": (
        "CardiacSynchronizationSequence",
        "NominalPercentageOfCardiacPhase",
    ),
    "LUTLabel": ("RealWorldValueMappingSequence", "LUTLabel"),
    "TriggerTime": ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
}
PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
_UCUM_HU = "[hnsf'U]"
_UCUM = re.compile(r"[A-Za-z0-9./%*^'()\[\]{}_+-]{1,24}")
_FRAME_TYPES = (
    "CTImageFrameTypeSequence",
    "MRImageFrameTypeSequence",
    "PETFrameTypeSequence",
    "XRay3DFrameTypeSequence",
    "ParametricMapFrameTypeSequence",
)


def enhanced_frames(header: Header, form: PixelFormat, count: int) -> list[Frame]:
    """The frames of an enhanced CT, MR or PET object, localizers left out.

    Raises:
        InputError: functional groups that don't fit the frames.
        PictureError: frames without a place in the patient, or localizers alone.
    """
    frames = [
        frame
        for frame in all_frames(header, form, count)
        if "LOCALIZER" not in frame.telling("ImageType")
    ]
    if not frames:
        raise PictureError("a localizer (scout), not slices")
    if any(frame.position is None or frame.orientation is None for frame in frames):
        raise PictureError(f"holds {count} frames without a place in the patient")
    return _with_sane_stacks(frames)


def all_frames(header: Header, form: PixelFormat, count: int) -> list[Frame]:
    """Every frame of a multi-frame object with functional groups, in the file's order.

    Raises:
        InputError: functional groups that don't fit the frames.
    """
    dataset = header_dataset(header)
    try:
        groups = dataset.PerFrameFunctionalGroupsSequence
        shared = dataset.get("SharedFunctionalGroupsSequence") or [None]
        if len(groups) != count:
            raise InputError(f"has {len(groups)} functional groups for {count} frames")
        whole = single_frame(header, form)
        with disable_value_validation():  # values are checked here, without warnings
            return [_frame(whole, n, group, shared[0]) for n, group in enumerate(groups)]
    except InputError:
        raise
    except Exception as error:  # pydicom parses values late, and raises a dozen kinds
        raise InputError("has functional groups that can't be read") from error


def _frame(whole: Frame, number: int, group: Any, shared: Any) -> Frame:
    def numbers(sequence: str, keyword: str) -> tuple[float, ...]:
        value = _value(group, shared, sequence, keyword)
        values = () if value in (None, "") else value if _is_list(value) else (value,)
        return tuple(finite(str(part), keyword) for part in values)

    transformation = "PixelValueTransformationSequence"
    slopes = numbers(transformation, "RescaleSlope")
    slope, intercept = rescale(slopes, numbers(transformation, "RescaleIntercept"))
    spacing = spacing_mm(numbers("PixelMeasuresSequence", "PixelSpacing"), "PixelSpacing")
    thickness = thickness_of(numbers("PixelMeasuresSequence", "SliceThickness"))
    rescale_type = str(_value(group, shared, transformation, "RescaleType") or "")
    frame = replace(
        whole,
        number=number,
        position=position_lps(numbers("PlanePositionSequence", "ImagePositionPatient")),
        orientation=orientation_lps(
            numbers("PlaneOrientationSequence", "ImageOrientationPatient")
        ),
        pixel_spacing=spacing or whole.pixel_spacing,
        slope=slope if slopes else whole.slope,
        intercept=intercept if slopes else whole.intercept,
        unit=unit_of(whole.header, rescale_type, whole.format, intercept)
        if slopes
        else whole.unit,
        thickness_mm=thickness or whole.thickness_mm,
        splits=_splits(group, shared),
    )
    if whole.header.text("SOPClassUID") == PARAMETRIC_MAP:
        return _real_world(frame, group, shared)
    return frame


def _real_world(frame: Frame, group: Any, shared: Any) -> Frame:
    """A frame of a parametric map with the meaning that its values have (C.7.6.16.2.11).

    Where several meanings or a table are given, the stored values stay, without a unit.
    """
    sequence = "RealWorldValueMappingSequence"
    found = [g[sequence].value for g in (group, shared) if g and sequence in g]
    item: Any = found[0][0] if found and len(found[0]) == 1 else {}
    if not all(f"RealWorldValue{part}" in item for part in ("Slope", "Intercept")):
        return frame if frame.format.floating else replace(frame, unit="")
    slope, intercept = rescale(
        (finite(str(item.RealWorldValueSlope), "RealWorldValueSlope"),),
        (finite(str(item.RealWorldValueIntercept), "RealWorldValueIntercept"),),
    )
    units = item.get("MeasurementUnitsCodeSequence") or [None]
    return replace(
        frame, slope=slope, intercept=intercept, lookup=None, unit=_ucum_unit(units[0])
    )


def _ucum_unit(code: Any) -> str:
    """HU, the unit's UCUM code, or "" where it has none or another scheme's."""
    if code is None or code.get("CodingSchemeDesignator") != "UCUM":
        return ""
    value = str(code.get("CodeValue", ""))
    if value == _UCUM_HU:
        return "HU"
    return value if _UCUM.fullmatch(value) and value != "1" else ""


def _splits(group: Any, shared: Any) -> dict[str, str]:
    splits: dict[str, str] = {}
    for name, (sequence, keyword) in _SPLITS.items():
        value = _value(group, shared, sequence, keyword)
        if value is not None:
            splits[name] = str(value)
    for sequence in _FRAME_TYPES:
        value = _value(group, shared, sequence, "FrameType")
        if value is not None:
            splits["ImageType"] = "\\".join(map(str, value)) if _is_list(value) else str(value)
    return splits


def _value(group: Any, shared: Any, sequence: str, keyword: str) -> Any:
    """A value of a functional group: the frame's own, else the one shared by all."""
    for groups in (group, shared):
        items = groups.get(sequence) if groups is not None else None
        if items and keyword in items[0]:
            return items[0][keyword].value
    return None


def _with_sane_stacks(frames: list[Frame]) -> list[Frame]:
    """StackID kept apart where it names stacks, not where every frame has its own."""
    stacks = {frame.telling("StackID") for frame in frames}
    if 1 < len(stacks) < len(frames):
        return [replace(f, stack_id=f.telling("StackID")) for f in frames]
    return frames


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or hasattr(value, "append")
