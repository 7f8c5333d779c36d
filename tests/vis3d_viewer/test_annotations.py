"""Marks in pictures of 3D, and the camera of a view that changes its shape."""

from collections.abc import Iterator

import numpy as np
import pytest
from vis3d_viewer.annotations import LINE, annotated, line_lps
from vis3d_viewer.measuring import Kept, Points
from vis3d_viewer.poses import ORBITS, Pose, orbit, pose_of, refit, stand

from tests.needs import need
from tests.vis3d_viewer.scans import blob_study
from vis3d.errors import RequirementError
from vis3d.measurement import Distance
from vis3d.rendering import Stage, require_opengl
from vis3d.scene import Camera, Scene, SurfaceLayer


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A tetrahedron in an oblique scan, seen from the patient's left and above."""
    try:
        require_opengl()
    except RequirementError as error:
        need(False, str(error))
    stage = Stage((360, 240))
    camera = Camera("left", azimuth_degrees=20, elevation_degrees=30)
    stage.show(Scene([SurfaceLayer(blob_study().surfaces[4])], camera))
    yield stage
    stage.close()


def kept(kind: str, points: Points) -> Kept:
    return Kept(1, kind, kind, points, Distance(points[0], points[1]))


def test_a_distance_is_drawn_between_its_ends(stage: Stage) -> None:
    start, end, *_ = (tuple(point) for point in blob_study().surfaces[4].points.tolist())
    black = np.zeros((240, 360, 3), np.uint8)
    drawn = annotated(black, [kept("distance", (start, end))], stage.projection())
    yellow = np.abs(drawn.astype(int) - LINE).max(axis=2) < 40
    rows, columns = np.nonzero(yellow)
    (x0, y0), (x1, y1) = stage.to_pixel([start, end])
    for x, y in ((x0, y0), (x1, y1), ((x0 + x1) / 2, (y0 + y1) / 2)):
        assert np.hypot(columns - x, rows - y).min() < 2
    assert not black.any(), "the picture given stays as it is"


def test_an_ellipse_goes_through_the_ends_of_its_axes() -> None:
    points: Points = ((1.0, 2.0, 3.0), (6.0, 2.0, 3.0), (1.0, 2.0, 9.0))
    line = line_lps(kept("ellipse", points))
    for end in points[1:]:
        assert np.linalg.norm(line - end, axis=1).min() < 1e-6
    assert np.allclose(line.mean(axis=0), points[0], atol=0.2)
    assert np.allclose(line_lps(kept("polygon", points))[-1], points[0])


def test_a_mark_behind_the_eye_is_left_out(stage: Stage) -> None:
    eye = np.array(pose_of(stage).position_lps)
    away = eye + (eye - np.array(pose_of(stage).focus_lps))
    behind = tuple(away.tolist())
    black = np.zeros((240, 360, 3), np.uint8)
    mark = kept("distance", (behind, (0.0, 0.0, 0.0)))
    assert not annotated(black, [mark], stage.projection()).any()


def test_a_camera_stands_where_a_page_has_it(stage: Stage) -> None:
    pose = Pose((10.0, -300.0, 20.0), (1.0, 2.0, 3.0), (0.0, 0.0, 1.0), 77.0, 12.0, True)
    stand(stage, pose)
    now = pose_of(stage)
    assert (now.position_lps, now.focus_lps, now.scale_mm) == (
        pose.position_lps,
        pose.focus_lps,
        pose.scale_mm,
    )
    assert (now.angle_degrees, now.parallel) != (12.0, True), "these are the scene's"


def test_keys_turn_the_camera_round_what_it_looks_at(stage: Stage) -> None:
    first = pose_of(stage)
    for key in ORBITS:
        before = np.array(pose_of(stage).position_lps)
        orbit(stage, key)
        now = pose_of(stage)
        assert now.focus_lps == pytest.approx(first.focus_lps)
        moved = np.linalg.norm(now.position_lps - before)
        assert moved > 0.1 * np.linalg.norm(before - now.focus_lps)
    orbit(stage, "+")
    assert pose_of(stage).angle_degrees < first.angle_degrees


def test_what_fitted_a_wide_view_fits_a_narrow_one(stage: Stage) -> None:
    points = blob_study().surfaces[4].points
    before = pose_of(stage).angle_degrees
    refit(stage, (120, 240))
    inside = stage.to_pixel(points)
    assert (inside > 0).all()
    assert (inside < [120, 240]).all()
    refit(stage, (360, 240))
    assert pose_of(stage).angle_degrees == pytest.approx(before)
