"""Surfaces as DICOM: an STL file in an Encapsulated STL object (PS3.3 section A.85)."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedSTLStorage

import vis3d
from vis3d.dicom.file_meta import file_meta
from vis3d.dicom.headers import header_of, safe_text
from vis3d.dicom.quiet import quietly
from vis3d.dicom.series import Series
from vis3d.dicom.uids import new_uid
from vis3d.errors import InputError, TooLargeError, UnsupportedError
from vis3d.whole_file import whole_file

MAX_BYTES = 2**32 - 2
"""What the length of an element can say."""

SERIES_NUMBER = 901
MM_OF_UNIT = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "[in_i]": 25.4}
"""Units of length as UCUM writes them (PS3.16 CID 7063)."""

_REQUIRED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
)
"""Of patient and study, what must be there, empty if need be."""

_KEPT = (
    "SpecificCharacterSet",
    "TimezoneOffsetFromUTC",
    "IssuerOfPatientID",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "StudyInstanceUID",
    "StudyDescription",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "AcquisitionDateTime",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
)
"""What is taken over where the series has it."""


def write_encapsulated_stl(
    stl: bytes, series: Series, path: str | os.PathLike[str], *, title: str = ""
) -> None:
    """Write a binary STL file, whose points are LPS mm, as a DICOM object of its own series.

    Patient, study and frame of reference are those of `series`, and all its instances are
    named as the sources; the unit is stated as mm (UCUM).

    Raises:
        UnsupportedError: a series that isn't DICOM or has no place in the patient.
        TooLargeError: more bytes than an element holds.
        InputError: a file of the series can't be read (any more).
        OutputError: the file can't be written.
    """
    if not series.uid or series.geometry is None:
        raise UnsupportedError(
            "A surface as DICOM refers to a DICOM series with a place in the patient, and "
            "this one isn't; write .stl instead."
        )
    if len(stl) > MAX_BYTES:
        raise TooLargeError(
            f"A DICOM object can't hold {len(stl):,} bytes: ask for less detail."
        )
    with quietly():
        sources = list(series.source_datasets())
        made = _inherited(sources[0])
        _describe(made, safe_text(title)[:64] or "surface")
        _refer(made, sources)
        made.MIMETypeOfEncapsulatedDocument = "model/stl"
        made.EncapsulatedDocumentLength = len(stl)
        made.EncapsulatedDocument = stl + b"\0" * (len(stl) % 2)
        with whole_file(path) as unfinished:
            made.save_as(unfinished, enforce_file_format=True)


@dataclass(frozen=True)
class EncapsulatedStl:
    """An STL file out of a DICOM object, what it is called, and its unit of length in mm."""

    content: bytes
    title: str
    mm_per_unit: float


def is_encapsulated_stl(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a DICOM Encapsulated STL object."""
    try:
        return header_of(Path(path)).text("SOPClassUID") == str(EncapsulatedSTLStorage)
    except InputError:
        return False


def read_encapsulated_stl(path: str | os.PathLike[str]) -> EncapsulatedStl:
    """The STL file in a DICOM Encapsulated STL object, from any maker.

    Raises:
        InputError: the file isn't one, or is damaged.
        UnsupportedError: a unit of length that isn't known.
    """
    file = Path(path)
    header = header_of(file)
    if header.text("SOPClassUID") != EncapsulatedSTLStorage:
        raise UnsupportedError(f"{file.name} is DICOM, but no Encapsulated STL.")
    with quietly():
        try:
            dataset = pydicom.dcmread(file)
            content = bytes(dataset.EncapsulatedDocument)
            length = int(dataset.get("EncapsulatedDocumentLength") or len(content))
            title = safe_text(str(dataset.get("DocumentTitle") or ""))
            units = list(dataset.get("MeasurementUnitsCodeSequence") or [])
            unit = str(units[0].CodeValue) if units else "mm"
        except Exception as error:  # pydicom raises a dozen kinds on damage
            raise InputError(f"{file.name} is a damaged Encapsulated STL.") from error
    if unit not in MM_OF_UNIT:
        raise UnsupportedError(f"{file.name} states a unit of length that isn't read.")
    return EncapsulatedStl(content[:length], title, MM_OF_UNIT[unit])


def _inherited(source: Any) -> Dataset:
    """Patient, study and frame of reference as `source` has them."""
    made = Dataset()
    for keyword in _REQUIRED:
        setattr(made, keyword, None)
    for keyword in (*_REQUIRED, *_KEPT):
        if keyword in source:
            made[keyword] = source[keyword]
    if "StudyInstanceUID" not in made:
        raise UnsupportedError("The series belongs to no study; write .stl instead.")
    if "FrameOfReferenceUID" not in made:
        made.FrameOfReferenceUID = new_uid()
    for keyword in ("PositionReferenceIndicator", "AcquisitionDateTime"):
        if keyword not in made:
            setattr(made, keyword, None)
    return made


def _describe(made: Dataset, title: str) -> None:
    """What the object is, who made it and when, and the unit of its points."""
    now = datetime.now()
    made.SOPClassUID, made.SOPInstanceUID = EncapsulatedSTLStorage, new_uid()
    made.SeriesInstanceUID, made.SeriesNumber = new_uid(), SERIES_NUMBER
    made.Modality, made.InstanceNumber = "M3D", 1
    made.SeriesDescription = f"vis3d surface: {title}"[:64]
    made.ContentDate, made.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    made.Manufacturer = made.ManufacturerModelName = "vis3d"
    made.DeviceSerialNumber, made.SoftwareVersions = "0", vis3d.__version__
    made.BurnedInAnnotation = "NO"
    made.DocumentTitle = title
    made.ConceptNameCodeSequence = []
    unit = Dataset()
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "mm", "UCUM", "mm"
    made.MeasurementUnitsCodeSequence = [unit]
    made.file_meta = file_meta(made.SOPClassUID, made.SOPInstanceUID)


def _refer(made: Dataset, sources: list[Any]) -> None:
    """Name the instances that the surface was made from, by document and by series."""
    made.SourceInstanceSequence = [_reference(source) for source in sources]
    series = Dataset()
    series.SeriesInstanceUID = sources[0].SeriesInstanceUID
    series.ReferencedInstanceSequence = [_reference(source) for source in sources]
    made.ReferencedSeriesSequence = [series]


def _reference(source: Any) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = source.SOPClassUID
    reference.ReferencedSOPInstanceUID = source.SOPInstanceUID
    return reference
