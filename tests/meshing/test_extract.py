"""Surfaces lie where the structure lies, closed, outward and of the right size."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tests.conftest import oblique_geometry
from tests.meshing.judges import is_closed_and_manifold, piece_count, welded
from tests.meshing.shapes import (
    VOLUME_ML,
    Distance,
    grid_round,
    plate,
    samples_of,
    scan_of,
    sphere,
    torus,
    truth_of,
)
from vis3d.errors import Cancelled, InputError, TooLargeError, UsageError
from vis3d.geometry import Geometry, right_handed
from vis3d.meshing import extract_surface, isosurface
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume

GRID = grid_round()


def ball(geometry: Geometry, radius_mm: float = 8.0) -> Volume:
    """0 HU outside, 1000 HU inside, an edge 5 mm wide, in the middle of the grid."""
    nk, nj, ni = geometry.shape
    k, j, i = np.meshgrid(np.arange(nk), np.arange(nj), np.arange(ni), indexing="ij")
    lps = geometry.to_lps(np.stack([i, j, k], axis=-1))
    distance_mm = np.linalg.norm(lps - geometry.center_lps, axis=-1)
    edge = np.clip((radius_mm - distance_mm) / 5 + 0.5, 0, 1)
    return Volume((1000 * edge).astype(np.float32), geometry)


def test_isosurface_lies_where_the_ball_lies_in_the_patient(oblique: Geometry) -> None:
    surface = isosurface(ball(oblique), 500)
    distance_mm = np.linalg.norm(surface.points - oblique.center_lps, axis=1)
    assert abs(distance_mm - 8).mean() < 0.03
    assert abs(distance_mm - 8).max() < 0.25
    assert surface.volume_ml > 0
    assert is_closed_and_manifold(surface)


# mean and 95th percentile of the deviation in mm, and the volume's error in percent
FIGURES = [(sphere, 0.04, 0.12, 0.3), (torus, 0.05, 0.12, 0.7), (plate, 0.09, 0.26, 3.0)]


@pytest.mark.parametrize(("distance", "mean_mm", "p95_mm", "percent"), FIGURES)
def test_structure_is_placed_by_the_scan_below_the_size_of_a_voxel(
    distance: Distance, mean_mm: float, p95_mm: float, percent: float
) -> None:
    scan = scan_of(distance, GRID)
    surface = extract_surface(Mask(truth_of(distance, GRID), GRID, "solid"), scan)
    off_mm = abs(distance(samples_of(surface) - GRID.center_lps))
    assert off_mm.mean() < mean_mm
    assert np.percentile(off_mm, 95) < p95_mm
    assert surface.volume_ml == pytest.approx(VOLUME_ML[distance], rel=percent / 100)
    assert is_closed_and_manifold(surface)


@pytest.mark.parametrize(("distance", "p95_mm"), [(sphere, 0.2), (torus, 0.25), (plate, 0.3)])
def test_label_alone_gives_no_staircase(distance: Distance, p95_mm: float) -> None:
    mask = Mask(truth_of(distance, GRID), GRID, "solid")
    surface = extract_surface(mask)
    off_mm = abs(distance(samples_of(surface) - GRID.center_lps))
    assert np.percentile(off_mm, 95) < p95_mm  # half-way between voxels: 0.4 to 0.5 mm
    assert surface.volume_ml == pytest.approx(mask.volume_ml, rel=0.002)


@pytest.mark.parametrize("level_hu", [200, 540, 900])
@pytest.mark.parametrize("distance", [sphere, torus])
def test_surface_encloses_what_the_label_does_whatever_threshold_made_it(
    distance: Distance, level_hu: int
) -> None:
    scan = scan_of(distance, GRID)
    mask = scan.mask(np.asarray(scan.array >= level_hu), "bones")
    surface = extract_surface(mask, scan)
    assert surface.volume_ml == pytest.approx(mask.volume_ml, rel=0.005)


def test_inside_may_be_darker_than_outside() -> None:
    scan = scan_of(sphere, GRID, low_hu=40, high_hu=-860)
    surface = extract_surface(Mask(truth_of(sphere, GRID), GRID, "left lung"), scan)
    off_mm = abs(sphere(samples_of(surface) - GRID.center_lps))
    assert np.percentile(off_mm, 95) < 0.12


def test_level_is_found_where_neighbours_differ() -> None:
    # An organ of 100 HU between lung on one side and bone on the other.
    scan = scan_of(sphere, GRID, low_hu=0, high_hu=1)
    part = scan_of(sphere, GRID, low_hu=0, high_hu=1000).array / 1000
    ni = GRID.shape[2]
    around = np.where(np.arange(ni) < ni / 2, -800, 700)[None, None, :]
    hu = np.round(100 * part + around * (1 - part)).astype(np.int16)
    scan = replace(scan, array=hu)
    surface = extract_surface(Mask(truth_of(sphere, GRID), GRID, "organ"), scan)
    off_mm = abs(sphere(samples_of(surface) - GRID.center_lps))
    assert np.percentile(off_mm, 95) < 0.12


def test_isosurface_counts_the_level_itself_as_inside(oblique: Geometry) -> None:
    array = np.zeros(oblique.shape, np.int16)
    array[5, 6, 7] = 300
    surface = isosurface(Volume(array, oblique), 300)
    assert len(surface.triangles) == 8
    assert is_closed_and_manifold(surface)


def test_isosurface_leaves_out_what_lies_outside_the_scan(oblique: Geometry) -> None:
    array = np.zeros(oblique.shape, np.int16)
    array[:, :, 20:] = 3000
    with pytest.raises(InputError, match="No voxel reaches 100 HU"):
        isosurface(Volume(array, oblique, padding=3000), 100)


def test_an_empty_mask_is_refused_by_name(oblique: Geometry) -> None:
    mask = Mask(np.zeros(oblique.shape, bool), oblique, "left lung")
    with pytest.raises(InputError, match="mask left lung is empty"):
        extract_surface(mask)


def test_a_mask_on_another_grid_than_the_volume_is_refused(oblique: Geometry) -> None:
    other = oblique_geometry(origin=(0.0, 0.0, 0.0))
    mask = Mask(np.ones(oblique.shape, bool), oblique, "all")
    with pytest.raises(InputError, match="resample"):
        extract_surface(mask, Volume(np.zeros(other.shape, np.int16), other))


@pytest.mark.parametrize(
    "options", [{"smooth_mm": -1.0}, {"max_triangles": 0}, {"max_deviation_mm": -0.5}]
)
def test_limits_that_make_no_sense_are_refused(
    options: dict[str, float], oblique: Geometry
) -> None:
    mask = Mask(np.ones(oblique.shape, bool), oblique, "all")
    with pytest.raises(UsageError, match=next(iter(options))):
        extract_surface(mask, **options)  # type: ignore[arg-type]


def test_a_keyword_that_is_no_option_is_refused(oblique: Geometry) -> None:
    with pytest.raises(TypeError, match="max_triangle"):
        isosurface(ball(oblique), 500, max_triangle=300)


def checkerboard(shape: tuple[int, int, int]) -> np.ndarray:
    return np.indices(shape).sum(axis=0) % 2 == 0


def touching_corners(shape: tuple[int, int, int]) -> np.ndarray:
    inside = np.zeros(shape, bool)
    inside[4:8, 4:8, 4:8] = inside[8:12, 8:12, 8:12] = inside[8:12, 4:8, 12:16] = True
    return inside


def single_voxels(shape: tuple[int, int, int]) -> np.ndarray:
    inside = np.zeros(shape, bool)
    inside[::2, ::3, ::2] = True
    return inside


@pytest.mark.parametrize("make", [checkerboard, touching_corners, single_voxels])
def test_voxels_that_touch_at_edges_and_corners_give_a_closed_manifold(
    make: Callable[[tuple[int, int, int]], np.ndarray], oblique: Geometry
) -> None:
    surface = extract_surface(Mask(make(oblique.shape), oblique, "awkward"))
    assert is_closed_and_manifold(surface)


@pytest.mark.parametrize("origin", [(0.0, 0.0, 0.0), (1900.0, -1700.0, 2500.0)])
def test_any_mask_gives_a_closed_manifold_even_far_from_the_origin(
    origin: tuple[float, float, float],
) -> None:
    geometry = oblique_geometry(spacing=(0.3, 0.3, 0.4), origin=origin)
    rng = np.random.default_rng(3)
    mask = Mask(rng.random(geometry.shape) < 0.4, geometry, "noise")
    scan = Volume(rng.normal(0, 300, geometry.shape).astype(np.int16), geometry)
    assert is_closed_and_manifold(extract_surface(mask))
    assert is_closed_and_manifold(extract_surface(mask, scan))


def test_cavities_and_specks_stay(oblique: Geometry) -> None:
    inside = np.zeros(oblique.shape, bool)
    inside[2:12, 3:20, 5:30] = True
    inside[6:8, 8:12, 10:20] = False
    inside[17, 27, 36] = True
    surface = extract_surface(Mask(inside, oblique, "hollow"))
    assert piece_count(surface) == 3
    assert surface.volume_ml == pytest.approx(np.count_nonzero(inside) * oblique.voxel_ml, 0.01)


def test_what_fills_the_whole_scan_has_no_surface_with_open_ends(oblique: Geometry) -> None:
    everything = Mask(np.ones(oblique.shape, bool), oblique, "block")
    with pytest.raises(InputError, match="block fills the whole scan"):
        extract_surface(everything, open_ends=True)
    with pytest.raises(InputError, match="level -1 fills"):
        isosurface(ball(oblique), -1, open_ends=True)


@pytest.mark.parametrize("far_mm", [1e4, 1e5, 1.3e5])
def test_surface_is_closed_where_coordinates_are_coarse(
    oblique: Geometry, far_mm: float
) -> None:
    away = replace(oblique, origin=(far_mm, -far_mm, far_mm))
    noise = np.random.default_rng(4).random(away.shape) < 0.3
    for surface in (extract_surface(Mask(noise, away)), isosurface(ball(away), 500)):
        assert is_closed_and_manifold(surface)


def test_scan_too_far_away_for_32_bit_coordinates_is_refused(oblique: Geometry) -> None:
    away = replace(oblique, origin=(1e6, 0, 0))
    with pytest.raises(InputError, match="32-bit numbers are 0.062 mm apart"):
        isosurface(ball(away), 500)


def test_what_is_too_small_to_be_smoothed_is_said_to_stay(oblique: Geometry) -> None:
    for radius_mm, codes in ((50, ["not-smoothed"]), (1, [])):
        surface = isosurface(ball(oblique), 500, smooth_mm=radius_mm)
        found = surface.metadata["findings"]
        assert isinstance(found, tuple)
        assert [one.code for one in found] == codes


def test_smoothing_that_would_take_hours_is_refused_with_what_would_not() -> None:
    tiny = Geometry((20, 20, 20), (1e-3, 1e-3, 1e-3))
    with pytest.raises(TooLargeError, match="smooth over .* mm or less"):
        extract_surface(ball(tiny, 6e-3).mask(np.ones(tiny.shape, bool), "block"), smooth_mm=9)


def test_a_structure_cut_by_the_border_is_closed_by_flat_caps_or_left_open(
    oblique: Geometry,
) -> None:
    inside = np.zeros(oblique.shape, bool)
    inside[:, 8:20, 10:30] = True
    mask = Mask(inside, oblique, "column")
    closed = extract_surface(mask)
    opened = extract_surface(mask, open_ends=True)
    assert is_closed_and_manifold(closed)
    assert not welded(opened).is_watertight
    ends_k = oblique.to_ijk(closed.points)[:, 2]
    assert (ends_k.min(), ends_k.max()) == pytest.approx((-0.5, 19.5), abs=1e-4)
    assert np.count_nonzero(ends_k < -0.49) > 100


def test_padding_is_no_wall_of_the_level_surface(oblique: Geometry) -> None:
    array = np.full(oblique.shape, 100, np.int16)
    _, nj, ni = oblique.shape
    j, i = np.mgrid[:nj, :ni]
    round_field = (j - nj / 2) ** 2 + (i - ni / 2) ** 2 < (nj / 2.2) ** 2
    array[:, ~round_field] = -3024
    surface = isosurface(Volume(array, oblique, padding=-3024), 0)
    assert is_closed_and_manifold(surface)
    assert surface.volume_ml == pytest.approx(
        np.count_nonzero(array == 100) * oblique.voxel_ml, rel=0.02
    )


@settings(deadline=None, max_examples=8)
@given(st.tuples(*[st.floats(-180, 180)] * 3), st.tuples(*[st.floats(-500, 500)] * 3))
def test_turning_the_patient_turns_the_surface(
    angles: tuple[float, float, float], shift_mm: tuple[float, float, float]
) -> None:
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    here = oblique_geometry()
    x, y, z = (turn @ np.array(here.origin) + shift_mm).tolist()
    there = replace(here, origin=(x, y, z), direction=turn @ here.direction)
    volume = ball(here)
    mask = volume.array >= 400
    first = extract_surface(Mask(mask, here, "ball"), volume)
    second = extract_surface(Mask(mask, there, "ball"), replace(volume, geometry=there))
    moved = first.points @ turn.T + shift_mm
    np.testing.assert_allclose(second.points, moved, atol=1e-3)


def test_a_left_handed_grid_gives_the_same_surface_in_the_patient(oblique: Geometry) -> None:
    volume = ball(oblique)
    mirrored = oblique.affine.copy()
    mirrored[:3, 3] += mirrored[:3, 0] * (oblique.shape[2] - 1)
    mirrored[:3, 0] *= -1
    array, geometry = right_handed(volume.array[:, :, ::-1], mirrored)
    first = isosurface(volume, 500)
    second = isosurface(Volume(array, geometry), 500)
    assert second.volume_ml == pytest.approx(first.volume_ml, rel=1e-3)
    np.testing.assert_allclose(second.points.mean(axis=0), oblique.center_lps, atol=0.01)


def test_smoothing_flattens_noise_and_keeps_the_volume() -> None:
    rng = np.random.default_rng(5)
    scan = scan_of(sphere, GRID)
    noisy = replace(scan, array=scan.array + rng.normal(0, 250, scan.array.shape))
    mask = Mask(truth_of(sphere, GRID), GRID, "ball")
    rough = extract_surface(mask, noisy)
    smooth = extract_surface(mask, noisy, smooth_mm=2.0)
    assert smooth.volume_ml == pytest.approx(rough.volume_ml, rel=1e-3)
    assert _off_mm(smooth) < 0.5 * _off_mm(rough)
    assert is_closed_and_manifold(smooth)


def _off_mm(surface: Surface) -> float:
    return float(abs(sphere(samples_of(surface) - GRID.center_lps)).mean())


def test_progress_grows_and_can_stop_the_work(oblique: Geometry) -> None:
    volume = ball(oblique)
    heard: list[float] = []
    isosurface(volume, 500, max_triangles=500, progress=lambda done, _: heard.append(done))
    assert heard == sorted(heard)
    assert heard[-1] == 1.0

    def stop(done: float, _: str) -> None:
        if done > 0.1:
            raise Cancelled

    with pytest.raises(Cancelled):
        isosurface(volume, 500, progress=stop)


def test_smoothing_leaves_specks_that_it_would_swallow(oblique: Geometry) -> None:
    inside = np.zeros(oblique.shape, bool)
    inside[2:12, 3:20, 5:30] = True
    inside[17, 27, 36] = True
    mask = Mask(inside, oblique, "block and speck")
    smooth = extract_surface(mask, smooth_mm=3.0)
    assert piece_count(smooth) == 2
    assert smooth.volume_ml == pytest.approx(mask.volume_ml, rel=0.01)
    assert abs(smooth.bounds_mm - extract_surface(mask).bounds_mm).max() < 6
