"""`--segmentation FILE` takes what other tools made, overlapping structures and all."""

from dataclasses import replace

import nrrd
import numpy as np
import pytest
import trimesh
from PIL import Image
from vis3d_cli.main import main

import vis3d
from tests.dicom.test_structure_sets import item, structure_set
from tests.formats.making import tetrahedron
from vis3d.files import read_surfaces, write_labelmap, write_surfaces
from vis3d.labels import Report
from vis3d.rendering import require_opengl
from vis3d.volume import Finding, Mask


@pytest.fixture(scope="module")
def layered(phantom, tmp_path_factory):
    """A Slicer segmentation in which the chest overlaps the lungs, under the same label."""
    labels = phantom.labels
    geometry = labels.geometry
    chest = np.isin(labels.array, (1, 2, 3)).astype(np.uint8)
    front = slice(None, chest.shape[1] // 2)
    chest[:, front] |= (labels.array[:, front] > 0).astype(np.uint8)
    header = {
        "space": "left-posterior-superior",
        "kinds": ["list", "domain", "domain", "domain"],
        "space directions": np.vstack([[np.nan] * 3, geometry.affine[:3, :3].T]),
        "space origin": np.array(geometry.origin),
        "Segment0_Name": "Left Lung", "Segment0_LabelValue": "1", "Segment0_Layer": "0",
        "Segment1_Name": "Right Lung", "Segment1_LabelValue": "2", "Segment1_Layer": "0",
        "Segment2_Name": "front half", "Segment2_LabelValue": "1", "Segment2_Layer": "1",
    }  # fmt: skip
    lungs = np.where(labels.array < 3, labels.array, 0).astype(np.uint8)
    path = tmp_path_factory.mktemp("slicer") / "chest.seg.nrrd"
    nrrd.write(str(path), np.stack([lungs, chest]).transpose(0, 3, 2, 1), header)
    return path, Mask(chest.astype(bool), geometry).volume_ml


def test_a_structure_of_a_layer_is_meshed_by_its_name(scan, layered, tmp_path, answer, refusal):
    path, volume_ml = layered
    out = tmp_path / "front.stl"
    answer("mesh", scan, "--segmentation", path, "--structure", "front-half", "-o", out)
    assert abs(trimesh.load(out).volume) / 1000 == pytest.approx(volume_ml, rel=0.03)
    answer("mesh", scan, "--segmentation", path, "--structure", "lungs", "-o", out)
    code, line = refusal("mesh", scan, "--segmentation", path, "--label", "1", "-o", out)
    assert code == 2
    assert "Left Lung" in line or "left lung" in line
    assert "front half" in line
    code, line = refusal("mesh", scan, "--segmentation", path, "--structure", "tail", "-o", out)
    assert code == 2
    assert "front half" in line


def test_overlapping_structures_are_drawn_and_measured(scan, layered, tmp_path, answer):
    path, _ = layered
    answer("slices", scan, "--segmentation", path, "-o", tmp_path / "s", "--every", "30")
    names = [
        region["name"] for region in answer("measure", scan, "--segmentation", path)["regions"]
    ]
    assert "left lung" in names


def test_contours_of_a_planning_system_are_meshed(scan, phantom, tmp_path, answer):
    grid = phantom.volume.geometry
    middle = (np.array(grid.shape[::-1]) - 1) / 2
    i_mm, j_mm, k_mm = grid.spacing
    turn = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    items = []
    for k in range(grid.shape[0]):
        rest = 60**2 - ((k - middle[2]) * k_mm) ** 2
        if rest > 0:
            i = middle[0] + np.sqrt(rest) / i_mm * np.cos(turn)
            j = middle[1] + np.sqrt(rest) / j_mm * np.sin(turn)
            items.append(item(grid.to_lps(np.stack([i, j, np.full(80, k)], axis=1))))
    path = structure_set(tmp_path / "rt.dcm", [(4, "Target", items)])
    out = tmp_path / "target.stl"
    answer("mesh", scan, "--segmentation", path, "--structure", "target", "-o", out)
    ball = trimesh.load(out)
    assert abs(ball.volume) / 1000 == pytest.approx(4 / 3 * np.pi * 6**3, rel=0.03)
    assert np.linalg.norm(ball.centroid - grid.center_lps) < 1
    assert main(["mesh", str(scan), "--segmentation", str(path), "--label", "4",
                 "-o", str(out)]) == 0  # fmt: skip


def test_what_is_known_of_a_label_map_travels_into_the_surface(scan, phantom, tmp_path, answer):
    told = Finding("trachea-found", "warning", "No trachea was found between the lungs.")
    labels = replace(phantom.labels, report=Report(findings=(told,)))
    write_labelmap(labels, tmp_path / "labels.nrrd")
    for suffix in (".ply", ".glb", ".obj", ".3mf", ".vtp"):
        out = tmp_path / f"lung{suffix}"
        report = answer("mesh", scan, "--segmentation", tmp_path / "labels.nrrd",
                        "--structure", "left-lung", "-o", out)  # fmt: skip
        assert told.as_dict() in report["findings"]
        assert told in read_surfaces(out)[0].metadata["findings"]


@pytest.mark.parametrize("command", ["slices", "render"])
def test_pictures_say_that_a_label_map_was_moved(scan, phantom, tmp_path, capsys, command):
    coarse = phantom.labels.geometry.with_spacing((9.0, 9.0, 9.0))
    write_labelmap(vis3d.resample(phantom.labels, coarse), tmp_path / "coarse.nii.gz")
    out = tmp_path / ("s" if command == "slices" else "s.png")
    words = ["--every", "40"] if command == "slices" else ["--mode", "slice"]
    tokens = [command, str(scan), "--segmentation", str(tmp_path / "coarse.nii.gz")]
    assert main([*tokens, "-o", str(out), *words]) == 0
    assert "lies on another grid than the scan" in capsys.readouterr().err


def test_each_structure_of_a_surface_file_has_its_colour_in_the_picture(tmp_path):
    require_opengl()
    red, blue = tetrahedron("a", (255, 0, 0)), tetrahedron("b", (0, 0, 255))
    apart = replace(blue, points=blue.points + np.float32([40, 0, 0]))
    write_surfaces((red, apart), tmp_path / "two.glb")
    tokens = ["render", str(tmp_path / "two.glb"), "-o", str(tmp_path / "two.png")]
    assert main([*tokens, "--size", "160x120", "--background", "black"]) == 0
    pixels = np.asarray(Image.open(tmp_path / "two.png").convert("RGB")).astype(int)
    reddish = np.argwhere(pixels[..., 0] > pixels[..., 2] + 60)
    bluish = np.argwhere(pixels[..., 2] > pixels[..., 0] + 60)
    assert len(reddish) > 50
    assert len(bluish) > 50
    assert bluish[:, 1].mean() > reddish[:, 1].mean() + 20  # the patient's left is right
