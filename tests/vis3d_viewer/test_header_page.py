"""What the page shows of headers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vis3d_viewer.header_page import header_page
from vis3d_viewer.study import Study, find_choices, open_scan

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack, write
from tests.vis3d_viewer.scans import blob_scan
from vis3d import files
from vis3d.dicom import discover
from vis3d.errors import UsageError
from vis3d.progress import silent
from vis3d.volume import Volume

PageOf = Callable[..., dict[str, Any]]


@pytest.fixture
def scan(tmp_path: Path) -> Study:
    array = np.zeros((4, 30, 40), np.int16)
    stack = ct_stack(array, oblique_geometry((4, 30, 40)), StudyDescription="<b>Doe</b>")
    write(tmp_path, stack)
    (series,) = discover(tmp_path).series
    return open_scan(tmp_path, series, "refuse", silent)


def test_words_find_rows_by_name_tag_or_value(scan: Study) -> None:
    everything = header_page(scan)
    assert everything["files"] == 4
    for find, name in (
        ("pixelsp", "PixelSpacing"),
        ("0028,0030", "PixelSpacing"),
        ("spacing 0.9", "PixelSpacing"),
        ("MONOCHROME2", "PhotometricInterpretation"),
    ):
        names = [row["name"] for row in header_page(scan, find=find)["rows"]]
        assert names == [name], find
    assert header_page(scan, find="no such thing")["rows"] == []


def test_patients_are_neither_shown_nor_found(scan: Study) -> None:
    for find in ("secret", "doe"):
        assert header_page(scan, find=find)["rows"] == []
    page = header_page(scan)
    assert page["hidden"] > 5
    assert not any("Secret" in str(row) or "Doe" in str(row) for row in page["rows"])
    (row,) = header_page(scan, find="doe", show_patient=True)["rows"]
    assert row["value"] == "<b>Doe</b>"
    assert header_page(scan, show_patient=True)["hidden"] == 0


def test_a_scan_that_is_not_from_dicom_has_facts() -> None:
    facts = {"source": "nifti", "description": "Doe^John", "kernel": "B30f"}
    volume = Volume(np.zeros((20, 30, 40), np.int16), oblique_geometry(), metadata=facts)
    rows = {row["name"]: row for row in header_page(Study(volume))["rows"]}
    assert rows["Voxels (i, j, k)"]["value"] == "40 x 30 x 20"
    assert rows["Spacing (i, j, k)"]["value"].endswith(" mm")
    assert rows["Kernel"]["value"] == "B30f"
    assert rows["Description"]["hidden"]
    assert rows["Description"]["value"] == ""
    shown = header_page(Study(volume), find="doe", show_patient=True)["rows"]
    assert [row["value"] for row in shown] == ["Doe^John"]


def test_files_that_are_not_there_are_refused(scan: Study) -> None:
    for number in (0, 5):
        with pytest.raises(UsageError, match="1 to 4"):
            header_page(scan, number)
    with pytest.raises(UsageError, match="no scan"):
        header_page(None)


def test_a_file_that_is_no_dicom_shows_its_facts(tmp_path: Path) -> None:
    path = tmp_path / "blob.nii.gz"
    files.write_volume(blob_scan(), path)
    ((where, series),) = find_choices([path], silent)
    page = header_page(open_scan(where, series, "refuse", silent))
    assert page["files"] == 1
    assert "40 x 30 x 20" in [row["value"] for row in page["rows"]]
