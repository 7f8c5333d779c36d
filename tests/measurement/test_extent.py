"""Boxes and diameters: known shapes, and every pair of voxel faces tried."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import oblique_geometry
from vis3d.geometry import Geometry
from vis3d.measurement import extent_of
from vis3d.volume import Mask

GRID = oblique_geometry((40, 60, 70), (0.7, 0.9, 1.3))


def face_middles(mask: Mask, axes: tuple[int, ...] = (0, 1, 2)) -> np.ndarray:
    """The middles of all faces of all voxels, LPS mm."""
    ijk = np.argwhere(mask.array)[:, ::-1].astype(float)
    steps = [s * np.eye(3)[a] for a in axes for s in (-0.5, 0.5)]
    return mask.geometry.to_lps(np.concatenate([ijk + step for step in steps]))


def longest(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[:, None] - points[None], axis=-1).max())


def test_a_ball_measures_twice_its_radius_whichever_way() -> None:
    ijk = np.stack(np.meshgrid(*(np.arange(n) for n in GRID.shape), indexing="ij"), -1)
    offsets = GRID.to_lps(ijk[..., ::-1]) - GRID.center_lps
    extent = extent_of(Mask(np.linalg.norm(offsets, axis=-1) <= 12.0, GRID))
    assert extent is not None
    low, high = np.array(extent.box_lps_mm)
    np.testing.assert_allclose((low + high) / 2, GRID.center_lps, atol=0.4)
    np.testing.assert_allclose(high - low, 24.0, atol=1.9)  # corners of voxels stick out
    for length in (
        extent.diameter_mm,
        extent.axial_diameter_mm,
        extent.perpendicular_mm,
        extent.short_axis_mm,
    ):
        assert 23.2 <= length <= 24.0 + 1.3  # the largest of all: up to a voxel too long


def test_a_plate_in_a_slice_has_the_diagonal_and_the_sides_of_a_rectangle() -> None:
    geometry = oblique_geometry((9, 60, 70), (0.5, 0.5, 2.0))
    axis = 2 - geometry.patient_axes[2]
    assert axis == 0  # this grid's slices are nearest to axial
    array = np.zeros(geometry.shape, bool)
    array[4, 10:50, 20:60] = True  # 20 x 20 mm
    array[4, 10:30, 20:60] = False  # 10 x 20 mm
    extent = extent_of(Mask(array, geometry))
    assert extent is not None
    assert extent.axial_diameter_mm == pytest.approx(np.hypot(10, 20), rel=0.03)
    assert extent.short_axis_mm == pytest.approx(10, rel=0.03)
    assert extent.perpendicular_mm == pytest.approx(2 * 10 * 20 / np.hypot(10, 20), rel=0.05)
    ends = np.array(extent.axial_ends_lps)
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(extent.axial_diameter_mm)
    np.testing.assert_allclose(geometry.to_ijk(ends)[:, 2], 4.0)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), share=st.sampled_from((0.004, 0.05, 0.5)))
def test_no_two_faces_lie_farther_apart_than_the_diameter(seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    geometry = oblique_geometry((5, 7, 9), (0.7, 0.9, 2.5))
    mask = Mask(random.random(geometry.shape) < share, geometry)
    extent = extent_of(mask)
    if not mask.array.any():
        assert extent is None
        return
    assert extent is not None
    assert extent.diameter_mm == pytest.approx(longest(face_middles(mask)))
    across = 2 - geometry.patient_axes[2]
    in_plane = tuple(a for a in range(3) if a != 2 - across)
    best = 0.0
    for n in range(geometry.shape[across]):
        one = np.zeros_like(mask.array)
        where = tuple(slice(n, n + 1) if a == across else slice(None) for a in range(3))
        one[where] = mask.array[where]
        if one.any():
            best = max(best, longest(face_middles(Mask(one, geometry), in_plane)))
    assert extent.axial_diameter_mm == pytest.approx(best)
    assert extent.short_axis_mm <= extent.perpendicular_mm + 1e-9
    assert extent.perpendicular_mm <= extent.axial_diameter_mm + 1e-9
    corners = geometry.to_lps(
        np.argwhere(mask.array)[:, None, ::-1] + np.array(list(np.ndindex(2, 2, 2))) - 0.5
    ).reshape(-1, 3)
    np.testing.assert_allclose(
        extent.box_lps_mm, [corners.min(axis=0), corners.max(axis=0)], atol=1e-9
    )


def test_the_narrowest_width_is_that_of_turned_callipers() -> None:
    random = np.random.default_rng(8)
    geometry = Geometry((1, 40, 50), (0.6, 0.9, 3.0))
    for _ in range(5):
        array = np.zeros(geometry.shape, bool)
        array[0, random.integers(0, 40, 6), random.integers(0, 50, 6)] = True
        mask = Mask(array, geometry)
        points = face_middles(mask, (0, 1))[:, :2]
        angles = np.linspace(0, np.pi, 3001)
        widths = np.ptp(points @ np.stack([np.cos(angles), np.sin(angles)]), axis=0)
        extent = extent_of(mask)
        assert extent is not None
        assert extent.short_axis_mm == pytest.approx(widths.min(), rel=2e-3)


def test_one_voxel_is_as_large_as_its_spacing() -> None:
    array = np.zeros(GRID.shape, bool)
    array[3, 4, 5] = True
    extent = extent_of(Mask(array, GRID))
    assert extent is not None
    assert extent.diameter_mm == pytest.approx(1.3)
    assert extent.axial_diameter_mm == pytest.approx(0.9)


def test_an_empty_mask_has_no_extent() -> None:
    assert extent_of(Mask(np.zeros(GRID.shape, bool), GRID)) is None
