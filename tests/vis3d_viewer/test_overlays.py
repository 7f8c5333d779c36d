"""Emphysema, smooth surfaces and levels, without a browser."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vis3d_viewer import emphysema, scene3d, smoothness
from vis3d_viewer.emphysema import Emphysema, low_air
from vis3d_viewer.levels import Levels
from vis3d_viewer.planes import plane_maps
from vis3d_viewer.settings import Settings, accept
from vis3d_viewer.slices import SliceRequest, slice_jpeg
from vis3d_viewer.smoothness import Smoothness
from vis3d_viewer.study import Study
from vis3d_viewer.workbench import Workbench

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.desks import PlainDesk
from tests.vis3d_viewer.scans import BLOB_KJI, blob_lps, blob_study
from vis3d import meshing
from vis3d.errors import UsageError
from vis3d.imaging import Window
from vis3d.labels import STRUCTURES, LabelMap
from vis3d.meshing.for_view import isosurface_for_view
from vis3d.scene import SurfaceLayer
from vis3d.volume import Volume

HOLE_KJI = (slice(3, 8), slice(12, 20), slice(16, 26))


def lung_study() -> Study:
    """A left lung of -850 HU in an oblique scan, with a hole of -980 HU and some padding."""
    geometry = oblique_geometry()
    labels = np.zeros(geometry.shape, np.uint8)
    labels[2:-2, 4:-4, 5:-5] = 1
    array = np.where(labels, -850, 40).astype(np.int16)
    array[HOLE_KJI] = -980
    array[2, 4, 5:9] = -3000
    array[0, 0, 0] = -990  # outside the lung
    volume = Volume(array, geometry, padding=-3000.0)
    found = LabelMap(labels, geometry)
    left = STRUCTURES[0]
    masks = {1: found.mask("left lung")}
    return Study(volume, volume, found, (left,), {}, masks=masks, voxels={1: int(labels.sum())})


def now(desk: PlainDesk) -> Study:
    """What is open."""
    assert desk.study is not None
    return desk.study


def test_emphysema_is_what_the_lungs_have_below_950() -> None:
    study = lung_study()
    found = low_air(study)
    assert study.volume is not None
    expected = np.zeros(study.volume.array.shape, bool)
    expected[HOLE_KJI] = True
    assert np.array_equal(found.mask.array, expected)
    counted = np.count_nonzero(study.masks[1].array) - 4  # padding takes no part
    assert found.percent == pytest.approx(100 * expected.sum() / counted)
    assert found.volume_ml == pytest.approx(expected.sum() * oblique_geometry().voxel_ml)
    middle = oblique_geometry().to_lps((20.5, 15.5, 5.0))
    assert np.allclose(found.surface.bounds_mm.mean(axis=0), middle, atol=1.0)


def test_slices_show_emphysema_where_it_lies_and_only_when_asked() -> None:
    study = lung_study()
    study = replace(study, emphysema=low_air(study))
    place = plane_maps(oblique_geometry())["axial"]
    middle = oblique_geometry().to_lps((20.5, 15.5, 5.0))
    across = np.array(place["slice"])
    index = round(float((middle - place["first"]) @ across / (across @ across)))
    request = SliceRequest("axial", index, Window(-600, 1500))
    reds = []
    for asked in (False, True):
        jpeg = slice_jpeg(study, replace(request, emphysema=asked))
        pixels = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(int)
        reds.append(pixels[..., 0] - pixels[..., 1:].max(axis=-1) > 60)
    assert not reds[0].any()
    rows, columns = np.nonzero(reds[1])
    there = (
        np.array(place["first"])
        + index * np.array(place["slice"])
        + rows.mean() * np.array(place["row"])
        + columns.mean() * np.array(place["column"])
    )
    assert np.allclose(there, middle, atol=0.4)


def test_emphysema_follows_the_lungs_and_goes_with_its_switch(tmp_path: Path) -> None:
    desk = PlainDesk(lung_study(), tmp_path)
    overlay = Emphysema(desk)
    overlay.follow()
    desk.finish()
    assert now(desk).emphysema is None, "nobody asked"
    assert desk.state["emphysema"] == {"possible": True, "text": ""}
    desk.choose_settings(show_emphysema=True)
    overlay.follow()
    desk.finish()
    overlay.follow()
    before = now(desk).emphysema
    assert before is not None
    assert "% of the lungs" in desk.state["emphysema"]["text"]
    smaller = now(desk).masks[1].array.copy()
    smaller[:, :, 20:] = False
    labels = LabelMap(smaller.astype(np.uint8), oblique_geometry())
    desk.take(replace(now(desk), labels=labels, masks={1: labels.mask("left lung")}))
    assert not emphysema.is_current(now(desk))
    overlay.follow()
    desk.finish()
    after = now(desk).emphysema
    assert after is not None
    assert 0 < after.volume_ml < before.volume_ml
    desk.choose_settings(show_emphysema=False)
    overlay.follow()
    assert now(desk).emphysema is None


def test_lungs_become_veils_while_emphysema_is_shown() -> None:
    study = lung_study()
    assert scene3d.opacity_of(1, study, Settings()) == 1
    study = replace(study, emphysema=low_air(study))
    assert scene3d.opacity_of(1, study, Settings()) < 0.5
    shown = scene3d.compose(study, Settings()).layers
    assert any(
        isinstance(layer, SurfaceLayer) and layer.surface.name == "emphysema" for layer in shown
    )


def test_a_surface_is_shown_as_smooth_as_was_chosen(tmp_path: Path) -> None:
    study = blob_study()
    rough = meshing.extract_surface(study.masks[4], color=(1, 2, 3))
    desk = PlainDesk(replace(study, surfaces={4: rough}), tmp_path)
    desk.choose_settings(smoothness={"4": 2.0})
    smooth = Smoothness(desk)
    assert (
        smoothness.shown_surface(replace(study, surfaces={4: rough}), 4, desk.settings) is rough
    )
    smooth.follow()
    desk.finish()
    shown = smoothness.shown_surface(now(desk), 4, desk.settings)
    assert shown.color == (1, 2, 3)
    assert not np.allclose(shown.points, rough.points, atol=0.01)
    assert np.allclose(shown.bounds_mm.mean(axis=0), blob_lps(), atol=0.2)
    layers = scene3d.compose(now(desk), desk.settings).layers
    assert any(isinstance(one, SurfaceLayer) and one.surface is shown for one in layers)
    again = meshing.extract_surface(study.masks[4])
    changed = replace(now(desk), surfaces={4: again})
    assert smoothness.shown_surface(changed, 4, desk.settings) is again, "of another shape"
    assert smoothness.shown_surface(now(desk), 4, Settings()) is rough


def test_smoothness_is_a_few_mm_for_a_label() -> None:
    assert accept("smoothness", {"4": 2.5}) == {"4": 2.5}
    for poor in ({"4": -1}, {"4": 50}, {"a": 1}, {"4": "2"}, [1], {"4": float("nan")}):
        with pytest.raises(ValueError, match="setting"):
            accept("smoothness", poor)


def test_a_level_is_seen_where_the_scan_has_it_then_added(tmp_path: Path) -> None:
    desk = PlainDesk(blob_study(), tmp_path)
    levels, bench = Levels(desk), Workbench(desk)
    bench.open(now(desk))
    levels.preview_level(100)
    levels.preview_level(300)
    desk.finish()
    assert now(desk).preview == (300, float("inf"))
    seen = now(desk).preview_surface
    assert seen is not None
    assert np.allclose(seen.bounds_mm.mean(axis=0), blob_lps(), atol=1e-3)
    bench.preview_range(250, 400)
    assert now(desk).preview_surface is None, "a range is seen on slices alone"
    levels.preview_level(300)
    desk.finish()
    assert now(desk).preview_surface is not None
    bench.preview_range()  # a panel that closes tells both
    levels.preview_level()
    assert now(desk).preview is None
    assert now(desk).preview_surface is None
    bench.add_level(300)
    desk.finish()
    (added,) = (s for s in now(desk).structures if s.name == "isosurface")
    where = np.argwhere(now(desk).masks[added.label].array)
    assert len(where) == 27
    assert np.allclose(where.mean(axis=0), BLOB_KJI)
    assert bench.structures.steps[-1] == "Isosurface 300"


@pytest.mark.parametrize("poor", ["high", True, float("nan"), 1e9])
def test_a_level_is_a_number(tmp_path: Path, poor: object) -> None:
    with pytest.raises(UsageError, match="A level"):
        Levels(PlainDesk(blob_study(), tmp_path)).preview_level(poor)


def test_the_preview_of_a_level_is_closed_and_passes_padding_by() -> None:
    geometry = oblique_geometry()
    array = np.full(geometry.shape, 500, np.int16)
    array[:, :, :6] = 3000
    volume = Volume(array, geometry, padding=3000.0)
    surface = isosurface_for_view(volume, 300)
    ijk = geometry.to_ijk(surface.points)
    assert ijk[:, 0].min() > 5 - 1e-6, "padding isn't inside"
    edges = np.sort(
        np.concatenate([surface.triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))]),
        axis=1,
    )
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    assert not len(isosurface_for_view(volume, 1e5).triangles)


def test_a_level_goes_with_its_scan(tmp_path: Path) -> None:
    desk = PlainDesk(blob_study(), tmp_path)
    levels = Levels(desk)
    levels.preview_level(100)
    desk.study = blob_study()  # opened while it is being drawn
    desk.finish()
    assert now(desk).preview_surface is None
    levels.clear()
    levels.preview_level(100)
    desk.finish()
    assert now(desk).preview_surface is not None


def test_the_surface_of_a_structure_that_is_gone_is_not_kept_smooth(tmp_path: Path) -> None:
    study = blob_study()
    surface = meshing.extract_surface(study.masks[4])
    desk = PlainDesk(replace(study, surfaces={4: surface, 9: surface}), tmp_path)
    desk.choose_settings(smoothness={"4": 2.0, "9": 1.0})
    smooth = Smoothness(desk)
    smooth.follow()
    desk.finish()
    assert set(now(desk).smoothed) == {4, 9}
    desk.take(replace(now(desk), surfaces={9: meshing.extract_surface(study.masks[4])}))
    smooth.follow()
    desk.finish()
    assert set(now(desk).smoothed) == {9}
