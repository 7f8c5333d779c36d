"""Masks reshaped: balls and blocks whose size is known, on an oblique grid, and laws."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import oblique_geometry
from vis3d.errors import Cancelled, UsageError
from vis3d.geometry import Geometry
from vis3d.segmentation.masks import combining, islands
from vis3d.segmentation.masks import shaping as operations
from vis3d.segmentation.voxels import morphology
from vis3d.volume import Mask

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


def test_filling_closes_cavities_up_to_a_size_and_no_open_hole() -> None:
    hollow = ball(12.0).array & ~ball(5.0).array
    assert operations.fill(Mask(hollow, GRID)).volume_ml == pytest.approx(ball(12).volume_ml)
    kept = operations.fill(Mask(hollow, GRID), up_to_ml=0.1)
    np.testing.assert_array_equal(kept.array, hollow)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000), radius_mm=st.floats(0.5, 5))
def test_opening_shrinks_and_closing_grows_any_mask(seed: int, radius_mm: float) -> None:
    mask = random_mask(seed)
    assert not (operations.open_up(mask, radius_mm).array & ~mask.array).any()
    assert not (mask.array & ~operations.close(mask, radius_mm).array).any()


def test_an_empty_mask_stays_empty() -> None:
    empty = Mask(np.zeros((4, 5, 6), bool), Geometry((4, 5, 6)))
    for operation in (
        islands.largest_components,
        operations.fill,
        lambda mask: operations.close(mask, 2.0),
        lambda mask: operations.add_margin(mask, 3.0),
        lambda mask: operations.add_margin(mask, -3.0),
        lambda mask: operations.smooth(mask, 1.0),
        operations.fill_in_slices,
    ):
        assert not operation(empty).array.any()
        assert operation(empty).array.shape == empty.array.shape


def specked_ball() -> Mask:
    specks = np.random.default_rng(1).random(GRID.shape) < 0.02
    return Mask(ball(12.0).array ^ specks, GRID)


def test_smoothing_at_a_half_removes_specks_and_takes_from_what_is_convex() -> None:
    smooth = operations.smooth(specked_ball(), 1.5, keep_volume=False)
    # blurring moves a curved border inwards by sigma^2 / radius: 0.19 mm here, 5 %
    assert smooth.volume_ml == pytest.approx(ball_ml(12.0 - 1.5**2 / 12.0), rel=0.02)
    assert not (smooth.array & ~operations.add_margin(ball(12.0), 2.0).array).any()


def test_smoothing_keeps_the_volume_even_of_a_sheet_as_thin_as_a_voxel() -> None:
    sheet = np.zeros(GRID.shape, bool)
    sheet[20, 10:50, 10:60] = True
    thin = Mask(sheet, GRID)
    for mask, rel in ((ball(12.0), 0.005), (specked_ball(), 0.005), (thin, 0.1)):
        smooth = operations.smooth(mask, 1.5)  # a sheet loses its corners to no other place
        assert smooth.volume_ml == pytest.approx(mask.volume_ml, rel=rel)


def test_smoothing_by_nothing_changes_nothing() -> None:
    np.testing.assert_array_equal(operations.smooth(ball(7.0), 0.0).array, ball(7.0).array)


def test_a_blur_that_would_take_hours_is_refused() -> None:
    with pytest.raises(UsageError, match="up to 50 mm, not 1e\\+06"):
        operations.smooth(ball(7.0), 1e6)
    assert operations.smooth(ball(7.0), 50.0).volume_ml > 0


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_holes_of_slices_are_filled_across_the_patients_axis(plane: str) -> None:
    axis = 2 - GRID.patient_axes[("sagittal", "coronal", "axial").index(plane)]
    tube = np.moveaxis(np.zeros(GRID.shape, bool), axis, 0)
    tube[3:-3, 8:21, 9:22] = True
    tube[:, 12:15, 14:17] = False  # open at both ends: no cavity
    mask = Mask(np.moveaxis(tube, 0, axis).copy(), GRID)
    np.testing.assert_array_equal(operations.fill(mask).array, mask.array)
    filled = np.moveaxis(operations.fill_in_slices(mask, plane).array, axis, 0)
    assert filled[3:-3, 12:15, 14:17].all()
    assert filled.sum() == tube.sum() + (tube.shape[0] - 6) * 9
    pixel_mm2 = GRID.voxel_ml * 1000 / GRID.spacing_kji[axis]
    for mm2, changes in ((8.9 * pixel_mm2, False), (9.1 * pixel_mm2, True)):
        some = operations.fill_in_slices(mask, plane, up_to_mm2=mm2)
        assert (some.array != mask.array).any() == changes


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000), margin_mm=st.floats(-4, 6))
def test_a_margin_done_in_slabs_is_that_done_at_once(seed: int, margin_mm: float) -> None:
    random = np.random.default_rng(seed)
    mask = Mask(random.random((30, 11, 13)) > 0.97, Geometry((30, 11, 13), (0.7, 0.9, 0.5)))
    if margin_mm < 0:
        mask = Mask(~mask.array, mask.geometry)
    spacing = mask.geometry.spacing_kji
    at_once = morphology.grown if margin_mm >= 0 else morphology.shrunk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "SLAB_VOXELS", 400)
        stepwise = operations.add_margin(mask, margin_mm)
    expected = at_once(mask.array, abs(margin_mm), spacing)
    np.testing.assert_array_equal(stepwise.array, expected)


@pytest.mark.parametrize(
    "operation",
    [operations.close, operations.open_up, operations.smooth, operations.add_margin],
)
def test_long_work_tells_how_far_it_is_and_stops_when_asked(
    operation: Callable[..., Mask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "SLAB_VOXELS", 1000)
    told: list[float] = []
    operation(ball(10.0), 2.0, progress=lambda fraction, what: told.append(fraction))
    assert len(told) > 3
    assert told == sorted(told)
    assert 0 <= told[0] <= told[-1] <= 1

    def stop(fraction: float, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        operation(ball(10.0), 2.0, progress=stop)


@pytest.mark.parametrize("operation", [operations.close, operations.open_up, operations.smooth])
def test_sizes_below_zero_are_refused(operation: Callable[..., Mask]) -> None:
    with pytest.raises(UsageError, match="isn't negative"):
        operation(ball(5.0), -1.0)
    with pytest.raises(UsageError, match="number of mm"):
        operations.add_margin(ball(5.0), np.nan)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000))
def test_masks_are_combined_as_sets(seed: int) -> None:
    a, b, c = (random_mask(seed + n) for n in range(3))
    either = combining.union(a, b, c).array
    np.testing.assert_array_equal(either, a.array | b.array | c.array)
    np.testing.assert_array_equal(
        combining.subtract(a, b, c).array, a.array & ~b.array & ~c.array
    )
    both = combining.intersect(a, b).array
    np.testing.assert_array_equal(both | combining.subtract(a, b).array, a.array)
    np.testing.assert_array_equal(a.array, random_mask(seed).array)  # given masks are glass


def test_masks_of_two_grids_are_not_combined() -> None:
    other = Mask(ball(5.0).array, Geometry(GRID.shape))
    for combine in (combining.union, combining.subtract, combining.intersect):
        with pytest.raises(UsageError, match="different grids"):
            combine(ball(5.0), other)
