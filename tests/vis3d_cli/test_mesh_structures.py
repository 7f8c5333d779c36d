"""`vis3d mesh --structures`: several surfaces in one file, each judged by other libraries."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh

import vis3d
from tests.meshing.judges import is_closed_and_manifold
from vis3d.files import read_surfaces, write_labelmap

NAMES = "right-lung,airways,bones"
SEVERAL = [".glb", ".3mf", ".obj", ".vtp"]


@pytest.mark.parametrize("suffix", SEVERAL)
def test_one_file_holds_each_structure_closed_named_and_coloured(
    scan, truth, phantom, tmp_path, answer, suffix
):
    out = tmp_path / f"chest{suffix}"
    told = answer("mesh", scan, "--segmentation", truth, "--structures", NAMES, "-o", out)
    read = read_surfaces(out)
    assert [one.name for one in read] == ["right lung", "airways", "bones"]
    assert [one["name"] for one in told["structures"]] == [one.name for one in read]
    assert told["triangles"] == sum(len(one.triangles) for one in read)
    assert told["closed"] is told["manifold"] is True
    for surface, report in zip(read, told["structures"], strict=True):
        mask = phantom.labels.mask(surface.name)
        structure = next(s for s in vis3d.STRUCTURES if s.name == surface.name)
        assert surface.color == structure.color == tuple(report["color"])
        assert is_closed_and_manifold(surface)
        assert surface.volume_ml == pytest.approx(mask.volume_ml, rel=0.03)
        kji = np.argwhere(mask.array)
        centers_lps = mask.geometry.to_lps(kji[:, ::-1])
        assert np.abs(surface.bounds_mm[0] - centers_lps.min(axis=0)).max() < 6
        assert np.abs(surface.bounds_mm[1] - centers_lps.max(axis=0)).max() < 6
        assert report["triangles"] == len(surface.triangles)
        assert report["volume_ml"] == pytest.approx(surface.volume_ml, rel=1e-3)


def test_another_library_finds_the_structures_of_a_glb_apart(scan, truth, tmp_path, answer):
    out = tmp_path / "chest.glb"
    told = answer("mesh", scan, "--segmentation", truth, "--structures", NAMES, "-o", out)
    scene = trimesh.load_scene(str(out))
    assert set(scene.geometry) == {"right lung", "airways", "bones"}
    for report in told["structures"]:
        mesh = scene.geometry[report["name"]]
        assert mesh.is_watertight
        assert mesh.volume / 1000 == pytest.approx(report["volume_ml"], rel=1e-3)


def test_structures_are_segmented_together(scan, phantom, tmp_path, answer):
    out = tmp_path / "chest.3mf"
    told = answer("mesh", scan, "--structures", "lungs,bones", "-o", out)
    lungs, bones = told["structures"]
    assert (lungs["name"], bones["name"]) == ("lungs", "bones")
    assert lungs["volume_ml"] == pytest.approx(phantom.labels.volume_ml("lungs"), rel=0.1)
    assert tuple(lungs["color"]) == vis3d.STRUCTURES[0].color
    assert told["volume_ml"] == pytest.approx(lungs["volume_ml"] + bones["volume_ml"])
    assert told["bounds_mm"][0][2] == min(one["bounds_mm"][0][2] for one in told["structures"])


def test_a_limit_of_triangles_is_that_of_the_file(scan, truth, tmp_path, answer, refusal):
    tokens = ("mesh", scan, "--segmentation", truth, "--structures", NAMES)
    out = tmp_path / "chest.glb"
    told = answer(*tokens, "-o", out, "--max-triangles", "9000")
    counts = [one["triangles"] for one in told["structures"]]
    assert 8000 < told["triangles"] == sum(counts) <= 9000
    areas = [one["area_mm2"] for one in told["structures"]]
    assert np.argsort(counts).tolist() == np.argsort(areas).tolist()
    assert told["closed"] is told["manifold"] is True
    assert told["deviation_mm"]["max"] == max(
        one["deviation_mm"]["max"] for one in told["structures"]
    )
    for fewer in ("30", "5"):
        code, line = refusal(*tokens, "-o", tmp_path / "x.glb", "--max-triangles", fewer)
        assert code == 4
        assert "smallest possible" in line
        assert not (tmp_path / "x.glb").exists()


def test_all_structures_of_a_file_are_those_that_have_voxels(scan, phantom, tmp_path, answer):
    labels = phantom.labels
    colors = [(20 * n, 255 - 9 * n, 7) for n in range(1, 9)]
    named = tuple(
        replace(one, name=f"part {one.label}", color=color, code=None)
        for one, color in zip(labels.structures, colors, strict=True)
    )
    write_labelmap(replace(labels, structures=named), tmp_path / "parts.nrrd")
    told = answer(
        *("mesh", scan, "--segmentation", tmp_path / "parts.nrrd", "--structures", "all"),
        *("-o", tmp_path / "all.glb"),
    )
    present = [one for one in named if labels.voxels()[one.label]]
    assert 3 < len(present) < len(named)
    assert [one["name"] for one in told["structures"]] == [one.name for one in present]
    assert [tuple(one["color"]) for one in told["structures"]] == [s.color for s in present]
    for one, structure in zip(told["structures"], present, strict=True):
        voxels = labels.voxels()[structure.label]
        assert one["volume_ml"] == pytest.approx(voxels * labels.geometry.voxel_ml, rel=0.03)


def test_the_body_of_all_structures_is_everything_inside_the_skin(
    scan, truth, phantom, tmp_path, answer
):
    told = answer(
        *("mesh", scan, "--segmentation", truth, "--structures", "all"),
        *("-o", tmp_path / "all.glb"),
    )
    (body,) = (one for one in told["structures"] if one["name"] == "body")
    assert body["volume_ml"] == pytest.approx(phantom.labels.volume_ml("body"), rel=0.03)
    (structure,) = (one for one in vis3d.STRUCTURES if one.name == "body")
    assert tuple(body["color"]) == structure.color


def test_the_body_of_another_tool_is_its_label(scan, phantom, tmp_path, answer):
    theirs = tuple(replace(s, name=s.name.replace("bones", "couch")) for s in vis3d.STRUCTURES)
    write_labelmap(replace(phantom.labels, structures=theirs), tmp_path / "plan.nrrd")
    told = answer(
        *("mesh", scan, "--segmentation", tmp_path / "plan.nrrd", "--structure", "body"),
        *("-o", tmp_path / "body.stl"),
    )
    ml = phantom.labels.voxels()[5] * phantom.labels.geometry.voxel_ml
    assert told["volume_ml"] == pytest.approx(ml, rel=0.03)


def test_a_name_typed_twice_is_one_surface(scan, truth, tmp_path, answer):
    told = answer(
        *("mesh", scan, "--segmentation", truth, "-o", tmp_path / "lungs.glb"),
        *("--structures", "left-lung,lungs,left_lung,Left Lung"),
    )
    assert [one["name"] for one in told["structures"]] == ["left lung", "lungs"]


def test_a_rounded_header_places_the_labels_on_the_scan_itself(scan, phantom, tmp_path, answer):
    near = replace(
        phantom.labels.geometry,
        origin=tuple(mm + 0.02 for mm in phantom.labels.geometry.origin),
    )
    write_labelmap(replace(phantom.labels, geometry=near), tmp_path / "near.nii.gz")
    told = answer(
        *("mesh", scan, "--segmentation", tmp_path / "near.nii.gz", "--structure", "bones"),
        *("-o", tmp_path / "bones.stl"),
    )
    assert "labels-resampled" not in {one["code"] for one in told["findings"]}


@pytest.mark.parametrize("suffix", [".stl", ".ply"])
def test_formats_of_one_surface_refuse_several(scan, truth, tmp_path, refusal, suffix):
    code, line = refusal(
        *("mesh", scan, "--segmentation", truth, "--structures", NAMES),
        *("-o", tmp_path / f"chest{suffix}"),
    )
    assert code == 2
    assert ".glb, .3mf, .obj, .vtp" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--structures", "lungs,spleen"], 2, "spleen"),
        (["--structures", "all"], 2, "--segmentation"),
        (["--structures", "bones", "--structure", "lungs"], 2, "one of"),
        (["--structures", "bones", "--level", "300"], 2, "--level"),
        (["--segmentation", "TRUTH", "--structures", "bones,tail"], 2, "left lung"),
        (["--segmentation", "TRUTH", "--structures", "bones,metal"], 4, "metal"),
        (["--segmentation", "TRUTH", "--structures", NAMES, "--color-deviation"], 2, "one"),
    ],
)
def test_structures_that_are_not_there_are_refused(
    scan, truth, tmp_path, refusal, words, code, said
):
    words = [str(truth) if word == "TRUTH" else word for word in words]
    found, line = refusal("mesh", scan, "-o", tmp_path / "x.glb", *words)
    assert found == code
    assert said in line
    assert not list(tmp_path.iterdir())
