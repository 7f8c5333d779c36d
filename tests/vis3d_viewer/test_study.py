"""The slow steps, each without a browser."""

from pathlib import Path

import pytest
import trimesh
from vis3d_viewer import study
from vis3d_viewer.study import Study

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.scans import blob_scan
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
