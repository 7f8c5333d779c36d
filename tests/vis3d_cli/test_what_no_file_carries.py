"""No file but a DICOM object says whose scan it was made from: the bytes are searched."""

import gzip
import io
import zipfile
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.datadict import keyword_dict

import vis3d
from vis3d import files
from vis3d.dicom import write_ct_series
from vis3d.labels import LabelMap, Structure

MARK = "NAUTILUS"
ROOT = "1.2.826.0.1.3680043.9.7777"
PLANTED = (
    "PatientName PatientID OtherPatientNames PatientAddress PatientComments AccessionNumber "
    "StudyID StudyDescription SeriesDescription ProtocolName InstitutionName StationName "
    "InstitutionAddress ReferringPhysicianName OperatorsName PerformingPhysicianName "
    "ImageComments RequestedProcedureDescription DeviceSerialNumber AdmissionID Occupation "
    "AdditionalPatientHistory RequestingPhysician DerivationDescription"
).split()
DATES = ("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")


@pytest.fixture(scope="module")
def scan(tmp_path_factory, phantom):
    """A series with a mark in every element that can tell somebody something."""
    folder = tmp_path_factory.mktemp("nemo")
    write_ct_series(phantom.volume, folder, patient_name=MARK, patient_id=MARK)
    for path in folder.rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        for keyword in PLANTED:
            assert keyword in keyword_dict
            setattr(dataset, keyword, MARK)
        for keyword in DATES:
            setattr(dataset, keyword, "18700103")
        for number, keyword in enumerate(
            ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
        ):
            setattr(dataset, keyword, f"{ROOT}.{number}")
        dataset.private_block(0x0099, MARK, create=True).add_new(1, "LO", MARK)
        dataset.save_as(path)
    return folder


def bare(content: bytes) -> bytes:
    """The bytes, and those of what is compressed in them."""
    if content[:2] == b"PK":
        package = zipfile.ZipFile(io.BytesIO(content))
        return content + b"".join(package.read(name) for name in package.namelist())
    for start, opened in ((b"\x1f\x8b", gzip.decompress), (b"\x78", zlib.decompress)):
        at = 0 if content.startswith(start) else content.find(b"\n\n" + start) + 2
        if at == 0 or at > 1:
            try:
                return content + opened(content[at:])
            except (OSError, zlib.error):
                continue
    return content


def test_bare_sees_into_files():
    secret = b"x" * 50 + MARK.encode()
    for packed in (gzip.compress(secret), b"head\n\n" + gzip.compress(secret)):
        assert MARK.encode() not in packed
        assert MARK.encode() in bare(packed)


def test_no_format_carries_what_the_header_says_of_the_patient(scan, tmp_path):
    volume = vis3d.load_volume(scan)
    array = np.zeros(volume.array.shape, np.uint8)
    array[20:30, 30:50, 30:60] = 1
    labels = LabelMap(array, volume.geometry, (Structure(1, "box", (1, 2, 3)),))
    surface = vis3d.extract_surface(labels.mask("box"), volume)
    for suffix in files.VOLUME_SUFFIXES:
        files.write_volume(volume, tmp_path / f"volume{suffix}")
    for suffix in files.LABELMAP_SUFFIXES:
        if suffix != files.DICOM_SUFFIX:
            files.write_labelmap(labels, tmp_path / f"labels{suffix}")
    for suffix in files.SURFACE_SUFFIXES:
        if suffix != files.DICOM_SUFFIX:
            files.write_surfaces((surface, surface), tmp_path / f"surface{suffix}")
    written = sorted(tmp_path.iterdir())
    assert len(written) >= len(files.VOLUME_SUFFIXES) + len(files.SURFACE_SUFFIXES) + 3
    for path in written:
        content = bare(path.read_bytes())
        for secret in (MARK, "18700103", ROOT):
            assert secret.encode() not in content, path.name
            assert secret.encode("utf-16-le") not in content, path.name


def test_dicom_made_from_dicom_carries_what_it_inherits_and_no_more(scan, tmp_path):
    (series,) = files.find_series(scan)
    volume = vis3d.load_volume(scan)
    array = np.zeros(volume.array.shape, np.uint8)
    array[20:30, 30:50, 30:60] = 1
    labels = LabelMap(array, volume.geometry, (Structure(1, "box", (1, 2, 3)),))
    surface = vis3d.extract_surface(labels.mask("box"), volume)
    files.write_labelmap(labels, tmp_path / "seg.dcm", series=series)
    files.write_surface(surface, tmp_path / "stl.dcm", series=series)
    for name in ("seg.dcm", "stl.dcm"):
        made = pydicom.dcmread(tmp_path / name)
        assert made.PatientName == made.PatientID == made.AccessionNumber == MARK
        assert made.StudyInstanceUID == f"{ROOT}.0"
        assert made.FrameOfReferenceUID == f"{ROOT}.2"
        assert made.SeriesInstanceUID != f"{ROOT}.1"
        assert made.SeriesDescription != MARK
        inherited = {one.keyword for one in made if str(one.value) == MARK}
        assert not inherited & {"OperatorsName", "InstitutionAddress", "ImageComments"}
        assert not [one for one in made if one.tag.is_private]
