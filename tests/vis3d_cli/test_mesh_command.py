"""`vis3d mesh`: surfaces of an oblique phantom, read back by another library."""

import json
import re
from dataclasses import replace

import numpy as np
import pydicom
import pytest
import trimesh
from vis3d_cli.main import main

import vis3d
import vis3d.dicom

REPORT_KEYS = {
    "triangles",
    "closed",
    "manifold",
    "pieces",
    "volume_ml",
    "area_mm2",
    "bounds_mm",
    "deviation_mm",
    "triangle_quality",
    "findings",
}


def test_a_label_becomes_a_closed_surface_where_it_lies_in_the_patient(
    scan, truth, phantom, tmp_path, answer
):
    out, report = tmp_path / "lung.stl", tmp_path / "report.json"
    told = answer(
        *("mesh", scan, "--segmentation", truth, "--label", "1", "-o", out),
        *("--report", report),
    )
    assert set(told) >= REPORT_KEYS
    assert json.loads(report.read_text()) == told
    assert told["deviation_mm"] == {"mean": 0, "p95": 0, "max": 0}
    mesh = trimesh.load(out)
    assert mesh.is_watertight
    assert told["closed"] is told["manifold"] is True
    assert told["triangles"] == len(mesh.faces)
    mask = phantom.labels.mask("left lung")
    assert mesh.volume / 1000 == pytest.approx(mask.volume_ml, rel=0.03)
    k, j, i = np.nonzero(mask.array)
    center_lps = mask.geometry.to_lps(np.column_stack([i, j, k])).mean(axis=0)
    assert mesh.center_mass == pytest.approx(center_lps, abs=1.0)


def test_a_structure_is_segmented_smoothed_and_bounded(scan, phantom, tmp_path, answer):
    out = tmp_path / "lungs.ply"
    told = answer(
        *("mesh", scan, "--structure", "lungs", "-o", out),
        *("--smooth", "3", "--max-triangles", "4000"),
    )
    assert told["triangles"] <= 4000
    assert set(told["deviation_mm"]) == {"mean", "p95", "max"}
    assert 0 < told["deviation_mm"]["mean"] < 3
    assert told["volume_ml"] == pytest.approx(phantom.labels.volume_ml("lungs"), rel=0.1)
    assert len(vis3d.read_surface(out).triangles) == told["triangles"]


def test_a_negative_level_needs_no_equals_sign(scan, phantom, tmp_path, answer):
    told = answer("mesh", scan, "--level", "-400", "-o", tmp_path / "skin.stl")
    inside_ml = (phantom.volume.array >= -400).sum() * phantom.volume.geometry.voxel_ml
    assert told["volume_ml"] == pytest.approx(inside_ml, rel=0.05)


def test_ras_turns_the_file_and_not_the_report(scan, truth, tmp_path, answer):
    told = answer(
        *("mesh", scan, "--segmentation", truth, "--label", "2", "-o", tmp_path / "ras.stl"),
        *("--coordinates", "ras"),
    )
    low, high = told["bounds_mm"]
    bounds = trimesh.load(tmp_path / "ras.stl").bounds
    assert bounds[0] == pytest.approx([-high[0], -high[1], low[2]], abs=1e-3)


def test_open_ends_leave_the_cut_open(scan, tmp_path, answer):
    tokens = ("mesh", scan, "--level", "200", "-o", tmp_path / "x.stl")
    assert answer(*tokens)["closed"] is True
    opened = answer(*tokens, "--open-ends")
    assert opened["closed"] is False
    assert opened["volume_ml"] is opened["volume_change_percent"] is None


def test_people_are_told_size_pieces_and_triangles(scan, truth, tmp_path, capsys):
    tokens = ["mesh", str(scan), "--segmentation", str(truth), "--structure", "airways"]
    assert main([*tokens, "-o", str(tmp_path / "a.stl")]) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("mm", "pieces: ", "triangles: "))


def test_glb_in_ras_is_refused_before_the_work(scan, tmp_path, refusal):
    tokens = ("mesh", scan, "--structure", "bones", "-o", tmp_path / "x.glb")
    code, line = refusal(*tokens, "--coordinates", "ras")
    assert code == 2
    assert ".glb" in line


@pytest.mark.parametrize("suffix", [".ply", ".glb", ".vtp"])
def test_the_deviation_is_written_as_colours(scan, truth, tmp_path, answer, suffix):
    out = tmp_path / f"lung{suffix}"
    told = answer(
        *("mesh", scan, "--segmentation", truth, "--label", "1", "-o", out),
        *("--max-triangles", "800", "--color-deviation"),
    )
    read = vis3d.read_surface(out)
    deviation_mm = np.asarray(read.point_data["deviation_mm"]).reshape(-1)
    assert len(deviation_mm) == len(read.points)
    assert 0 < deviation_mm.max() <= 1.2 * told["deviation_mm"]["max"]
    colors = read.point_data["colors"].astype(int)
    worst, best = colors[deviation_mm.argmax()], colors[deviation_mm.argmin()]
    assert worst[0] > worst[2]  # red
    assert best[0] < best[2]  # blue
    assert told["deviation_colors_mm"] == pytest.approx(np.percentile(deviation_mm, 99))


def test_small_pieces_and_cavities_go_by_choice(scan, tmp_path, answer):
    tokens = ("mesh", scan, "--level", "-400", "-o", tmp_path / "skin.stl")
    everything, one = answer(*tokens), answer(*tokens, "--min-piece", "50", "--fill-cavities")
    assert everything["pieces"] > one["pieces"] == 1
    assert one["volume_ml"] > everything["volume_ml"] + 10
    assert 0 < one["triangle_quality"]["p5"] < one["triangle_quality"]["mean"] < 1


def test_a_label_map_on_another_grid_is_brought_to_the_scan(scan, phantom, tmp_path, answer):
    coarse = phantom.labels.geometry.with_spacing((6.3, 5.1, 7.2))
    names = tuple(replace(one, name=f"my {one.name}") for one in phantom.labels.structures)
    other = replace(vis3d.resample(phantom.labels, coarse), structures=names)
    vis3d.write_labelmap(other, tmp_path / "other.nrrd")
    told = answer(
        *("mesh", scan, "--segmentation", tmp_path / "other.nrrd", "--label", "2"),
        *("-o", tmp_path / "lung.ply"),
    )
    assert vis3d.read_surface(tmp_path / "lung.ply").name == "my right lung"
    mask = phantom.labels.mask("right lung")
    assert told["volume_ml"] == pytest.approx(mask.volume_ml, rel=0.05)
    k, j, i = np.nonzero(mask.array)
    center_lps = mask.geometry.to_lps(np.column_stack([i, j, k])).mean(axis=0)
    middle_lps = np.mean(told["bounds_mm"], axis=0)
    assert np.abs(middle_lps - center_lps).max() < 15


def test_a_label_map_of_another_place_is_refused(scan, phantom, tmp_path, refusal):
    away = replace(phantom.labels.geometry, origin=(5000.0, 0.0, 0.0))
    vis3d.write_labelmap(replace(phantom.labels, geometry=away), tmp_path / "away.nrrd")
    code, line = refusal(
        *("mesh", scan, "--segmentation", tmp_path / "away.nrrd", "--label", "2"),
        *("-o", tmp_path / "lung.ply"),
    )
    assert code == 4
    assert "marks nothing where the scan lies" in line


def test_a_dicom_scan_gives_a_dicom_surface(phantom, tmp_path, answer):
    vis3d.dicom.write_ct_series(
        phantom.volume,
        tmp_path / "ct",
        patient_name="Secret^Name",
        patient_id="X1",
        series_description="chest",
    )
    told = answer("mesh", tmp_path / "ct", "--level", "-400", "-o", tmp_path / "skin.dcm")
    made = pydicom.dcmread(tmp_path / "skin.dcm")
    assert made.PatientName == "Secret^Name"
    assert len(made.EncapsulatedDocument) == 84 + 50 * told["triangles"]
    assert "Secret" not in json.dumps(told)


def test_a_surface_as_dicom_needs_a_dicom_scan(scan, tmp_path, refusal):
    code, line = refusal("mesh", scan, "--level", "-400", "-o", tmp_path / "skin.dcm")
    assert code == 4
    assert "no patient and study" in line
    assert ".stl" in line


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "--structure"),
        (["--structure", "spleen"], 2, "lungs"),
        (["--level", "300", "--structure", "bones"], 2, "--level"),
        (["--level", "nan"], 2, "--level"),
        (["--label", "1"], 2, "--segmentation"),
        (["--segmentation", "TRUTH"], 2, "1 (left lung)"),
        (["--segmentation", "TRUTH", "--label", "77"], 2, "77"),
        (["--level", "300", "--smooth", "-1"], 2, "--smooth"),
        (["--level", "300", "--max-triangles", "0"], 2, "--max-triangles"),
        (["--level", "300", "--min-piece", "-1"], 2, "--min-piece"),
        (["--level", "300", "--min-piece", "90000"], 4, "the largest has"),
        (["--level", "300", "--color-deviation"], 2, ".ply"),
        (["--level", "30000"], 4, "30000"),
        (["--segmentation", "TRUTH", "--label", "1", "--max-triangles", "4"], 4, "small"),
    ],
)
def test_mesh_refuses_with_the_reason(scan, truth, tmp_path, refusal, words, code, said):
    words = [str(truth) if word == "TRUTH" else word for word in words]
    found, line = refusal("mesh", scan, "-o", tmp_path / "x.stl", *words)
    assert found == code
    assert said in line
    assert not list(tmp_path.iterdir())


def test_the_smallest_limit_named_for_several_structures_works(
    scan, truth, tmp_path, answer, refusal
):
    tokens = ("mesh", scan, "--segmentation", truth, "--structures", "all")
    out = tmp_path / "all.glb"
    code, line = refusal(*tokens, "-o", out, "--max-triangles", "20")
    assert code == 4
    least = int(re.search(r"smallest possible is (\d+)", line)[1])
    code, line = refusal(*tokens, "-o", out, "--max-triangles", str(least - 1))
    assert f"smallest possible is {least}." in line
    assert answer(*tokens, "-o", out, "--max-triangles", str(least))["triangles"] <= least
