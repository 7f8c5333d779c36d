"""The spinal canal goes on where arches leave it half open, and is no marrow of a limb."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from scipy.spatial.transform import Rotation

from tests.segmentation.bones.test_arteries import along, limb
from vis3d.geometry import Geometry
from vis3d.segmentation import segment
from vis3d.segmentation.bones.canal import _in_shaft, spinal_canal
from vis3d.volume import Volume

SPACING_KJI = (2.5, 1.9, 2.2)
SHAPE = (80, 50, 44)
TURN = Rotation.from_euler("xyz", [11, -8, 20], degrees=True).as_matrix()


def leaning_spine(half_open: float) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """HU and bone of a canal that leans; bone lies round the share `half_open` in its middle.

    Above and below it is round all of it, and at the upper end round a quarter.
    """
    k, j, i = np.indices(SHAPE)
    height = (k - 40) * SPACING_KJI[0]
    y = (j - 25) * SPACING_KJI[1] - 0.2 * height
    x = (i - 22) * SPACING_KJI[2] + 0.05 * height
    away, turn = np.hypot(x, y), np.abs(np.arctan2(x, -y)) / np.pi
    closed = np.where(np.mod(height, 25) < 6, 0.8, 1.0)  # nerves leave between vertebrae
    share = np.select([height > 75, np.abs(height) < 30], [0.25, half_open], closed)
    bone = (away > 9) & (away < 15) & (turn < share)
    hu = np.where(bone, 600, 30).astype(np.int16)
    return hu, bone


@pytest.mark.parametrize(("half_open", "goes_on"), [(0.46, True), (0.35, False)])
def test_a_canal_goes_on_where_bone_surrounds_it_less(half_open: float, goes_on: bool) -> None:
    hu, bone = leaning_spine(half_open)
    there = spinal_canal(hu, bone, SPACING_KJI).any(axis=(1, 2))
    assert there[6:22].all()
    assert there[50:64].all()
    assert (there[39:44] == goes_on).all()
    assert not there[-4:].any()


@pytest.mark.parametrize("spacing_kji", [(3.0, 3.0, 2.8), (1.5, 3.0, 2.8), (4.0, 2.0, 2.2)])
@pytest.mark.parametrize(("lean", "followed"), [(1.1, True), (1.6, False)])
def test_a_canal_may_lean_as_much_on_every_grid(
    spacing_kji: tuple[float, float, float], lean: float, followed: bool
) -> None:
    """As much as that of a sacrum, to which nerves leave its canal in front."""
    shape = [round(mm / step) for mm, step in zip((90, 240, 90), spacing_kji, strict=True)]
    k, j, i = np.indices(shape) * np.reshape(spacing_kji, (3, 1, 1, 1))
    j, i = j - 120 - lean * (k - 45), i - 40 - 0.1 * k
    away = np.hypot(j, i)
    bone = (away > 9) & (away < 14) & ((j > 0) | (np.abs(i) > 5))
    canal = spinal_canal(np.where(bone, 600, 30).astype(np.int16), bone, spacing_kji)
    assert bool(canal[away < 5].mean() > 0.95) == followed


def test_marrow_far_aside_of_a_spine_is_no_canal() -> None:
    """As that of a hip, to which the path leads on below the sacrum."""
    spacing_kji = (3.0, 1.5, 1.6)
    k, j, i = np.indices((70, 60, 80)) * np.reshape(spacing_kji, (3, 1, 1, 1))
    upper, lower = np.hypot(j - 40, i - 30 - 0.1 * (k - 150)), np.hypot(j - 50, i - 85)
    spine = (upper > 9) & (upper < 14) & (k > 120) & (np.mod(k, 30) > 6)
    hip = (lower > 9) & (lower < 14) & (k < 60) & ((j > 50) | (np.mod(k, 30) > 9))
    hu = np.where(spine | hip, 600, 30).astype(np.int16)
    canal = spinal_canal(hu, spine | hip, spacing_kji)
    assert canal.any(axis=(1, 2))[48:].all()
    assert not canal[k < 80].any()
    assert spinal_canal(hu, hip, spacing_kji)[k < 60].any()


def thigh(marrow_hu: float) -> tuple[Volume, NDArray[np.bool_]]:
    """A slanting thigh on an anisotropic grid, with fat between its muscles, and its femur."""
    geometry = Geometry((60, 70, 64), (1.9, 1.7, 2.4), (0.0, 0.0, 0.0), TURN)
    middle = geometry.to_lps(np.array([31.0, 35.0, 29.0]))
    ijk = np.stack(np.indices(geometry.shape)[::-1], axis=-1)
    x, y, z = np.moveaxis(geometry.to_lps(ijk) - middle, -1, 0)
    away, rng = np.hypot(x, y), np.random.default_rng(5)
    streaks = np.hypot(x + 30 - 0.1 * z, (y - 20) / 2) / 12
    hu = np.where(away < 48, 55 - 150 * np.clip(1.4 - streaks, 0, 1), -100.0)
    hu[away > 56] = -1000
    femur = np.hypot(x - 8, y + 4)
    hu[femur < 14] = 1200
    hu[femur < 8.5] = marrow_hu
    hu += rng.normal(0, 12, hu.shape)
    return Volume(np.rint(hu).astype(np.int16), geometry), femur < 14


@pytest.mark.parametrize("marrow_hu", [-20.0, 30.0])
def test_marrow_in_the_shaft_of_a_long_bone_is_no_spinal_canal(marrow_hu: float) -> None:
    volume, femur = thigh(marrow_hu)
    bones = segment(volume, ["bones"]).mask("bones").array
    assert bones[femur].mean() > 0.97
    assert (bones & ~femur).sum() < 0.05 * femur.sum()


def test_marrow_at_the_end_of_a_bone_that_the_scan_cuts_askew_is_no_spinal_canal() -> None:
    volume, bone = limb(along(4.0), 250.0)
    found = segment(volume, ["bones"]).mask("bones").array
    deep = binary_erosion(bone, np.ones((3, 5, 5)), border_value=1)
    assert found[deep].all()


@pytest.mark.parametrize("arms", [False, True])
def test_arches_that_close_a_canal_for_long_are_no_shaft(arms: bool) -> None:
    """As in thick slices: the ring goes on for 90 mm, with its processes or without."""
    spacing = (2.0, 1.7, 1.4)
    k, j, i = np.indices((60, 70, 80)) * np.reshape(spacing, (3, 1, 1, 1))
    j, i = j - 60 - 0.1 * k, i - 56 + 0.05 * k
    away = np.hypot(j, i)
    bone = (away > 8) & (away < 13) & (k > 15) & (k < 105)
    if arms:
        bone |= (away > 8) & (np.abs(i) < 30) & (np.abs(j - 3) < 4) & (k > 15) & (k < 105)
        bone |= (away > 8) & (np.abs(i) < 4) & (np.abs(j) < 25) & (k > 15) & (k < 105)
    middle_mm = np.arange(60) * spacing[0]
    path = np.stack([(60 + 0.1 * middle_mm) / 1.7, (56 - 0.05 * middle_mm) / 1.4], axis=-1)
    inside = _in_shaft(np.rint(path).astype(int), bone, spacing)
    assert inside.any() != arms
