"""File sets with a DICOMDIR, read by pydicom and DCMTK."""

import gc
import shutil
import subprocess
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet

from tests.conftest import oblique_geometry
from tests.dicom.stacks import compress, ct_stack, write
from tests.needs import need
from vis3d.dicom import discover, load_series, write_derived_series, write_file_set
from vis3d.errors import OutputError, UnsupportedError

GRID = oblique_geometry((4, 6, 8))
STORED = np.random.default_rng(8).integers(-1000, 3000, GRID.shape, np.int16)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two patients, three series, some of what a directory needs missing."""
    folder = tmp_path / "source"
    write(folder / "a", ct_stack(STORED, GRID, SeriesInstanceUID="1.2.3.1", StudyID="7"))
    jpeg = ct_stack(STORED + 1, GRID, SeriesInstanceUID="1.2.3.2")
    syntax = "1.2.840.10008.1.2.4.70"
    write(folder / "b", [compress(one, syntax) for one in jpeg], syntax)
    other = ct_stack(STORED + 2, GRID, SeriesInstanceUID="1.2.9.1", StudyInstanceUID="1.2.9")
    for dataset in other:
        dataset.PatientID = "ANOTHER"
    write(folder / "c", other)
    return folder


def read_by_pydicom(path: Path) -> list[tuple[str, str, str, Dataset]]:
    """File ID, patient, series and instance of each image by pydicom's own reader."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # FileSet forgets temporary folders
        found = [
            (one.FileID, one.PatientID, one.SeriesInstanceUID, one.load())
            for one in FileSet(path)
        ]
        gc.collect()
    return found


def test_pydicom_reads_the_file_set(source: Path, tmp_path: Path) -> None:
    write_file_set(discover(source).series, tmp_path / "out")
    found = read_by_pydicom(tmp_path / "out" / "DICOMDIR")
    listed = Counter((patient, uid) for _, patient, uid, _ in found)
    mine, others = "SECRET-ID", "ANOTHER"
    assert listed == {(mine, "1.2.3.1"): 4, (mine, "1.2.3.2"): 4, (others, "1.2.9.1"): 4}
    for file_id, patient, uid, image in found:
        assert (image.PatientID, image.SeriesInstanceUID) == (patient, uid)
        assert all(len(part) <= 8 for part in file_id.replace("\\", "/").split("/"))


def test_its_files_are_the_source_s(source: Path, tmp_path: Path) -> None:
    before = discover(source).series
    after = discover(write_file_set(before, tmp_path / "out")).series
    assert [one.uid for one in after] == [one.uid for one in before]
    for one, other in zip(before, after, strict=True):
        assert one.transfer_syntaxes == other.transfer_syntaxes
        np.testing.assert_array_equal(load_series(one).array, load_series(other).array)


def test_dcmtk_reads_the_directory(source: Path, tmp_path: Path) -> None:
    need(shutil.which("dcmdump") is not None, "dcmdump (Debian package dcmtk)")
    path = write_file_set(discover(source).series, tmp_path / "out")
    dump = subprocess.run(["dcmdump", "-q", path], capture_output=True, text=True, check=True)
    assert dump.stderr == ""
    assert dump.stdout.count("ReferencedFileID") == 12
    assert "DICOM\\SE000001\\IM000001" in dump.stdout


def test_a_preamble_that_pretends_is_emptied(source: Path, tmp_path: Path) -> None:
    file = next((source / "a").iterdir())
    file.write_bytes(b"MZ" + file.read_bytes()[2:])
    write_file_set(discover(source).series, tmp_path / "out")
    copies = [path for path in (tmp_path / "out" / "DICOM").rglob("*") if path.is_file()]
    assert all(path.read_bytes()[:128] == bytes(128) for path in copies)


def test_two_file_sets_share_no_folder(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "DICOM").mkdir(parents=True)
    with pytest.raises(OutputError, match="holds a DICOM already"):
        write_file_set(discover(source).series, tmp_path / "out")
    with pytest.raises(UnsupportedError, match="there are none"):
        write_file_set((), tmp_path / "other")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["DICOM"]
    assert not (tmp_path / "other").exists()


def test_a_derived_series_can_be_a_file_set(source: Path, tmp_path: Path) -> None:
    series = discover(source).series[0]
    volume = load_series(series)
    out = tmp_path / "out"
    files = write_derived_series(volume, series, out, description="copy", file_set=True)
    found = read_by_pydicom(out / "DICOMDIR")
    assert [image.InstanceNumber for *_, image in found] == [1, 2, 3, 4]
    assert [dcmread(file).InstanceNumber for file in files] == [1, 2, 3, 4]
    (again,) = discover(out / "DICOMDIR").series
    np.testing.assert_array_equal(load_series(again).array, volume.array)
