"""A scan on a finer grid is the same scan: its bones have the same volume."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from tests.conftest import oblique_geometry
from vis3d.geometry import Geometry
from vis3d.resample import isotropic_geometry, resample
from vis3d.segmentation import segment
from vis3d.segmentation.voxels.noise import CALM_HU, blur_needed, reach, smoothed
from vis3d.volume import Mask, Volume

SPACING = (0.9, 1.1, 1.9)
TRUE_ML = 49.7
MARGIN_MM = 4.0
"""What lies nearer to the ends is left out: there a finer grid's voxels are no others."""


def limb(noise_hu: float) -> Volume:
    """Two leaning bones of cortex and marrow in muscle, fat and skin, on an oblique grid."""
    geometry = oblique_geometry((44, 90, 104), SPACING)
    k, j, i = np.indices(geometry.shape)
    middle = (np.array(geometry.shape[::-1]) - 1) / 2
    x, y, z = (
        (n - m) * mm for n, m, mm in zip((i, j, k), middle, geometry.spacing, strict=True)
    )
    depth = np.hypot(x, y)
    hu = np.select([depth < 36, depth < 43, depth < 45], [50.0, -100.0, 20.0], -1000.0)
    for side, radius, wall in ((-13.0, 12.0, 3.0), (15.0, 8.0, 2.0)):
        away = np.hypot(x - side - 0.15 * z, y + 0.1 * z)
        hu[away < radius] = 900.0
        hu[away < radius - wall] = -60.0
    hu = gaussian_filter(hu, [0.4 / mm for mm in geometry.spacing[::-1]])
    hu += np.random.default_rng(7).normal(0, noise_hu, hu.shape)
    return Volume(np.rint(hu).astype(np.int16), geometry, metadata={"modality": "CT"})


def repeated(volume: Volume, times: tuple[int, int, int]) -> Volume:
    """Each voxel cut into `times` (k, j, i): the same scan, exactly."""
    array, old = volume.array, volume.geometry
    for axis, count in enumerate(times):
        array = np.repeat(array, count, axis)
    ni, nj, nk = times[::-1]
    i_mm, j_mm, k_mm = old.spacing
    x, y, z = old.to_lps([(1 / n - 1) / 2 for n in (ni, nj, nk)]).tolist()
    grid = Geometry(array.shape, (i_mm / ni, j_mm / nj, k_mm / nk), (x, y, z), old.direction)
    return Volume(array, grid, volume.unit, volume.padding, volume.metadata)


def bones(volume: Volume) -> Mask:
    return segment(volume, ["bones"]).mask("bones")


def inner_ml(mask: Mask) -> float:
    margins = [round(MARGIN_MM / mm) for mm in mask.geometry.spacing[::-1]]
    inner = mask.array[tuple(slice(m, -m) for m in margins)]
    return np.count_nonzero(inner) * mask.geometry.voxel_ml


@pytest.mark.parametrize("noise_hu", [8.0, 40.0])
@pytest.mark.parametrize("times", [(2, 2, 2), (1, 2, 2), (2, 1, 1)])
def test_cutting_voxels_into_parts_changes_no_volume(
    noise_hu: float, times: tuple[int, int, int]
) -> None:
    volume = limb(noise_hu)
    ml = inner_ml(bones(volume))
    assert ml == pytest.approx(TRUE_ML, rel=0.02)
    assert inner_ml(bones(repeated(volume, times))) == pytest.approx(ml, rel=0.005)


@pytest.mark.parametrize("noise_hu", [8.0, 40.0])
@pytest.mark.parametrize("spacing_mm", [0.8])
def test_finer_values_between_voxels_change_little(noise_hu: float, spacing_mm: float) -> None:
    volume = limb(noise_hu)
    ml = inner_ml(bones(volume))
    finer = resample(volume, isotropic_geometry(volume.geometry, spacing_mm))
    assert inner_ml(bones(finer)) == pytest.approx(ml, rel=0.005)


def noisy(sigma: float) -> NDArray[np.int16]:
    random = np.random.default_rng(4)
    return np.rint(50 + random.normal(0, sigma, (16, 80, 90))).astype(np.int16)


@pytest.mark.parametrize("times", [2, 3])
def test_noise_needs_the_same_blur_on_a_finer_grid(times: int) -> None:
    scan = noisy(60.0)
    blur, left = blur_needed(scan, (1.9, 1.1, 0.9))
    fine = scan
    for axis in range(3):
        fine = np.repeat(fine, times, axis)
    again, as_much = blur_needed(fine, (1.9 / times, 1.1 / times, 0.9 / times))
    assert again == pytest.approx(blur, rel=0.2)
    assert as_much == left


@pytest.mark.parametrize("sigma", [40.0, 70.0, 100.0])
def test_values_between_the_columns_hide_no_noise(sigma: float) -> None:
    scan = noisy(sigma)
    blur, left = blur_needed(scan, (1.9, 1.5, 1.5))
    assert left == CALM_HU
    fine = np.repeat(scan, 2, axis=2)
    fine[:, :, 1:-1:2] = (scan[:, :, :-1] + scan[:, :, 1:]) // 2
    again, as_much = blur_needed(fine, (1.9, 1.5, 0.75))
    # somewhat less: the values between are the mean of two
    assert 0.7 * blur < again < 1.05 * blur
    assert as_much == CALM_HU


@pytest.mark.parametrize("spacing", [(1.0, 0.8, 0.7), (0.5, 0.4, 0.35), (2.5, 0.9, 0.9)])
@pytest.mark.parametrize("variance_mm2", [0.2, 0.64, 1.5])
def test_a_blur_is_as_wide_as_asked_on_every_grid(
    spacing: tuple[float, float, float], variance_mm2: float
) -> None:
    scan = np.zeros((41, 43, 45), np.float32)
    scan[20, 21, 22] = 1600
    soft = smoothed(scan, variance_mm2, spacing)
    assert soft.sum() == pytest.approx(1600, rel=1e-4)
    for axis, mm in enumerate(spacing):
        others = tuple(a for a in range(3) if a != axis)
        away = (np.arange(scan.shape[axis]) - 20 - axis) * mm
        width = float((soft.sum(axis=others) * away**2).sum()) / 1600
        # rounded to a quarter of a pass: an eighth of a voxel squared
        assert width == pytest.approx(variance_mm2, abs=0.07 * max(mm, variance_mm2**0.5) ** 2)
    reached = np.flatnonzero(soft.any(axis=(1, 2)))
    assert max(abs(reached - 20)) <= reach(variance_mm2, spacing)


def test_smoothing_whole_numbers_neither_runs_over_nor_drifts() -> None:
    scan = noisy(300.0)
    scan[3, 4:9, 5:9], scan[8, 4:9, 5:9] = 32767, -32768
    soft = smoothed(scan, 0.9, (1.9, 1.1, 0.9))
    exact = smoothed(scan.astype(np.float32), 0.9, (1.9, 1.1, 0.9))
    assert soft.dtype == np.int16
    assert np.abs(soft - exact).max() < 4
    assert abs(float((soft - exact).mean())) < 1
