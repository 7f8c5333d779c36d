"""Masks from values: thresholds, Otsu, clusters and regions, on an oblique grid."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.filters import threshold_otsu

from tests.conftest import oblique_geometry
from vis3d.errors import Cancelled, UsageError
from vis3d.geometry import Geometry
from vis3d.segmentation.masks.selecting import (
    kmeans_ranges,
    otsu_level,
    region_growing,
    threshold,
)
from vis3d.volume import Volume

GRID = oblique_geometry((40, 60, 70), (0.7, 0.9, 1.3))


def ball(radius_mm: float, offset_mm: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    ijk = np.stack(np.meshgrid(*(np.arange(n) for n in GRID.shape), indexing="ij"), -1)
    offsets = GRID.to_lps(ijk[..., ::-1]) - GRID.center_lps - offset_mm
    return np.linalg.norm(offsets, axis=-1) <= radius_mm


def noisy(seed: int = 0, dtype: type = np.int16) -> Volume:
    random = np.random.default_rng(seed)
    array = np.where(ball(12.0), 50, -900) + random.normal(0, 20, GRID.shape)
    return Volume(array.astype(dtype), GRID)


def test_a_threshold_holds_both_its_ends_and_never_padding() -> None:
    array = np.full((3, 4, 5), -3024, np.int16)
    array[1] = 40
    array[2] = 41
    volume = Volume(array, Geometry((3, 4, 5)), padding=-3024)
    assert threshold(volume, high=0).volume_ml == 0
    np.testing.assert_array_equal(threshold(volume).array, array >= 40)
    np.testing.assert_array_equal(threshold(volume, 40, 40).array, array == 40)


@pytest.mark.parametrize("limits", [(100, 0), (np.nan, 5), (0, np.nan)])
def test_a_threshold_that_no_value_meets_is_refused(limits: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match="No value lies from"):
        threshold(noisy(), *limits)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_otsu_agrees_with_scikit_image_and_parts_two_tissues(dtype: type) -> None:
    volume = noisy(dtype=dtype)
    level = otsu_level(volume)
    np.testing.assert_array_equal(volume.array > level, ball(12.0))
    assert level == pytest.approx(threshold_otsu(volume.array), abs=8)
    inside = otsu_level(volume, volume.mask(ball(11.0), "inner"))
    assert inside == pytest.approx(50, abs=5)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_clusters_part_three_tissues_and_share_out_every_measured_voxel(dtype: type) -> None:
    array = noisy(dtype=dtype).array
    array[:6] += dtype(1500)
    array[39] = -3024
    volume = Volume(array, GRID, padding=-3024)
    ranges = kmeans_ranges(volume, 3)
    parts = [threshold(volume, *limits).array for limits in ranges]
    assert np.sum(parts, axis=0).max() == 1
    np.testing.assert_array_equal(np.any(parts, axis=0), volume.inside_scan())
    np.testing.assert_array_equal(parts[2][:6], np.ones_like(parts[2][:6]))
    np.testing.assert_array_equal(parts[1][6:39], ball(12.0)[6:39])


@settings(deadline=None, max_examples=25)
@given(
    values=st.lists(
        st.integers(-250, 250).map(lambda n: 4 * n), min_size=4, max_size=9, unique=True
    ),
    clusters=st.integers(2, 4),
)
def test_clusters_are_the_best_there_are(values: list[int], clusters: int) -> None:
    ordered = np.sort(np.array(values, float))
    shape = (1, 1, len(values))
    volume = Volume(np.array(values, np.int16).reshape(shape), Geometry(shape))

    def scatter(parts: list[np.ndarray]) -> float:
        return sum(((part - part.mean()) ** 2).sum() for part in parts)

    best = min(
        scatter(np.split(ordered, cuts))
        for cuts in combinations(range(1, len(ordered)), clusters - 1)
    )
    found = [
        ordered[(ordered >= low) & (ordered <= high)]
        for low, high in kmeans_ranges(volume, clusters)
    ]
    assert scatter(found) == pytest.approx(best)


def test_a_region_grows_from_a_point_in_the_patient_and_stops_at_its_range() -> None:
    array = np.where(ball(10.0), 100, 0).astype(np.int16)
    array[0, 0, 0] = 100
    volume = Volume(array, GRID)
    by_tolerance = region_growing(volume, GRID.center_lps, tolerance=20)
    np.testing.assert_array_equal(by_tolerance.array, ball(10.0))
    by_range = region_growing(volume, GRID.center_lps, range_hu=(50, 150))
    np.testing.assert_array_equal(by_range.array, ball(10.0))


def test_a_region_stays_in_a_ball_round_its_point() -> None:
    volume = Volume(np.zeros(GRID.shape, np.int16), GRID)
    at = GRID.to_lps((34, 29, 20))
    region = region_growing(volume, at, tolerance=1, max_radius_mm=7.05)
    np.testing.assert_array_equal(region.array, ball(7.05, at - GRID.center_lps))
    assert region_growing(volume, at, tolerance=1, max_radius_mm=0.1).array.sum() == 1
    assert region_growing(volume, at, tolerance=1, max_radius_mm=1e6).array.all()


def test_a_region_does_not_grow_through_corners_unless_asked_to() -> None:
    array = np.zeros((2, 2, 2), np.int16)
    array[0, 0, 0] = array[1, 1, 1] = 7
    volume = Volume(array, Geometry((2, 2, 2)))
    assert region_growing(volume, (0, 0, 0), tolerance=0).array.sum() == 1
    assert region_growing(volume, (0, 0, 0), tolerance=0, connectivity=26).array.sum() == 2


def test_regions_without_a_place_to_start_are_refused() -> None:
    volume = Volume(np.zeros(GRID.shape, np.int16), GRID)
    with pytest.raises(UsageError, match="outside the scan"):
        region_growing(volume, (1e4, 0, 0), tolerance=1)
    with pytest.raises(UsageError, match="finite"):
        region_growing(volume, (np.nan, 0, 0), tolerance=1)
    for point in ((0, 0), (0, 0, 0, 0), ("a", 0, 0), None):
        with pytest.raises(UsageError, match="three finite numbers"):
            region_growing(volume, point, tolerance=1)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="value 0, outside 10 to 20"):
        region_growing(volume, GRID.center_lps, range_hu=(10, 20))
    with pytest.raises(UsageError, match="value 0, outside"):
        region_growing(Volume(volume.array, GRID, padding=0), GRID.center_lps, tolerance=3)
    with pytest.raises(UsageError, match="a range of values, or a tolerance"):
        region_growing(volume, GRID.center_lps)
    with pytest.raises(UsageError, match="above 0 mm"):
        region_growing(volume, GRID.center_lps, tolerance=1, max_radius_mm=-1)


def test_too_few_values_to_part_are_refused() -> None:
    volume = Volume(np.full((3, 4, 5), 40, np.int16), Geometry((3, 4, 5)))
    with pytest.raises(UsageError, match="two different values"):
        otsu_level(volume)
    with pytest.raises(UsageError, match="1 different values"):
        kmeans_ranges(volume, 2)
    with pytest.raises(UsageError, match="2 to 16"):
        kmeans_ranges(volume, 1)


def test_selecting_stops_when_asked_to() -> None:
    def stop(fraction: float, what: str) -> None:
        raise Cancelled

    volume = noisy()
    for work in (
        lambda: threshold(volume, 0, progress=stop),
        lambda: otsu_level(volume, progress=stop),
        lambda: kmeans_ranges(volume, 3, progress=stop),
        lambda: region_growing(volume, GRID.center_lps, tolerance=90, progress=stop),
    ):
        with pytest.raises(Cancelled):
            work()
