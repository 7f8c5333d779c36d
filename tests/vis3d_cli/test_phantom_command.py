"""`vis3d phantom`: a DICOM series and its truth on the grid on which the series loads."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from vis3d_cli.main import main

import vis3d

SHIFTS = [(0, 0, 0), *(tuple(row) for row in (*np.eye(3, dtype=int), *-np.eye(3, dtype=int)))]
SMALL = ["--shape", "40,64,80", "--spacing", "4.5,5.5,7"]


@pytest.mark.parametrize("tilt", ["0", "-14.5"])
def test_the_truth_lies_on_the_grid_of_the_loaded_series(tilt, tmp_path):
    assert main(["phantom", str(tmp_path / "p"), *SMALL, "--tilt", tilt, "--seed", "4"]) == 0
    volume = vis3d.load_volume(tmp_path / "p")
    truth = vis3d.read_labelmap(tmp_path / "p" / "truth.nii.gz")
    assert truth.geometry.matches(volume.geometry, tolerance_mm=1e-2)
    lungs = truth.mask("lungs").array
    shifted = {by: volume.array[np.roll(lungs, by, (0, 1, 2))].mean() for by in SHIFTS}
    assert min(shifted, key=shifted.__getitem__) == (0, 0, 0)
    assert np.median(volume.array[truth.mask("bones").array]) > 150


@pytest.mark.parametrize(
    ("orientation", "letters"), [("coronal", "LIP"), ("sagittal", "PIR"), ("oblique", "LPS")]
)
def test_slices_lie_as_asked_and_show_the_same_patient(orientation, letters, tmp_path):
    words = ["--shape", "60,60,60", "--orientation", orientation]
    assert main(["phantom", str(tmp_path / "p"), *words]) == 0
    volume = vis3d.load_volume(tmp_path / "p")
    assert "".join(volume.geometry.axis_letters) == letters
    truth = vis3d.read_labelmap(tmp_path / "p" / "truth.nii.gz")
    assert truth.volume_ml("left lung") == pytest.approx(1782, rel=0.03)
    left, right = (truth.mask(f"{side} lung").array for side in ("left", "right"))
    left_lps = truth.geometry.to_lps(np.argwhere(left)[:, ::-1]).mean(axis=0)
    right_lps = truth.geometry.to_lps(np.argwhere(right)[:, ::-1]).mean(axis=0)
    assert left_lps[0] > 40 > -40 > right_lps[0]
    assert np.median(volume.array[left]) < -600  # voxels of 9 mm, whose edges are soft


def test_the_same_seed_gives_the_same_files(tmp_path):
    for name in ("a", "b"):
        assert main(["phantom", str(tmp_path / name), *SMALL, "--seed", "7"]) == 0
    first, second = (
        [path.read_bytes() for path in sorted((tmp_path / name).glob("*.dcm"))]
        for name in ("a", "b")
    )
    assert len(first) == 40
    assert first == second


def test_a_folder_is_added_to_and_never_emptied(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    assert main(["phantom", str(tmp_path), *SMALL]) == 0
    assert main(["phantom", str(tmp_path), *SMALL, "--seed", "2"]) == 0
    assert (tmp_path / "mine.txt").read_text() == "kept"
    assert len(list(tmp_path.iterdir())) == 40 + 2


@pytest.mark.parametrize(
    "words", [["--tilt", "80"], ["--tilt", "nan"], ["--spacing", "0,1,1"], ["--seed", "-1"]]
)
def test_a_phantom_that_cannot_be_is_refused(words, tmp_path, refusal):
    code, _ = refusal("phantom", tmp_path / "p", *words)
    assert code == 2
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("seconds", [1.0, 2.0])
def test_ctrl_c_leaves_nothing_behind(seconds, tmp_path):
    script = Path(sys.executable).with_name("vis3d")
    tokens = [script, "phantom", tmp_path / "p", "--shape", "400,400,400"]
    with subprocess.Popen(tokens, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        stopped = time.perf_counter()
        _, said = process.communicate()
    assert time.perf_counter() - stopped < 5  # on a busy machine; 0.3 s on an idle one
    assert process.returncode == 130
    assert said == b"vis3d: stopped.\n"
    assert not list(tmp_path.iterdir())
