"""What looks like lung and isn't, what is lung and doesn't look like it, and what is said."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.segmentation.simple_chest import TRUTH, chest, dice, turned, upright
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap
from vis3d.segmentation import segment
from vis3d.volume import Volume

SIDES = ("left lung", "right lung")
GRIDS = [
    pytest.param(upright((3.0, 3.0, 3.0)), id="upright"),
    pytest.param(upright((2.2, 2.6, 5.0)), id="anisotropic"),
    pytest.param(turned(15.0), id="turned"),
]


def places(geometry: Geometry) -> tuple[NDArray[np.float64], ...]:
    """The x, y and z of every voxel [k, j, i]."""
    kji = np.indices(geometry.shape)
    x, y, z = np.moveaxis(geometry.to_lps(np.stack(kji[::-1], axis=-1)), -1, 0)
    return x, y, z


def drawn(volume: Volume, where: NDArray[np.bool_], hu: float) -> Volume:
    array = volume.array.copy()
    noise = np.random.default_rng(3).normal(0, 12, np.count_nonzero(where))
    array[where] = np.rint(hu + noise)
    return volume.with_array(array)


def said(labels: LabelMap, code: str) -> tuple[bool, str]:
    (check,) = (check for check in labels.report.checks if check.code == code)
    return check.ok, check.message


@pytest.mark.parametrize("geometry", GRIDS)
def test_bowel_as_dense_as_lung_is_none_if_it_lies_below_the_lungs(geometry: Geometry) -> None:
    volume, truth = chest(geometry)
    x, y, z = places(geometry)
    bowel = (np.abs(x) < 90) & (y**2 + (z + 147) ** 2 < 12**2)
    labels = segment(drawn(volume, bowel, -720), ["lungs"])
    assert not labels.array[bowel].any()
    for name in SIDES:
        assert dice(labels.mask(name).array, truth == TRUTH[name]) > 0.97


@pytest.mark.parametrize("geometry", GRIDS)
def test_a_mass_of_60_mm_at_the_pleura_is_lung(geometry: Geometry) -> None:
    volume, truth = chest(geometry)
    x, y, z = places(geometry)
    mass = ((x - 95) ** 2 + y**2 + (z - 10) ** 2 < 30**2) & (truth == TRUTH["left lung"])
    lung = segment(drawn(volume, mass, 35), ["lungs"]).mask("left lung").array
    assert np.count_nonzero(lung & mass) > 0.8 * np.count_nonzero(mass)
    without = segment(volume, ["lungs"]).mask("left lung").array
    assert np.count_nonzero(lung & ~mass & ~without) < 0.002 * np.count_nonzero(without)


@pytest.mark.parametrize(
    ("geometry", "depth_mm"),
    [(upright((1.6, 1.7, 2.0)), 1.0), (turned(20, axis=1, spacing_mm=2.0), 2.0)],
)
def test_nodules_of_8_mm_at_the_pleura_are_lung(geometry: Geometry, depth_mm: float) -> None:
    volume, truth = chest(geometry)
    x, y, z = places(geometry)
    nodules = np.zeros(truth.shape, bool)
    for up in (-50, -20, 10, 40, 60):
        for side, label, width, top in ((1, 1, 50, 118), (-1, 2, 56, 122)):
            out = side * (78 + width * np.sqrt(1 - ((up + 10) / top) ** 2) - depth_mm)
            ball = (x - out) ** 2 + y**2 + (z - up) ** 2 < 4**2
            nodules |= ball & (truth == label)
    lungs = segment(drawn(volume, nodules, 40), ["lungs"]).mask("lungs").array
    assert np.count_nonzero(lungs & nodules) > 0.85 * np.count_nonzero(nodules)


@pytest.mark.parametrize("geometry", GRIDS)
def test_a_lobe_without_air_is_doubted(geometry: Geometry) -> None:
    volume, truth = chest(geometry)
    _, y, z = places(geometry)
    lobe = (truth == TRUTH["right lung"]) & (y > 10) & (z < 20)
    ok, message = said(segment(drawn(volume, lobe, 30), ["lungs"]), "other-side")
    assert not ok
    assert "on the right" in message
    assert said(segment(volume, ["lungs"]), "other-side")[0]


@pytest.mark.parametrize("geometry", GRIDS)
def test_gas_beside_a_lung_is_left_out_and_reported(geometry: Geometry) -> None:
    volume, truth = chest(geometry)
    _, y, _ = places(geometry)
    left = truth == TRUTH["left lung"]
    pleura = drawn(volume, left & (np.abs(y + 36) < 1.6), -100)
    gas = left & (y < -38)
    labels = segment(drawn(pleura, gas, -1000), ["lungs"])
    assert np.count_nonzero(labels.array[gas]) < 0.05 * np.count_nonzero(gas)
    ok, message = said(labels, "free-air")
    assert not ok
    assert "pneumothorax" in message


@pytest.mark.parametrize("geometry", GRIDS)
def test_gas_that_joins_a_lung_is_reported_and_noise_is_not(geometry: Geometry) -> None:
    volume, truth = chest(geometry, noise_hu=120.0)
    assert said(segment(volume, ["lungs"]), "free-air")[0]
    _, y, _ = places(geometry)
    gas = (truth == TRUTH["left lung"]) & (y < -42)  # an eighth of that lung
    ok, message = said(segment(drawn(volume, gas, -1000), ["lungs"]), "free-air")
    assert not ok
    assert "left lung are as dark as free air" in message


@pytest.mark.parametrize("geometry", GRIDS)
def test_a_thin_layer_of_gas_in_front_of_both_lungs_is_reported(geometry: Geometry) -> None:
    volume, truth = chest(geometry)
    x, y, z = places(geometry)
    lungs = (truth == TRUTH["left lung"]) | (truth == TRUTH["right lung"])
    deep = ((np.abs(x) - 78) / 41) ** 2 + (y / 66) ** 2 + ((z + 10) / 109) ** 2 < 1
    layer = lungs & (y < 0) & ~deep  # 9 to 10 mm
    ok, message = said(segment(drawn(volume, layer, -1000), ["lungs"]), "free-air")
    assert not ok
    assert "of the left lung and " in message
    assert "of the right lung are as dark" in message


def test_gas_in_a_stomach_is_no_pneumothorax() -> None:
    geometry = upright((3.0, 3.0, 3.0))
    volume, _ = chest(geometry)
    x, y, z = places(geometry)
    stomach = (x - 60) ** 2 + y**2 + (z + 156) ** 2 < 22**2
    labels = segment(drawn(volume, stomach, -1000), ["lungs"])
    assert not labels.array[stomach].any()
    assert said(labels, "free-air")[0]


@pytest.mark.parametrize("geometry", GRIDS)
def test_gas_under_the_skin_is_no_lung(geometry: Geometry) -> None:
    volume, truth = chest(geometry)
    x, y, _ = places(geometry)
    depth = np.hypot(x / 158, y / 93)
    # sheets of gas in the muscles of one side, 6 mm from the lung at least
    gas = (truth == TRUTH["body"]) & (x > 135) & (depth < 0.99) & (np.sin(depth * 90) > 0)
    labels = segment(drawn(volume, gas, -820), ["lungs"])
    assert np.count_nonzero(labels.array[gas]) < 0.1 * np.count_nonzero(gas)
    for name in SIDES:
        assert dice(labels.mask(name).array, truth == TRUTH[name]) > 0.95, name


@pytest.mark.parametrize("geometry", GRIDS)
def test_a_narrow_passage_to_the_room_takes_no_lung_away(geometry: Geometry) -> None:
    volume, truth = chest(geometry)
    x, y, z = places(geometry)
    slit = (x > 100) & (np.abs(y) < 3) & (np.abs(z) < 25)
    labels = segment(drawn(volume, slit & (truth != TRUTH["left lung"]), -1000), ["lungs"])
    for name in SIDES:
        assert dice(labels.mask(name).array, truth == TRUTH[name]) > 0.96, name


@pytest.mark.parametrize("geometry", GRIDS)
def test_lungs_whose_bases_are_without_air_are_told_by_their_blunt_ends(
    geometry: Geometry,
) -> None:
    volume, truth = chest(geometry)
    _, _, z = places(geometry)
    lungs = (truth == TRUTH["left lung"]) | (truth == TRUTH["right lung"])
    assert said(segment(volume, ["lungs"]), "whole-height")[0]
    ok, message = said(segment(drawn(volume, lungs & (z < -60), 35), ["lungs"]), "whole-height")
    assert not ok
    assert "left and the right lung" in message


@pytest.mark.parametrize("geometry", GRIDS)
def test_a_mass_half_in_the_corner_above_the_diaphragm_is_lung(geometry: Geometry) -> None:
    volume, truth = chest(geometry)
    x, y, z = places(geometry)
    mass = ((x - 118) ** 2 + (y - 10) ** 2 + (z + 72) ** 2 < 25**2) & (
        truth == TRUTH["left lung"]
    )
    lung = segment(drawn(volume, mass, 35), ["lungs"]).mask("left lung").array
    assert np.count_nonzero(lung & mass) > 0.75 * np.count_nonzero(mass)
    without = segment(volume, ["lungs"]).mask("left lung").array
    assert np.count_nonzero(lung & ~mass & ~without) < 0.15 * np.count_nonzero(mass)


@pytest.mark.parametrize("geometry", GRIDS)
def test_a_flat_band_from_chest_wall_to_heart_is_doubted(geometry: Geometry) -> None:
    volume, truth = chest(geometry)
    x, y, z = places(geometry)
    band = ((y - 5) / 2) ** 2 + (z - 10 + 0.6 * (x - 78)) ** 2 < 20**2
    band &= truth == TRUTH["left lung"]
    assert said(segment(volume, ["lungs"]), "doubt")[0]
    assert not said(segment(drawn(volume, band, 35), ["lungs"]), "doubt")[0]


@pytest.mark.parametrize("geometry", GRIDS)
@pytest.mark.parametrize("radius_mm", [28, 32])
def test_a_round_mass_more_than_half_in_the_heart_is_doubted(
    geometry: Geometry, radius_mm: float
) -> None:
    volume, truth = chest(geometry)
    x, y, z = places(geometry)
    mass = (x - 24) ** 2 + (y - 6) ** 2 + (z - 10) ** 2 < radius_mm**2
    mass &= truth == TRUTH["left lung"]
    assert said(segment(volume, ["lungs"]), "doubt")[0]
    assert not said(segment(drawn(volume, mass, 35), ["lungs"]), "doubt")[0]
