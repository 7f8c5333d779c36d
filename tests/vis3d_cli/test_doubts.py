"""A check that fails is said by every command that finds structures by itself."""

import json
from dataclasses import replace

import numpy as np
import pytest
from vis3d_cli.main import main

import vis3d
from tests.conftest import oblique_geometry
from vis3d.files import write_volume
from vis3d.imaging import read_picture
from vis3d.volume import Volume

COMMANDS = {
    "render": (["--structures", "lungs", "--size", "80x60"], "out.png"),
    "histogram": (["--structure", "lungs"], "out.png"),
    "convert": (["--keep", "lungs"], "out.nii.gz"),
    "mesh": (["--structure", "lungs"], "out.stl"),
    "measure": ([], None),
}


@pytest.fixture(scope="module")
def half_chest(tmp_path_factory, phantom):
    """A scan that ends within the lungs."""
    volume = phantom.volume
    count = volume.geometry.shape[0] // 2
    geometry = replace(volume.geometry, shape=(count, *volume.geometry.shape[1:]))
    path = tmp_path_factory.mktemp("half") / "half.nii.gz"
    write_volume(replace(volume, array=volume.array[:count].copy(), geometry=geometry), path)
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_lungs_that_the_scan_cuts_are_said_to_be(command, half_chest, tmp_path, capsys):
    words, name = COMMANDS[command]
    output = ["-o", str(tmp_path / name)] if name else []
    assert main([command, str(half_chest), *words, *output]) == 0
    said = capsys.readouterr()
    assert "The scan cuts the lungs" in said.err + said.out


def test_what_is_kept_of_a_scan_carries_what_is_doubted_of_it(half_chest, tmp_path, capsys):
    out = tmp_path / "kept.nii.gz"
    words = ["--keep", "lungs", "--crop", "lungs", "--json"]
    assert main(["convert", str(half_chest), "-o", str(out), *words]) == 0
    said = capsys.readouterr()
    assert said.err.count("The scan cuts the lungs") == 1
    told = [one["code"] for one in json.loads(said.out)["findings"]]
    assert told.count("touches-edge") == 1
    assert "touches-edge" in [one.code for one in vis3d.read_volume(out).findings]


@pytest.mark.parametrize("option", ["--keep", "--crop"])
def test_a_scan_without_the_structure_leaves_nothing(option, tmp_path, refusal):
    water = Volume(np.zeros((12, 14, 16), np.int16), oblique_geometry((12, 14, 16)))
    write_volume(water, tmp_path / "water.nrrd")
    out = tmp_path / "kept.nrrd"
    code, line = refusal("convert", tmp_path / "water.nrrd", "-o", out, option, "lungs")
    assert code == 4
    assert "no lungs" in line
    assert not out.exists()


@pytest.mark.parametrize("mode", ["slice", "montage"])
def test_doubts_stand_below_slices_with_labels(mode, half_chest, tmp_path):
    pictures = []
    for words in (["--structures", "lungs"], []):
        out = tmp_path / f"{len(words)}.png"
        size = ["--mode", mode, "--size", "600x450"]
        assert main(["render", str(half_chest), "-o", str(out), *size, *words]) == 0
        pictures.append(read_picture(out).astype(int))
    told, plain = (np.ptp(pixels[-40:], axis=2).max() for pixels in pictures)  # greys have none
    assert pictures[0].shape == pictures[1].shape == (450, 600, 3)
    assert told > 100
    assert plain == 0


@pytest.fixture(scope="module")
def cut_lungs(tmp_path_factory, half_chest):
    """The lungs of that scan, which say that it cuts them."""
    path = tmp_path_factory.mktemp("cut") / "lungs.nii.gz"
    assert main(["segment", str(half_chest), "-o", str(path), "--structures", "lungs"]) == 0
    return path


def test_doubts_stand_below_a_sheet_of_slices(half_chest, cut_lungs, tmp_path):
    pictures = []
    for words in (["--segmentation", str(cut_lungs)], []):
        out = ["-o", str(tmp_path / "out"), "--every", "99"]
        sheet = tmp_path / f"{len(words)}.png"
        assert main(["slices", str(half_chest), *out, "--montage", str(sheet), *words]) == 0
        pictures.append(read_picture(sheet).astype(int))
    told, plain = (np.ptp(pixels[-12:], axis=2).max() for pixels in pictures)
    assert pictures[0].shape == pictures[1].shape
    assert told > 100
    assert plain == 0


def test_doubts_stand_below_pictures_in_3d_that_nothing_is_laid_under(
    half_chest, cut_lungs, tmp_path
):
    pictures = []
    words = ["--segmentation", str(cut_lungs), "--size", "600x450"]
    for ground in ("#000000", "transparent"):
        out = tmp_path / f"{ground[1:]}.png"
        asked = ["-o", str(out), *words, "--background", ground]
        assert main(["render", str(half_chest), *asked]) == 0
        pictures.append(read_picture(out)[..., :3].astype(int))
    told, plain = (np.ptp(pixels[-10:], axis=2).max() for pixels in pictures)
    assert pictures[0].shape == pictures[1].shape == (450, 600, 3)
    assert told > 100
    assert plain == 0
