"""The slow steps, each without a browser."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from vis3d_viewer import study
from vis3d_viewer.study import Study

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.scans import blob_lps, blob_scan, blob_study
from vis3d import files
from vis3d.errors import NothingFoundError
from vis3d.labels import STRUCTURES
from vis3d.progress import silent

BONES = STRUCTURES[3]


def test_a_scan_is_found_and_opened(tmp_path: Path) -> None:
    files.write_volume(blob_scan(), tmp_path / "scan.nii.gz")
    ((path, series),) = study.find_choices([tmp_path / "scan.nii.gz"], silent)
    opened = study.open_scan(path, series, "refuse", silent)
    assert opened.volume is not None
    assert sorted(opened.volume.array.shape) == sorted(oblique_geometry().shape)
    assert not opened.structures


def test_surfaces_are_no_scans_to_choose(tmp_path: Path) -> None:
    trimesh.creation.box((4, 5, 6)).export(tmp_path / "box.stl")
    assert study.find_choices([tmp_path / "box.stl"], silent) == ()
    seen = study.with_surface_files(Study(None), [tmp_path / "box.stl"], silent)
    (structure,) = seen.structures
    assert structure.name == "box"
    assert seen.surfaces[structure.label].volume_ml == pytest.approx(0.12)


def test_a_folder_without_scans_says_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear reader")
    with pytest.raises(NothingFoundError, match=r"letter\.txt"):
        study.find_choices([tmp_path], silent)


def test_an_stl_is_closed_where_the_structure_lies_and_named_after_it(tmp_path: Path) -> None:
    labelled = blob_study()
    labelled = replace(labelled, structures=(replace(BONES, name="left lung"),))
    path = study.write_stl(labelled, BONES.label, tmp_path, silent)
    assert path.name == "left-lung.stl"
    mesh = trimesh.load_mesh(path)
    assert mesh.is_watertight
    assert np.abs(mesh.center_mass - blob_lps()).max() < 0.3  # a fraction of a voxel


def test_a_label_that_is_nowhere_has_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        study.write_stl(blob_study(), 77, tmp_path, silent)
