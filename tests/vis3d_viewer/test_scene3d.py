"""The 3D scene from settings, and what the page shows of a volume."""

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vis3d_viewer import look3d, scene3d
from vis3d_viewer.look3d import Look3D
from vis3d_viewer.planes import plane_maps
from vis3d_viewer.settings import Settings, accept
from vis3d_viewer.study import Study, with_view_volume

from tests.vis3d_viewer.desks import PlainDesk
from tests.vis3d_viewer.scans import blob_lps, blob_scan, blob_study
from vis3d.imaging.stacks import stack
from vis3d.labels import STRUCTURES
from vis3d.phantom import chest_phantom
from vis3d.progress import silent
from vis3d.rendering import VOLUME_PRESETS
from vis3d.scene import ClipPlane, CropBox, SliceLayer, TransferFunction, VolumeLayer

BOX = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
PLANE = [1.0, 2.0, 3.0, 0.0, 1.0, 0.0]


def test_cuts_reach_the_scene_and_come_back_as_settings() -> None:
    chosen = Settings(crop=BOX, clip=PLANE, handles="plane", parallel=True)
    scene = scene3d.compose(blob_study(), chosen)
    assert scene.crop == CropBox((0.0, 1.0, 2.0), (10.0, 11.0, 12.0))
    assert scene.clip == ClipPlane((1.0, 2.0, 3.0), (0.0, 1.0, 0.0))
    assert scene.handles == "plane"
    assert scene.camera.parallel
    assert scene3d.cut_settings(scene.crop) == ("crop", BOX)
    assert scene3d.cut_settings(scene.clip) == ("clip", PLANE)


def test_slices_stand_at_the_crosshair_in_the_slices_window() -> None:
    chosen = Settings(slices_in_3d=True, crosshair_lps=blob_lps(), window_center=7.0)
    layers = scene3d.compose(blob_study(), chosen).layers
    slices = [layer for layer in layers if isinstance(layer, SliceLayer)]
    assert {layer.plane for layer in slices} == {"axial", "coronal", "sagittal"}
    assert all(layer.point_lps == tuple(blob_lps()) for layer in slices)
    assert all(layer.window == (7.0, 400.0) for layer in slices)


def test_turned_slices_stand_in_3d_where_the_page_has_them() -> None:
    half = np.radians(20) / 2
    turn = [float(np.cos(half)), 0.0, float(np.sin(half)), 0.0]
    turns = [*turn, 1.0, 0.0, 0.0, 0.0, *turn]
    chosen = Settings(slices_in_3d=True, crosshair_lps=blob_lps(), turns=turns)
    study = blob_study()
    assert study.volume is not None
    geometry = study.volume.geometry
    maps = plane_maps(geometry, np.reshape(turns, (3, 4)).tolist())
    layers = scene3d.compose(study, chosen).layers
    slices = {layer.plane: layer for layer in layers if isinstance(layer, SliceLayer)}
    assert slices["coronal"].turn is None
    for plane in ("axial", "sagittal"):
        where = stack(geometry, plane, slices[plane].turn)
        for name in ("first", "column", "row", "slice"):
            there = {"first": where.first_lps}.get(name)
            there = getattr(where, f"{name}_step_lps") if there is None else there
            assert np.allclose(there, maps[plane][name])
    straight = stack(geometry, "axial").slice_step_lps
    leaning = stack(geometry, "axial", slices["axial"].turn).slice_step_lps
    cosine = straight @ leaning / np.linalg.norm(straight) / np.linalg.norm(leaning)
    assert cosine < np.cos(np.radians(15))


def test_presets_of_air_show_the_volume_without_air_outside(tmp_path: Path) -> None:
    scan = chest_phantom(shape=(24, 64, 64), noise_hu=5).volume
    desk = PlainDesk(with_view_volume(Study(scan), silent), tmp_path)
    look = Look3D(desk)
    look.follow()
    desk.finish()
    assert now(desk).inside_volume is None, "other presets don't need it"
    desk.choose_settings(preset="airways", show_volume=True)
    assert scene3d.lacks_inside(now(desk), desk.settings), "until then nothing new is shown"
    look.follow()
    desk.finish()
    study = now(desk)
    assert not scene3d.lacks_inside(study, desk.settings)
    assert study.view_volume is not None
    assert study.inside_volume is not None
    assert np.asarray(study.view_volume.array)[:, 0].max() < -900
    assert np.asarray(study.inside_volume.array)[:, 0].min() > 0
    for preset, shown in (("airways", study.inside_volume), ("bone", study.view_volume)):
        layer = scene3d.compose(study, Settings(preset=preset)).layers[0]
        assert isinstance(layer, VolumeLayer)
        assert layer.volume is shown


def now(desk: PlainDesk) -> Study:
    assert desk.study is not None
    return desk.study


def test_an_edited_function_keeps_the_presets_way_of_blending() -> None:
    rows = [[-500.0, 1.0, 0.0, 0.0, 0.0], [500.0, 0.0, 1.0, 0.0, 0.5]]
    layer = scene3d.compose(blob_study(), Settings(preset="mip", transfer=rows)).layers[0]
    assert isinstance(layer, VolumeLayer)
    assert isinstance(layer.transfer, TransferFunction)
    assert layer.transfer.blend == "mip"
    assert layer.transfer.points == tuple(map(tuple, rows))


def test_what_hides_others_starts_as_a_veil_until_a_person_chooses() -> None:
    names = [STRUCTURES[0], STRUCTURES[3], STRUCTURES[4]]
    study = replace(blob_study(), structures=tuple(names))
    assert scene3d.opacity_of(4, study, Settings()) == 1.0
    assert scene3d.opacity_of(5, study, Settings()) < 0.3
    assert scene3d.opacity_of(5, study, Settings(opacity={"5": 0.8})) == 0.8


def test_cuts_start_round_what_is_there() -> None:
    cuts = look3d.first_cuts(blob_study())
    low, high = np.array(cuts["crop"]).reshape(2, 3)
    assert (low <= blob_lps()).all()
    assert (high >= blob_lps()).all()
    assert accept("crop", cuts["crop"])
    assert accept("clip", cuts["clip"])
    assert look3d.first_cuts(Study(blob_scan())) == {"crop": [], "clip": []}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crop", [0.0, 0.0, 0.0, 1.0, 1.0, 0.0]),
        ("crop", [0.0] * 5),
        ("clip", [1.0, 2.0, 3.0, 0.0, 0.0, 0.0]),
        ("transfer", [[0.0, 0.0, 0.0, 0.0, 0.0]]),
        ("transfer", [[5.0, 0, 0, 0, 0.5], [5.0, 0, 0, 0, 0.5]]),
        ("transfer", [[5.0, 0, 0, 0, 0.5], [6.0, 0, 0, 2.0, 0.5]]),
        ("handles", "ball"),
    ],
)
def test_cuts_and_functions_without_sense_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match="can't have"):
        accept(name, value)


def test_bars_show_where_the_values_are() -> None:
    shown = look3d.bars(blob_scan())
    values = np.linspace(shown["low"], shown["high"], len(shown["bars"]), endpoint=False)
    heights = np.array(shown["bars"])
    assert heights.max() == 1.0
    assert set(np.nonzero(heights)[0]) == {
        int(np.searchsorted(values, value, "right")) - 1 for value in (-1000, 700)
    }


def test_each_preset_has_a_picture_of_its_own() -> None:
    volume = chest_phantom(shape=(24, 48, 48), noise_hu=5).volume
    seen = []
    for name in ("bone", "skin", "mip"):
        head, data = look3d.preset_picture(volume, name).split(",")
        assert head == "data:image/jpeg;base64"
        seen.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(int))
    assert all(picture.std() > 5 for picture in seen)
    assert np.abs(seen[0] - seen[1]).mean() > 3
    assert set(look3d.preset_points(volume)) == set(VOLUME_PRESETS)
