"""Pieces of masks: kept, removed and split, by size, at a point, and where they touch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import oblique_geometry
from vis3d.errors import Cancelled, UsageError
from vis3d.geometry import Geometry
from vis3d.segmentation.masks import islands, shaping, touching
from vis3d.volume import Mask

GRID = oblique_geometry((40, 60, 70), (0.7, 0.9, 1.3))
LARGE_AT, SMALL_AT = (-14, 0, 0), (14, 0, 0)


def ball(radius_mm: float, offset_mm: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    ijk = np.stack(np.meshgrid(*(np.arange(n) for n in GRID.shape), indexing="ij"), -1)
    offsets = GRID.to_lps(ijk[..., ::-1]) - GRID.center_lps - offset_mm
    return np.linalg.norm(offsets, axis=-1) <= radius_mm


LARGE, SMALL = ball(9.0, LARGE_AT), ball(5.0, SMALL_AT)
BOTH = Mask(LARGE | SMALL, GRID, "balls")


def random_mask(seed: int) -> Mask:
    values = np.random.default_rng(seed).random((9, 11, 13))
    return Mask(values > 0.6, Geometry((9, 11, 13), (0.7, 0.9, 2.5)))


def test_islands_are_kept_and_removed_by_size() -> None:
    np.testing.assert_array_equal(islands.largest_components(BOTH).array, LARGE)
    np.testing.assert_array_equal(islands.largest_components(BOTH, 5).array, BOTH.array)
    np.testing.assert_array_equal(islands.remove_islands(BOTH, below_ml=1.0).array, LARGE)


def test_islands_are_kept_and_removed_at_a_point_in_the_patient() -> None:
    near_small = np.add(GRID.center_lps, (14, 1, 1))
    np.testing.assert_array_equal(islands.keep_island(BOTH, near_small).array, SMALL)
    np.testing.assert_array_equal(islands.remove_island(BOTH, near_small).array, LARGE)
    far_beyond_large = np.add(GRID.center_lps, (-300, 0, 0))
    np.testing.assert_array_equal(islands.keep_island(BOTH, far_beyond_large).array, LARGE)


def test_islands_are_split_the_largest_first() -> None:
    pieces = islands.split_islands(BOTH)
    assert [piece.name for piece in pieces] == ["balls 1", "balls 2"]
    np.testing.assert_array_equal(pieces[1].array, SMALL)
    assert len(islands.split_islands(BOTH, at_least_ml=1.0)) == 1
    assert len(islands.split_islands(BOTH, most=1)) == 1


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000))
def test_islands_split_add_up_to_the_mask(seed: int) -> None:
    mask = random_mask(seed)
    pieces = islands.split_islands(mask, most=10_000)
    np.testing.assert_array_equal(sum(piece.array.astype(int) for piece in pieces), mask.array)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000), at=st.tuples(*[st.floats(-5, 40)] * 3))
def test_the_piece_at_a_point_holds_the_voxel_nearest_to_it(
    seed: int, at: tuple[float, float, float]
) -> None:
    mask = random_mask(seed)
    kept = islands.keep_island(mask, at).array
    places = mask.geometry.to_lps(np.argwhere(mask.array)[:, ::-1])
    own = mask.geometry.to_lps(np.argwhere(kept)[:, ::-1])
    nearest = np.linalg.norm(places - at, axis=1).min()
    assert np.linalg.norm(own - at, axis=1).min() == pytest.approx(nearest)
    rest = islands.remove_island(mask, at).array
    np.testing.assert_array_equal(kept ^ rest, mask.array)
    assert not (kept & rest).any()


@pytest.mark.parametrize("coarse_voxels", [10_000_000, 20_000])
def test_balls_that_touch_are_cut_at_their_neck(
    coarse_voxels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touching, "COARSE_VOXELS", coarse_voxels)
    left, right = ball(10.0, (-8, 2, 0)), ball(7.0, (7, 0, 1))
    apart = ball(2.0, (0, 15, 15)) & ~(left | right)
    mask = Mask(left | right | apart, GRID, "pair")
    first, second, third = islands.split_touching(mask)
    np.testing.assert_array_equal(first.array ^ second.array ^ third.array, mask.array)
    np.testing.assert_array_equal(third.array, apart)
    assert np.count_nonzero(first.array ^ left) < 0.03 * left.sum()
    ends = [np.add(GRID.center_lps, at) for at in ((7, 0, 1), (-8, 2, 0))]
    seeded = islands.split_touching(mask, seeds_lps=ends)
    assert [part.volume_ml for part in seeded] == pytest.approx(
        [first.volume_ml, second.volume_ml], rel=0.01
    )


def test_a_neck_nearly_as_thick_as_the_parts_is_no_cut() -> None:
    sausage = ball(8.0, (-4, 0, 0)) | ball(8.0, (4, 0, 0))
    assert len(islands.split_touching(Mask(sausage, GRID))) == 1
    assert len(islands.split_touching(Mask(sausage, GRID), neck_mm=0.5)) == 2


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 1000), neck_mm=st.floats(0, 4))
def test_parts_add_up_to_the_mask_whatever_it_is(seed: int, neck_mm: float) -> None:
    mask = random_mask(seed)
    parts = islands.split_touching(mask, neck_mm=neck_mm, most=10_000)
    np.testing.assert_array_equal(sum(part.array.astype(int) for part in parts), mask.array)


def test_empty_masks_and_seeds_in_one_place_are_refused() -> None:
    empty = Mask(np.zeros((4, 5, 6), bool), Geometry((4, 5, 6)))
    for work in (islands.keep_island, islands.remove_island):
        with pytest.raises(UsageError, match="empty"):
            work(empty, (0, 0, 0))
        with pytest.raises(UsageError, match="three finite"):
            work(BOTH, (0, np.inf, 0))
    with pytest.raises(UsageError, match="empty"):
        islands.split_touching(empty)
    with pytest.raises(UsageError, match="one voxel"):
        islands.split_touching(BOTH, seeds_lps=[GRID.center_lps] * 2)
    assert islands.split_islands(empty) == ()
    assert not islands.remove_islands(empty, below_ml=1).array.any()


@pytest.mark.parametrize("size", [-1.0, np.nan])
def test_sizes_that_are_none_are_refused(size: float) -> None:
    for ask in (
        lambda: islands.remove_islands(BOTH, below_ml=size),
        lambda: islands.split_islands(BOTH, at_least_ml=size),
        lambda: islands.split_touching(BOTH, neck_mm=size),
        lambda: shaping.fill(BOTH, up_to_ml=size),
        lambda: shaping.fill_in_slices(BOTH, up_to_mm2=size),
    ):
        with pytest.raises(UsageError, match="isn't negative"):
            ask()


def test_no_pieces_and_no_such_neighbours_are_refused() -> None:
    for ask in (
        lambda: islands.largest_components(BOTH, 0),
        lambda: islands.split_islands(BOTH, most=0),
        lambda: islands.split_touching(BOTH, most=-1),
    ):
        with pytest.raises(UsageError, match="one piece or more"):
            ask()
    with pytest.raises(UsageError, match="6, 18 or 26 others, not 7"):
        islands.largest_components(BOTH, connectivity=7)  # type: ignore[arg-type]


def test_splitting_stops_when_asked_to() -> None:
    def stop(fraction: float, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        islands.split_touching(BOTH, progress=stop)
