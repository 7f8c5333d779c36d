"""Mask operations against balls and blocks whose size is known, on an oblique grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import oblique_geometry
from vis3d.errors import UsageError
from vis3d.geometry import Geometry
from vis3d.segmentation import mask_operations as operations
from vis3d.volume import Mask, Volume

GRID = oblique_geometry((40, 60, 70), (0.7, 0.9, 1.3))


def ball(radius_mm: float, offset_mm: tuple[float, float, float] = (0, 0, 0)) -> Mask:
    ijk = np.stack(np.meshgrid(*(np.arange(n) for n in GRID.shape), indexing="ij"), -1)
    distance = np.linalg.norm(
        GRID.to_lps(ijk[..., ::-1]) - GRID.center_lps - offset_mm, axis=-1
    )
    return Mask(distance <= radius_mm, GRID, "ball")


def ball_ml(radius_mm: float) -> float:
    return 4 / 3 * np.pi * radius_mm**3 / 1000


def random_mask(seed: int) -> Mask:
    values = np.random.default_rng(seed).random((9, 11, 13))
    return Mask(values > 0.6, Geometry((9, 11, 13), (0.7, 0.9, 2.5)))


@pytest.mark.parametrize("margin_mm", [4.0, -4.0])
def test_a_margin_is_in_millimetres_whatever_the_spacing(margin_mm: float) -> None:
    grown = operations.add_margin(ball(12.0), margin_mm)
    assert grown.volume_ml == pytest.approx(ball_ml(12.0 + margin_mm), rel=0.08)


def test_growing_and_shrinking_by_the_same_margin_gives_a_ball_back() -> None:
    back = operations.add_margin(operations.add_margin(ball(10.0), 5.0), -5.0)
    assert back.volume_ml == pytest.approx(ball_ml(10.0), rel=0.05)


def test_a_structure_cut_by_the_scan_does_not_shrink_at_the_cut() -> None:
    mask = Mask(np.ones((6, 7, 8), bool), Geometry((6, 7, 8)))
    assert operations.add_margin(mask, -3.0).array.all()


def test_closing_fills_a_gap_thinner_than_twice_the_radius_only() -> None:
    mask = ball(14.0)
    slit = mask.array.copy()
    slit[:, 29:31] = False
    closed = operations.close(Mask(slit, GRID), 2.0)
    assert closed.volume_ml == pytest.approx(mask.volume_ml, rel=0.02)
    wide = mask.array.copy()
    wide[:, 25:35] = False
    assert not operations.close(Mask(wide, GRID), 2.0).array[20, 30, 35]


def test_opening_removes_a_bridge_and_keeps_the_balls() -> None:
    pair = ball(9.0, (-13, 0, 0)).array | ball(9.0, (13, 0, 0)).array
    bridge = ball(30.0).array & (np.abs(np.arange(60) - 30) < 2)[:, None]
    bridge &= (np.abs(np.arange(40) - 20) < 2)[:, None, None]
    opened = operations.open_up(Mask(pair | bridge, GRID), 3.0)
    assert opened.volume_ml == pytest.approx(2 * ball_ml(9.0), rel=0.08)


def test_islands_are_kept_removed_and_split_by_size() -> None:
    large, small = ball(9.0, (-14, 0, 0)), ball(5.0, (14, 0, 0))
    both = Mask(large.array | small.array, GRID, "balls")
    np.testing.assert_array_equal(operations.largest_components(both).array, large.array)
    np.testing.assert_array_equal(
        operations.remove_islands(both, below_ml=1.0).array, large.array
    )
    pieces = operations.split_islands(both)
    assert [piece.name for piece in pieces] == ["balls 1", "balls 2"]
    np.testing.assert_array_equal(pieces[1].array, small.array)
    near_small = np.add(GRID.center_lps, (14, 1, 1))
    np.testing.assert_array_equal(operations.keep_island(both, near_small).array, small.array)


def test_filling_closes_cavities_up_to_a_size_and_no_open_hole() -> None:
    hollow = ball(12.0).array & ~ball(5.0).array
    assert operations.fill(Mask(hollow, GRID)).volume_ml == pytest.approx(ball(12).volume_ml)
    kept = operations.fill(Mask(hollow, GRID), up_to_ml=0.1)
    np.testing.assert_array_equal(kept.array, hollow)


def test_smoothing_keeps_the_volume_and_removes_the_specks() -> None:
    specks = ball(12.0).array ^ (np.random.default_rng(1).random(GRID.shape) < 0.02)
    smooth = operations.smooth(Mask(specks, GRID), 1.5)
    # blurring moves a curved border inwards by sigma^2 / radius: 0.19 mm here, 5 %
    assert smooth.volume_ml == pytest.approx(ball_ml(12.0 - 1.5**2 / 12.0), rel=0.02)
    assert not (smooth.array & ~operations.add_margin(ball(12.0), 2.0).array).any()


def test_a_region_grows_from_a_point_in_the_patient_and_stops_at_the_tolerance() -> None:
    mask = ball(10.0)
    array = np.where(mask.array, 100, 0).astype(np.int16)
    array[0, 0, 0] = 100
    grown = operations.region_growing(Volume(array, GRID), GRID.center_lps, tolerance=20)
    np.testing.assert_array_equal(grown.array, mask.array)


def test_a_seed_outside_the_scan_is_refused() -> None:
    volume = Volume(np.zeros(GRID.shape, np.int16), GRID)
    with pytest.raises(UsageError, match="outside the scan"):
        operations.region_growing(volume, (1e4, 0, 0), tolerance=1)


def test_a_threshold_never_selects_padding() -> None:
    array = np.full((3, 4, 5), -3024, np.int16)
    array[1] = 40
    volume = Volume(array, Geometry((3, 4, 5)), padding=-3024)
    assert operations.threshold(volume, high=0).volume_ml == 0
    np.testing.assert_array_equal(operations.threshold(volume).array, array == 40)
    with pytest.raises(UsageError, match="two different values"):
        operations.otsu_level(volume)


def test_otsu_parts_two_tissues() -> None:
    array = np.where(ball(12.0).array, 50, -900).astype(np.int16)
    assert -900 <= operations.otsu_level(Volume(array, GRID)) < 50


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000), radius_mm=st.floats(0.5, 5))
def test_opening_shrinks_and_closing_grows_any_mask(seed: int, radius_mm: float) -> None:
    mask = random_mask(seed)
    assert not (operations.open_up(mask, radius_mm).array & ~mask.array).any()
    assert not (mask.array & ~operations.close(mask, radius_mm).array).any()


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000))
def test_islands_split_add_up_to_the_mask(seed: int) -> None:
    mask = random_mask(seed)
    pieces = operations.split_islands(mask)
    np.testing.assert_array_equal(sum(piece.array.astype(int) for piece in pieces), mask.array)


def test_an_empty_mask_stays_empty() -> None:
    empty = Mask(np.zeros((4, 5, 6), bool), Geometry((4, 5, 6)))
    for operation in (
        operations.largest_components,
        operations.fill,
        lambda mask: operations.close(mask, 2.0),
        lambda mask: operations.add_margin(mask, 3.0),
        lambda mask: operations.add_margin(mask, -3.0),
        lambda mask: operations.smooth(mask, 1.0),
    ):
        assert not operation(empty).array.any()
    with pytest.raises(UsageError, match="empty"):
        operations.keep_island(empty, (0, 0, 0))
