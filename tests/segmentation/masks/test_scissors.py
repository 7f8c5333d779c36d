"""Scissors in slices and in a camera's view, against an exact test of every voxel."""

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from vis3d.errors import Cancelled, UsageError
from vis3d.segmentation.masks.scissors import scissors, scissors_in_view
from vis3d.volume import Mask

GRID = oblique_geometry((24, 50, 60), (0.7, 0.9, 1.9))
FULL = Mask(np.random.default_rng(2).random(GRID.shape) < 0.7, GRID, "most")
STAR_MM = np.array([(-9.1, -8.2), (10.3, -3.1), (-7.7, 6.4), (3.2, -11.9), (6.1, 9.3)])


def voxels_lps() -> np.ndarray:
    ijk = np.stack(np.meshgrid(*(np.arange(n) for n in GRID.shape), indexing="ij"), -1)
    return GRID.to_lps(ijk[..., ::-1])


def even_odd(points: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """Whether points (..., 2) lie inside, by counting crossings one edge at a time."""
    x, y = points[..., 0], points[..., 1]
    inside = np.zeros(points.shape[:-1], bool)
    for a, b in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        low, high = sorted((a, b), key=lambda p: p[1])
        crosses = (y > low[1]) & (y <= high[1])
        at = low[0] + (high[0] - low[0]) * (y - low[1]) / (high[1] - low[1] or 1)
        inside ^= crosses & (x < at)
    return inside


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("remove", ["inside", "outside"])
def test_scissors_cut_along_a_slices_normal_through_the_volume(axis: int, remove: str) -> None:
    u, v = (GRID.direction[:, n] for n in range(3) if n != axis)
    outline = GRID.center_lps + STAR_MM @ np.stack([u, v])
    edit = scissors(FULL, outline, GRID.direction[:, axis], remove=remove)
    offsets = voxels_lps() - GRID.center_lps
    inside = even_odd(np.stack([offsets @ u, offsets @ v], axis=-1), STAR_MM)
    taken = inside if remove == "inside" else ~inside
    np.testing.assert_array_equal(edit.applied_to(FULL).array, FULL.array & ~taken)


def test_scissors_cut_along_any_direction_and_to_a_depth() -> None:
    w = np.array((0.3, -0.5, 0.8)) / np.linalg.norm((0.3, -0.5, 0.8))
    u = np.cross(w, (0, 0, 1.0))
    u /= np.linalg.norm(u)
    v = np.cross(w, u)
    outline = GRID.center_lps + STAR_MM @ np.stack([u, v])
    offsets = voxels_lps() - GRID.center_lps
    inside = even_odd(np.stack([offsets @ u, offsets @ v], axis=-1), STAR_MM)
    through = scissors(FULL, outline, 7.5 * w)
    np.testing.assert_array_equal(through.applied_to(FULL).array, FULL.array & ~inside)
    slab = scissors(FULL, outline, w, depth_mm=6.0)
    near = np.abs(offsets @ w) <= 3.0
    np.testing.assert_array_equal(slab.applied_to(FULL).array, FULL.array & ~(inside & near))
    outside = scissors(FULL, outline, w, depth_mm=6.0, remove="outside")
    np.testing.assert_array_equal(
        outside.applied_to(FULL).array, FULL.array & ~(~inside & near)
    )


def test_scissors_of_one_slice_leave_the_others() -> None:
    k = 11
    outline = GRID.to_lps([(5, 5, k), (45, 6, k), (30, 40, k)])
    edit = scissors(FULL, outline, GRID.direction[:, 2], depth_mm=1.9 * 0.9)
    assert (edit.start_kji[0], edit.shape[0]) == (k, 1)


def test_scissors_in_a_perspective_view_cut_what_the_camera_sees() -> None:
    eye = GRID.center_lps + np.array((60.0, -90.0, 40.0))
    ahead = GRID.center_lps - eye
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, (0, 0, 1.0))
    right /= np.linalg.norm(right)
    up = np.cross(right, ahead)
    projection = np.zeros((4, 4))
    projection[:3, :3] = np.stack([2 * right, 2 * up, ahead])
    projection[3, :3] = ahead
    projection[:, 3] = -projection[:, :3] @ eye
    outline = STAR_MM / 60
    edit = scissors_in_view(FULL, outline, projection)
    offsets = voxels_lps() - eye
    seen = np.stack([offsets @ right, offsets @ up], axis=-1) * 2 / (offsets @ ahead)[..., None]
    np.testing.assert_array_equal(
        edit.applied_to(FULL).array, FULL.array & ~even_odd(seen, outline)
    )
    backwards = scissors_in_view(FULL, outline, -projection, remove="outside")
    assert backwards.voxels == 0  # all of it lies behind the camera


def test_an_empty_mask_and_an_outline_without_area_have_nothing_to_cut() -> None:
    empty = Mask(np.zeros(GRID.shape, bool), GRID)
    line = GRID.center_lps + np.outer((0, 1, 2), (1.0, 2.0, 3.0))
    assert scissors(empty, line, (0, 0, 1)).voxels == 0
    assert scissors(FULL, line, (0, 0, 1)).voxels == 0
    point = np.repeat(GRID.center_lps[None], 3, axis=0)
    assert scissors(FULL, point, (0, 0, 1)).voxels == 0


@pytest.mark.parametrize(
    ("outline", "direction", "words"),
    [
        ([(0, 0, 0), (1, 1, 1)], (0, 0, 1), "three points"),
        ([(0, 0, 0), (1, 1, np.nan), (2, 0, 0)], (0, 0, 1), "finite"),
        ([(0, 0, 0), (1, 1, 0), (2, 0, 0)], (0, 0, 0), "not all zero"),
        ([(0, 0), (1, 1), (2, 0)], (0, 0, 1), r"\(n, 3\)"),
    ],
)
def test_scissors_without_outline_or_direction_are_refused(
    outline: list[tuple[float, ...]], direction: tuple[float, ...], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        scissors(FULL, outline, direction)


def test_scissors_stop_when_asked_to() -> None:
    def stop(fraction: float, what: str) -> None:
        raise Cancelled

    outline = GRID.center_lps + np.pad(STAR_MM, ((0, 0), (0, 1)))
    with pytest.raises(Cancelled):
        scissors(FULL, outline, (0.2, 0.3, 1.0), progress=stop)
