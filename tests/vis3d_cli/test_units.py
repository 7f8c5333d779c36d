"""Files that state no unit and whose values don't tell it: `--unit HU` says it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from vis3d_cli.main import main

import vis3d
from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack, write
from vis3d.errors import UsageError
from vis3d.volume import Volume

BONE_HU = 900


@pytest.fixture
def bare_bone(tmp_path: Path) -> Path:
    """A rod of bone in water on an oblique grid: nothing of it is below 0 HU."""
    array = np.zeros((20, 30, 40), np.int16)
    array[:, 10:20, 12:28] = BONE_HU
    path = tmp_path / "bone.nii.gz"
    vis3d.write_volume(Volume(array, oblique_geometry(), ""), path)
    return path


def test_a_unit_that_is_said_is_taken(bare_bone: Path, tmp_path: Path) -> None:
    volume = vis3d.load_volume(bare_bone, unit="HU")
    assert volume.unit == "HU"
    assert not {"unit-unknown", "unit-guessed"} & {one.code for one in volume.findings}
    out = tmp_path / "said.nrrd"
    assert main(["convert", str(bare_bone), "-o", str(out), "--unit", "HU"]) == 0
    assert vis3d.load_volume(out).unit == "HU"


def test_segment_names_the_way_and_goes_it(
    bare_bone: Path, tmp_path: Path, refusal: Callable[..., tuple[int, str]]
) -> None:
    words = ("segment", bare_bone, "-o", tmp_path / "o.nii.gz", "--structures", "bones")
    code, line = refusal(*words)
    assert code == 4
    assert "--unit HU" in line
    report = tmp_path / "report.json"
    assert main([*map(str, words), "--unit", "HU", "--report", str(report)]) == 0
    (bones,) = json.loads(report.read_text())["structures"]
    assert bones["voxels"] == pytest.approx(20 * 10 * 16, rel=0.05)


def test_a_unit_that_is_stated_is_not_contradicted(
    tmp_path: Path, refusal: Callable[..., tuple[int, str]]
) -> None:
    pet = Volume(np.ones((4, 5, 6), np.float32), oblique_geometry((4, 5, 6)), "SUV")
    vis3d.write_volume(pet, tmp_path / "pet.nrrd")
    out = tmp_path / "o.nii.gz"
    code, line = refusal("convert", tmp_path / "pet.nrrd", "-o", out, "--unit", "HU")
    assert code == 2
    assert "SUV" in line
    assert not out.exists()


def test_dicom_in_hounsfield_units_takes_the_word(tmp_path: Path) -> None:
    write(tmp_path, ct_stack(np.zeros((4, 5, 6), np.int16), oblique_geometry((4, 5, 6))))
    assert vis3d.load_volume(tmp_path, unit="HU").unit == "HU"


def bare_stack(modality: str) -> list[Dataset]:
    """Slices without the rescale that CT must have, as some converters write them."""
    array = np.full((4, 5, 6), BONE_HU, np.int16)
    slices = ct_stack(array, oblique_geometry((4, 5, 6)), Modality=modality)
    for one in slices:
        del one.RescaleSlope, one.RescaleIntercept
    return slices


def test_ct_without_a_rescale_takes_the_word(tmp_path: Path) -> None:
    write(tmp_path, bare_stack("CT"))
    assert vis3d.load_volume(tmp_path).unit == ""
    said = vis3d.load_volume(tmp_path, unit="HU")
    assert (said.unit, int(said.array.max())) == ("HU", BONE_HU)


def test_only_ct_measures_hounsfield_units(tmp_path: Path) -> None:
    write(tmp_path, bare_stack("MR"))
    with pytest.raises(UsageError, match=r"This MR measures no such unit: leave out HU"):
        vis3d.load_volume(tmp_path, unit="HU")
