"""info, convert, segment, measure and slices on an oblique phantom with known truth."""

import json

import numpy as np
import pytest
from PIL import Image
from vis3d_cli.main import main

import vis3d
from tests.dicom.stacks import ct_slice, write

SERIES_KEYS = [
    "index",
    "uid",
    "modality",
    "description",
    "files",
    "shape",
    "spacing_mm",
    "origin_mm",
    "direction",
    "unit",
    "transfer_syntaxes",
    "loadable",
    "findings",
]


def test_info_has_exactly_the_promised_keys(scan, phantom, answer):
    told = answer("info", scan)
    assert list(told) == ["series", "skipped"]
    (series,) = told["series"]
    assert list(series) == SERIES_KEYS
    assert series["files"] == 1
    assert series["loadable"] is True
    assert series["shape"] == list(phantom.volume.geometry.shape)
    assert series["spacing_mm"] == pytest.approx(phantom.volume.geometry.spacing, abs=1e-4)
    assert series["direction"] == pytest.approx(
        phantom.volume.geometry.direction.ravel(), abs=1e-4
    )


def test_info_for_people_says_the_size(scan, capsys):
    assert main(["info", str(scan)]) == 0
    assert "88 x 80 x 64" in capsys.readouterr().out


def test_info_of_a_folder_without_a_scan_says_what_was_skipped(tmp_path, capsys):
    (tmp_path / "note.txt").write_text("not a scan")
    assert main(["info", str(tmp_path), "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["series"] == []
    assert [file["path"] for file in told["skipped"]] == ["note.txt"]


@pytest.mark.parametrize("command", ["info", "convert"])
def test_a_folder_of_damaged_files_alone_is_bad_input(command, tmp_path, capsys):
    folder = tmp_path / "scan"
    empty = np.zeros((8, 9), np.int16)
    write(folder, [ct_slice(empty, (0, 0, k), RescaleSlope="0") for k in range(3)])
    wanted = ["-o", str(tmp_path / "out.nii")] if command == "convert" else []
    assert main([command, str(folder), *wanted]) == 4
    assert "3 of 3 files are damaged" in capsys.readouterr().err
    assert not (tmp_path / "out.nii").exists()


def test_several_series_are_listed_and_one_can_be_picked(real_data, tmp_path, capsys):
    twins = str(real_data / "lung_pet_ct_dx_a0002.zip")
    out = tmp_path / "out.nii.gz"
    assert main(["convert", twins, "-o", str(out), "--json"]) == 2
    printed = capsys.readouterr()
    assert [series["index"] for series in json.loads(printed.out)["series"]] == [1, 2]
    assert "--series" in printed.err
    assert main(["convert", twins, "-o", str(out), "--series", "2"]) == 0
    assert vis3d.read_volume(out).geometry.shape == (30, 512, 512)


def test_convert_keeps_every_voxel_in_its_place(scan, phantom, tmp_path):
    out = tmp_path / "out.nrrd"
    assert main(["convert", str(scan), "-o", str(out)]) == 0
    volume = vis3d.read_volume(out)
    assert np.array_equal(volume.array, phantom.volume.array)
    assert volume.geometry.matches(phantom.volume.geometry, tolerance_mm=1e-2)


def test_convert_resamples_to_cubes_and_to_a_shape(scan, phantom, tmp_path):
    cubes, shaped = tmp_path / "cubes.nrrd", tmp_path / "shaped.nrrd"
    assert main(["convert", str(scan), "-o", str(cubes), "--isotropic", "8"]) == 0
    assert vis3d.read_volume(cubes).geometry.spacing == pytest.approx((8, 8, 8))
    assert main(["convert", str(scan), "-o", str(shaped), "--shape", "20,30,40"]) == 0
    volume = vis3d.read_volume(shaped)
    assert volume.geometry.shape == (20, 30, 40)
    assert volume.geometry.center_lps == pytest.approx(
        phantom.volume.geometry.center_lps, abs=1e-2
    )
    assert volume.array.mean() == pytest.approx(phantom.volume.array.mean(), abs=10)


def test_convert_answers_with_the_grid_that_resulted(scan, tmp_path, answer):
    out = tmp_path / "out.nrrd"
    document = answer("convert", str(scan), "-o", str(out), "--shape", "20,30,40")
    volume = vis3d.read_volume(out)
    assert document["shape"] == [20, 30, 40]
    assert document["spacing_mm"] == pytest.approx(volume.geometry.spacing)
    assert [found["code"] for found in document["findings"]] == [
        finding.code for finding in volume.findings
    ]


@pytest.mark.parametrize(
    ("words", "kept"), [("10:20", slice(10, 20)), ("-5:", slice(-5, None)), (":7", slice(7))]
)
def test_convert_keeps_the_slices_named(scan, phantom, tmp_path, words, kept):
    out = tmp_path / "out.nrrd"
    assert main(["convert", str(scan), "-o", str(out), "--slices", words]) == 0
    assert np.array_equal(vis3d.read_volume(out).array, phantom.volume.array[kept])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["-o", "out.docx"], 2, ".nii.gz"),
        (["-o", "missing/out.nii"], 5, "missing"),
        (["-o", "out.nii", "--isotropic", "1", "--shape", "9,9,9"], 2, "--isotropic"),
        (["-o", "out.nii", "--slices", "70:"], 2, "70"),
    ],
)
def test_convert_refuses_with_the_reason(
    scan, tmp_path, monkeypatch, refusal, words, code, said
):
    monkeypatch.chdir(tmp_path)
    found, line = refusal("convert", scan, *words)
    assert found == code
    assert said in line
    assert not list(tmp_path.iterdir())


def test_segment_finds_the_lungs_and_reports(scan, phantom, tmp_path, answer):
    out, report = tmp_path / "masks.nii.gz", tmp_path / "report.json"
    told = answer("segment", scan, "-o", out, "--structures", "lungs,body", "--report", report)
    assert json.loads(report.read_text()) == told
    assert list(told) == ["structures", "checks", "findings", "seconds"]
    by_name = {row["name"]: row for row in told["structures"]}
    assert {name: row["label"] for name, row in by_name.items()} == {
        "left lung": 1,
        "right lung": 2,
        "body": 5,
    }
    labels = vis3d.read_labelmap(out)
    for name, row in by_name.items():
        assert row["voxels"] == np.count_nonzero(labels.mask(name).array)
        assert row["volume_ml"] == pytest.approx(labels.volume_ml(name), rel=1e-4)
    for side in ("left lung", "right lung"):
        assert labels.volume_ml(side) == pytest.approx(phantom.labels.volume_ml(side), rel=0.1)


def test_an_unknown_structure_is_refused_before_the_work(scan, tmp_path, refusal):
    code, line = refusal("segment", scan, "-o", tmp_path / "x.nii", "--structures", "spleen")
    assert code == 2
    assert "spleen" in line
    assert "lungs" in line


def test_a_dicom_segmentation_of_a_nifti_file_is_refused(scan, tmp_path, refusal):
    code, line = refusal("segment", scan, "-o", tmp_path / "x.dcm")
    assert code == 4
    assert ".nii.gz" in line


def test_slices_are_numbered_pictures_of_the_window_asked_for(scan, phantom, tmp_path):
    folder = tmp_path / "new" / "slices"
    tokens = ["slices", str(scan), "-o", str(folder), "--window", "-600,1500", "--every", "20"]
    assert main(tokens) == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["000.png", "020.png", "040.png", "060.png"]
    with Image.open(folder / "020.png") as picture:
        assert picture.mode == "L"
        shown = np.asarray(picture)
    white = (phantom.volume.array[20] >= 150).mean()
    assert (shown == 255).mean() == pytest.approx(white, abs=0.02)


def test_slices_with_labels_and_montage(scan, truth, tmp_path, answer):
    montage = tmp_path / "sheet.png"
    told = answer(
        "slices", scan, "-o", tmp_path / "s", "--plane", "coronal", "--every", "30",
        "--format", "webp", "--segmentation", truth, "--montage", montage,
    )  # fmt: skip
    assert told["montage"] == str(montage)
    with Image.open(told["files"][1]) as picture:
        colored = np.asarray(picture.convert("RGB"), int)
    assert np.ptp(colored, axis=2).max() > 50
    assert montage.stat().st_size > 1000
