"""A report says what an independent judge finds."""

import json

import numpy as np
import pytest
from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

from tests.meshing.judges import welded
from tests.meshing.shapes import VOLUME_ML, grid_round, scan_of, sphere, torus, truth_of
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap, Report, Structure
from vis3d.meshing import deviation, extract_surface, report_surface
from vis3d.meshing.deviation import distances
from vis3d.segmentation import add_margin
from vis3d.surface import Surface
from vis3d.volume import Finding, Mask
from vis3d.vtk_data import to_vtk

GRID = grid_round()


def test_a_ring_has_one_handle_and_a_ball_none() -> None:
    ring = extract_surface(Mask(truth_of(torus, GRID), GRID, "ring"))
    ball = extract_surface(Mask(truth_of(sphere, GRID), GRID, "ball"))
    assert report_surface(ring).genus == 1
    assert report_surface(ball).genus == 0


def test_figures_agree_with_trimesh() -> None:
    mask = Mask(truth_of(torus, GRID), GRID, "ring")
    surface = extract_surface(mask)
    report = report_surface(surface, mask=mask)
    judge = welded(surface)
    assert report.closed
    assert report.manifold
    assert report.pieces == 1
    assert report.triangles == len(judge.faces)
    assert report.volume_ml == pytest.approx(judge.volume / 1000, rel=1e-4)
    assert report.area_mm2 == pytest.approx(judge.area, rel=1e-4)
    assert report.bounds_mm == pytest.approx(judge.bounds)
    assert report.volume_ml == pytest.approx(VOLUME_ML[torus], rel=0.01)
    assert abs(report.volume_change_percent or 0) < 0.2


def test_cavity_and_speck_count_as_pieces(oblique: Geometry) -> None:
    inside = np.zeros(oblique.shape, bool)
    inside[2:12, 3:20, 5:30] = True
    inside[6:8, 8:12, 10:20] = False
    inside[17, 27, 36] = True
    assert report_surface(extract_surface(Mask(inside, oblique))).pieces == 3


def test_an_open_surface_is_called_open(oblique: Geometry) -> None:
    mask = Mask(np.ones(oblique.shape, bool), oblique)
    inside = mask.array.copy()
    inside[:, :5] = False
    report = report_surface(extract_surface(Mask(inside, oblique), open_ends=True))
    assert not report.closed
    assert report.genus is None


def test_an_open_surface_encloses_no_volume(oblique: Geometry) -> None:
    inside = np.ones(oblique.shape, bool)
    inside[:, :5] = False
    mask = Mask(inside, oblique)
    report = report_surface(extract_surface(mask, open_ends=True), mask=mask)
    assert report.volume_ml is None
    assert report.volume_change_percent is None
    assert report_surface(extract_surface(mask), mask=mask).volume_change_percent is not None


def test_an_edge_of_four_triangles_is_called_no_manifold() -> None:
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    sides = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    points = np.vstack([corners, corners * [1, -1, -1]])
    report = report_surface(Surface(points, np.vstack([sides, sides + 4])))
    assert report.closed
    assert not report.manifold


def test_report_prints_as_json_with_the_keys_of_the_command_line(oblique: Geometry) -> None:
    scan = scan_of(sphere, GRID).with_findings(Finding("gantry-tilt", "warning", "corrected"))
    mask = Mask(truth_of(sphere, GRID), GRID, "ball")
    surface = extract_surface(mask, scan, max_triangles=3000)
    printed = json.loads(json.dumps(report_surface(surface, mask=mask).as_dict()))
    keys = {"triangles", "closed", "manifold", "pieces", "volume_ml", "area_mm2"}
    assert keys | {"bounds_mm", "deviation_mm", "findings"} <= printed.keys()
    assert printed["deviation_mm"].keys() == {"mean", "p95", "max"}
    assert printed["findings"][0]["code"] == "gantry-tilt"


def test_what_scan_and_label_map_say_travels_with_the_surface_once() -> None:
    tilt = Finding("gantry-tilt", "warning", "corrected")
    metal = Finding("metal", "warning", "2.0 ml of metal were found")
    scan = scan_of(sphere, GRID).with_findings(tilt)
    array = truth_of(sphere, GRID).astype(np.uint8)
    report = Report(findings=(tilt, metal))
    labels = LabelMap(array, GRID, (Structure(1, "ball", (200, 0, 0)),), report)
    mask = add_margin(labels.mask("ball"), 1.0)
    surface = extract_surface(mask, scan, fill_cavities=True, min_piece_ml=0.1)
    assert surface.metadata["findings"] == (tilt, metal)
    assert report_surface(surface).findings == (tilt, metal)


def test_deviation_of_a_moved_surface_is_the_move() -> None:
    ball = extract_surface(Mask(truth_of(sphere, GRID), GRID, "ball"))
    grown = Surface(
        (ball.points - GRID.center_lps) * (26 / 25) + GRID.center_lps, ball.triangles
    )
    found = deviation(grown, ball)
    assert (found.mean, found.max) == pytest.approx((1.0, 1.0), abs=0.08)


def test_distance_to_a_triangle_is_exact_above_beside_and_at_a_corner() -> None:
    triangle = Surface(np.array([[0, 0, 0], [4, 0, 0], [0, 3, 0.0]]), np.array([[0, 1, 2]]))
    points = np.array([[1, 1, 2], [2, -3, 0], [-3, -4, 0], [4, 3, 0.0]])
    np.testing.assert_allclose(distances(points, triangle), [2, 3, 5, 2.4])


def test_distances_to_a_light_mesh_are_those_that_vtk_finds() -> None:
    mask = Mask(truth_of(torus, GRID), GRID, "ring")
    full, light = extract_surface(mask), extract_surface(mask, max_triangles=600)
    points = full.points[::7].astype(float)
    judge = vtkImplicitPolyDataDistance()
    judge.SetInput(to_vtk(light))
    exact = np.abs([judge.EvaluateFunction(point) for point in points])
    found = distances(points, light)
    assert (found - exact).min() > -1e-4  # never too small
    assert found.mean() == pytest.approx(exact.mean(), rel=0.03)
    assert np.percentile(found, 95) == pytest.approx(np.percentile(exact, 95), rel=0.03)
