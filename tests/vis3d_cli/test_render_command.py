"""`vis3d render`: every mode and kind of file, measured in the pictures."""

import sys
from typing import get_args

import numpy as np
import pytest
from PIL import Image
from vis3d_cli.commands.render import FACING
from vis3d_cli.main import main

import vis3d
from vis3d.rendering.cameras import directions
from vis3d.scene import Camera, View

SIZE = ["--size", "160x120"]


def pixels_of(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), int)


def center_of_blue(path):
    """Column and row (0 to 1) of the middle of what is blue, as the left lung is."""
    pixels = pixels_of(path)
    blue = (pixels[:, :, 2] - pixels[:, :, 0]) > 60
    assert blue.mean() > 0.01
    rows, columns = np.nonzero(blue)
    return columns.mean() / pixels.shape[1], rows.mean() / pixels.shape[0]


@pytest.mark.parametrize("mode", ["surface", "volume", "mip", "minip", "slice", "montage"])
def test_every_mode_shows_something_at_the_size_asked_for(mode, scan, tmp_path):
    out = tmp_path / "out.png"
    assert main(["render", str(scan), "-o", str(out), "--mode", mode, *SIZE]) == 0
    pixels = pixels_of(out)
    assert pixels.shape == (120, 160, 3)
    assert np.ptp(pixels) > 80


@pytest.mark.parametrize(("view", "side"), [("anterior", "right"), ("posterior", "left")])
def test_the_left_lung_is_where_a_viewer_of_the_patient_sees_it(
    scan, truth, tmp_path, view, side
):
    out = tmp_path / "out.png"
    tokens = ["render", str(scan), "-o", str(out), "--segmentation", str(truth)]
    assert main([*tokens, "--structures", "lungs", "--view", view, *SIZE]) == 0
    column, _ = center_of_blue(out)
    assert (column > 0.55) == (side == "right")
    assert (column < 0.45) == (side == "left")


def test_slices_take_the_labels_named_and_no_others(scan, truth, tmp_path):
    out = tmp_path / "out.png"
    tokens = ["render", str(scan), "-o", str(out), "--mode", "slice", "--view", "anterior"]
    tokens += ["--segmentation", str(truth), *SIZE]
    assert main([*tokens, "--structures", "left-lung"]) == 0
    column, _ = center_of_blue(out)
    assert column > 0.5
    assert main([*tokens, "--structures", "bones"]) == 0
    pixels = pixels_of(out)
    assert not ((pixels[:, :, 2] - pixels[:, :, 0]) > 20).any()


def test_a_turn_has_as_many_pictures_as_asked_for(scan, truth, tmp_path):
    for name in ("turn.gif", "turn.webp"):
        out = tmp_path / name
        tokens = ["render", str(scan), "-o", str(out), "--segmentation", str(truth)]
        assert main([*tokens, "--structures", "bones", "--frames", "4", *SIZE]) == 0
        with Image.open(out) as movie:
            assert movie.n_frames == 4
            assert movie.size == (160, 120)


def test_a_surface_file_is_shown(tmp_path):
    corner = np.array([[0.0, 0, 0], [50, 0, 0], [0, 50, 0], [0, 0, 50]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    vis3d.write_surface(vis3d.Surface(corner, faces), tmp_path / "in.stl")
    out = tmp_path / "out.webp"
    assert main(["render", str(tmp_path / "in.stl"), "-o", str(out), *SIZE]) == 0
    assert np.ptp(pixels_of(out)) > 80


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "out.bmp"], ".png"),
        (["-o", "out.png", "--frames", "5"], ".gif"),
        (["-o", "out.gif", "--frames", "0"], "--frames"),
        (["-o", "out.gif", "--frames", "5", "--mode", "slice"], "slice"),
        (["-o", "out.png", "--preset", "bone"], "--preset"),
        (["-o", "out.png", "--mode", "volume", "--preset", "nonsense"], "lungs"),
        (["-o", "out.png", "--mode", "volume", "--structures", "lungs"], "--structures"),
        (["-o", "out.png", "--structures", "spleen"], "spleen"),
    ],
)
def test_options_that_go_nowhere_are_refused(scan, tmp_path, monkeypatch, refusal, words, said):
    monkeypatch.chdir(tmp_path)
    code, line = refusal("render", scan, *words)
    assert code == 2
    assert said in line
    assert not list(tmp_path.iterdir())


def test_mp4_without_ffmpeg_is_refused_before_the_work(scan, tmp_path, monkeypatch, refusal):
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("vis3d_cli.commands.render.find_spec", lambda name: None)
    code, line = refusal("render", scan, "-o", tmp_path / "turn.mp4")
    assert code == 5
    assert "ffmpeg" in line


@pytest.mark.parametrize("view", get_args(View))
def test_slices_are_cut_in_the_plane_that_faces_the_view(view):
    looking = {"sagittal": 0, "coronal": 1, "axial": 2}
    toward = np.abs(directions(Camera(view))[0]).argmax()
    assert looking[FACING[view]] == toward


def test_slices_need_no_opengl(scan, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vis3d.rendering", None)
    out = tmp_path / "out.png"
    assert main(["render", str(scan), "-o", str(out), "--mode", "slice", *SIZE]) == 0


def test_view_without_a_display_says_so(scan, monkeypatch, refusal):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    code, line = refusal("view", scan)
    assert code == 5
    assert "display" in line


def test_view_of_a_missing_path_says_that_first(tmp_path, refusal):
    code, line = refusal("view", tmp_path / "nowhere")
    assert code == 3
    assert "nowhere" in line


def test_a_transparent_picture_with_bar_marker_and_turned_camera(scan, truth, tmp_path):
    out = tmp_path / "bones.png"
    words = ["--structures", "bones", "--segmentation", str(truth), "--size", "320x240"]
    words += ["--azimuth", "-30", "--elevation", "15", "--zoom", "1.2", "--parallel"]
    words += ["--background", "transparent", "--scale-bar", "--marker", "--shadows"]
    assert main(["render", str(scan), "-o", str(out), *words]) == 0
    with Image.open(out) as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (240, 320, 4)
    assert not pixels[2, 2].any()
    assert 0.02 < (pixels[:, :, 3] > 200).mean() < 0.8


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mode", "slice", "--azimuth", "10"], "no camera"),
        (["--zoom", "0"], "--zoom"),
        (["--background", "pinkish"], "#rrggbb"),
        (["--background", "transparent", "--frames", "3"], ".png"),
    ],
)
def test_a_camera_that_makes_no_sense_is_refused(scan, tmp_path, refusal, words, said):
    name = "out.gif" if "--frames" in words else "out.png"
    code, line = refusal("render", scan, "-o", tmp_path / name, *words)
    assert code == 2
    assert said in line
