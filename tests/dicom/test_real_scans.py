"""Real scans: other people's files, independent readers, known irregularities."""

import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from tests.dicom.test_oracle import (
    assert_agrees_with_dcm2niix,
    assert_agrees_with_highdicom,
    assert_agrees_with_simpleitk,
)
from vis3d.dicom import Series, discover, load_series
from vis3d.errors import InputError, IrregularSeriesError

pytestmark = pytest.mark.real

SYNTAXES = "transfer_syntaxes"
LOSSLESS = ("Explicit", "Implicit", "BigEndian", "Deflated", "Lossless", "Process14", "RLE")


def codes(series: Series) -> set[str]:
    return {finding.code for finding in series.findings}


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("cmb_crc_01068.zip", (100, 512, 512)),
        ("lung_pet_ct_dx_a0002.zip", (30, 512, 512)),
        ("totalsegmentator/example_ct_dicom.zip", (20, 512, 512)),
        pytest.param("lidc_idri_0314.zip", (275, 512, 512), marks=pytest.mark.slow),
    ],
)
def test_regular_scans_agree_with_other_readers(
    real_data: Path, tmp_path: Path, name: str, shape: tuple[int, int, int]
) -> None:
    with zipfile.ZipFile(real_data / name) as archive:
        archive.extractall(tmp_path)
    for series in discover(real_data / name).series:
        assert series.shape == shape
        folder = (tmp_path / series.files[0]).parent
        volume = load_series(series)
        assert_agrees_with_simpleitk(volume, folder, series.uid)
        if len(discover(folder).series) == 1:
            assert_agrees_with_dcm2niix(volume, folder)
        if series.frames[0].header.text("SOPClassUID") and len(discover(folder).series) == 1:
            assert_agrees_with_highdicom(volume, folder)  # it refuses files without a class


def test_the_thin_chest_loads_whole(real_data: Path) -> None:
    (series,) = discover(real_data / "lidc_idri_0314.zip").series
    volume = load_series(series)
    assert volume.array.shape == (275, 512, 512)
    assert volume.array.dtype == np.int16
    assert volume.geometry.spacing == pytest.approx((0.78125, 0.78125, 1.0))
    assert volume.geometry.axis_letters == ("L", "P", "S")
    assert (int(volume.array.min()), volume.unit) == (-1000, "HU")


def test_padding_written_as_unsigned_marks_the_circle(real_data: Path) -> None:
    (series,) = discover(real_data / "cmb_crc_01068.zip").series
    volume = load_series(series, slices=slice(40, 60))
    assert volume.padding == -3024
    share = np.count_nonzero(volume.inside_scan()) / volume.array.size
    assert share == pytest.approx(np.pi / 4, abs=0.01)


def test_kernels_in_one_folder_stay_apart(real_data: Path) -> None:
    series = discover(real_data / "lung_pet_ct_dx_a0002.zip").series
    assert [one.description.split()[-1] for one in series] == ["B70f", "B40f"]
    assert all(one.loadable for one in series)


def test_a_tilted_head_of_two_spacings_is_straightened(real_data: Path) -> None:
    (series,) = discover(real_data / "ge_tilted_head.zip").series
    assert {"gantry-tilt", "variable-spacing"} <= codes(series)
    assert any("18.5 degrees" in finding.message for finding in series.findings)
    with pytest.raises(IrregularSeriesError, match="interpolate"):
        load_series(series)
    volume = load_series(series, gaps="interpolate")
    assert volume.geometry.matches(series.geometry)
    # The skull's middle stays put: uncorrected it drifts by 25 mm here, mirrored by 50.
    bone_rows = (volume.array[12:31] > 300).any(axis=2)
    middles = [np.flatnonzero(rows)[[0, -1]].mean() for rows in bone_rows]
    assert np.ptp(middles) * volume.geometry.spacing[1] < 10


def test_few_slices_with_holes_are_refused(real_data: Path) -> None:
    (series,) = discover(real_data / "duplicate_positions.zip").series
    assert {"duplicate-slices", "variable-spacing"} <= codes(series)
    with pytest.raises(IrregularSeriesError):
        load_series(series)


@pytest.fixture(scope="module")
def failing(real_data: Path) -> dict[str, list[Series]]:
    """The series in dicom2nifti's folder of irregular ones, by their folder."""
    folders: dict[str, list[Series]] = {}
    for series in discover(real_data / "dicom2nifti_failing.zip").series:
        folders.setdefault(series.files[0].split("/")[1], []).append(series)
    return folders


def test_irregular_series_are_refused_or_repaired(failing: dict[str, list[Series]]) -> None:
    assert all("missing-slices" in codes(one) for one in failing["sliceincrement"])
    assert all("gantry-tilt" in codes(one) for one in failing["gantrytilting"])
    assert all("mixed-orientation" in codes(one) for one in failing["sliceorientation"])
    assert all("repeated-positions" in codes(one) for one in failing["notavolume"])
    assert [one.shape[0] for one in failing["notavolume"]] == [1, 1, 1, 1]
    assert [one.shape[0] for one in failing["slicecount"]] == [2]


@pytest.mark.parametrize(
    "name",
    "anatomical/001 anatomical/001_implicit anatomical/002_non_isotropic compressed/001 "
    "compressed_rle/001 compressed_jpegls/001 compressed_j2k/001 compressed_jpeg/001".split(),
)
def test_series_agree_with_their_nifti(real_data: Path, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(real_data / "dicom2nifti_generic.zip") as archive:
        archive.extractall(tmp_path)
    (series,) = discover(tmp_path / "generic" / name).series
    volume = load_series(series)
    truth = nibabel.load(tmp_path / "generic" / f"{name}_ground_truth.nii.gz")
    generator = np.random.default_rng(7)
    for k, j, i in generator.integers(0, volume.array.shape, (60, 3)):
        ras = volume.geometry.to_lps((i, j, k)) * (-1, -1, 1)
        index = np.linalg.inv(truth.affine) @ (*ras, 1)
        np.testing.assert_allclose(index, np.rint(index), atol=0.02)
        there = truth.dataobj[tuple(np.rint(index[:3]).astype(int))]
        assert float(there) == pytest.approx(float(volume.array[k, j, i]), rel=1e-4, abs=1e-3)


def test_one_slice_in_every_transfer_syntax(real_data: Path) -> None:
    folder = real_data / SYNTAXES
    truth = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / "CTImage.dcm")))
    names = sorted(file.name for file in folder.glob("CTImage.dcm_*"))
    assert len(names) == 15
    for name in names:
        (series,) = discover(folder / name).series
        values = load_series(series).array.astype(int)
        difference = np.abs(values - truth).max()
        lossless = any(word in name for word in LOSSLESS) and "Lossy" not in name
        assert difference == 0 if lossless else difference < 70, name


def test_colour_images_are_named_as_such(real_data: Path) -> None:
    for file in (real_data / SYNTAXES).glob("TestPattern*"):
        with pytest.raises(InputError, match="is a colour image"):
            discover(file)
