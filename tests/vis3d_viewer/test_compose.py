"""The viewer's logic, without a browser."""

from dataclasses import replace

import numpy as np
import pytest
from vis3d_viewer import compose, scene3d
from vis3d_viewer.compose import value_at
from vis3d_viewer.planes import plane_maps
from vis3d_viewer.settings import Settings
from vis3d_viewer.study import Study

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.scans import BLOB_KJI, blob_lps, blob_scan, blob_study
from vis3d.geometry import Geometry
from vis3d.imaging import PLANES, Plane, cut
from vis3d.labels import Check, Report
from vis3d.scene import SurfaceLayer, VolumeLayer
from vis3d.volume import Finding, Volume

FEET_FIRST = np.diag([-1.0, 1.0, -1.0])

GRIDS = [
    oblique_geometry(),
    Geometry((4, 5, 6), (0.7, 0.9, 2.5), (1.0, 2.0, 3.0), FEET_FIRST),
    Geometry((4, 5, 6), (0.7, 0.9, 2.5), (1.0, 2.0, 3.0), np.eye(3)[:, [1, 2, 0]]),
]


@pytest.mark.parametrize("geometry", GRIDS, ids=["oblique", "feet first", "sagittal stack"])
@pytest.mark.parametrize("plane", PLANES)
def test_the_page_places_pixels_where_the_slices_lie(geometry: Geometry, plane: Plane) -> None:
    place = plane_maps(geometry)[plane]
    volume = Volume(np.zeros(geometry.shape, np.int16), geometry)
    for index, row, column in ((0, 0, 0), (place["count"] - 1, 2, 1), (1, 3, 3)):
        on_page = (
            np.array(place["first"])
            + index * np.array(place["slice"])
            + row * np.array(place["row"])
            + column * np.array(place["column"])
        )
        there = cut(volume, plane, index).to_lps(row, column)
        assert np.allclose(on_page, there, atol=1e-9)


@pytest.mark.parametrize("geometry", GRIDS, ids=["oblique", "feet first", "sagittal stack"])
def test_the_wheel_leads_to_feet_back_and_left(geometry: Geometry) -> None:
    maps = plane_maps(geometry)
    steps = {plane: maps[plane]["forward"] * np.array(maps[plane]["slice"]) for plane in PLANES}
    assert steps["axial"][2] < 0
    assert steps["coronal"][1] > 0
    assert steps["sagittal"][0] > 0


def test_a_single_slice_has_a_way_across() -> None:
    place = plane_maps(Geometry((1, 5, 6), (0.7, 0.9, 2.5)))["axial"]
    assert place["count"] == 1
    assert np.linalg.norm(place["slice"]) == pytest.approx(1)
    assert np.dot(place["slice"], place["row"]) == pytest.approx(0)


def test_a_scene_holds_the_volume_and_each_surface() -> None:
    study = blob_study()
    volume, bones = scene3d.compose(study, Settings()).layers
    assert isinstance(volume, VolumeLayer)
    assert isinstance(bones, SurfaceLayer)
    assert volume.volume is study.view_volume
    assert bones.surface is study.surfaces[4]
    assert bones.visible


@pytest.mark.parametrize(
    "hiding",
    [Settings(hidden=[4]), Settings(show_surfaces=False), Settings(opacity={"4": 0.0})],
    ids=["its eye", "all surfaces", "no opacity"],
)
def test_a_hidden_structure_is_hidden(hiding: Settings) -> None:
    bones = scene3d.compose(blob_study(), hiding).layers[1]
    assert not bones.visible


def test_opacity_and_preset_reach_the_scene() -> None:
    chosen = Settings(opacity={"4": 0.25}, preset="skin", show_volume=False, view="left")
    scene = scene3d.compose(blob_study(), chosen)
    volume, bones = scene.layers
    assert isinstance(volume, VolumeLayer)
    assert isinstance(bones, SurfaceLayer)
    assert (bones.opacity, volume.transfer, volume.visible) == (0.25, "skin", False)
    assert scene.camera.view == "left"


def test_what_only_slices_show_leaves_the_scene_the_same() -> None:
    study = blob_study()
    before = scene3d.compose(study, Settings())
    moved = Settings(window_center=7.0, crosshair_lps=[1.0, 2.0, 3.0], layout="axial")
    assert compose.same_scene(scene3d.compose(study, moved), before)
    for other in (Settings(preset="skin"), Settings(hidden=[4]), Settings(view="left")):
        assert not compose.same_scene(scene3d.compose(study, other), before)
    again = replace(study, view_volume=replace(blob_scan()))
    assert not compose.same_scene(scene3d.compose(again, Settings()), before)
    assert not compose.same_scene(before, None)


def test_slices_come_before_there_is_anything_to_see_in_3d() -> None:
    assert not scene3d.compose(Study(blob_scan()), Settings()).layers


def test_the_value_at_the_blob_is_the_blobs() -> None:
    there = value_at(blob_study(), blob_lps())
    assert there == {"value": 700.0, "unit": "HU", "structure": "bones"}


def test_beside_the_blob_is_air_and_no_structure() -> None:
    k, j, i = BLOB_KJI
    beside = oblique_geometry().to_lps((i + 2, j, k)).tolist()
    assert value_at(blob_study(), beside) == {"value": -1000.0, "unit": "HU", "structure": ""}


def test_outside_the_grid_and_in_padding_there_is_no_value() -> None:
    padded = Study(replace(blob_scan(), padding=-1000.0))
    beside = oblique_geometry().to_lps((0, 0, 0)).tolist()
    assert value_at(padded, beside)["value"] is None
    assert value_at(blob_study(), [1e4, 0.0, 0.0])["value"] is None


def test_a_study_opens_in_its_middle_and_in_a_window_that_suits_it() -> None:
    opened = compose.first_settings(blob_study())
    ijk = oblique_geometry().to_ijk(opened.crosshair_lps)  # of 40 x 30 x 20 voxels
    assert np.allclose(ijk, (20, 15, 10)), "between two slices it would say what isn't shown"
    assert (opened.window_center, opened.window_width) == (40, 400)


def test_a_single_slice_opens_alone_and_cannot_be_segmented() -> None:
    geometry = Geometry((1, 5, 6), (0.7, 0.9, 2.5))
    single = Study(Volume(np.zeros(geometry.shape, np.int16), geometry))
    assert compose.first_settings(single).layout == "axial"
    assert not compose.can_segment(single)
    assert compose.can_segment(blob_study())


def test_what_is_no_ct_has_nothing_to_segment() -> None:
    assert not compose.can_segment(Study(replace(blob_scan(), unit="")))


def test_the_structure_list_says_how_much_there_is() -> None:
    (row,) = compose.structure_rows(blob_study())
    ml = 27 * oblique_geometry().voxel_ml
    assert row["name"] == "bones"
    assert row["volume"] == f"{ml:.1f} ml"
    assert row["exportable"]
    assert row["has_surface"]


def test_what_is_wrong_heads_the_notes() -> None:
    study = blob_study()
    assert study.labels is not None
    assert study.volume is not None
    report = Report(
        checks=(Check("a", True, "fine"), Check("b", False, "too small")),
        findings=(Finding("c", "error", "bad"),),
    )
    study = replace(
        study,
        labels=replace(study.labels, report=report),
        volume=study.volume.with_findings(Finding("d", "note", "by the way")),
    )
    said = [(note["severity"], note["message"]) for note in compose.notes(study)]
    assert said == [
        ("error", "bad"),
        ("warning", "too small"),
        ("note", "by the way"),
        ("ok", "fine"),
    ]


def test_slices_are_fetched_anew_only_where_they_may_look_different() -> None:
    study = blob_study()
    assert compose.other_slices(study, None)
    drawn = replace(study, surfaces={}, view_volume=study.volume)
    assert not compose.other_slices(drawn, study)
    assert study.labels is not None
    relabelled = replace(study.labels, array=study.labels.array.copy())
    for other in (
        replace(study, labels=relabelled),
        replace(study, preview=(0.0, 10.0)),
        replace(study, structures=()),
        replace(study, volume=blob_scan()),
    ):
        assert compose.other_slices(other, study)
