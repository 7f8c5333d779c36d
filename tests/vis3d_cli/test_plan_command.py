"""`vis3d plan`: a turned brick and a ball, cut, mirrored and marked from the shell."""

import json
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from vis3d_cli.main import main

import vis3d
from tests.meshing.planning.solids import AT, TURN, ball, brick, joined

PLANE = ",".join(f"{x:.6f}" for x in (*AT, *TURN[:, 0]))


@pytest.fixture
def block(tmp_path):
    path = tmp_path / "block.stl"
    vis3d.write_surface(brick((20, 30, 40)), path)
    return path


def test_a_plane_keeps_the_side_its_normal_points_to(block, tmp_path, answer):
    told = answer("plan", block, "-o", tmp_path / "half.ply", "--cut-plane", PLANE)
    assert told["closed"] is told["manifold"] is True
    assert told["volume_before_ml"] == pytest.approx(24, rel=1e-4)
    assert told["volume_ml"] == pytest.approx(12, rel=1e-4)
    half = trimesh.load(tmp_path / "half.ply")
    assert half.is_watertight
    assert ((half.vertices - AT) @ TURN[:, 0]).min() > -1e-3


def test_boxes_are_ranges_along_left_posterior_superior(block, tmp_path, answer):
    l, p, s = AT  # noqa: E741
    box = f"{l - 2},{l + 2},{p - 3},{p + 3},{s - 4},{s + 4}"
    kept = answer("plan", block, "-o", tmp_path / "a.stl", "--cut-box", box)
    gone = answer("plan", block, "-o", tmp_path / "b.stl", "--remove-box", box)
    assert kept["volume_ml"] == pytest.approx(0.192, rel=1e-3)
    assert gone["volume_ml"] == pytest.approx(24 - 0.192, rel=1e-3)
    assert kept["bounds_mm"][0] == pytest.approx([l - 2, p - 3, s - 4], abs=1e-3)


def test_the_mirror_image_lies_on_the_other_side(tmp_path, answer):
    vis3d.write_surface(ball(5), tmp_path / "left.stl")
    told = answer(
        "plan", tmp_path / "left.stl", "-o", tmp_path / "r.stl", "--mirror", "0,0,0,1,0,0"
    )
    center = np.mean(told["bounds_mm"], axis=0)
    assert center == pytest.approx([-AT[0], AT[1], AT[2]], abs=0.01)
    assert told["volume_ml"] > 0


def test_solids_from_files_are_added_taken_away_and_shared(block, tmp_path, answer):
    vis3d.write_surface(ball(8), tmp_path / "ball.stl")
    tokens = ("plan", block, "-o", tmp_path / "out.stl")
    ball_ml = ball(8).volume_ml
    assert answer(*tokens, "--intersect", tmp_path / "ball.stl")["volume_ml"] == pytest.approx(
        ball_ml, rel=1e-4
    )
    assert answer(*tokens, "--union", tmp_path / "ball.stl")["volume_ml"] == pytest.approx(
        24, rel=1e-4
    )
    less = answer(*tokens, "--subtract", tmp_path / "ball.stl")
    assert less["volume_ml"] == pytest.approx(24 - ball_ml, rel=1e-4)
    assert less["pieces"] == 2


def test_walls_and_letters_follow_the_cuts(block, tmp_path, answer):
    told = answer(
        *("plan", block, "-o", tmp_path / "model.stl", "--cut-plane", PLANE),
        *("--hollow", "2", "--detail", "0.5", "--engrave", "R", "--engrave-depth", "0.5"),
    )
    shell_ml = (10 * 30 * 40 - 6 * 26 * 36) / 1000
    assert told["volume_ml"] == pytest.approx(shell_ml, rel=0.02)
    assert told["closed"] is told["manifold"] is True
    assert told["pieces"] == 2


def test_the_result_is_as_light_as_asked(tmp_path, answer):
    vis3d.write_surface(ball(10), tmp_path / "ball.stl")
    told = answer(
        "plan", tmp_path / "ball.stl", "-o", tmp_path / "o.stl", "--offset", 1,
        "--max-triangles", 900,
    )  # fmt: skip
    assert told["triangles"] <= 900
    assert told["closed"] is told["manifold"] is True
    assert told["volume_ml"] == pytest.approx(4.188 * 1.331, rel=0.02)
    assert told["volume_change_percent"] == pytest.approx(33.1, abs=2)


def test_an_offset_may_be_negative(block, tmp_path, answer):
    told = answer(
        "plan", block, "-o", tmp_path / "thin.stl", "--offset", "-4", "--detail", "0.8"
    )
    assert told["volume_ml"] == pytest.approx(12 * 22 * 32 / 1000, rel=0.02)


def test_pieces_are_files_the_largest_first(tmp_path, answer):
    vis3d.write_surface(
        joined(ball(3), ball(6, AT + 30), ball(4, AT - 30)), tmp_path / "three.stl"
    )
    report = tmp_path / "report.json"
    told = answer(
        *("plan", tmp_path / "three.stl", "-o", tmp_path / "same.stl"),
        *("--split", tmp_path / "pieces", "--report", report),
    )
    assert json.loads(report.read_text()) == told
    assert [path[-12:] for path in told["files"]] == [f"piece-0{n}.stl" for n in (1, 2, 3)]
    radii = [np.ptp(vis3d.read_surface(path).points[:, 0]) / 2 for path in told["files"]]
    assert radii == pytest.approx([6, 4, 3], abs=0.01)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "--cut-plane"),
        (["--cut-plane", "1,2,3"], 2, "--cut-plane takes 6 numbers"),
        (["--cut-plane", "1,2,3,0,0,0"], 2, "normal"),
        (["--cut-plane", "0,0,0,0,0,-1"], 4, "Nothing is left"),
        (["--cut-box", "1,0,0,1,0,1"], 2, "smaller number first"),
        (["--hollow", "-1"], 2, "--hollow"),
        (["--hollow", "10.5"], 4, "21 mm thick"),
        (["--offset", "nan"], 2, "--offset"),
        (["--offset", "1e9"], 4, "too far for block"),
        (["--offset", "1", "--detail", "0.001"], 4, "take --detail 0."),
        (["--hollow", "2", "--detail", "0.0001"], 4, "take --detail 0."),
        (["--engrave", "A" * 5000], 2, "at most 100 letters, not 5000"),
        (["--max-triangles", "3"], 2, "from 4 on"),
        (["--detail", "1"], 2, "--detail belongs"),
        (["--engrave", "größer"], 2, "letters at hand"),
        (["--engrave-at", "0,0,0"], 2, "--engrave TEXT"),
        (["--engrave", "MUCH TOO LONG A TEXT"], 4, "doesn't fit"),
        (["--union", "OPEN"], 4, "isn't closed"),
        (["--union", "NOWHERE"], 3, "NOWHERE"),
    ],
)
def test_plan_refuses_with_the_reason(block, tmp_path, refusal, words, code, said):
    whole = ball(4)
    opened = vis3d.Surface(whole.points, whole.triangles[1:])
    vis3d.write_surface(opened, tmp_path / "open.stl")
    words = [str(tmp_path / "open.stl") if word == "OPEN" else word for word in words]
    found, line = refusal("plan", block, "-o", tmp_path / "x.stl", *words)
    assert (found, said in line) == (code, True), line
    assert not (tmp_path / "x.stl").exists()


def test_the_mirror_of_an_open_surface_has_no_volume(tmp_path, answer, capsys):
    solid = ball(8)
    vis3d.write_surface(replace(solid, triangles=solid.triangles[9:]), tmp_path / "open.stl")
    tokens = (
        "plan",
        tmp_path / "open.stl",
        "-o",
        tmp_path / "m.stl",
        "--mirror",
        "0,0,0,1,0,0",
    )
    told = answer(*tokens)
    assert told["volume_ml"] is told["volume_before_ml"] is None
    assert main([str(token) for token in tokens]) == 0
    assert "volume" not in capsys.readouterr().out
