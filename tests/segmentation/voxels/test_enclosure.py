"""What encloses a voxel, where the spinal canal runs, and how noisy a scan is."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import DTypeLike

from vis3d.errors import Cancelled
from vis3d.segmentation.bones.canal import spinal_canal
from vis3d.segmentation.voxels import slabs
from vis3d.segmentation.voxels.enclosure import open_directions, walled_lines
from vis3d.segmentation.voxels.noise import blur_needed, noise_hu, smoothed

SPACING = (3.0, 1.5, 2.0)


def hollow_box() -> np.ndarray:
    """Walls of two voxels round a cavity, in the middle of nothing."""
    solid = np.zeros((20, 40, 30), bool)
    solid[4:16, 9:31, 7:23] = True
    solid[6:14, 11:29, 9:21] = False
    return solid


def test_a_cavity_is_closed_to_all_sides_and_the_outside_open_to_most() -> None:
    opened = open_directions(hollow_box(), 100.0, SPACING)
    assert not opened[6:14, 12:28, 10:20].any()
    assert opened[0, 0, 0] >= 25
    assert opened[10, 20, 3] >= 13, "beside a wall at least half the directions are free"


def test_walls_out_of_reach_do_not_enclose() -> None:
    opened = open_directions(hollow_box(), 4.0, SPACING)
    assert opened[10, 20, 15] == 26


def test_a_tube_that_the_scan_cuts_is_taken_to_go_on() -> None:
    solid = hollow_box()[:10]
    opened = open_directions(solid, 25.0, SPACING)
    assert opened[9, 20, 15] <= 1, "only straight on nothing is in the way"


def test_looking_round_stops_where_the_progress_says_so() -> None:
    def stop(fraction: float, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        open_directions(hollow_box(), 20.0, SPACING, progress=stop)


def spine(lean: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rings of bone that lean to the side, their canal, and a second ring of fatty marrow."""
    k, j, i = np.indices((40, 50, 60)) * np.array(SPACING).reshape(3, 1, 1, 1)
    aside = 60 + lean * (k - 60)
    depth = np.hypot(j - 40, i - aside)
    bone = (depth < 14) & (depth > 9)
    bone &= (np.mod(k, 24) > 4) | (np.abs(j - 40) > 3)  # nerves leave between vertebrae
    hu = np.where(bone, 500.0, 40.0)
    femur = np.hypot(j - 40, i - 20)
    bone |= (femur < 12) & (femur > 8)
    hu[bone] = 500.0
    hu[femur <= 8] = -60.0
    return hu.astype(np.float32), bone, depth < 9


@pytest.mark.parametrize("lean", [0.0, 0.3, -0.4])
def test_the_canal_is_followed_through_a_leaning_spine(lean: float) -> None:
    hu, bone, truth = spine(lean)
    canal = spinal_canal(hu, bone, SPACING)
    assert (canal & truth).sum() > 0.9 * truth.sum()
    assert (canal & truth).sum() > 0.9 * canal.sum()


def test_without_bone_there_is_no_canal() -> None:
    hu = np.full((20, 30, 30), 40.0, np.float32)
    assert not spinal_canal(hu, np.zeros(hu.shape, bool), SPACING).any()


@pytest.mark.parametrize("sigma", [5.0, 20.0])
@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_noise_is_measured_in_soft_tissue(sigma: float, kind: DTypeLike) -> None:
    random = np.random.default_rng(3)
    scan = np.array(50 + random.normal(0, sigma, (16, 80, 90)), kind)
    scan[:, :20] = -900
    assert noise_hu(scan, 0.8) == pytest.approx(sigma, rel=0.15)


def test_only_noisy_scans_are_smoothed() -> None:
    random = np.random.default_rng(4)
    calm = (50 + random.normal(0, 10, (16, 80, 90))).astype(np.int16)
    noisy = (50 + random.normal(0, 35, (16, 80, 90))).astype(np.int16)
    assert blur_needed(calm, (1.0, 1.0, 1.0))[0] == 0
    blur, left = blur_needed(noisy, (1.0, 1.0, 1.0))
    assert 0.1 < blur < 0.5
    assert left < 25


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_smoothing_weighs_neighbours_one_two_one_and_spares_thick_slices(
    kind: DTypeLike,
) -> None:
    scan = np.array(np.zeros((3, 5, 7)), kind)
    scan[1, 2, 3] = 1600
    soft = smoothed(scan, 0.5, (3.0, 1.0, 1.0))
    assert soft.dtype == kind
    np.testing.assert_array_equal(soft[1, 2], [0, 0, 200, 400, 200, 0, 0])
    np.testing.assert_array_equal(soft[1, :, 3], [0, 200, 400, 200, 0])
    assert not soft[[0, 2]].any()
    assert scan[1, 2, 3] == 1600, "what was given stays as it was"


def test_rays_take_little_more_than_the_walls_moved_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slabs, "THREADS", 1)
    walls = np.random.default_rng(3).random((60, 110, 130)) > 0.97
    tracemalloc.start()
    try:
        walled_lines(walls, 20.0, (2.5, 1.8, 1.9))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # padded, counted and moved: each with room for the rays that leave a row
    assert peak < 4.5 * walls.size
