"""Label maps <-> DICOM segmentation objects (PS3.3 section A.51), by highdicom."""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pydicom
from numpy.typing import NDArray

import vis3d
from vis3d.dicom.headers import header_of, safe_text
from vis3d.dicom.overlaps import packed
from vis3d.dicom.quiet import quietly
from vis3d.dicom.segmentation_repairs import with_what_is_missing
from vis3d.dicom.series import Series
from vis3d.dicom.told import findings_in, text_of
from vis3d.dicom.uids import new_uid
from vis3d.errors import InputError, TooLargeError, UnsupportedError
from vis3d.geometry import FloatArray, Geometry, right_handed
from vis3d.labels import BODY, STRUCTURES, Code, LabelMap, Report, Structure, normal_name
from vis3d.progress import Progress, silent
from vis3d.whole_file import whole_file

if TYPE_CHECKING:
    from highdicom.seg import Segmentation

MAX_VOXELS = 2**30
"""A label map of more is an attack, or no patient."""

MANY_SEGMENTS = 12

Method: TypeAlias = Literal["vis3d", "unknown"]
CONTENT: Mapping[Method, str] = {
    "vis3d": "Structures found by vis3d",
    "unknown": "Structures of a given label map",
}

POSITION_TOLERANCE_MM = 0.01
"""Slices nearer than this to those of the series are its own."""

SEGMENTATION_CLASSES = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}
"""Segmentation Storage and Label Map Segmentation Storage."""

_CATEGORY = Code("SCT", "91723000", "Anatomical Structure")
_UNCODED = Code("SCT", "85756007", "Tissue")
_METHOD_FAMILY = Code("DCM", "123104", "Morphological Operations")
_COLORS = ((79, 163, 224), (98, 196, 160), (244, 190, 92), (236, 223, 196), (214, 164, 140))

_INHERITED = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
"""What must be there in an object made from a series, empty if need be."""


def write_segmentation(
    labelmap: LabelMap,
    series: Series,
    path: str | os.PathLike[str],
    *,
    method: Method = "vis3d",
    progress: Progress | None = None,
) -> None:
    """Write the structures that have voxels as a binary DICOM SEG, a segment each.

    Patient, study and frame of reference are those of `series`; each frame refers to its
    source image where the label map lies on the series' own grid. The segment `body` is
    everything inside the skin, and overlaps the others. Findings stand in Image Comments.
    `method` "unknown" says that structures were given, not found by vis3d.

    Raises:
        UnsupportedError: a series that isn't DICOM or has no place in the patient.
        InputError: the label map marks nothing, or a header of the series is damaged.
        OutputError: the file can't be written.
    """
    if not series.uid or series.geometry is None:
        raise UnsupportedError(
            "A DICOM SEG refers to a DICOM series with a place in the patient, and this one "
            "isn't; write .nii.gz instead."
        )
    tell = progress or silent
    with quietly():
        tell(0.0, "Reading headers")
        sources = list(_sources(series))
        tell(0.2, "Making the segmentation")
        segmentation = _segmentation(labelmap, sources, method)
        if not _is_own_grid(labelmap.geometry, sources):
            _forget_sources_of_frames(segmentation)
        tell(0.8, "Writing the segmentation")
        with _closing(segmentation), whole_file(path) as unfinished:
            segmentation.save_as(unfinished, enforce_file_format=True)
    tell(1.0, "Writing the segmentation")


def read_segmentation(
    path: str | os.PathLike[str], *, progress: Progress | None = None
) -> tuple[LabelMap, ...]:
    """The segments of a DICOM SEG, in as many label maps as their overlaps ask for.

    Fractional segments are cut at 0.5. Labels are segment numbers, except where all segments
    are structures of `STRUCTURES`: then they have those labels, and `body` overlaps nothing.

    Raises:
        NothingFoundError: there is no such file.
        NotDicomError: the file isn't DICOM.
        UnsupportedError: no segmentation, or one without a regular grid in the patient.
        InputError: the file is damaged.
    """
    name = Path(path).name
    segmentation = _opened(Path(path))
    with quietly(), _closing(segmentation):
        _check_grid(segmentation, name)
        try:
            labelmaps = _label_maps(segmentation, progress or silent)
        except Exception as error:  # pydicom and highdicom raise a dozen kinds on damage
            raise InputError(f"{name} is a damaged segmentation.") from error
    if not labelmaps:
        raise InputError(f"{name} describes no segment.")
    return labelmaps


def _sources(series: Series) -> Iterator[Any]:
    """The series' headers, made fit for highdicom: nothing missing, one orientation."""
    frame_of_reference = new_uid()
    orientation = None
    spacing_mm = series.geometry.spacing[2] if series.geometry else 1.0
    for header in series.source_datasets():
        if not header.get("SliceThickness"):  # a segmentation's frames need one
            header.SliceThickness = f"{spacing_mm:.6g}"
        _name_instance(header)
        for keyword in _INHERITED:
            if keyword not in header:
                setattr(header, keyword, None)
        if "FrameOfReferenceUID" not in header:
            header.FrameOfReferenceUID = frame_of_reference
        if "ImageOrientationPatient" in header:
            orientation = orientation or header.ImageOrientationPatient
            header.ImageOrientationPatient = orientation
        yield header


def _name_instance(header: Any) -> None:
    """Give back to an image the UIDs that only its file's meta header kept."""
    meta = getattr(header, "file_meta", None) or {}
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        stated = meta.get(f"MediaStorage{keyword}")
        if not header.get(keyword) and stated:
            setattr(header, keyword, stated)


def _segmentation(labelmap: LabelMap, sources: list[Any], method: Method) -> "Segmentation":
    """The whole object."""
    import highdicom as hd  # 0.2 s that only segmentations are worth

    counts = labelmap.voxels()
    present = [structure for structure in labelmap.structures if counts[structure.label]]
    if not present:
        raise InputError("The label map marks no voxel: there is nothing to write as SEG.")
    array = _segment_array(labelmap, present)
    volume = hd.Volume(
        array,
        labelmap.geometry.affine[:, [2, 1, 0, 3]],
        "PATIENT",
        sources[0].FrameOfReferenceUID,
        {"SegmentNumber": range(1, len(present) + 1)} if array.ndim == 4 else None,
    )
    try:
        made = hd.seg.Segmentation(
            source_images=sources,
            pixel_array=volume,
            segmentation_type="BINARY",
            segment_descriptions=[_described(n, s, method) for n, s in enumerate(present, 1)],
            series_instance_uid=new_uid(),
            series_number=900,
            sop_instance_uid=new_uid(),
            instance_number=1,
            manufacturer="vis3d",
            manufacturer_model_name="vis3d",
            software_versions=vis3d.__version__,
            device_serial_number="0",
            content_label="SEGMENTATION",
            # All frames give back the very grid, but of many segments most are empty.
            omit_empty_frames=len(present) > MANY_SEGMENTS,
            content_description=CONTENT[method],
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise UnsupportedError(
            "No DICOM SEG can be made from the headers of this series; write .nii.gz instead."
        ) from error
    made.SeriesDescription = "vis3d segmentation"
    made.ContentCreatorName = None  # must be there, and a program is nobody
    if labelmap.report.findings:
        made.ImageComments = text_of(labelmap.report.findings)
    return made


def _segment_array(labelmap: LabelMap, present: list[Structure]) -> NDArray[Any]:
    """Segment numbers [k, j, i], or where they overlap a mask each [k, j, i, segment]."""
    covered = [labelmap.whole(structure) for structure in present]
    if all(len(labels) == 1 for labels in covered):
        numbers = np.zeros(np.iinfo(labelmap.array.dtype).max + 1, np.uint16)
        numbers[[structure.label for structure in present]] = range(1, len(present) + 1)
        return numbers[labelmap.array]
    stack = np.empty((*labelmap.array.shape, len(present)), np.uint8)
    for number, labels in enumerate(covered):
        stack[..., number] = np.isin(labelmap.array, labels)
    return stack


def _described(number: int, structure: Structure, method: Method) -> Any:
    """A segment's name, code, colour and method."""
    import highdicom as hd

    code = structure.code or _UNCODED
    described = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=structure.name[:64],
        segmented_property_category=_coded(_CATEGORY),
        segmented_property_type=_coded(code),
        algorithm_type="AUTOMATIC",
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            "vis3d", _coded(_METHOD_FAMILY), vis3d.__version__
        ),
        tracking_uid=new_uid(),
        tracking_id=structure.name[:64],
        display_color=hd.color.CIELabColor.from_rgb(*structure.color),
    )
    if method == "unknown":
        described.SegmentAlgorithmType = "SEMIAUTOMATIC"
        described.SegmentAlgorithmName = "unknown: from a given label map"
        del described.SegmentationAlgorithmIdentificationSequence
    return described


def _coded(code: Code) -> Any:
    import highdicom as hd

    return hd.sr.CodedConcept(code.value, code.scheme, code.meaning)


def _is_own_grid(geometry: Geometry, sources: list[Any]) -> bool:
    """Whether each slice of a grid is an image of the series."""
    nk, nj, ni = geometry.shape
    if len(sources) != nk or any("ImagePositionPatient" not in s for s in sources):
        return False
    if (sources[0].Rows, sources[0].Columns) != (nj, ni):
        return False
    ends = geometry.to_lps([[(0, 0, k), (ni - 1, 0, k), (0, nj - 1, k)] for k in range(nk)])
    own = np.array([_image_ends(source) for source in sources])
    order = np.argsort(own[:, 0] @ geometry.direction[:, 2])
    return bool(np.abs(own[order] - ends).max() < POSITION_TOLERANCE_MM)


def _image_ends(source: Any) -> FloatArray:
    """Where the first pixel and the ends of the first row and column lie, LPS mm."""
    first = np.array(source.ImagePositionPatient, float)
    along_row, along_column = np.array(source.ImageOrientationPatient, float).reshape(2, 3)
    j_mm, i_mm = (float(mm) for mm in source.PixelSpacing)
    row_end = first + (source.Columns - 1) * i_mm * along_row
    column_end = first + (source.Rows - 1) * j_mm * along_column
    return np.array([first, row_end, column_end])


def _forget_sources_of_frames(segmentation: "Segmentation") -> None:
    """Leave out which image each frame was made from: its grid is another one."""
    for groups in segmentation.PerFrameFunctionalGroupsSequence:
        if "DerivationImageSequence" in groups:
            del groups.DerivationImageSequence


@contextmanager
def _closing(segmentation: "Segmentation") -> Iterator[None]:
    """Close highdicom's (0.28) own database in the end: else Python 3.13 warns of it."""
    try:
        yield
    finally:
        database = getattr(segmentation, "_db_con", None)
        if database is not None:
            database.close()


@quietly()
def _opened(path: Path) -> "Segmentation":
    """The object of a file, once it is known to be a segmentation."""
    from highdicom.seg import Segmentation

    header = header_of(path)
    if header.text("SOPClassUID") not in SEGMENTATION_CLASSES:
        raise UnsupportedError(f"{path.name} is DICOM, but not a segmentation.")
    try:
        return Segmentation.from_dataset(
            with_what_is_missing(pydicom.dcmread(path)), copy=False
        )
    except Exception as error:  # pydicom and highdicom raise a dozen kinds on damage
        raise InputError(f"{path.name} is a damaged segmentation.") from error


def _check_grid(opened: "Segmentation", name: str) -> None:
    """Refuse what lies on no grid in a patient, or on one of insane size."""
    try:
        grid = opened.get_volume_geometry() if "FrameOfReferenceUID" in opened else None
        slide = grid is not None and str(grid.coordinate_system.value) == "SLIDE"
        voxels = 0 if grid is None else math.prod(int(n) for n in grid.spatial_shape)
    except Exception as error:
        raise InputError(f"{name} is a damaged segmentation.") from error
    if grid is None or slide:
        raise UnsupportedError(
            f"{name} is a segmentation whose frames make no regular grid in a patient."
        )
    if voxels > MAX_VOXELS:
        raise TooLargeError(f"{name} is a segmentation of more than {MAX_VOXELS} voxels.")


def _label_maps(segmentation: "Segmentation", progress: Progress) -> tuple[LabelMap, ...]:
    """Each segment on the first label map where it overlaps none; all others lie on `body`."""
    described = [s for s in segmentation.SegmentSequence if int(s.SegmentNumber) != 0]
    structures, body = _with_known_labels([_structure(segment) for segment in described])
    numbers = {
        structure.label: int(segment.SegmentNumber)
        for structure, segment in zip(structures, described, strict=True)
    }
    done = 0

    def mask(structure: Structure) -> tuple[NDArray[np.bool_], Geometry]:
        nonlocal done
        progress(done / len(numbers), "Reading segments")
        done += 1
        return _segment_mask(segmentation, numbers[structure.label])

    told = findings_in(str(segmentation.get("ImageComments", "")))
    return packed(structures, mask, under=body, report=Report(findings=told))


def _segment_mask(
    segmentation: "Segmentation", number: int
) -> tuple[NDArray[np.bool_], Geometry]:
    """One segment on the grid of all."""
    volume = segmentation.get_volume(segment_numbers=[number])
    chosen = volume.array[..., 0] >= 0.5
    array, geometry = right_handed(chosen, volume.affine[:, [2, 1, 0, 3]])
    return np.ascontiguousarray(array, dtype=bool), geometry


def _structure(segment: Any) -> Structure:
    """A segment's name, colour and code."""
    from highdicom.color import CIELabColor

    number = int(segment.SegmentNumber)
    concept = segment.SegmentedPropertyTypeCodeSequence[0]
    scheme = str(concept.get("CodingSchemeDesignator", ""))
    value, meaning = str(concept.get("CodeValue", "")), str(concept.get("CodeMeaning", ""))
    name = safe_text(str(segment.get("SegmentLabel", ""))) or f"segment {number}"
    color = _COLORS[(number - 1) % len(_COLORS)]
    if "RecommendedDisplayCIELabValue" in segment:
        stored = tuple(int(part) for part in segment.RecommendedDisplayCIELabValue)
        red, green, blue = CIELabColor.from_dicom_value(stored).to_rgb()
        color = (int(red), int(green), int(blue))
    return Structure(number, name, color, Code(scheme, value, safe_text(meaning)))


def _with_known_labels(structures: list[Structure]) -> tuple[list[Structure], int]:
    """Ours where all are, and the label of `body` (0 where that overlaps like any other)."""
    ours = {structure.name: structure for structure in STRUCTURES}
    names = [normal_name(structure.name) for structure in structures]
    if len(set(names)) < len(names) or not set(names) <= set(ours):
        return structures, 0
    return [ours[name] for name in names], ours[BODY].label
