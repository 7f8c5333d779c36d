"""What pydicom warns of quotes the patient: neither warnings nor logs reach anybody."""

import logging
import warnings
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

import vis3d
from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack, write
from vis3d.dicom import (
    Policy,
    Series,
    anonymize,
    discover,
    load_series,
    write_cut_image,
    write_derived_series,
    write_file_set,
)
from vis3d.dicom.header_rows import header_rows
from vis3d.dicom.quiet import quietly
from vis3d.labels import LabelMap

MARK = "NAUTILUS"
SPOILED = {
    **dict.fromkeys(("StudyDate", "PatientBirthDate", "AcquisitionDate"), "DA"),
    **{"StudyTime": "TM", "PatientAge": "AS", "PatientWeight": "DS", "PatientSex": "CS"},
    **{"AccessionNumber": "SH", "ReferringPhysicianName": "PN", "SeriesDate": "DA"},
}


@pytest.fixture
def spoiled(tmp_path: Path) -> Series:
    """A scan whose header has the patient's name for values that pydicom checks."""
    geometry = oblique_geometry(shape=(5, 7, 9))
    stack = ct_stack(np.zeros(geometry.shape, np.int16), geometry)
    for image in stack:
        for keyword, vr in SPOILED.items():
            tag = Tag(tag_for_keyword(keyword) or 0)
            value = f"{MARK}^CAPTAIN ".encode()
            image[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    with quietly():
        write(tmp_path / "scan", stack)
    (series,) = discover(tmp_path / "scan").series
    return series


def test_pydicom_quotes_what_it_warns_of(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.warns(UserWarning, match=MARK):
        Dataset().StudyDate = MARK
    assert MARK in caplog.text


def test_nothing_that_reads_whole_headers_quotes_them(
    spoiled: Series, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    one = tmp_path / "scan" / spoiled.files[0]
    everything = Policy(dates="shift", keep=frozenset(("device", "characteristics")))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        volume = load_series(spoiled)
        anonymize(tmp_path / "scan", tmp_path / "none")
        anonymize(tmp_path / "scan", tmp_path / "some", policy=everything)
        write_derived_series(volume, spoiled, tmp_path / "derived", description="turned")
        write_file_set((spoiled,), tmp_path / "disc")
        write_cut_image(one, tmp_path / "cut.dcm", lambda _: np.ones((7, 9), np.uint8))
        header_rows(spoiled, 1, show_patient=True)
        marked = np.ones(volume.array.shape, np.uint8)
        labels = LabelMap(marked, volume.geometry, vis3d.STRUCTURES[:1])
        surface = vis3d.extract_surface(labels.mask("left lung"))
        vis3d.write_surface(surface, tmp_path / "lung.dcm", series=spoiled)
        with pytest.raises(vis3d.Vis3dError) as refused:
            vis3d.write_labelmap(labels, tmp_path / "seg.dcm", series=spoiled)
    words = " ".join((caplog.text, str(refused.value), *(str(one.message) for one in said)))
    assert MARK not in words
    assert "pydicom" not in caplog.text
    assert not said


def test_silence_ends_where_it_began(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("pydicom")
    with quietly():
        with quietly():
            log.warning("first")
        log.warning("second")
    log.warning("third")
    assert [record.message for record in caplog.records] == ["third"]
