"""Files made from what is open, read again by others."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import trimesh
from vis3d_viewer import exports
from vis3d_viewer.exports import Exports
from vis3d_viewer.showing import Showing

from tests.vis3d_viewer.desks import PlainDesk
from tests.vis3d_viewer.scans import blob_lps, blob_study
from vis3d import files, segmentation
from vis3d.errors import UsageError
from vis3d.labels import STRUCTURES


@pytest.fixture
def desk(tmp_path: Path) -> PlainDesk:
    return PlainDesk(blob_study(), tmp_path)


@pytest.fixture
def exporter(desk: PlainDesk) -> Exports:
    showing = Showing(desk)
    assert desk.study is not None
    assert desk.study.labels is not None
    showing.open(desk.study)
    showing.structures.found(desk.study.labels, "Find")
    return Exports(desk, showing)


def saved(desk: PlainDesk) -> Path:
    desk.finish()
    return desk.offered[-1]


def test_an_stl_is_closed_where_the_structure_lies_and_named_after_it(
    desk: PlainDesk, exporter: Exports
) -> None:
    assert desk.study is not None
    renamed = replace(STRUCTURES[3], name="Rib 4: left/right")
    desk.study = replace(desk.study, structures=(renamed,))
    exporter.export_stl(4)
    path = saved(desk)
    assert path.name == "Rib-4-left-right.stl"
    mesh = trimesh.load_mesh(path)
    assert mesh.is_watertight
    assert np.abs(mesh.center_mass - blob_lps()).max() < 0.3  # a fraction of a voxel


def test_a_surface_of_the_scan_before_is_not_saved(desk: PlainDesk, exporter: Exports) -> None:
    exporter.prepare_surface(4)
    desk.finish()
    exporter.clear()
    assert desk.state["surface_plan"] is None
    exporter.save_surface(".stl")
    with pytest.raises(UsageError, match="Prepare"):
        desk.finish()


@pytest.mark.parametrize("suffix", exports.SURFACE_FORMATS)
def test_a_prepared_surface_is_what_was_shown(
    desk: PlainDesk, exporter: Exports, suffix: str
) -> None:
    exporter.prepare_surface(4, 0, 60)
    desk.finish()
    plan = desk.state["surface_plan"]
    assert plan["triangles"] <= 60
    assert plan["closed"]
    assert plan["size"].endswith(" mm")
    assert "p95" in plan["deviation"]
    exporter.save_surface(suffix)
    path = saved(desk)
    if suffix == ".3mf":  # trimesh wants one more library for it
        count = len(files.read_surface(path).triangles)
    else:
        count = len(trimesh.load(path, force="mesh").faces)
    assert count == plan["triangles"]


def test_a_label_map_holds_the_structures_where_they_lie(
    desk: PlainDesk, exporter: Exports
) -> None:
    exporter.save_labels(".nii.gz")
    image = nib.load(saved(desk))
    array = np.asarray(image.dataobj)
    assert (array == 4).sum() == 27
    ras = image.affine @ [*np.argwhere(array == 4).mean(axis=0), 1]
    assert np.allclose(ras[:3] * (-1, -1, 1), blob_lps(), atol=1e-3)


def test_a_stroke_meanwhile_is_in_no_file(desk: PlainDesk, exporter: Exports) -> None:
    structures = exporter._showing.structures

    def paint(fraction: float, what: str) -> None:
        if not structures.mask(4).array[0, 0, 0]:
            ball = segmentation.Brush(5.0)
            corner = structures.geometry.to_lps((0, 0, 0))
            structures.change(4, "Brush", lambda mask: segmentation.paint(mask, corner, ball))

    desk.progress = paint
    exporter.export_stl(4)
    mesh = trimesh.load_mesh(saved(desk))
    assert structures.voxels[4] > 27, "it was painted meanwhile"
    assert np.abs(mesh.center_mass - blob_lps()).max() < 0.3


@pytest.mark.parametrize(
    ("trigger", "arguments"),
    [
        ("save_labels", (".exe",)),
        ("save_labels", ("/etc/passwd",)),
        ("save_labels", (".dcm",)),
        ("save_surface", (".stl",)),
        ("prepare_surface", (4, -1, 10)),
        ("prepare_surface", (4, 0, float("inf"))),
        ("prepare_surface", (77, 0, 0)),
        ("export_stl", ("4",)),
        ("save_film", (".avi",)),
        ("save_film", (".gif",)),
        ("save_picture", ()),
    ],
)
def test_what_cannot_be_saved_is_refused(
    desk: PlainDesk, exporter: Exports, trigger: str, arguments: tuple[object, ...]
) -> None:
    with pytest.raises(UsageError):
        exporter.triggers[trigger](*arguments)
        desk.finish()
    assert not desk.offered


@pytest.mark.parametrize(
    ("name", "file"),
    [("left lung", "left-lung"), ("../../x", "x"), ("…", "structure"), ("a\nb.stl", "a-b-stl")],
)
def test_file_names_hold_nothing_but_letters_digits_and_hyphens(name: str, file: str) -> None:
    assert exports.file_name(name) == file
