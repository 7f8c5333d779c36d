"""Pieces left out and cavities filled by choice; the deviation as colours."""

import numpy as np
import pytest

from tests.meshing.judges import is_closed_and_manifold, piece_count
from tests.meshing.shapes import grid_round, scan_of, sphere, truth_of
from vis3d.errors import InputError, UsageError
from vis3d.geometry import Geometry
from vis3d.meshing import extract_surface, isosurface, report_surface, with_deviation
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume

GRID = grid_round()


@pytest.fixture
def crumbs(oblique: Geometry) -> Mask:
    """A box with a cavity in which a speck floats, a small box, and a voxel at its edge."""
    inside = np.zeros(oblique.shape, bool)
    inside[2:14, 3:20, 5:30] = True
    inside[5:11, 8:15, 10:22] = False
    inside[8, 11, 15] = True
    inside[16:19, 24:28, 3:8] = True
    inside[14, 20, 10] = True  # touches the large box at an edge only: a piece of its own
    return Mask(inside, oblique, "crumbs")


def test_everything_stays_unless_asked(crumbs: Mask) -> None:
    assert piece_count(extract_surface(crumbs)) == 5


def test_small_pieces_are_left_out_by_choice(crumbs: Mask) -> None:
    voxel_ml = crumbs.geometry.voxel_ml
    without_specks = extract_surface(crumbs, min_piece_ml=60 * voxel_ml)
    assert piece_count(without_specks) == 3
    alone = extract_surface(crumbs, min_piece_ml=61 * voxel_ml)
    assert piece_count(alone) == 2
    assert is_closed_and_manifold(alone)
    box_ml = (12 * 17 * 25 - 6 * 7 * 12) * voxel_ml
    assert alone.volume_ml == pytest.approx(box_ml, rel=0.005)


def test_cavities_are_filled_with_what_floats_in_them(crumbs: Mask) -> None:
    full = extract_surface(
        crumbs, fill_cavities=True, min_piece_ml=61 * crumbs.geometry.voxel_ml
    )
    assert piece_count(full) == 1
    assert full.volume_ml == pytest.approx(12 * 17 * 25 * crumbs.geometry.voxel_ml, rel=0.005)
    assert not crumbs.array[6, 9, 12], "the mask given must stay as it was"


def test_a_hollow_that_reaches_the_end_of_the_scan_is_no_cavity(oblique: Geometry) -> None:
    inside = np.zeros(oblique.shape, bool)
    inside[0:14, 3:20, 5:30] = True
    inside[0:11, 8:15, 10:22] = False
    mask = Mask(inside, oblique)
    kept = extract_surface(mask, fill_cavities=True)
    assert kept.volume_ml == pytest.approx(mask.volume_ml, rel=0.005)


def test_pieces_and_cavities_of_a_level(crumbs: Mask) -> None:
    hu = np.where(crumbs.array, 500, -20).astype(np.int16)
    volume = Volume(hu, crumbs.geometry)
    assert piece_count(isosurface(volume, 240)) == 5
    voxel_ml = crumbs.geometry.voxel_ml
    one = isosurface(volume, 240, min_piece_ml=61 * voxel_ml, fill_cavities=True)
    assert piece_count(one) == 1


def test_a_size_that_no_piece_has_is_refused_with_the_largest(crumbs: Mask) -> None:
    with pytest.raises(InputError, match="crumbs has 500 ml: the largest has"):
        extract_surface(crumbs, min_piece_ml=500)
    with pytest.raises(UsageError, match="min_piece_ml"):
        extract_surface(crumbs, min_piece_ml=-1)


def test_each_point_knows_how_far_it_was_moved() -> None:
    ball = extract_surface(Mask(truth_of(sphere, GRID), GRID, "ball"))
    center = GRID.center_lps
    out = (ball.points - center) / np.linalg.norm(ball.points - center, axis=1, keepdims=True)
    up = out[:, 2] > 0
    moved = Surface(ball.points + np.where(up, 1.5, 0)[:, None] * out, ball.triangles)
    painted = with_deviation(moved, ball)
    found = painted.point_data["deviation_mm"]
    assert found.dtype == np.float32
    assert np.median(found[up]) == pytest.approx(1.5, abs=0.02)
    np.testing.assert_allclose(found[up], 1.5, atol=0.3)  # the ball has shallow steps
    np.testing.assert_allclose(found[~up], 0, atol=1e-4)
    colors = painted.point_data["colors"].astype(int)
    assert (colors[up, 0] > colors[up, 2]).all()  # red
    assert (colors[~up, 2] > colors[~up, 0]).all()  # blue
    assert painted.metadata["deviation_colors_mm"] == pytest.approx(1.5, abs=0.05)


def test_the_deviation_is_measured_as_far_as_wished() -> None:
    mask, scan = Mask(truth_of(sphere, GRID), GRID, "ball"), scan_of(sphere, GRID)
    plain = extract_surface(mask, scan, max_triangles=900, measure="nothing")
    assert report_surface(plain).deviation is None
    painted = extract_surface(mask, scan, max_triangles=900, measure="deviation at points")
    known = report_surface(painted)
    assert known.deviation is not None
    assert painted.point_data["deviation_mm"].max() <= known.deviation.max * 1.2
    assert known.as_dict()["deviation_colors_mm"] > 0  # type: ignore[operator]
    untouched = extract_surface(mask, scan, measure="deviation at points")
    assert not untouched.point_data["deviation_mm"].any()


def test_equilateral_triangles_have_quality_one_and_needles_none() -> None:
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], float)
    sides = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])
    even = report_surface(Surface(tetrahedron, sides)).quality
    assert even is not None
    assert (even.mean, even.p5, even.min) == pytest.approx((1, 1, 1))
    needle = Surface(np.array([[0, 0, 0], [50, 0, 0], [25, 0.01, 0.0]]), np.array([[0, 1, 2]]))
    thin = report_surface(needle).quality
    assert thin is not None
    assert thin.min == pytest.approx(2 * np.sqrt(3) * 0.5 / 3750, rel=0.01)
