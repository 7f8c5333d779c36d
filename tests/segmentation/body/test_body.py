"""The body without what lies on it: sheets, shirts and wires beside the skin."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, gaussian_filter

from tests.conftest import oblique_geometry
from tests.segmentation.simple_chest import chest, dice, turned, upright
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap
from vis3d.progress import silent
from vis3d.segmentation import segment
from vis3d.segmentation.body.body import _fine_places, drop_thin_layers
from vis3d.volume import Volume


def test_the_skin_lies_half_way_between_air_and_tissue() -> None:
    geometry = oblique_geometry((60, 96, 120), (1.6, 2.0, 3.1))
    places = geometry.to_lps(np.stack(np.indices(geometry.shape)[::-1], axis=-1))
    radius_mm = 75.0
    out_mm = np.linalg.norm(places - geometry.center_lps, axis=-1) - radius_mm
    tissue = np.clip(0.5 - out_mm / 3.0, 0, 1)  # an edge blurred over 3 mm
    volume = Volume((1040 * tissue - 1000).astype(np.int16), geometry)
    labels = segment(volume, ["body"])
    ball_ml = 4 / 3 * np.pi * radius_mm**3 / 1000
    # at -350 HU the edge lies 0.4 mm farther in: 1.5 %
    assert volume_ml(labels) == pytest.approx(ball_ml, rel=0.005)


def volume_ml(labels: LabelMap) -> float:
    return float(np.count_nonzero(labels.array) * np.prod(labels.geometry.spacing) / 1000)


def test_a_thin_layer_goes_and_an_ear_stays() -> None:
    body = np.zeros((5, 60, 70), bool)
    body[:, 10:40, 10:60] = True
    thick = body.copy()
    thick[:, 20:30, 2:10] = thick[:, 2:10, 30:36] = True  # ears of 8 x 6 mm
    sheet = np.zeros_like(body)
    sheet[:, 43:45, 8:62] = True
    sheet[:, 40:43, 34] = True  # where it touches
    found = thick | sheet
    drop_thin_layers(found, (5.0, 0.8, 0.9), silent)
    np.testing.assert_array_equal(found[:, :39], thick[:, :39])
    assert not found[:, 42:].any()


def test_voxels_larger_than_a_layer_stay_as_they_are() -> None:
    body = np.random.default_rng(2).random((4, 20, 30)) > 0.5
    found = body.copy()
    drop_thin_layers(found, (2.0, 3.0, 3.5), silent)
    np.testing.assert_array_equal(found, body)


@pytest.mark.parametrize("geometry", [upright((1.0, 1.0, 11.0)), turned(12.0, 0, 2.0)])
def test_a_mattress_cover_under_the_back_is_no_body(geometry: Geometry) -> None:
    volume, truth = chest(geometry)
    k, j, i = np.indices(geometry.shape)
    x, y, _ = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    out = np.hypot(x / 170, y / 105) - 1
    cover = (out > 3 / 105) & (out < 4.6 / 105) & (y > 40)
    array = volume.array.copy()
    array[cover & (truth == 0)] = -150
    body = segment(volume.with_array(array), ["body"]).mask("body").array
    assert dice(body, truth > 0) > 0.99
    if geometry.spacing[0] < 1.5:
        assert np.count_nonzero(body & cover) < 0.05 * np.count_nonzero(cover)


def test_lung_close_under_slanting_skin_is_body_on_thick_slices() -> None:
    spacing = (2.2, 2.6, 10.0)
    slanting = turned(40, axis=0)
    nk, nj, ni = (int(3 * n / mm) for n, mm in zip(slanting.shape, spacing[::-1], strict=True))
    volume, truth = chest(Geometry((nk, nj, ni), spacing, slanting.origin, slanting.direction))
    body = segment(volume, ["body"]).mask("body").array
    assert body[(truth > 0) & (truth < 5)].all()


@pytest.mark.parametrize("between", [True, False])
@pytest.mark.parametrize("slices", [1, 4])
def test_a_foot_of_the_table_is_no_body_and_an_arm_behind_it_is(
    slices: int, *, between: bool
) -> None:
    c, s = np.cos(np.radians(9)), np.sin(np.radians(9))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    geometry = Geometry((slices, 330, 300), (1.4, 1.1, 4.5), (-200.0, -170.0, -10.0), turn)
    volume, truth = chest(geometry, table=between)
    k, j, i = np.indices(geometry.shape)
    x, y, _ = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    thing = (np.abs(x - 20) < 60) & (np.abs(y - 154) < 20)
    array = volume.array.copy()
    array[thing] = 60
    body = segment(volume.with_array(array), ["body"]).mask("body").array
    share = np.count_nonzero(body & thing) / np.count_nonzero(thing)
    assert share == 0 if between else share > 0.98
    assert dice(body & ~thing, truth > 0) > 0.99


@pytest.mark.parametrize("even", [True, False])
def test_a_thick_board_apart_from_the_body_goes_and_a_leg_as_thick_stays(*, even: bool) -> None:
    spacing = (2.2, 2.0, 4.5)
    turn = turned(9).direction
    geometry = Geometry((14, 200, 190), spacing, (-190.0, -190.0, -10.0), turn)
    volume, truth = chest(geometry, table=False)
    k, j, i = np.indices(geometry.shape)
    x, y, _ = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    thing = (np.abs(x) < 100) & (np.abs(y + 140) < 14)
    array = volume.array.copy()
    array[thing] += 1060
    if not even:
        array[thing & (np.abs(y + 140) < 6)] -= 240
    body = segment(volume.with_array(array), ["body"]).mask("body").array
    share = np.count_nonzero(body & thing) / np.count_nonzero(thing)
    assert share == 0 if even else share > 0.95
    assert dice(body & ~thing, truth > 0) > 0.99


def test_an_even_arm_apart_from_the_body_stays() -> None:
    geometry = Geometry(
        (14, 170, 250), (2.2, 2.0, 4.5), (-260.0, -160.0, -10.0), turned(9).direction
    )
    volume, truth = chest(geometry, table=False)
    k, j, i = np.indices(geometry.shape)
    x, y, z = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    arm = ((x - 212 - z / 5) / 30) ** 2 + ((y + 20) / 42) ** 2 < 1
    array = volume.array.copy()
    array[arm] += 1050
    body = segment(volume.with_array(array), ["body"]).mask("body").array
    assert dice(body, (truth > 0) | arm) > 0.995


@pytest.mark.parametrize("thick_mm", [8, 20])
def test_what_is_lighter_than_fat_and_lies_on_the_skin_is_no_body(thick_mm: float) -> None:
    geometry = Geometry(
        (12, 200, 230), (1.7, 1.5, 3.0), (-190.0, -150.0, -18.0), turned(8).direction
    )
    volume, truth = chest(geometry, table=False)
    k, j, i = np.indices(geometry.shape)
    x, y, _ = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    away_mm = (np.hypot(x / 170, y / 105) - 1) * 105
    blanket = (truth == 0) & (away_mm < thick_mm) & (y < 20)
    array = volume.array.copy()
    array[blanket] += 720
    body = segment(volume.with_array(array), ["body"]).mask("body").array
    assert dice(body, truth > 0) > 0.995


def test_skin_that_shares_voxels_with_foam_is_body() -> None:
    geometry = Geometry(
        (12, 150, 180), (2.2, 2.0, 3.0), (-190.0, -150.0, -18.0), turned(8).direction
    )
    volume, truth = chest(geometry, table=False, noise_hu=0)
    k, j, i = np.indices(geometry.shape)
    x, y, _ = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    away_mm = (np.hypot(x / 170, y / 105) - 1) * 105
    hu = volume.array.astype(float)
    hu[(truth == 0) & (away_mm < 12) & (y > 0)] = -600
    blurred = gaussian_filter(hu, (0, 0.6, 0.6)) + np.random.default_rng(5).normal(
        0, 8, hu.shape
    )
    array = np.rint(blurred).astype(np.int16)
    body = segment(volume.with_array(array), ["body"]).mask("body").array
    around = np.ones((1, 3, 3), bool)
    skin = (truth > 0) & ~binary_erosion(truth > 0, around) & (array > -300)
    assert np.count_nonzero(skin & (array < -200)) > 300
    assert np.mean(body[skin]) > 0.98
    assert dice(body, truth > 0) > 0.997


def test_fat_in_a_noisy_scan_is_not_taken_for_foam() -> None:
    spacing = (1.9, 2.1, 2.6)
    geometry = Geometry((20, 140, 200), spacing, (-190.0, -150.0, -18.0), turned(8).direction)
    volume, truth = chest(geometry, table=False, noise_hu=60)
    body = segment(volume, ["body"]).mask("body").array
    inside = binary_erosion(truth > 0, np.ones((1, 3, 3), bool))
    assert np.mean(body[inside]) > 0.9995
    assert dice(body, truth > 0) > 0.996


def test_a_voxel_of_4_mm_takes_no_more_microscopic_ones_than_the_scan_has() -> None:
    shape, factors = (2, 3, 4), (3000, 2000, 1000)
    seen = np.zeros(shape, int)
    for place in _fine_places(np.ones((1, 1, 1), bool), factors, shape):
        seen[place] += 1
    assert (seen == 1).all()
    assert not list(_fine_places(np.zeros((1, 1, 1), bool), factors, (1500, 1000, 500)))
