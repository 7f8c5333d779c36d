"""Brush, eraser and differences: known answers on an oblique grid, and laws."""

from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import oblique_geometry
from vis3d.errors import UsageError
from vis3d.segmentation.masks.edits import Brush, Edit, difference, erase, paint
from vis3d.volume import Mask, Volume

GRID = oblique_geometry((40, 60, 70), (0.7, 0.9, 1.3))
CENTER = GRID.center_lps
EMPTY = Mask(np.zeros(GRID.shape, bool), GRID, "empty")
FULL = Mask(np.ones(GRID.shape, bool), GRID, "full")


def offsets_lps() -> np.ndarray:
    ijk = np.stack(np.meshgrid(*(np.arange(n) for n in GRID.shape), indexing="ij"), -1)
    return GRID.to_lps(ijk[..., ::-1]) - CENTER


def test_a_ball_is_painted_where_it_lies_in_the_patient() -> None:
    edit = paint(EMPTY, np.add(CENTER, (1.3, -2.1, 0.4)), Brush(6.0))
    expected = np.linalg.norm(offsets_lps() - (1.3, -2.1, 0.4), axis=-1) <= 6.0
    np.testing.assert_array_equal(edit.applied_to(EMPTY).array, expected)
    assert edit.voxels == expected.sum()
    assert "brush" in repr(edit)


def test_a_stroke_leaves_no_gap_between_its_points() -> None:
    start, stop = np.array((-12.0, 3.0, -5.0)), np.array((9.0, -8.0, 6.0))
    edit = paint(EMPTY, [CENTER + start, CENTER + stop], Brush(3.0))
    offsets, along = offsets_lps() - start, stop - start
    share = np.clip(offsets @ along / (along @ along), 0, 1)
    expected = np.linalg.norm(offsets - share[..., None] * along, axis=-1) <= 3.0
    assert np.count_nonzero(edit.applied_to(EMPTY).array ^ expected) <= 3  # rounding of ties


def test_a_disc_lies_in_one_slice() -> None:
    normal = GRID.direction[:, 0]  # sagittal, as this grid has it
    at = GRID.to_lps((30.2, 29.7, 20.1))
    painted = paint(EMPTY, [at, at + GRID.direction[:, 1] * 4], Brush(5.0, tuple(normal)))
    k, j = np.mgrid[:40, :60]
    beyond_mm = np.maximum(np.abs((j - 29.7) * 0.9 - 2) - 2, 0)  # the ends of the stroke
    expected = np.zeros(GRID.shape, bool)
    expected[:, :, 30] = np.hypot(beyond_mm, (k - 20.1) * 1.3) <= 5.0
    np.testing.assert_array_equal(painted.applied_to(EMPTY).array, expected)


def test_a_disc_halfway_between_two_slices_takes_one_of_them() -> None:
    at = GRID.to_lps((30, 30, 20.5))
    painted = paint(EMPTY, at, Brush(5.0, tuple(GRID.direction[:, 2])))
    assert painted.shape[0] == 1


def test_a_disc_in_an_oblique_plane_has_no_holes() -> None:
    normal = GRID.direction @ (0.4, -0.3, 0.87)
    painted = paint(EMPTY, CENTER, Brush(8.0, tuple(normal))).applied_to(EMPTY)
    shadow = painted.array.any(axis=0)  # an ellipse of every column under the disc
    cosine = 0.87 / np.linalg.norm((0.4, -0.3, 0.87))
    assert shadow.sum() * 0.7 * 0.9 == pytest.approx(np.pi * 64 * cosine, rel=0.1)


def test_an_eraser_takes_only_what_was_there() -> None:
    ball = paint(EMPTY, CENTER, Brush(8.0)).applied_to(EMPTY)
    half = erase(ball, np.add(CENTER, (8, 0, 0)), Brush(8.0))
    rest = half.applied_to(ball)
    assert rest.volume_ml == pytest.approx(ball.volume_ml - half.voxels * GRID.voxel_ml)
    assert not (rest.array & ~ball.array).any()
    assert erase(EMPTY, CENTER, Brush(8.0)).voxels == 0


def test_a_brush_with_a_range_touches_only_values_in_it_and_never_padding() -> None:
    values = np.random.default_rng(4).integers(-1000, 1000, GRID.shape).astype(np.int16)
    values[20] = -3024
    volume = Volume(values, GRID, padding=-3024)
    brush = Brush(9.0, range_hu=(-200, 300))
    painted = paint(EMPTY, CENTER, brush, volume=volume).applied_to(EMPTY).array
    free = paint(EMPTY, CENTER, Brush(9.0)).applied_to(EMPTY).array
    np.testing.assert_array_equal(painted, free & (values >= -200) & (values <= 300))
    everything = paint(EMPTY, CENTER, Brush(9.0), volume=volume).applied_to(EMPTY).array
    assert not everything[20].any()
    with pytest.raises(UsageError, match="needs the volume"):
        paint(EMPTY, CENTER, brush)


def test_a_stroke_beside_the_scan_changes_nothing_and_one_at_its_edge_a_part() -> None:
    assert paint(EMPTY, CENTER + 1e4, Brush(5.0)).voxels == 0
    assert paint(EMPTY, GRID.to_lps((0, 0, 0)), Brush(5.0)).start_kji == (0, 0, 0)


@pytest.mark.parametrize("radius_mm", [0.0, -1.0, np.nan, np.inf])
def test_a_brush_without_size_is_refused(radius_mm: float) -> None:
    with pytest.raises(UsageError, match="above 0 mm"):
        Brush(radius_mm)


def test_points_that_are_no_points_are_refused() -> None:
    for stroke in ([], (np.nan, 0, 0), (1.0, 2.0), np.zeros((2, 2, 3))):
        with pytest.raises(UsageError, match="stroke"):
            paint(EMPTY, stroke, Brush(2.0))
    with pytest.raises(UsageError, match="normal"):
        Brush(2.0, (0, 0, 0))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_a_difference_leads_from_one_mask_to_the_other_and_back(seed: int) -> None:
    random = np.random.default_rng(seed)
    share = random.choice([0.0, 0.001, 0.3])
    before, after = (Mask(random.random(GRID.shape) < share, GRID) for _ in range(2))
    edit = difference(before, after, "anything")
    np.testing.assert_array_equal(edit.applied_to(before).array, after.array)
    np.testing.assert_array_equal(edit.applied_to(after).array, before.array)


def test_an_edits_box_is_no_larger_than_what_changes() -> None:
    after = np.zeros(GRID.shape, bool)
    after[3:7, 10, 20:31] = True
    edit: Edit = difference(EMPTY, Mask(after, GRID), "bar")
    assert edit.box == (slice(3, 7), slice(10, 11), slice(20, 31))


def test_a_stroke_on_a_whole_chest_takes_a_few_milliseconds() -> None:
    grid = oblique_geometry((300, 512, 512), (0.7, 0.7, 1.0))
    mask = Mask(np.zeros(grid.shape, bool), grid)  # never written: costs no memory
    stroke = grid.to_lps([(250, 250, 150), (256, 252, 150)])
    paint(mask, stroke, Brush(10.0))
    start = process_time()
    for _ in range(10):
        paint(mask, stroke, Brush(10.0))
    assert (process_time() - start) / 10 < 0.02
