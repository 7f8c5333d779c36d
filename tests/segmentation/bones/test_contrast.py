"""What tells contrast from bone, in a trunk on a turned grid of unequal sides."""

from dataclasses import replace

import numpy as np

from tests.segmentation.bones.test_plaques import away, bones_of, trunk, turned
from vis3d.segmentation import segment
from vis3d.volume import Volume


def test_the_muscle_of_a_heart_between_bright_chambers_is_no_marrow() -> None:
    hu, spine, (x, y, z) = trunk(350.0)
    off = away(x + 25, y + 30, z)
    muscle = (off < 36) & ((abs(x + 25) < 7) | ((off > 10) & (off < 20)))
    hu[off < 40], hu[muscle] = 350, 125
    bones = bones_of(hu)
    assert np.count_nonzero(bones & (off < 40)) < 0.01 * np.count_nonzero(spine)
    assert np.mean(bones[spine]) > 0.95


def test_a_weak_spine_that_a_bright_aorta_touches_is_bone() -> None:
    hu, spine, (x, y, _) = trunk()
    aorta = np.hypot(x - 12, y + 10) < 13
    random = np.random.default_rng(0)
    hu[spine] = np.where(hu[spine] > 300, 220, random.normal(150, 30, spine.sum()))
    hu[aorta] = 400
    bones = bones_of(hu)
    assert np.mean(bones[spine & ~aorta]) > 0.85
    assert np.mean(bones[aorta & ~spine]) < 0.01


def test_a_solid_vertebra_is_no_contrast() -> None:
    hu, spine, _ = trunk(320.0)
    hu[spine] = 1100
    assert np.mean(bones_of(hu)[spine]) > 0.97


def test_an_aorta_in_a_few_slices_is_contrast() -> None:
    hu, spine, (x, y, _) = trunk()
    aorta = (np.hypot(x - 12, y + 10) < 13) & ~spine
    hu[aorta] = 350
    hu += np.random.default_rng(3).normal(0, 12, hu.shape)
    few = slice(20, 28)
    volume = Volume(hu.round().astype(np.int16), turned(), metadata={"modality": "CT"})
    k_mm = volume.geometry.affine[:3, 2] * few.start
    geometry = replace(
        volume.geometry,
        shape=(few.stop - few.start, *volume.geometry.shape[1:]),
        origin=tuple((volume.geometry.origin + k_mm).tolist()),
    )
    cut = Volume(volume.array[few], geometry, metadata=volume.metadata)
    bones = segment(cut, ["bones"]).mask("bones").array
    assert np.mean(bones[aorta[few]]) < 0.02
    assert np.mean(bones[spine[few]]) > 0.95


def test_the_medulla_of_a_kidney_is_no_marrow() -> None:
    hu, spine, (x, y, z) = trunk(300.0)
    kidney = away(x - 75, (y - 10) / 0.9, (z - 4) / 1.6) < 26
    hu[kidney] = 260
    for along in np.linspace(-29, 29, 6):
        for turn in (-1, 0, 1):
            side = (x - 75 - 8 * np.cos(turn), y - 10 - 8 * np.sin(turn), z - 4 - along)
            hu[kidney & (away(*side) < 8)] = 115
    bones = bones_of(hu)
    assert not (bones & kidney).any()
    assert np.mean(bones[spine]) > 0.95
