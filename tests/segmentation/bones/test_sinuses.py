"""Sinuses are no bone, however small they are and however closed their walls."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.segmentation.body.test_small_bodies import limb, middle_mm
from tests.segmentation.body.test_small_parts import slanting
from vis3d.segmentation import segment
from vis3d.volume import Volume

PLACES = ((-14.0, -70.0, 4.0), (15.0, -68.0, -6.0))


def skull_with(
    hollow_hu: float, radius_mm: float, spacing: tuple[float, float, float]
) -> tuple[Volume, NDArray[np.bool_]]:
    """A head with two closed hollows in bone, and where they are, away from their walls."""
    geometry = slanting(240, spacing)
    x, y, z = middle_mm(geometry)
    hu = np.full(geometry.shape, -1000.0)
    limb(hu, np.hypot(x, y * 75 / 95), 75)
    deep = np.zeros(geometry.shape, bool)
    for at in PLACES:
        away = np.sqrt(sum((p - c) ** 2 for p, c in zip((x, y, z), at, strict=True)))
        hu[away < radius_mm + 2] = 900
        hu[away < radius_mm] = hollow_hu
        deep |= away < radius_mm - 2
    noisy = hu + np.random.default_rng(4).normal(0, 15, hu.shape)
    return Volume(noisy.round().astype(np.int16), geometry), deep


@pytest.mark.parametrize("radius_mm", [5.0, 11.0])
@pytest.mark.parametrize("spacing", [(0.9, 0.8, 2.2), (0.6, 0.7, 1.1)])
def test_a_closed_sinus_full_of_air_is_no_bone(
    spacing: tuple[float, float, float], radius_mm: float
) -> None:
    volume, deep = skull_with(-1000, radius_mm, spacing)
    bones = segment(volume, ["bones"]).mask("bones").array
    assert np.mean(bones[deep]) < 0.01


def test_a_closed_hollow_full_of_marrow_is_bone() -> None:
    volume, deep = skull_with(-80, 5.0, (0.9, 0.8, 2.2))
    bones = segment(volume, ["bones"]).mask("bones").array
    assert np.mean(bones[deep]) > 0.99


def test_the_shadow_of_metal_in_a_bone_is_bone() -> None:
    geometry = slanting(240, (0.9, 0.8, 2.2))
    x, y, z = middle_mm(geometry)
    hu = np.full(geometry.shape, -1000.0)
    limb(hu, np.hypot(x, y * 75 / 95), 75)
    shadow = np.sqrt(x**2 + y**2 + z**2) < 5
    hu[shadow] = -600
    hu[np.sqrt(x**2 + (y + 9) ** 2 + z**2) < 5] = 3500
    noisy = hu + np.random.default_rng(4).normal(0, 15, hu.shape)
    bones = segment(Volume(noisy.round().astype(np.int16), geometry), ["bones"])
    assert np.mean(bones.mask("bones").array[shadow]) > 0.9
