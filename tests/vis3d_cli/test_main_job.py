"""The main job on real scans: info, segment, mesh, render; and serve, as a person runs them."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

SCRIPT = Path(sys.executable).with_name("vis3d")

SCANS = {
    # slices, least and most ml of both lungs together, is the right lung the larger one
    "cmb_crc_01068.zip": (100, 3500, 5500, True),
    "lidc_idri_0314.zip": (275, 2000, 5000, False),  # its right lung is abnormally small
}


def run_vis3d(*tokens: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *map(str, tokens)], capture_output=True, text=True)


def told_by(*tokens: object) -> dict:
    done = run_vis3d(*tokens, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.real
@pytest.mark.parametrize("name", SCANS)
def test_the_main_job(name, real_data, tmp_path):
    slices, least_ml, most_ml, right_is_larger = SCANS[name]
    scan, masks = real_data / name, tmp_path / "masks.nii.gz"
    (series,) = told_by("info", scan)["series"]
    assert series["shape"] == [slices, 512, 512]
    assert series["loadable"] is True

    told = told_by("segment", scan, "-o", masks)
    volume_ml = {row["name"]: row["volume_ml"] for row in told["structures"]}
    assert list(volume_ml) == ["left lung", "right lung", "airways", "bones"]
    assert least_ml < volume_ml["left lung"] + volume_ml["right lung"] < most_ml
    assert (volume_ml["right lung"] > volume_ml["left lung"]) is right_is_larger
    assert 20 < volume_ml["airways"] < 150
    assert 500 < volume_ml["bones"] < 3000

    stl = tmp_path / "lung.stl"
    tokens = ("mesh", scan, "--segmentation", masks, "--structure", "left-lung", "-o", stl)
    report = told_by(*tokens, "--max-triangles", 200_000)
    assert report["closed"] is True
    assert report["triangles"] <= 200_000
    mesh = trimesh.load(stl)
    assert mesh.is_watertight
    assert mesh.volume / 1000 == pytest.approx(volume_ml["left lung"], rel=0.01)
    assert mesh.center_mass[0] > 30  # the patient's left is +L

    png = tmp_path / "lungs.png"
    told_by("render", scan, "--segmentation", masks, "--structures", "lungs", "-o", png)
    with Image.open(png) as picture:
        pixels = np.asarray(picture, int)
    assert pixels.shape == (900, 1200, 3)
    blue = np.nonzero(pixels[:, :, 2] - pixels[:, :, 0] > 60)
    green = np.nonzero(pixels[:, :, 1] - pixels[:, :, 2] > 15)
    assert min(len(blue[1]), len(green[1])) > 10_000
    assert blue[1].mean() > green[1].mean() + 200  # seen from the front
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "lung.stl",
        "lungs.png",
        "masks.nii.gz",
    ]


def test_serve_says_where_it_is_and_stops_on_ctrl_c(scan):
    tokens = [SCRIPT, "serve", scan, "--no-browser"]
    with subprocess.Popen(
        tokens, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as explorer:
        try:
            line = explorer.stdout.readline()
            assert line.startswith("Serving on http://127.0.0.1:")
            _, _, query = line.strip().partition("?")
            assert max(map(len, query.replace("&", "=").split("="))) >= 16
            with urllib.request.urlopen(line.split()[-1], timeout=20) as page:
                assert page.status == 200
        finally:
            explorer.send_signal(signal.SIGINT)
            explorer.communicate(timeout=20)
    assert explorer.returncode == 130


def test_serve_of_a_missing_input_is_exit_3(tmp_path):
    done = run_vis3d("serve", tmp_path / "nowhere", "--no-browser")
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "nowhere" in done.stderr


def test_serve_of_a_file_that_is_no_scan_is_exit_4(tmp_path):
    (tmp_path / "notes.json").write_text("{}")
    done = run_vis3d("serve", tmp_path / "notes.json", "--no-browser")
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "notes.json" in done.stderr
