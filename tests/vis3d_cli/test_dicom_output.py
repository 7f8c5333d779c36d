"""convert --dicom and --dicomdir: scans back as DICOM."""

import numpy as np
import pytest
from pydicom import dcmread
from vis3d_cli.main import main

import vis3d
from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack, write

GRID = oblique_geometry((6, 8, 10))
STORED = np.random.default_rng(9).integers(-1000, 3000, GRID.shape, np.int16)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "source" / "a", ct_stack(STORED, GRID))
    write(tmp_path / "source" / "b", ct_stack(STORED + 1, GRID, SeriesInstanceUID="1.2.3.9"))
    return tmp_path / "source"


def test_a_part_of_a_series_becomes_a_new_series(folder, tmp_path, answer):
    out = tmp_path / "out"
    told = answer(
        "convert", folder, "-o", out, "--series", 1, "--dicom", "--slices", "1:5",
        "--compress", "rle",
    )  # fmt: skip
    assert (told["output"], told["files"], told["shape"]) == (str(out), 4, [4, 8, 10])
    volume = vis3d.load_volume(out)
    np.testing.assert_array_equal(volume.array, STORED[1:5])
    np.testing.assert_allclose(
        volume.geometry.to_lps((0, 0, 0)), GRID.to_lps((0, 0, 1)), atol=1e-4
    )
    image = dcmread(out / "IM00001.dcm")
    assert image.PatientID == "SECRET-ID"
    assert image.file_meta.TransferSyntaxUID.name == "RLE Lossless"


def test_what_was_done_is_in_the_description(folder, tmp_path):
    out = tmp_path / "out"
    options = ["--series", "1", "--dicom", "--isotropic", "2"]
    assert main(["convert", str(folder), "-o", str(out), *options]) == 0
    assert dcmread(out / "IM00001.dcm").SeriesDescription == "vis3d: resampled"


def test_a_folder_becomes_a_file_set_that_info_reads(folder, tmp_path, answer):
    out = tmp_path / "disc"
    told = answer("convert", folder, "-o", out, "--dicomdir")
    assert told == {"output": str(out / "DICOMDIR"), "files": 12, "series": 2}
    listed = answer("info", out / "DICOMDIR")["series"]
    assert [series["files"] for series in listed] == [6, 6]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--compress", "rle"], 2, "goes with --dicom"),
        (["--dicomdir", "--isotropic", "2"], 2, "add --dicom"),
        (["--dicom", "--all-series", "npz"], 2, "leave --dicom out"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    folder, tmp_path, refusal, options, code, words
):
    found, line = refusal("convert", folder, "-o", tmp_path / "out", *options)
    assert found == code
    assert words in line
    assert not (tmp_path / "out").exists()


def test_one_of_several_series_must_be_named(folder, tmp_path, capsys):
    assert main(["convert", str(folder), "-o", str(tmp_path / "out"), "--dicom"]) == 2
    assert "2 series were found" in capsys.readouterr().err


def test_what_is_no_dicom_makes_none(scan, tmp_path, refusal):
    code, line = refusal("convert", scan, "-o", tmp_path / "out", "--dicom")
    assert code == 4
    assert ".nii.gz" in line
    code, line = refusal("convert", scan, "-o", tmp_path / "out", "--dicomdir")
    assert code == 4
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_folder_s_place_is_refused(folder, tmp_path, refusal):
    (tmp_path / "out").write_text("taken")
    code, line = refusal("convert", folder, "-o", tmp_path / "out", "--dicomdir")
    assert code == 5
    assert "name a folder" in line
