"""`vis3d measure`: numbers, tables, areas, and label maps made elsewhere."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from vis3d_cli.main import main

import vis3d


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_measure_takes_the_given_segmentation(scan, truth, phantom, tmp_path, answer):
    table = tmp_path / "lungs.csv"
    told = answer("measure", scan, "--segmentation", truth, "--csv", table)
    assert {"regions", "conditions", "findings"} <= set(told)
    assert {"kernel", "thickness_mm", "contrast"} <= set(told["conditions"])
    regions = {region["name"]: region for region in told["regions"]}
    for name in ("left lung", "right lung", "lungs", "bones"):
        assert regions[name]["volume_ml"] == pytest.approx(
            phantom.labels.volume_ml(name), rel=1e-3
        )
    assert "left lung upper third" in regions
    rows = rows_of(table)
    assert [row["name"] for row in rows] == list(regions)
    assert float(rows[0]["volume_ml"]) == pytest.approx(regions["left lung"]["volume_ml"])


def test_measure_takes_any_structures_of_any_file(scan, phantom, tmp_path, answer):
    other = tmp_path / "other.nrrd"
    tumour = vis3d.Structure(9, "Tumour", (200, 30, 30))
    array = np.where(phantom.labels.array == 4, 9, 0).astype(np.uint8)
    vis3d.write_labelmap(vis3d.LabelMap(array, phantom.labels.geometry, (tumour,)), other)
    told = answer("measure", scan, "--segmentation", other)
    (region,) = told["regions"]
    assert region["name"] == "Tumour"
    assert region["volume_ml"] == pytest.approx(phantom.labels.volume_ml("bones"), rel=1e-3)
    low, high = np.array(region["box_lps_mm"])
    assert region["diameter_mm"] <= np.linalg.norm(high - low)
    assert told["histograms"] == told["emphysema"] == []


def test_areas_are_those_of_the_surfaces_that_mesh_writes(scan, phantom, tmp_path, answer):
    only = tmp_path / "airways.nii.gz"
    labels = phantom.labels
    array = np.where(labels.array == 3, 3, 0).astype(np.uint8)
    vis3d.write_labelmap(replace(labels, array=array, structures=labels.structures[2:3]), only)
    told = answer("measure", scan, "--segmentation", only, "--area")
    mesh = answer(
        "mesh", scan, "--segmentation", only, "--structure", "airways",
        "-o", tmp_path / "airways.stl",
    )  # fmt: skip
    (region,) = [r for r in told["regions"] if r["name"] == "airways"]
    assert region["area_mm2"] == pytest.approx(mesh["area_mm2"], rel=1e-3)


def test_tables_of_densities_and_clusters_are_written(scan, truth, tmp_path, answer):
    densities, sizes = tmp_path / "densities.csv", tmp_path / "clusters.csv"
    told = answer(
        "measure", scan, "--segmentation", truth,
        "--histograms", densities, "--clusters", sizes,
    )  # fmt: skip
    regions = {region["name"]: region for region in told["regions"]}
    counted = dict.fromkeys(("left lung", "right lung", "lungs"), 0)
    for row in rows_of(densities):
        counted[row["name"]] += int(row["count"])
    assert counted == {name: regions[name]["voxels"] for name in counted}
    low = {one["name"]: sum(v * n for v, n in one["sizes"]) for one in told["emphysema"]}
    summed = dict.fromkeys(counted, 0)
    for row in rows_of(sizes):
        summed[row["name"]] += int(row["voxels"]) * int(row["clusters"])
    assert summed == low
    for name, region in regions.items():
        if name in low:
            assert low[name] == pytest.approx(region["laa950_percent"] / 100 * region["voxels"])


def test_a_person_reads_a_table(scan, truth, capsys):
    assert main(["measure", str(scan), "--segmentation", str(truth)]) == 0
    told = capsys.readouterr().out
    assert "left lung upper third" in told
    assert "LAA-950 %" in told
    assert "diameter mm" in told


def test_a_label_map_of_another_scan_is_refused(scan, tmp_path, refusal):
    other = tmp_path / "other.nii.gz"
    grid = vis3d.Geometry((5, 6, 7), origin=(5000.0, 0.0, 0.0))
    vis3d.write_labelmap(vis3d.LabelMap(np.ones(grid.shape, np.uint8), grid), other)
    code, line = refusal("measure", scan, "--segmentation", other)
    assert code == 4
    assert "other.nii.gz" in line


def test_a_table_that_cannot_be_written_is_refused_before_the_work(scan, tmp_path, refusal):
    code, line = refusal("measure", scan, "--clusters", tmp_path / "no" / "such.csv")
    assert code == 5
    assert "no folder" in line


def test_the_lung_report_is_written_beside_the_numbers(scan, truth, tmp_path, answer):
    page = tmp_path / "report.html"
    told = answer("measure", scan, "--segmentation", truth, "--html", page)
    text = page.read_text("utf-8")
    volume = {region["name"]: region["volume_ml"] for region in told["regions"]}["lungs"]
    assert f"{volume:,.0f}" in text
    assert text.count("data:image/jpeg;base64,") == 4
    assert "Not for diagnosis" in text


def test_a_report_of_a_file_without_lungs_is_refused(scan, phantom, tmp_path, refusal):
    bones = tmp_path / "bones.nii.gz"
    array = np.where(phantom.labels.array == 4, 4, 0).astype(np.uint8)
    only = replace(phantom.labels, array=array, structures=phantom.labels.structures[3:4])
    vis3d.write_labelmap(only, bones)
    page, table = tmp_path / "report.html", tmp_path / "regions.csv"
    code, line = refusal(
        "measure", scan, "--segmentation", bones, "--html", page, "--csv", table
    )
    assert code == 2
    assert "no lungs" in line
    assert not page.exists()
    assert not table.exists()


def test_a_label_map_that_was_moved_onto_the_scan_says_so(
    scan, truth, phantom, tmp_path, answer
):
    away = replace(
        phantom.labels.geometry,
        origin=tuple(mm + 60.0 for mm in phantom.labels.geometry.origin),
    )
    vis3d.write_labelmap(replace(phantom.labels, geometry=away), tmp_path / "away.nrrd")
    told = answer("measure", scan, "--segmentation", tmp_path / "away.nrrd")
    (said,) = [one for one in told["findings"] if one["code"] == "labels-resampled"]
    assert said["severity"] == "warning"
    assert int(said["message"].rsplit(" %", 1)[0].rsplit(" ", 1)[1]) > 10
    same = answer("measure", scan, "--segmentation", truth)
    assert "labels-resampled" not in {one["code"] for one in same["findings"]}
