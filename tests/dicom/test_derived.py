"""Changed volumes as new series of the same patient, read back by others."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack, ramp_on, write
from tests.dicom.test_enhanced import enhanced
from tests.needs import need
from vis3d.dicom import Series, discover, load_series, load_slices, write_derived_series
from vis3d.errors import Cancelled, UnsupportedError, UsageError
from vis3d.geometry import Geometry
from vis3d.volume import Volume

GRID = oblique_geometry((5, 8, 10))
STORED = np.random.default_rng(6).integers(-1000, 3000, GRID.shape, np.int16)
HERE = {"description": "smoothed"}


def source_slices() -> list[Dataset]:
    slices = ct_stack(STORED, GRID, RescaleIntercept="-24", StudyDescription="chest")
    for dataset in slices:
        dataset.add_new(0x00191010, "LO", "VENDOR")
        dataset.add_new(0x00191020, "DS", "7")
        dataset.add_new(0x60003000, "OW", bytes(10))
        dataset.SmallestImagePixelValue = 3
    return slices


@pytest.fixture
def series(tmp_path: Path) -> Series:
    write(tmp_path / "source", source_slices())
    return discover(tmp_path / "source").series[0]


@pytest.fixture
def volume(series: Series) -> Volume:
    return load_series(series)


def read_by_simpleitk(files: tuple[Path, ...]) -> SimpleITK.Image:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(file) for file in files])
    return reader.Execute()


@pytest.mark.parametrize("compress", [None, "rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000"])
def test_another_reader_finds_every_voxel(
    series: Series, volume: Volume, tmp_path: Path, compress: str | None
) -> None:
    changed = volume.with_array((volume.array + 100).astype(np.int16))
    files = write_derived_series(changed, series, tmp_path / "out", compress=compress, **HERE)
    image = read_by_simpleitk(files)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), changed.array)
    for index in ((0, 0, 0), (9, 7, 4)):
        theirs = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(theirs, GRID.to_lps(index), atol=1e-4)


def test_htj2k_comes_back(series: Series, volume: Volume, tmp_path: Path) -> None:
    write_derived_series(volume, series, tmp_path / "out", compress="htj2k", **HERE)
    (again,) = discover(tmp_path / "out").series
    np.testing.assert_array_equal(load_series(again).array, volume.array)


def test_it_is_a_new_series_of_the_same_patient(
    series: Series, volume: Volume, tmp_path: Path
) -> None:
    files = write_derived_series(volume, series, tmp_path / "out", **HERE)
    source = dcmread(series.frames[3].header.source.path)  # type: ignore[attr-defined]
    image = dcmread(files[3])
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert image[keyword].value == source[keyword].value
    assert image.StudyDescription == "chest"
    assert image.SeriesInstanceUID != source.SeriesInstanceUID
    assert image.ImageType[0] == "DERIVED"
    assert image.SeriesDescription == image.DerivationDescription == "smoothed"
    (reference,) = image.SourceImageSequence
    assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
    uids = {dcmread(file).SOPInstanceUID for file in files}
    assert len(uids) == len(files) == 5
    assert source.SOPInstanceUID not in uids


def test_nothing_stale_is_left(series: Series, volume: Volume, tmp_path: Path) -> None:
    image = dcmread(write_derived_series(volume, series, tmp_path / "out", **HERE)[0])
    assert not [element for element in image if element.tag.is_private]
    assert not [element for element in image if element.tag.group == 0x6000]
    assert "SmallestImagePixelValue" not in image


def test_another_grid_names_the_slices_round_it(
    series: Series, volume: Volume, tmp_path: Path
) -> None:
    i_mm, j_mm, k_mm = GRID.spacing
    origin = tuple(GRID.to_lps((1, 2, 0.5)))
    between = Geometry((4, 5, 6), (i_mm, j_mm, k_mm), origin, GRID.direction)
    changed = volume.with_array(volume.array[:4, :5, :6].copy(), between)
    files = write_derived_series(changed, series, tmp_path / "out", **HERE)
    (again,) = discover(tmp_path / "out").series
    assert load_series(again).geometry.matches(between, tolerance_mm=1e-4)
    named = {one.ReferencedSOPInstanceUID for one in dcmread(files[1]).SourceImageSequence}
    round_it = {frame.header.text("SOPInstanceUID") for frame in series.frames[1:3]}
    assert named == round_it


def test_slices_in_place_are_those_that_were_loaded(tmp_path: Path) -> None:
    slices = source_slices()
    del slices[2]
    write(tmp_path / "source", slices)
    (gapped,) = discover(tmp_path / "source").series
    volume = load_slices(gapped)
    write_derived_series(volume, gapped, tmp_path / "out", in_place=True, **HERE)
    (again,) = discover(tmp_path / "out").series
    assert np.array_equal(load_slices(again).array, volume.array)
    for one, other in zip(gapped.frames, again.frames, strict=True):
        np.testing.assert_allclose(one.position, other.position, atol=1e-4)
    with pytest.raises(UsageError, match="each has its own source"):
        write_derived_series(
            load_series(gapped, gaps="interpolate"), gapped, tmp_path / "b", in_place=True,
            **HERE,
        )  # fmt: skip
    assert not (tmp_path / "b").exists()


def test_a_straightened_stack_is_written_upright(tmp_path: Path) -> None:
    grid = Geometry((6, 8, 10), (0.7, 0.9, 2.5), (1.0, 2.0, 3.0))
    slices = ct_stack(ramp_on(grid), grid, GantryDetectorTilt="15")
    for k, dataset in enumerate(slices):
        x, y, z = map(float, dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y + 0.7 * k, z]
    write(tmp_path / "source", slices)
    (series,) = discover(tmp_path / "source").series
    volume = load_series(series)
    files = write_derived_series(volume, series, tmp_path / "out", **HERE)
    (again,) = discover(tmp_path / "out").series
    assert "gantry-tilt" not in [finding.code for finding in again.findings]
    assert "GantryDetectorTilt" not in dcmread(files[0])
    back = load_series(again)
    assert back.padding == volume.padding
    np.testing.assert_array_equal(back.array, volume.array)


def test_an_enhanced_source_becomes_single_images(tmp_path: Path) -> None:
    stored = STORED.clip(0)
    write(tmp_path / "source", [enhanced(stored, GRID, [3, 0, 4, 1, 2], [1.0] * 5)])
    (series,) = discover(tmp_path / "source").series
    volume = load_series(series)
    files = write_derived_series(volume, series, tmp_path / "out", **HERE)
    image = dcmread(files[0])
    assert image.SOPClassUID.name == "CT Image Storage"
    assert image.SourceImageSequence[0].ReferencedFrameNumber == 2
    np.testing.assert_array_equal(
        SimpleITK.GetArrayFromImage(read_by_simpleitk(files)), volume.array
    )


@pytest.mark.parametrize("modality", ["MR", "PT"])
def test_fractions_stay_within_a_part_in_32767(tmp_path: Path, modality: str) -> None:
    write(tmp_path / "source", ct_stack(STORED.clip(0), GRID, Modality=modality))
    (series,) = discover(tmp_path / "source").series
    values = (load_series(series).array * 1e-3).astype(np.float32)
    volume = load_series(series).with_array(values)
    files = write_derived_series(volume, series, tmp_path / "out", **HERE)
    back = load_series(discover(tmp_path / "out").series[0]).array
    np.testing.assert_allclose(back, values, atol=values.max() / 32767)
    assert modality != "PT" or dcmread(files[0]).RescaleIntercept == 0


def test_padding_is_named_as_it_is_stored(
    series: Series, volume: Volume, tmp_path: Path
) -> None:
    array = volume.array.copy()
    array[:, 0] = -2048
    padded = replace(volume, array=array, padding=-2048.0)
    write_derived_series(padded, series, tmp_path / "out", **HERE)
    assert load_series(discover(tmp_path / "out").series[0]).padding == -2048


def test_values_beyond_16_bits_are_refused(
    series: Series, volume: Volume, tmp_path: Path
) -> None:
    wide = volume.with_array(volume.array.astype(np.int32) * 50)
    with pytest.raises(UsageError, match="16 bits"):
        write_derived_series(wide, series, tmp_path / "out", **HERE)
    with pytest.raises(UsageError, match="rle, jpeg-lossless"):
        write_derived_series(volume, series, tmp_path / "out", compress="zip", **HERE)
    assert not (tmp_path / "out").exists()


def test_a_source_that_is_no_dicom_is_refused(
    series: Series, volume: Volume, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedError, match=r"write \.nii\.gz"):
        write_derived_series(volume, replace(series, frames=()), tmp_path, **HERE)


def test_cancelling_leaves_nothing(series: Series, volume: Volume, tmp_path: Path) -> None:
    def stop(fraction: float, what: str) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_derived_series(volume, series, tmp_path / "out", progress=stop, **HERE)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["cmb_crc_01068.zip", "ge_tilted_head.zip"])
def test_a_verifier_finds_no_error_that_the_source_had_not(
    real_data: Path, tmp_path: Path, name: str
) -> None:
    need(shutil.which("dciodvfy") is not None, "dciodvfy (Debian package dicom3tools)")
    shutil.unpack_archive(real_data / name, tmp_path / "source")
    series = max(discover(tmp_path / "source").series, key=lambda one: one.shape)
    volume = load_series(series, gaps="interpolate", slices=slice(0, 6))
    files = write_derived_series(volume, series, tmp_path / "out", compress="rle", **HERE)
    assert errors_in(files[2]) <= errors_in(series.frames[2].header.source.path)  # type: ignore[attr-defined]


def errors_in(file: object) -> set[str]:
    command = ["dciodvfy", "-new", str(file)]
    verdict = subprocess.run(command, capture_output=True, check=False)
    lines = (verdict.stderr + verdict.stdout).decode("latin-1").splitlines()
    return {line for line in lines if line.startswith("Error")}
