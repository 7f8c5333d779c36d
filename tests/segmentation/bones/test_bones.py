"""Bones, their two kinds, contrast and metal where the truth is known."""

import numpy as np
import pytest

from tests.segmentation.simple_chest import chest, dice, turned, upright
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap
from vis3d.segmentation import segment
from vis3d.segmentation.bones.contrast import MIN_OPENNESS, _stand_open
from vis3d.segmentation.bones.cores import Cores
from vis3d.volume import Volume


def places(volume: Volume) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The LPS mm of every voxel."""
    k, j, i = np.indices(volume.array.shape)
    ijk = np.stack([i, j, k], axis=-1)
    x, y, z = np.moveaxis(volume.geometry.to_lps(ijk), -1, 0)
    return x, y, z


def painted(volume: Volume, where: np.ndarray, hu: int | np.ndarray) -> Volume:
    array = volume.array.copy()
    array[where] = hu + np.random.default_rng(1).integers(-15, 16, np.count_nonzero(where))
    return volume.with_array(array)


def finding(labels: LabelMap, code: str) -> str:
    return {check.code: check.message for check in labels.report.checks}[code]


@pytest.mark.parametrize("geometry", [upright((1.4, 1.5, 2.5)), turned(20.0, 0, 2.0)])
def test_wall_and_inside_of_a_bone_are_told_apart(geometry: object) -> None:
    volume, _ = chest(geometry)  # type: ignore[arg-type]
    x, y, _ = places(volume)
    depth = np.hypot(x, y - 62)
    labels = segment(volume, ["cortical", "cancellous"])
    assert dice(labels.mask("cancellous").array, depth < 15) > 0.9
    assert dice(labels.mask("cortical").array, (depth > 15) & (depth < 20)) > 0.8
    both = labels.mask("cortical").array | labels.mask("cancellous").array
    np.testing.assert_array_equal(labels.mask("bones").array, both)
    np.testing.assert_array_equal(segment(volume, ["bones"]).mask("bones").array, both)


def test_metal_is_apart_from_the_bone_round_it_and_said() -> None:
    volume, truth = chest(upright((1.5, 1.5, 3.0)))
    x, y, z = places(volume)
    rod = (np.hypot(x, y - 62) < 6) & (np.abs(z) < 40)
    clip = np.hypot(np.hypot(x - 120, y + 60), z) < 5
    volume = painted(volume, rod | clip, 3050)
    labels = segment(volume, ["bones", "metal"])
    assert dice(labels.mask("metal").array, rod | clip) > 0.95
    assert dice(labels.mask("bones").array, (truth == 4) & ~rod) > 0.9
    assert not (labels.mask("bones").array & (np.hypot(x - 120, y + 60) < 15)).any()
    assert "Metal" in finding(labels, "metal")
    assert "metal" in {one.code for one in labels.report.findings}


def test_without_metal_nothing_is_warned_of() -> None:
    volume, _ = chest(upright((4.0, 4.0, 4.0)))
    labels = segment(volume, ["metal"])
    assert labels.volume_ml("metal") == 0
    assert not labels.report.findings


@pytest.mark.parametrize("level_hu", [180, 300, pytest.param(450, marks=pytest.mark.slow)])
def test_contrast_in_an_aorta_beside_the_spine_is_no_bone(level_hu: int) -> None:
    volume, truth = chest(upright((1.5, 1.5, 2.5)))
    x, y, z = places(volume)
    aorta = np.hypot(x - 24, y - 34) < 12
    heart = (np.hypot(x - 10, y + 30) < 40) & (np.abs(z) < 45)
    volume = painted(volume, (aorta | heart) & (truth != 4), level_hu)
    labels = segment(volume, ["bones"])
    bones = labels.mask("bones").array
    assert dice(bones, truth == 4) > 0.93
    assert np.count_nonzero(bones & (aorta | heart)) < 0.01 * np.count_nonzero(bones)
    assert "Contrast" in finding(labels, "contrast")
    assert "contrast" in {one.code for one in labels.report.findings}


def test_blood_beside_a_stent_and_a_spine_is_no_marrow() -> None:
    volume, truth = chest(turned(20.0, 0, 2.5))
    x, y, z = places(volume)
    arch = np.hypot(np.hypot(y - 7, z - 20) - 27, x - 24)
    descending, ascending = np.hypot(x - 24, y - 34), np.hypot(x - 24, y + 20)
    from_middle = np.where(z > 20, arch, np.minimum(descending, ascending))
    aorta = (from_middle < 12) & ((y > 7) | (z > -10)) & (truth != 4)
    struts = aorta & (np.abs(from_middle - 11) < 1.3) & (z > -50)
    false_lumen = (np.hypot(x - 26, y - 56) < 13) & (z < 30) & (truth != 4) & ~aorta
    heart = (np.hypot(x - 10, y + 30) < 40) & (z > -45) & (z < -5)
    blood = aorta | heart | false_lumen
    volume = painted(volume, blood, np.where(false_lumen, 200 + 4 * (y - 56), 400)[blood])
    volume = painted(volume, struts, 3050)
    bones = segment(volume, ["bones"]).mask("bones").array
    assert dice(bones, truth == 4) > 0.95
    assert np.count_nonzero(bones & blood) < 0.01 * np.count_nonzero(bones)


@pytest.mark.parametrize("geometry", [upright((1.9, 2.1, 3.2)), turned(20.0, 0, 2.5)])
def test_an_organ_that_comes_near_the_canal_is_no_vertebra(geometry: Geometry) -> None:
    volume, truth = chest(geometry, lungs=False)
    x, y, z = places(volume)
    ring, canal = np.hypot(x, y - 92) < 11, np.hypot(x, y - 92) < 8
    volume = painted(painted(volume, ring & ~canal, 700), canal, 30)
    liver = np.sqrt((x + 70) ** 2 + (y + 10) ** 2 + z**2) < 55
    beside_canal = (np.abs(z) < 20) & (np.hypot(x + 34, y - 92) < 32)
    organ = (liver | beside_canal) & (truth != 4) & ~ring
    bones = segment(painted(volume, organ, 125), ["bones"]).mask("bones").array
    assert np.count_nonzero(bones & organ) < 0.01 * np.count_nonzero(bones)


def test_a_core_is_no_wall_round_itself() -> None:
    spacing = (3.0, 2.0, 2.5)
    at = np.moveaxis(np.indices((50, 70, 60)), 0, -1) - (25, 35, 30)
    depth_mm = np.linalg.norm(at * spacing, axis=-1)
    labels = (depth_mm < 50).astype(np.uint32)
    hu = np.where(labels, np.where(depth_mm < 40, 120, 260), 140).astype(np.int16)
    least, no_walls = np.full(2, MIN_OPENNESS), np.zeros(labels.shape, bool)
    assert _stand_open(one_core(labels, hu), hu, least, no_walls, spacing)[1]
    marrow = labels * (depth_mm < 40)
    assert not _stand_open(one_core(marrow, hu), hu, least, no_walls, spacing)[1]


def one_core(labels: np.ndarray, hu: np.ndarray) -> Cores:
    """A core with nothing softer round it."""
    mean = np.array([0.0, hu[labels > 0].mean()])
    return Cores(labels, np.bincount(labels.ravel()), np.zeros(2), mean, np.zeros(2))


def test_a_spinal_canal_stays_open_and_marrow_is_filled() -> None:
    volume, _ = chest(upright((1.5, 1.5, 2.5)))
    x, y, _ = places(volume)
    ring = np.hypot(x, y - 92) < 14
    canal = np.hypot(x, y - 92) < 9
    volume = painted(volume, ring & ~canal, 500)
    volume = painted(volume, canal, 30)
    bones = segment(volume, ["bones"]).mask("bones").array
    inner = np.hypot(x, y - 92) < 6
    assert np.mean(bones[inner]) < 0.02
    assert np.mean(bones[np.hypot(x, y - 62) < 14]) > 0.98


def test_noise_neither_inflates_bones_nor_loses_them() -> None:
    volume, truth = chest(upright((1.5, 1.5, 2.5)), noise_hu=50.0)
    bones = segment(volume, ["bones"]).mask("bones").array
    assert dice(bones, truth == 4) > 0.9


def test_thick_slices_are_doubted() -> None:
    volume, _ = chest(upright((2.0, 2.0, 8.0)))
    assert "8.0 mm" in finding(segment(volume, ["bones"]), "thin-bone")
