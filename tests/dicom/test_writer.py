"""CT series that vis3d writes are what other readers and the standard expect."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from tests.conftest import oblique_geometry
from tests.needs import need
from vis3d.dicom import write_ct_series
from vis3d.errors import Cancelled, OutputError, UsageError
from vis3d.volume import Volume

NAMES = {"patient_name": "Phantom^Chest", "patient_id": "P1", "series_description": "Test"}


@pytest.fixture
def volume() -> Volume:
    geometry = oblique_geometry((6, 30, 40))
    values = np.random.default_rng(1).integers(-1024, 3071, geometry.shape, np.int16)
    return Volume(values, geometry, "HU", metadata={"thickness_mm": 3.0})


def test_another_reader_finds_every_voxel_where_it_was(volume: Volume, tmp_path: Path) -> None:
    write_ct_series(volume, tmp_path, **NAMES)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path)))
    image = reader.Execute()
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), volume.array)
    for ijk in ((0, 0, 0), (39, 29, 5), (3, 17, 2)):
        here = image.TransformIndexToPhysicalPoint(ijk)
        np.testing.assert_allclose(here, volume.geometry.to_lps(ijk), atol=1e-6)


def test_slices_lie_at_the_origins_given(volume: Volume, tmp_path: Path) -> None:
    step = volume.geometry.direction @ (0.0, 0.5, 2.4)
    origins = np.array(volume.geometry.origin) + np.arange(6)[:, None] * step
    write_ct_series(volume, tmp_path, slice_origins_lps=origins, **NAMES)
    files = [pydicom.dcmread(file) for file in sorted(tmp_path.iterdir())]
    written = [[float(mm) for mm in image.ImagePositionPatient] for image in files]
    np.testing.assert_allclose(written, origins, atol=1e-9)
    assert float(files[0].GantryDetectorTilt) == pytest.approx(np.degrees(np.arctan(0.5 / 2.4)))


def test_a_seed_gives_the_same_files_each_time(volume: Volume, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_ct_series(volume, tmp_path / folder, seed=7, **NAMES)
    write_ct_series(volume, tmp_path / "c", seed=8, **NAMES)
    first, second, other = (
        [file.read_bytes() for file in sorted((tmp_path / folder).iterdir())]
        for folder in ("a", "b", "c")
    )
    assert first == second
    assert first != other


def test_other_pixels_have_other_uids_under_one_seed(volume: Volume, tmp_path: Path) -> None:
    write_ct_series(volume, tmp_path / "a", seed=7, **NAMES)
    write_ct_series(
        volume.with_array(volume.array + np.int16(1)), tmp_path / "b", seed=7, **NAMES
    )
    one, other = (pydicom.dcmread(tmp_path / folder / "CT0001.dcm") for folder in ("a", "b"))
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert one.SOPInstanceUID.startswith("2.25.")


def test_all_sop_instances_differ(volume: Volume, tmp_path: Path) -> None:
    write_ct_series(volume, tmp_path, seed=0, **NAMES)
    uids = {pydicom.dcmread(file).SOPInstanceUID for file in tmp_path.iterdir()}
    assert len(uids) == 6


@pytest.mark.parametrize(("low", "high"), [(-2000, 3071), (-1024, 32767), (-32768, 0)])
def test_every_hu_that_int16_holds_comes_back(
    volume: Volume, tmp_path: Path, low: int, high: int
) -> None:
    values = np.linspace(low, high, volume.array.size).reshape(volume.array.shape)
    write_ct_series(volume.with_array(values.astype(np.float32)), tmp_path, **NAMES)
    image = pydicom.dcmread(tmp_path / "CT0004.dcm")
    hu = image.pixel_array.astype(int) * int(image.RescaleSlope) + int(image.RescaleIntercept)
    np.testing.assert_array_equal(hu, np.rint(values[3].astype(np.float32)))


def test_padding_is_named_as_it_is_stored(volume: Volume, tmp_path: Path) -> None:
    volume.array[0, 0, 0] = -2000
    write_ct_series(dataclasses.replace(volume, padding=-2000), tmp_path, **NAMES)
    image = pydicom.dcmread(tmp_path / "CT0001.dcm")
    assert image.pixel_array[0, 0] == image.PixelPaddingValue


def test_cancelling_leaves_nothing(volume: Volume, tmp_path: Path) -> None:
    def stop_soon(fraction: float, what: str) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_ct_series(volume, tmp_path / "series", progress=stop_soon, **NAMES)
    assert not list(tmp_path.iterdir())


def test_other_files_in_the_folder_stay(volume: Volume, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    write_ct_series(volume, tmp_path, **NAMES)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 7


def test_values_that_are_not_hu_are_refused(volume: Volume, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds HU, not BQML"):
        write_ct_series(dataclasses.replace(volume, unit="BQML"), tmp_path, **NAMES)


def test_a_file_in_the_folders_place_is_an_output_error(volume: Volume, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="Cannot write into"):
        write_ct_series(volume, tmp_path / "taken", **NAMES)


def test_a_dicom_verifier_finds_no_error(volume: Volume, tmp_path: Path) -> None:
    need(shutil.which("dciodvfy") is not None, "dciodvfy (Debian package dicom3tools)")
    write_ct_series(dataclasses.replace(volume, padding=-1024), tmp_path, seed=1, **NAMES)
    verdict = subprocess.run(
        ["dciodvfy", tmp_path / "CT0002.dcm"], capture_output=True, text=True, check=False
    )
    assert "Error" not in verdict.stderr
