"""Arteries full of contrast that lie free in a limb are no bones, and slender bones are."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import oblique_geometry
from tests.segmentation.bones.test_plaques import trunk, turned
from tests.segmentation.simple_chest import from_the_middle
from vis3d.labels import LabelMap
from vis3d.segmentation import segment
from vis3d.volume import Volume

Places = NDArray[np.floating]
GEOMETRY = oblique_geometry((70, 90, 100), (1.1, 1.2, 1.9), (-30.0, 20.0, 50.0))


def limb(
    inner: NDArray[np.bool_], inner_hu: float | Places
) -> tuple[Volume, NDArray[np.bool_]]:
    """A slanting limb with fat between its muscles, a long bone, and something else in it."""
    x, y, z = from_the_middle(GEOMETRY)
    away = np.hypot(x, y)
    streaks = np.hypot(x + 30 - 0.1 * z, (y - 20) / 2) / 12
    hu = np.where(away < 42, 55 - 150 * np.clip(1.4 - streaks, 0, 1), -100.0)
    hu[away > 48] = -1000
    bone = np.hypot(x - 10, y + 4)
    hu[bone < 13] = 1200
    hu[bone < 8.5] = -20
    hu = np.where(inner, inner_hu, hu) + np.random.default_rng(5).normal(0, 12, hu.shape)
    return Volume(np.rint(hu).astype(np.int16), GEOMETRY), bone < 13


def along(radius_mm: float) -> NDArray[np.bool_]:
    """A slanting cylinder beside the long bone."""
    x, y, z = from_the_middle(GEOMETRY)
    return np.asarray(np.hypot(x + 16 + 0.05 * z, y - 8 + 0.1 * z) < radius_mm)


def said_of_contrast(labels: LabelMap) -> str:
    return next(c.message for c in labels.report.checks if c.code == "contrast")


@pytest.mark.parametrize("blood_hu", [250.0, 400.0])
def test_an_artery_in_a_limb_is_no_bone_and_said(blood_hu: float) -> None:
    artery = along(4.0)
    volume, bone = limb(artery, blood_hu)
    labels = segment(volume, ["bones"])
    found = labels.mask("bones").array
    assert not (found & artery).any()
    assert found[bone].mean() > 0.97
    assert said_of_contrast(labels).startswith("Contrast of up to")


@pytest.mark.parametrize(
    ("radius_mm", "cortex_mm", "cortex_hu"), [(2.5, 2, 900), (4, 0.8, 500)]
)
def test_a_slender_bone_with_marrow_is_no_artery(
    radius_mm: float, cortex_mm: float, cortex_hu: float
) -> None:
    fibula = along(radius_mm + cortex_mm)
    volume, bone = limb(fibula, np.where(along(radius_mm), 200.0, cortex_hu))
    labels = segment(volume, ["bones"])
    found = labels.mask("bones").array
    assert found[fibula].mean() > 0.95
    assert found[bone].mean() > 0.97
    assert said_of_contrast(labels).startswith("No contrast")
    assert said_of_contrast(labels).endswith("would count as bone.")


def test_arteries_that_may_count_as_bone_are_not_mentioned_of_a_trunk() -> None:
    hu, *_ = trunk()
    volume = Volume(hu.round().astype(np.int16), turned())
    labels = segment(volume, ["bones"])
    assert said_of_contrast(labels) == "No contrast as dense as bone was found."


@pytest.mark.parametrize(("middle_hu", "by_mm"), [(500.0, 2.0), (900.0, 0.0)])
def test_a_slender_bone_without_marrow_is_no_artery(middle_hu: float, by_mm: float) -> None:
    spur, (*_, z) = along(4.0), from_the_middle(GEOMETRY)
    volume, _ = limb(spur, middle_hu + by_mm * z)
    assert segment(volume, ["bones"]).mask("bones").array[spur].mean() > 0.9
