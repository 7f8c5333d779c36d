"""Phantoms drawn by hand and dry bones: their bone is even and may be bare, and is found."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from tests.conftest import oblique_geometry
from vis3d.errors import UnsupportedError
from vis3d.labels import LabelMap
from vis3d.segmentation import segment
from vis3d.segmentation.body.specimens import is_specimen
from vis3d.volume import Volume

SHAPE = (60, 150, 150)
Z, Y, X = np.ogrid[:60, :150, :150]
Bools = NDArray[np.bool_]


def ellipse(j: float, i: float, rj: float, ri: float) -> Bools:
    inside: Bools = ((Y - j) / rj) ** 2 + ((X - i) / ri) ** 2 < 1
    return np.broadcast_to(inside, SHAPE)


SPINE = ellipse(105, 75, 10, 11)
HEART = ellipse(60, 75, 22, 14)


def chest(*, bone_hu: float, fat: bool = False, heart_hu: float = 40) -> NDArray[np.float64]:
    array = np.full(SHAPE, -1000.0)
    array[ellipse(75, 75, 54, 70)] = -100 if fat else 40
    array[ellipse(75, 75, 49, 64)] = 40
    array[ellipse(72, 42, 34, 20) | ellipse(72, 108, 34, 20)] = -850
    array[HEART] = heart_hu
    array[SPINE] = bone_hu
    return array


def skull() -> tuple[NDArray[np.float64], Bools]:
    def ball(radius: float) -> Bools:
        inside: Bools = radius**2 > ((Z - 30) * 2) ** 2 + (Y - 75) ** 2 + (X - 75) ** 2
        return inside

    array = np.full(SHAPE, -1000.0)
    bone = ball(52) & ~ball(46)
    array[ball(46)] = 35
    array[bone] = 1000
    return array, bone


def found(
    array: NDArray[np.float64], noise_hu: float, structures: Sequence[str] = ("bones",)
) -> LabelMap:
    noisy = array + np.random.default_rng(0).normal(0, noise_hu, SHAPE)
    geometry = oblique_geometry(SHAPE, (1.4, 1.4, 2.2))
    return segment(Volume(noisy.astype(np.int16), geometry, "HU"), structures)


def dice(labels: LabelMap, truth: Bools) -> float:
    bones = labels.mask("bones").array
    return float(2 * np.count_nonzero(bones & truth) / (np.sum(bones) + np.sum(truth)))


@pytest.mark.parametrize("noise_hu", [0, 15])
@pytest.mark.parametrize("fat", [False, True])
@pytest.mark.parametrize("bone_hu", [300, 700, 1200])
def test_even_bone_of_a_phantom_is_bone(bone_hu: float, fat: bool, noise_hu: float):
    labels = found(chest(bone_hu=bone_hu, fat=fat), noise_hu)
    assert dice(labels, SPINE) > 0.98
    said = next(check for check in labels.report.checks if check.code == "contrast")
    assert "phantom" in said.message


@pytest.mark.parametrize("noise_hu", [25, 50])
@pytest.mark.parametrize("blur", [0, 0.5])
def test_neither_noise_nor_blurred_edges_make_a_patient_of_a_phantom(
    blur: float, noise_hu: float
):
    array = gaussian_filter(chest(bone_hu=700, fat=True), blur)
    labels = found(array, noise_hu)
    assert dice(labels, SPINE) > 0.96
    said = next(check for check in labels.report.checks if check.code == "contrast")
    assert "phantom" in said.message


def test_lungs_drawn_as_air_are_lungs_and_a_bottle_is_none():
    drawn = chest(bone_hu=700)
    lungs = drawn == -850
    labels = found(np.where(lungs, -1000, drawn), 0, ["lungs"])
    assert np.array_equal(labels.array > 0, lungs)
    assert "second-method" in [check.code for check in labels.report.checks if not check.ok]
    bottle = np.where(ellipse(75, 75, 54, 70) & ~ellipse(72, 75, 34, 40), 0.0, -1000.0)
    assert not found(bottle, 0, ["lungs"]).array.any()


def test_what_is_far_less_dense_than_a_phantoms_bone_is_contrast():
    labels = found(chest(bone_hu=700, heart_hu=300), 10)
    assert dice(labels, SPINE) > 0.98
    assert np.count_nonzero(labels.mask("bones").array & HEART) < 0.01 * np.sum(SPINE)


def test_a_dry_skull_is_bone_and_body():
    array, bone = skull()
    assert dice(found(array, 10), bone) > 0.98


def test_a_head_with_little_fat_is_no_phantom():
    array, bone = skull()
    scalp = ((Z - 30) * 2) ** 2 + (Y - 75) ** 2 + (X - 75) ** 2 < 57**2
    array[scalp & (array < 0)] = 40
    away2 = ((Z - 34) * 2) ** 2 + (Y - 50) ** 2 + (X - 75) ** 2
    orbit = 40 - 140 * np.exp(-away2 / (2 * 9**2))
    labels = found(np.where(~bone & (array > 0), orbit, array), 10)
    said = next(check for check in labels.report.checks if check.code == "contrast")
    assert "phantom" not in said.message
    assert dice(labels, bone) > 0.98


@pytest.mark.parametrize("every_mm", [1.2, 2.0, 3.8])
def test_a_patient_is_one_on_voxels_of_any_size(every_mm: float):
    shape = tuple(int(width / every_mm) for width in (60, 130, 150))
    geometry = oblique_geometry(shape, (every_mm, 0.9 * every_mm, 1.1 * every_mm))
    k, j, i = np.indices(shape)
    x, y, _ = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    # fat goes over into muscle by 14 HU a mm, as where strands run through it
    waves = 140 * np.sin(2 * np.pi * x / 63) + 10 * np.sin(y / 17)
    hu = np.clip(waves - 25, -100, 55).astype(np.int16)
    i_mm, j_mm, k_mm = geometry.spacing
    assert not is_specimen(hu, np.ones(shape, bool), (k_mm, j_mm, i_mm))
    assert is_specimen(np.where(waves > 0, 55, -100), hu < 999, (k_mm, j_mm, i_mm))


@pytest.mark.parametrize("fat_hu", [-100, 50])
def test_a_field_of_view_too_small_to_tell_shows_a_patient(fat_hu: int):
    shape = (11, 13, 15)
    hu = np.full(shape, 50, np.int16)
    hu[:, :, :7] = fat_hu  # a piece of muscle, or of muscle under fat
    assert not is_specimen(hu, np.ones(shape, bool), (2.1, 1.9, 2.0))


def test_a_patient_of_whom_little_fat_is_between_is_one():
    shape = (30, 40, 50)
    hu = np.full(shape, 50, np.int16)
    hu[:, :, :20] = -100
    hu[:, :, 20:25] = np.array([-75, -50, -25, 0, 25])  # a gentle slope in a few slices
    hu[4:, :, 20:25] = [[-100, -100, 50, 50, 50]]
    body, spacing = np.ones(shape, bool), (2.1, 1.9, 2.0)
    assert not is_specimen(hu, body, spacing)
    hu[:4] = hu[4:8]
    assert is_specimen(hu, body, spacing)


def test_a_rod_of_bone_in_air_is_bone():
    rod = ellipse(75, 75, 12, 12)
    assert dice(found(np.where(rod, 800.0, -1000.0), 10), rod) > 0.98


def test_thin_dry_bones_in_air_are_bone_whatever_holds_the_rest():
    array = np.full(SHAPE, -1000.0)
    shell = ellipse(60, 75, 44, 60) & ~ellipse(60, 75, 40, 56) & (Z % 12 < 5)
    wall = np.broadcast_to(shell, SHAPE)
    array[wall] = 900
    assert dice(found(array, 10), wall) > 0.98
    array[SPINE] = 900
    assert dice(found(array, 10), wall | SPINE) > 0.98


def test_what_may_be_hu_is_refused_with_the_way_to_say_so():
    volume = Volume(np.zeros((4, 8, 8), np.int16), oblique_geometry((4, 8, 8), (1, 1, 2)), "")
    with pytest.raises(UnsupportedError, match="sample units: HU"):
        segment(volume, ["bones"])
