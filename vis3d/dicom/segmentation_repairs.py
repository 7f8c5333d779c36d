"""What other tools leave out of DICOM SEG objects, and highdicom (0.28) needs to read them."""

from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from vis3d.dicom.uids import new_uid

_SEGMENT, _SEGMENT_GROUP = Tag(0x0062000B), Tag(0x0062000A)
_POSITION, _POSITION_GROUP = Tag(0x00200032), Tag(0x00209113)


def with_what_is_missing(segmentation: Any) -> Any:
    """The same object with indices of its frames, and a frame of reference, where it has none.

    Only what follows from the rest is added, in place: nothing that places a frame.
    """
    if "FrameOfReferenceUID" not in segmentation and _has_positions(segmentation):
        segmentation.FrameOfReferenceUID = new_uid()
    for segment in segmentation.get("SegmentSequence") or ():
        for keyword in (
            "SegmentedPropertyCategoryCodeSequence",
            "SegmentedPropertyTypeCodeSequence",
        ):
            if not segment.get(keyword):
                setattr(segment, keyword, [_tissue()])
    if not _is_indexed(segmentation):
        _index(segmentation)
    return segmentation


def _has_positions(segmentation: Any) -> bool:
    groups = segmentation.get("PerFrameFunctionalGroupsSequence") or ()
    return bool(len(groups)) and all("PlanePositionSequence" in group for group in groups)


def _is_indexed(segmentation: Any) -> bool:
    groups = segmentation.get("PerFrameFunctionalGroupsSequence") or ()
    pointers = segmentation.get("DimensionIndexSequence") or ()
    return bool(pointers) and all(
        len(group.get("FrameContentSequence") or ()) == 1
        and "DimensionIndexValues" in group.FrameContentSequence[0]
        for group in groups
    )


def _index(segmentation: Any) -> None:
    """Number the frames by segment and by position (PS3.3 section C.7.6.17)."""
    groups = segmentation.get("PerFrameFunctionalGroupsSequence") or ()
    if not _has_positions(segmentation):
        return
    shared = segmentation.get("SharedFunctionalGroupsSequence") or [Dataset()]
    places = [_place(group) for group in groups]
    numbers = {place: n for n, place in enumerate(sorted(set(places)), 1)}
    by_segment = str(segmentation.get("SegmentationType", "")) != "LABELMAP"
    for group, place in zip(groups, places, strict=True):
        content = Dataset()
        values = [_segment_of(group, shared[0])] if by_segment else []
        content.DimensionIndexValues = [*values, numbers[place]]
        group.FrameContentSequence = [content]
    organization = Dataset()
    organization.DimensionOrganizationUID = new_uid()
    segmentation.DimensionOrganizationSequence = [organization]
    pointers = [(_SEGMENT, _SEGMENT_GROUP)] if by_segment else []
    segmentation.DimensionIndexSequence = [
        _pointer(tag, group, organization.DimensionOrganizationUID)
        for tag, group in (*pointers, (_POSITION, _POSITION_GROUP))
    ]


def _place(group: Any) -> tuple[float, ...]:
    return tuple(float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient)


def _segment_of(group: Any, shared: Any) -> int:
    holder = group if "SegmentIdentificationSequence" in group else shared
    return int(holder.SegmentIdentificationSequence[0].ReferencedSegmentNumber)


def _pointer(tag: Any, group: Any, organization: str) -> Dataset:
    made = Dataset()
    made.DimensionIndexPointer, made.FunctionalGroupPointer = tag, group
    made.DimensionOrganizationUID = organization
    return made


def _tissue() -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = "85756007", "SCT", "Tissue"
    return made
