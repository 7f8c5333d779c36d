"""Small dense pieces beside metal that only look like bone."""

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from tests.segmentation.simple_chest import from_the_middle
from vis3d.segmentation import segment
from vis3d.segmentation.metal import drop_streaks
from vis3d.volume import Volume

SHAPE, SPACING, FACTORS = (50, 90, 100), (2.5, 0.9, 0.8), (1, 2, 2)
"""Voxels (k, j, i) of unequal sides in mm."""


def ball(center_mm: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    places = np.indices(SHAPE) * np.reshape(SPACING, (3, 1, 1, 1))
    away = places - np.reshape(center_mm, (3, 1, 1, 1))
    return np.asarray(np.linalg.norm(away, axis=0) < radius_mm)


def without_streaks(bones: np.ndarray, metal: np.ndarray, hu: np.ndarray) -> np.ndarray:
    left = bones & ~metal
    drop_streaks(left, hu, metal, FACTORS, SPACING)
    return left


@pytest.mark.parametrize("away_mm", [8.0, 30.0])
def test_small_pieces_beside_metal_go_and_others_stay(away_mm: float) -> None:
    metal = ball((60, 40, 40), 4)
    small = ball((60, 40 + away_mm, 40), 3)
    left = without_streaks(small, metal, np.full(SHAPE, 300))
    assert left.any() == (away_mm > 8)


def test_a_small_piece_farther_off_goes_if_it_is_as_dense_as_contrast() -> None:
    metal, vein = ball((60, 40, 40), 4), ball((60, 62, 40), 3)
    hu = np.where(vein, 1600, 40)
    assert not without_streaks(vein, metal, hu).any()


def test_large_bones_beside_metal_stay() -> None:
    metal, bone = ball((60, 25, 40), 3), ball((60, 45, 40), 16)
    np.testing.assert_array_equal(without_streaks(bone, metal, np.full(SHAPE, 500)), bone)


def test_a_bone_that_goes_on_beyond_what_is_looked_at_stays() -> None:
    rib = np.zeros(SHAPE, bool)
    rib[:, 40:44, 40:44] = True
    metal = ball((60, 30, 34), 4) & ~rib
    np.testing.assert_array_equal(without_streaks(rib, metal, np.full(SHAPE, 500)), rib)


def test_a_small_bone_with_a_pin_in_it_stays() -> None:
    bone, pin = ball((60, 40, 40), 10), ball((60, 40, 40), 3)
    assert without_streaks(bone, pin, np.full(SHAPE, 500)).sum() == (bone & ~pin).sum()


@pytest.mark.parametrize(("streaks_hu", "reach_mm"), [(500, 10), (700, 12)])
def test_a_lead_and_its_streaks_are_no_bone_on_an_oblique_grid(
    streaks_hu: float, reach_mm: float
) -> None:
    geometry = oblique_geometry((60, 150, 170), (1.0, 1.2, 2.5), (-30.0, 20.0, 50.0))
    x, y, z = from_the_middle(geometry)
    hu = np.where(np.hypot(x, y) < 75, 40.0, -1000.0)
    hu[(np.hypot(x, y) < 75) & (np.hypot(x, y) > 60)] = -90.0
    hu[(np.hypot(x, y) > 55) & (np.hypot(x, y) < 60)] = 0.0
    bone = (np.hypot(x, y - 35) < 14) & (np.abs(z) < 60)
    hu[bone] = np.where(np.hypot(x, y - 35) < 11, 200.0, 900.0)[bone]
    away = np.hypot(x - 0.2 * z, y + 20 - 0.1 * z)
    beams = np.cos(6 * np.arctan2(y + 20 - 0.1 * z, x - 0.2 * z))
    lead = (away < 1.5) & (np.abs(z) < 50)
    hu += (
        streaks_hu * beams * np.exp(-away / reach_mm) * (np.abs(z) < 50) * (np.hypot(x, y) < 55)
    )
    hu[lead] = 3071
    hu += np.random.default_rng(8).normal(0, 12, hu.shape)
    volume = Volume(hu.round().astype(np.int16), geometry, metadata={"modality": "CT"})
    labels = segment(volume, ["bones", "metal"])
    found, metal = labels.mask("bones").array, labels.mask("metal").array
    inside = (np.abs(z) < 45) & lead
    assert np.count_nonzero(metal & inside) > 0.9 * np.count_nonzero(inside)
    assert not (found & (away < 12)).any()
    assert np.count_nonzero(found & bone) > 0.95 * np.count_nonzero(bone)
    assert np.count_nonzero(found) < 1.1 * np.count_nonzero(bone)


def test_a_jaw_with_fillings_beside_the_air_of_a_mouth_is_bone_on_an_oblique_grid() -> None:
    geometry = oblique_geometry((40, 130, 140), (1.0, 1.2, 2.5), (-30.0, 20.0, 50.0))
    x, y, z = from_the_middle(geometry)
    away, head = np.hypot(x, y), np.hypot(x, y) < 65
    hu = np.where(head, np.where(away > 55, -90.0, 40.0), -1000.0)
    mouth = (away < 24) | ((away < 38) & (z > 15))
    hu[mouth & (y < 15) & (np.abs(z) < 30)] = -1000.0
    jaw = (np.abs(away - 29) < 5) & (y < 15) & (np.abs(z) < 15)
    hu[jaw] = 1100.0
    filled = np.zeros(geometry.shape, bool)
    for degrees in (-150, -110, -70, -30):
        aside, ahead = 29 * np.cos(np.radians(degrees)), 29 * np.sin(np.radians(degrees))
        filled |= np.linalg.norm([x - aside, y - ahead, z - 11], axis=0) < 2.5
    hu[filled] = 3071
    hu += np.random.default_rng(8).normal(0, 12, hu.shape)
    volume = Volume(hu.round().astype(np.int16), geometry, metadata={"modality": "CT"})
    found = segment(volume, ["bones"]).mask("bones").array
    bone = jaw & ~filled
    assert np.count_nonzero(found & bone) > 0.93 * np.count_nonzero(bone)
