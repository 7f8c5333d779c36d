"""`vis3d histogram`: counts as CSV, picture and sketch."""

import csv

import numpy as np
import pytest
from PIL import Image
from vis3d_cli.main import main

from vis3d.dicom import write_ct_series
from vis3d.files import load_volume


def counted(path):
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return sum(int(row["count"]) for row in rows)


def test_the_csv_counts_every_voxel(phantom, scan, tmp_path, answer):
    out = tmp_path / "counts.csv"
    said = answer("histogram", scan, "-o", out)
    assert counted(out) == said["voxels"] == sum(said["bins"]["counts"])
    assert said["voxels"] == phantom.volume.array.size
    assert said["structure"] is None


def test_a_structure_of_a_file_is_counted_alone(phantom, scan, truth, tmp_path, answer):
    out = tmp_path / "lungs.csv"
    said = answer("histogram", scan, "-o", out, "--segmentation", truth, "--structure", "lungs")
    lungs = np.count_nonzero(phantom.labels.mask("lungs").array)
    assert counted(out) == said["voxels"] == lungs
    assert said["structure"] == "lungs"
    shares = {tissue["name"]: tissue["percent"] for tissue in said["tissues"]}
    assert shares["lung"] > 50
    assert said["tissues"][0]["low_hu"] is None


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "svg"])
def test_pictures_are_written_whole(suffix, scan, tmp_path, capsys):
    out = tmp_path / f"chart.{suffix}"
    assert main(["histogram", str(scan), "-o", str(out), "--scale", "linear"]) == 0
    assert "written" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    if suffix == "svg":
        assert out.read_text(encoding="utf-8").endswith("</svg>\n")
    else:
        with Image.open(out) as picture:
            assert picture.size == (1200, 700)


def test_without_output_a_terminal_gets_a_sketch(scan, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["histogram", str(scan)]) == 0
    shown = capsys.readouterr().out
    assert "█" in shown
    assert "soft tissue" in shown
    assert not list(tmp_path.iterdir())
    assert main(["histogram", str(scan), "--quiet"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("tokens", "code", "said"),
    [
        (["-o", "x.pdf"], 2, ".csv"),
        (["--structure", "liver"], 2, "lungs"),
        (["--bin", "0"], 2, "above 0"),
        (["--segmentation", "TRUTH"], 2, "--structure"),
        (["-o", "nowhere/x.csv"], 5, "nowhere"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    tokens, code, said, scan, truth, tmp_path, monkeypatch, refusal
):
    monkeypatch.chdir(tmp_path)
    filled = [truth if token == "TRUTH" else token for token in tokens]
    found, line = refusal("histogram", scan, *filled)
    assert found == code
    assert said in line
    assert not list(tmp_path.iterdir())


def test_no_histogram_names_the_patient(phantom, tmp_path, capsys):
    scan = tmp_path / "scan"
    write_ct_series(
        phantom.volume,
        scan,
        patient_name="Nemo",
        patient_id="NAUTILUS",
        series_description="Chest",
        seed=1,
    )
    for name in ("chart.svg", "chart.png", "counts.csv"):
        assert main(["histogram", str(scan), "-o", str(tmp_path / name), "--verbose"]) == 0
        written = (tmp_path / name).read_bytes()
        assert b"Nemo" not in written
        assert b"NAUTILUS" not in written
    assert "Nemo" not in str(capsys.readouterr())


@pytest.mark.real
def test_a_real_scan_with_padding_is_counted_whole(real_data, tmp_path, answer):
    path = real_data / "cmb_crc_01068.zip"
    out = tmp_path / "chest.csv"
    said = answer("histogram", path, "-o", out)
    volume = load_volume(path)
    assert counted(out) == volume.array.size == 100 * 512 * 512
    assert said["padding_voxels"] == np.count_nonzero(volume.array == volume.padding) > 0
    values, counts = np.unique(volume.array, return_counts=True)
    with out.open(newline="") as stream:
        rows = {float(row["low_hu"]): int(row["count"]) for row in csv.DictReader(stream)}
    assert all(rows[float(value)] == count for value, count in zip(values, counts, strict=True))
