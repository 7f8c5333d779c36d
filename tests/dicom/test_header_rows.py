"""Headers on a screen: all that is there, and nobody named."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from tests.conftest import oblique_geometry
from tests.dicom.planted import TRACES, planted
from tests.dicom.stacks import ct_stack, write
from vis3d.dicom import discover
from vis3d.dicom.header_rows import HeaderRow, header_count, header_rows
from vis3d.errors import InputError, UsageError


@pytest.fixture
def stack():
    array = np.random.default_rng(4).integers(0, 400, (6, 30, 40)).astype(np.uint16)
    return ct_stack(array, oblique_geometry(shape=(6, 30, 40)), KVP="120")


def series_of(folder, datasets):
    write(folder, datasets)
    (series,) = discover(folder).series
    return series


def values(rows: tuple[HeaderRow, ...]) -> dict[str, HeaderRow]:
    return {row.name: row for row in rows}


def test_what_measures_is_shown_and_who_it_is_hidden(stack, tmp_path):
    series = series_of(tmp_path / "scan", stack)
    assert header_count(series) == 6
    rows = values(header_rows(series, 2))
    assert rows["KVP"] == HeaderRow("(0018,0060)", "KVP", "DS", "120")
    assert rows["PixelSpacing"].value == "0.9\\0.7"
    assert rows["Modality"].value == "CT"
    for name in ("PatientName", "PatientID", "SOPInstanceUID", "SeriesDescription"):
        assert rows[name].hidden, name
        assert rows[name].value == ""
    assert "PixelData" not in rows
    shown = values(header_rows(series, 2, show_patient=True))
    assert shown["PatientName"].value == "Secret^Name"
    assert not any(row.hidden for row in shown.values())


def test_no_place_in_a_header_leads_to_the_patient(stack, tmp_path):
    dataset = planted(stack[0])
    item = Dataset()
    item.PatientName, item.CodeMeaning, item.KVP = TRACES[0], TRACES[0], "80"
    dataset.RequestAttributesSequence = [item]
    series = series_of(tmp_path / "scan", [dataset])
    rows = header_rows(series, 1)
    assert len(rows) > 3000
    for row in rows:
        assert not any(trace in f"{row.value} {row.name}" for trace in TRACES), row
    shown = header_rows(series, 1, show_patient=True)
    assert sum(any(trace in row.value for trace in TRACES) for row in shown) > 1000
    assert [row.tag for row in shown] == [row.tag for row in rows]


def test_signs_that_move_the_screen_are_gone_and_long_values_cut(stack, tmp_path):
    stack[0].SpecificCharacterSet = "ISO_IR 192"
    stack[0].PatientComments = "\x1b[2J‮gnp <img onerror=x>" + "x" * 5000
    series = series_of(tmp_path / "scan", stack[:1])
    row = values(header_rows(series, 1, show_patient=True))["PatientComments"]
    assert row.value.isprintable()
    assert "<img onerror=x>" in row.value, "as it is: the page shows text, not HTML"
    assert len(row.value) < 300


def test_files_that_are_not_there_are_refused(stack, tmp_path):
    series = series_of(tmp_path / "scan", stack)
    for number in (0, 7, -1):
        with pytest.raises(UsageError, match="1 to 6"):
            header_rows(series, number)
    for file in (tmp_path / "scan").iterdir():
        file.unlink()
    with pytest.raises((InputError, FileNotFoundError)):
        header_rows(series, 1)
