"""One scan through every door: folder, file, DICOMDIR, zip, tar; plain, compressed."""

import pickle
import shutil
import tarfile
import zipfile
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from tests.conftest import oblique_geometry
from tests.dicom.stacks import compress, ct_slice, ct_stack, write, write_dicomdir
from vis3d.dicom import discover, load_series
from vis3d.errors import (
    Cancelled,
    InputError,
    NotDicomError,
    NothingFoundError,
    RequirementError,
    TruncatedError,
)

GRID = oblique_geometry((6, 16, 24))
STORED = np.random.default_rng(2).integers(-1000, 2000, GRID.shape, np.int16)
GIVES_BACK = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
    HTJ2KLossless,
    RLELossless,
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "scan", ct_stack(STORED, GRID))
    return tmp_path / "scan"


def assert_is_the_scan(path: Path) -> None:
    (series,) = discover(path).series
    volume = load_series(series)
    np.testing.assert_array_equal(volume.array, STORED)
    assert volume.geometry.matches(GRID)


def test_a_folder_is_searched_to_its_depth(folder: Path, tmp_path: Path) -> None:
    deep = tmp_path / "up" / "down" / "there"
    deep.parent.mkdir(parents=True)
    folder.rename(deep)
    (deep.parent / "notes.txt").write_text("not a scan")
    assert_is_the_scan(tmp_path / "up")
    (left_out,) = discover(tmp_path / "up").skipped
    assert (left_out.path, left_out.reason) == ("down/notes.txt", "not DICOM")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_read_where_it_lies(folder: Path, tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "scan.zip", "w", method) as archive:
        for file in folder.iterdir():
            archive.write(file, f"study/{file.name}")
    before = set(tmp_path.iterdir())
    assert_is_the_scan(tmp_path / "scan.zip")
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_a_tar_is_read_where_it_lies(folder: Path, tmp_path: Path, compression: str) -> None:
    with tarfile.open(tmp_path / "scan.tar", f"w:{compression}") as archive:
        archive.add(folder, "study")
    assert_is_the_scan(tmp_path / "scan.tar")


def test_a_series_travels_to_another_process(folder: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "scan.tar.gz", "w:gz") as archive:
        archive.add(folder, "study")
    for path in (folder, tmp_path / "scan.tar.gz"):
        (series,) = pickle.loads(pickle.dumps(discover(path).series))
        np.testing.assert_array_equal(load_series(series).array, STORED)


def test_a_dicomdir_is_followed_to_its_files(folder: Path, tmp_path: Path) -> None:
    medium = tmp_path / "medium"
    (medium / "STUDY").mkdir(parents=True)
    folder.rename(medium / "STUDY" / "SERIES")
    names = [file.name for file in (medium / "STUDY" / "SERIES").iterdir()]
    write_dicomdir(medium / "DICOMDIR", [["STUDY", "SERIES", name] for name in names])
    (medium / "unlisted").write_bytes(b"not looked at")
    assert_is_the_scan(medium / "DICOMDIR")
    assert discover(medium / "DICOMDIR").skipped == ()
    reasons = {entry.path: entry.reason for entry in discover(medium).skipped}
    assert "a DICOMDIR" in reasons["DICOMDIR"]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_dicomdir_may_hold_icons_and_zeros_at_its_end(
    folder: Path, tmp_path: Path, syntax: str
) -> None:
    path = folder / "DICOMDIR"
    write_dicomdir(path, [[file.name] for file in folder.iterdir()])
    directory = dcmread(path)
    for record in directory.DirectoryRecordSequence:
        icon = Dataset()
        icon.Rows = icon.Columns = 2
        icon.PixelData = b"\0\1\2\3"
        icon["PixelData"].VR = "OW"
        icon.is_undefined_length_sequence_item = True
        record.IconImageSequence = [icon]
        record["IconImageSequence"].is_undefined_length = True
    directory.file_meta.TransferSyntaxUID = syntax
    directory.save_as(
        path, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True, overwrite=True
    )
    with path.open("ab") as file:
        file.write(bytes(10))
    assert_is_the_scan(path)


def test_a_lossy_transfer_syntax_is_told_and_travels(tmp_path: Path) -> None:
    image = ct_slice(STORED[0].view(np.uint16))
    image.PixelData = encapsulate([imagecodecs.jpegls_encode(STORED[0].view(np.uint16))])
    image["PixelData"].VR = "OB"
    write(tmp_path, [image], JPEGLSNearLossless)
    (series,) = discover(tmp_path).series
    assert "lossy" in {finding.code for finding in series.findings}
    assert load_series(series).metadata["lossy"] is True


def test_a_missing_decoder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, [compress(ct_slice(STORED[0]), JPEGLSLossless)], JPEGLSLossless)
    (series,) = discover(tmp_path).series

    def missing(data: bytes, **options: object) -> None:
        raise imagecodecs.DelayedImportError("jpegls_decode")

    monkeypatch.setattr(imagecodecs, "jpegls_decode", missing)
    with pytest.raises(RequirementError, match=r"F000 needs .*pip install -U imagecodecs"):
        load_series(series)


def test_a_single_file_is_a_volume_of_one_slice(folder: Path) -> None:
    file = sorted(folder.iterdir())[0]
    (series,) = discover(file).series
    assert series.shape == (1, 16, 24)
    assert load_series(series).array.shape == (1, 16, 24)


@pytest.mark.parametrize("syntax", GIVES_BACK)
def test_every_lossless_transfer_syntax_gives_the_values_back(
    tmp_path: Path, syntax: str
) -> None:
    slices = ct_stack(STORED, GRID)
    if syntax not in GIVES_BACK[:3]:
        slices = [compress(dataset, syntax) for dataset in slices]
    write(tmp_path / "scan", slices, syntax)
    assert_is_the_scan(tmp_path / "scan")


def test_big_endian_values_are_turned(tmp_path: Path) -> None:
    slices = ct_stack(STORED, GRID)
    for dataset in slices:
        values = np.frombuffer(dataset.PixelData, "<i2")
        dataset.PixelData = values.astype(">i2").tobytes()
    write(tmp_path / "scan", slices, ExplicitVRBigEndian)
    assert_is_the_scan(tmp_path / "scan")


def test_files_without_preamble_need_force(folder: Path) -> None:
    for file in folder.iterdir():
        data = file.read_bytes()
        length = int.from_bytes(data[140:144], "little")
        file.write_bytes(data[144 + length :])
    found = discover(folder)
    assert found.series == ()
    assert "use force" in found.skipped[0].reason
    (series,) = discover(folder, force=True).series
    np.testing.assert_array_equal(load_series(series).array, STORED)


def test_no_such_path_says_so(tmp_path: Path) -> None:
    with pytest.raises(NothingFoundError, match="There is no file or folder"):
        discover(tmp_path / "nowhere")


def test_a_file_that_is_no_dicom_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello " * 100)
    with pytest.raises(NotDicomError, match=r"^notes\.txt is not DICOM\.$"):
        discover(tmp_path / "notes.txt")


def test_progress_grows_and_cancels(folder: Path) -> None:
    seen: list[float] = []
    series = discover(folder, progress=lambda fraction, what: seen.append(fraction)).series[0]
    load_series(series, progress=lambda fraction, what: seen.append(fraction))
    assert seen[-1] == 1.0

    def cancel(fraction: float, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        discover(folder, progress=cancel)
    with pytest.raises(Cancelled):
        load_series(series, progress=cancel)


def test_a_series_can_give_its_whole_headers(folder: Path) -> None:
    (series,) = discover(folder).series
    headers = list(series.source_datasets())
    assert len(headers) == 6
    assert headers[0].PatientID == "SECRET-ID"
    assert "PixelData" not in headers[0]
    positions = np.array([header.ImagePositionPatient for header in headers], float)
    np.testing.assert_allclose(positions[0], GRID.origin, atol=1e-6)


def test_a_series_shows_itself_without_the_patient(folder: Path) -> None:
    (series,) = discover(folder).series
    assert repr(series) == "Series 1(CT made up, 24 x 16 x 6, 0.70 x 0.90 x 2.50 mm)"
    assert "SECRET" not in repr(vars(ct_slice)) + repr(series)


def test_a_file_that_goes_away_before_loading_is_named(folder: Path) -> None:
    (series,) = discover(folder).series
    (folder / "F002").unlink()
    with pytest.raises(InputError, match=r"^F002 cannot be read"):
        load_series(series)


def test_a_file_cut_after_discovery_is_named(folder: Path) -> None:
    (series,) = discover(folder).series
    data = (folder / "F002").read_bytes()
    (folder / "F002").write_bytes(data[:-100])
    with pytest.raises(TruncatedError, match=r"^F002 ends 100 bytes before its pixels do"):
        load_series(series)


def test_a_missing_transfer_syntax_is_guessed_by_force_alone(folder: Path) -> None:
    for file in folder.iterdir():
        data = bytearray(file.read_bytes())
        at = data.index(b"\x02\0\x10\0UI")
        data[at + 2 : at + 4] = b"\x11\0"
        file.write_bytes(data)
    assert "use force" in discover(folder).skipped[0].reason
    (series,) = discover(folder, force=True).series
    np.testing.assert_array_equal(load_series(series).array, STORED)


def test_comparing_many_copies_can_be_stopped(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, folder / "again")

    def cancel(fraction: float, what: str) -> None:
        if "comparing" in what:
            raise Cancelled

    with pytest.raises(Cancelled):
        discover(folder, progress=cancel)
