"""convert: what part of a scan, on which grid, and whole folders at once."""

import json

import numpy as np
import pytest
from vis3d_cli.main import main

import vis3d
from tests.dicom.stacks import ct_slice, write


def points_of(mask):
    kji = np.argwhere(mask.array)
    return mask.geometry.to_lps(kji[:, ::-1])


def test_crop_leaves_the_box_round_a_structure_and_its_margin(scan, truth, phantom, tmp_path):
    out = tmp_path / "out.nrrd"
    words = ["--crop", "lungs", "--margin", "10", "--segmentation", str(truth)]
    assert main(["convert", str(scan), "-o", str(out), *words]) == 0
    volume = vis3d.read_volume(out)
    ijk = volume.geometry.to_ijk(points_of(phantom.labels.mask("lungs")))
    margins = 10 / np.array(volume.geometry.spacing)
    last = np.array(volume.geometry.shape[::-1]) - 1
    assert ijk.min(axis=0) == pytest.approx(np.round(margins), abs=1e-3)
    assert last - ijk.max(axis=0) == pytest.approx(np.round(margins), abs=1e-3)
    k, j, i = np.round(phantom.volume.geometry.to_ijk(volume.geometry.origin)).astype(int)[::-1]
    nk, nj, ni = volume.array.shape
    assert np.array_equal(
        volume.array, phantom.volume.array[k : k + nk, j : j + nj, i : i + ni]
    )


@pytest.mark.parametrize(("asked", "said"), [("5:900", True), ("5:", False), ("0:9", False)])
def test_slices_beyond_the_end_are_said_to_be_none(scan, tmp_path, capsys, asked, said):
    out = tmp_path / "out.nrrd"
    assert main(["convert", str(scan), "-o", str(out), "--slices", asked]) == 0
    last = vis3d.read_volume(out).geometry.shape[0] + 4
    assert (f"the scan ends with slice {last};" in capsys.readouterr().err) == said


def test_keep_makes_padding_of_everything_else(scan, truth, phantom, tmp_path):
    out = tmp_path / "out.nii.gz"
    words = ["--keep", "lungs", "--segmentation", str(truth)]
    assert main(["convert", str(scan), "-o", str(out), *words]) == 0
    volume = vis3d.read_volume(out)
    lungs = phantom.labels.mask("lungs").array
    assert np.array_equal(volume.inside_scan(), lungs)
    assert np.array_equal(volume.array[lungs], phantom.volume.array[lungs])
    assert volume.padding is not None
    assert volume.padding < phantom.volume.array.min()


def test_fit_crop_keeps_the_voxels_and_centers_the_body(scan, phantom, tmp_path):
    out = tmp_path / "out.nrrd"
    words = ["--shape", "40,100,70", "--fit", "crop"]
    assert main(["convert", str(scan), "-o", str(out), *words]) == 0
    volume, source = vis3d.read_volume(out), phantom.volume
    assert volume.geometry.shape == (40, 100, 70)
    assert volume.geometry.spacing == pytest.approx(source.geometry.spacing)
    body = points_of(phantom.labels.mask("body"))
    ijk = volume.geometry.to_ijk(body)
    middle = (ijk.min(axis=0) + ijk.max(axis=0)) / 2
    assert middle == pytest.approx((np.array([70, 100, 40]) - 1) / 2, abs=1.5)
    inside = np.argwhere(volume.inside_scan())
    old = source.geometry.to_ijk(volume.geometry.to_lps(inside[:, ::-1]))
    i, j, k = np.round(old).astype(int).T
    assert np.array_equal(volume.array[volume.inside_scan()], source.array[k, j, i])
    assert (~volume.inside_scan()).any()


def test_isotropic_and_shape_together_give_cubes_of_that_size(scan, tmp_path):
    out = tmp_path / "out.npz"
    words = ["--isotropic", "6", "--shape", "50,60,70", "--fit", "crop"]
    assert main(["convert", str(scan), "-o", str(out), *words]) == 0
    with np.load(out) as archive:
        assert archive["array"].shape == (50, 60, 70)
        assert archive["spacing"] == pytest.approx([6, 6, 6])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fit", "crop"], "--shape"),
        (["--margin", "5"], "--crop"),
        (["--crop", "lungs", "--margin", "-5"], "0 on"),
        (["--crop", "spleen"], "choose from"),
        (["--keep", "spleen"], "choose from"),
        (["--all-series", "docx"], ".nii.gz"),
        (["--all-series", "npz", "--series", "1"], "picks one"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_reading(
    scan, tmp_path, refusal, words, said
):
    code, line = refusal("convert", scan, "-o", tmp_path / "out.nii", *words)
    assert code == 2
    assert said in line
    assert not list(tmp_path.iterdir())


def test_a_structure_that_is_not_there_cannot_be_cropped_to(tmp_path, refusal):
    folder = tmp_path / "air"
    air = np.full((40, 44), -1000, np.int16)
    write(folder, [ct_slice(air, (0, 0, 3 * k)) for k in range(12)])
    code, line = refusal("convert", folder, "-o", tmp_path / "out.nii", "--crop", "bones")
    assert code == 4
    assert "no bones" in line
    assert not (tmp_path / "out.nii").exists()


@pytest.fixture
def patients(tmp_path):
    """Two scans of other sizes, and one with a slice missing."""
    folder = tmp_path / "patients"
    rng = np.random.default_rng(3)
    for number, (rows, steps) in enumerate(
        [(20, range(6)), (24, range(9)), (22, [0, 1, 2, 4])], start=1
    ):
        values = rng.integers(0, 80, (rows, 26)).astype(np.int16)
        slices = [
            ct_slice(values, (0, 0, 2.5 * k), SeriesInstanceUID=f"1.2.{number}") for k in steps
        ]
        write(folder / str(number), slices)
    return folder


def test_a_folder_of_patients_becomes_files_of_one_shape(patients, tmp_path, capsys):
    out = tmp_path / "learning"
    words = ["--all-series", "npz", "--shape", "8,16,16", "--gaps", "interpolate", "--json"]
    assert main(["convert", str(patients), "-o", str(out), *words]) == 0
    told = json.loads(capsys.readouterr().out)["series"]
    assert [row["uid"] for row in told] == ["1.2.1", "1.2.2", "1.2.3"]
    assert [row["error"] for row in told] == [None] * 3
    assert sorted(file.name for file in out.iterdir()) == ["0001.npz", "0002.npz", "0003.npz"]
    for row in told:
        with np.load(row["output"]) as archive:
            assert archive["array"].shape == (8, 16, 16)


def test_a_series_that_fails_does_not_stop_the_others(patients, tmp_path, capsys):
    out = tmp_path / "learning"
    words = ["--all-series", ".nii.gz", "--json"]
    assert main(["convert", str(patients), "-o", str(out), *words]) == 8
    printed = capsys.readouterr()
    assert [row["error"] is None for row in json.loads(printed.out)["series"]] == [
        True,
        True,
        False,
    ]
    assert "series 3: " in printed.err
    assert sorted(file.name for file in out.iterdir()) == ["0001.nii.gz", "0002.nii.gz"]
