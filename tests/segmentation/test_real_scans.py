"""Scans of real patients: against experts where there are any, else against anatomy."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.segmentation.simple_chest import dice
from vis3d.files import load_volume, read_labelmap, read_volume
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap
from vis3d.segmentation import segment
from vis3d.volume import Volume

pytestmark = pytest.mark.real
EVERYTHING = ("lungs", "airways", "bones", "body")


def segmented(path: Path) -> tuple[Volume, LabelMap]:
    volume = load_volume(path)
    return volume, segment(volume, EVERYTHING)


def checks(labels: LabelMap) -> dict[str, bool]:
    return {check.code: check.ok for check in labels.report.checks}


def middle_lps(labels: LabelMap, name: str) -> np.ndarray:
    ijk = np.argwhere(labels.mask(name).array)[:, ::-1]
    return labels.geometry.to_lps(ijk.mean(axis=0))


def test_lungs_agree_with_an_expert_on_coarse_voxels(real_data: Path) -> None:
    folder = real_data / "cip_small_chest"
    volume = read_volume(folder / "ct-64.nrrd")
    labels = segment(volume, ["lungs", "airways"])
    expert = read_labelmap(folder / "wholeLung-64.nrrd").array > 0
    lungs = labels.mask("lungs").array
    assert dice(lungs, expert) > 0.98
    lobes = read_labelmap(folder / "lm-64.nrrd").array
    left, right = labels.mask("left lung").array, labels.mask("right lung").array
    sides = {1: np.isin(lobes, (9, 10, 11)), 2: np.isin(lobes, (12, 13, 14))}
    for side, lobes_of_side in sides.items():
        # lobes leave out vessels, the whole lung doesn't
        recall = np.count_nonzero(lobes_of_side & (labels.array == side))
        assert recall > 0.975 * np.count_nonzero(lobes_of_side)
    # Chest Imaging Platform's lobes: 9 to 11 left, 12 to 14 right
    # where both touch, a voxel of 4 mm may hold some of each
    assert np.count_nonzero(left[np.isin(lobes, (12, 13, 14))]) <= 5
    assert np.count_nonzero(right[np.isin(lobes, (9, 10, 11))]) <= 5


def test_lungs_of_a_whole_chest_lie_on_their_own_sides(real_data: Path) -> None:
    volume, labels = segmented(real_data / "lidc_idri_0314.zip")
    left, right = middle_lps(labels, "left lung"), middle_lps(labels, "right lung")
    assert left[0] - right[0] > 80
    assert 1700 < labels.volume_ml("left lung") < 2100
    assert 800 < labels.volume_ml("right lung") < 1050
    assert not checks(labels)["sides-ratio"], "this patient's right lung is small"
    values = volume.array[labels.mask("lungs").array]
    assert np.mean(values < -990) < 0.01, "trachea or outside air in the lungs"
    assert 20 < labels.volume_ml("airways") < 80


def test_contrast_and_table_are_no_bones(real_data: Path) -> None:
    volume, labels = segmented(real_data / "cmb_crc_01068.zip")
    bones, lungs = labels.mask("bones").array, labels.mask("lungs").array
    assert 900 < labels.volume_ml("bones") < 1500
    assert checks(labels)["contrast"]
    heart_lps = (middle_lps(labels, "left lung") + middle_lps(labels, "right lung")) / 2
    k, j, i = np.indices(volume.array.shape, sparse=True)
    heart = volume.geometry.to_ijk(heart_lps)
    spacing = volume.geometry.spacing
    near = (
        ((i - heart[0]) * spacing[0]) ** 2
        + ((j - heart[1]) * spacing[1]) ** 2
        + ((k - heart[2]) * spacing[2]) ** 2
    ) < 35**2
    assert np.count_nonzero(near & (volume.array > 250)) > 10_000, "contrast is there"
    assert np.count_nonzero(near & bones) < 0.01 * np.count_nonzero(bones)
    artery_i, artery_j, artery_k = np.rint(volume.geometry.to_ijk((-104, -17, -35))).astype(int)
    artery = np.s_[
        artery_k - 1 : artery_k + 2,
        artery_j - 9 : artery_j + 10,
        artery_i - 30 : artery_i + 10,
    ]
    assert np.count_nonzero(volume.array[artery] > 250) > 150, "it touches a rib"
    assert not bones[artery].any()
    assert not (labels.array[~volume.inside_scan()]).any()
    assert not checks(labels)["touches-edge"], "the scan ends above the lung bases"
    assert lungs.any()


def test_a_sharp_noisy_kernel_does_not_make_the_airways_leak(real_data: Path) -> None:
    volume = load_volume(real_data / "cmb_crc_01068.zip")
    hu = np.maximum(volume.array, -1024).astype(np.float32)
    hu = hu.reshape(-1, 256, 2, 256, 2).mean(axis=(2, 4))
    hu += 1.5 * (hu - gaussian_filter(hu, (0, 1.2, 1.2)))
    hu += np.random.default_rng(0).normal(0, 60, hu.shape)
    i_mm, j_mm, k_mm = volume.geometry.spacing
    geometry = Geometry(hu.shape, (2 * i_mm, 2 * j_mm, k_mm), volume.geometry.origin)
    # the air of the trachea lies at the lowest value, where its noise is cut off
    sharp = Volume(np.rint(np.maximum(hu, -1024)).astype(np.int16), geometry)
    labels = segment(sharp, ["lungs", "airways"])
    assert 35 < labels.volume_ml("airways") < 70
    assert labels.volume_ml("lungs") > 4200


def test_two_kernels_of_one_scan_agree(real_data: Path) -> None:
    path = real_data / "lung_pet_ct_dx_a0002.zip"
    volumes = [
        segment(load_volume(path, series=index), ["lungs"]).volume_ml("lungs")
        for index in (1, 2)
    ]
    assert volumes[0] == pytest.approx(volumes[1], rel=0.005)


def test_bones_of_an_abdomen_agree_with_a_model_of_104_structures(real_data: Path) -> None:
    folder = real_data / "totalsegmentator"
    table = (folder / "labels_total_v2.txt").read_text()
    names = {int(label): name for label, name in re.findall(r'(\d+): "(\w+)"', table)}
    kinds = ("vertebrae", "rib_", "hip_", "femur", "sacrum")
    bony = [label for label, name in names.items() if name.startswith(kinds)]
    truth = np.isin(read_labelmap(folder / "example_seg_fast_force_split.nii.gz").array, bony)
    labels = segment(read_volume(folder / "example_ct.nii.gz"), EVERYTHING)
    assert dice(labels.mask("bones").array, truth) > 0.9
    assert 80 < labels.volume_ml("lungs") < 150, "the lung bases, without the bowel's gas"
    assert not checks(labels)["trachea-found"]


def test_a_head_has_no_lungs_but_a_skull(real_data: Path) -> None:
    volume = load_volume(real_data / "ge_tilted_head.zip", gaps="interpolate")
    labels = segment(volume, EVERYTHING)
    assert labels.volume_ml("lungs") == 0
    assert not checks(labels)["lungs-found"]
    assert 400 < labels.volume_ml("bones") < 800
    assert 2200 < labels.volume_ml("body") < 3500
