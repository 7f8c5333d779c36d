"""Cameras stand where they say, and see all that they should."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vtkmodules.vtkRenderingCore import vtkCamera

from tests.conftest import oblique_geometry
from tests.rendering.conftest import Ball
from vis3d.rendering import Stage
from vis3d.rendering.cameras import VIEWS, directions, hold, place, projection, swept
from vis3d.scene import Camera, Scene, VolumeLayer

CORNERS = oblique_geometry().corners_lps


@pytest.mark.parametrize(
    ("view", "to_viewer", "right"),
    [
        ("anterior", "A", "L"),
        ("posterior", "P", "R"),
        ("left", "L", "P"),
        ("right", "R", "A"),
        ("superior", "S", "R"),
        ("inferior", "I", "L"),
    ],
)
def test_each_view_stands_on_its_side(view: str, to_viewer: str, right: str) -> None:
    axes = {
        "L": (1, 0, 0),
        "P": (0, 1, 0),
        "S": (0, 0, 1),
        "R": (-1, 0, 0),
        "A": (0, -1, 0),
        "I": (0, 0, -1),
    }
    toward, up = directions(Camera(view))  # type: ignore[arg-type]
    assert np.allclose(toward, axes[to_viewer])
    assert np.allclose(np.cross(up, toward), axes[right])


def test_azimuth_goes_round_the_patient_and_elevation_over_the_head() -> None:
    assert np.allclose(directions(Camera(azimuth_degrees=90))[0], (1, 0, 0))
    assert np.allclose(directions(Camera(elevation_degrees=90))[0], (0, 0, 1))


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(VIEWS),
    st.floats(-180, 180),
    st.floats(-80, 80),
    st.booleans(),
    st.floats(0.3, 3),
)
def test_all_corners_are_seen_and_little_more(
    view: str, azimuth: float, elevation: float, parallel: bool, aspect: float
) -> None:
    camera = Camera(view, azimuth, elevation, parallel=parallel)  # type: ignore[arg-type]
    vtk_camera = vtkCamera()
    place(vtk_camera, camera, CORNERS, aspect)
    reach = view_reach(vtk_camera, CORNERS, aspect)
    assert 0.85 < reach <= 1


def test_zoom_enlarges_and_a_whole_turn_fits() -> None:
    vtk_camera = vtkCamera()
    for parallel in (False, True):
        place(vtk_camera, Camera(zoom=2, parallel=parallel), CORNERS, 1.0)
        assert view_reach(vtk_camera, CORNERS, 1.0) == pytest.approx(2 / 1.05, rel=0.1)
        for azimuth in range(0, 360, 45):
            place(
                vtk_camera,
                Camera(azimuth_degrees=azimuth, parallel=parallel),
                swept(CORNERS),
                1.0,
            )
            assert view_reach(vtk_camera, CORNERS, 1.0) <= 1


def view_reach(vtk_camera: vtkCamera, corners: np.ndarray, aspect: float) -> float:
    """How far from the picture's middle the farthest corner appears; 1 is its edge."""
    homogeneous = np.c_[corners, np.ones(len(corners))]
    size = (round(1000 * aspect), 1000)
    seen = homogeneous @ projection(vtk_camera, size).T
    assert (seen[:, 3] > 0).all()
    return float(np.abs(seen[:, :2] / seen[:, 3:]).max())


def placed(*, parallel: bool) -> vtkCamera:
    vtk_camera = vtkCamera()
    place(vtk_camera, Camera("left", parallel=parallel), CORNERS, 1.5)
    return vtk_camera


@pytest.mark.parametrize("factor", [1e-8, 0.5, 1.0, 3.0, 1e20])
@pytest.mark.parametrize("parallel", [False, True])
def test_a_camera_is_held_near_what_it_shows(factor: float, parallel: bool) -> None:
    vtk_camera, usual = placed(parallel=parallel), placed(parallel=parallel)
    vtk_camera.SetParallelScale(usual.GetParallelScale() * factor)
    for _ in range(4):
        vtk_camera.Dolly(factor**-0.25)
    assert hold(vtk_camera, CORNERS)
    size_mm = np.ptp(CORNERS, axis=0).max()
    for now, before in (
        (vtk_camera.GetParallelScale(), usual.GetParallelScale()),
        (vtk_camera.GetDistance(), usual.GetDistance()),
    ):
        expected = np.clip(before * factor, size_mm / 1e4, size_mm * 1e4)
        assert now == pytest.approx(expected, rel=1e-6)
    assert np.allclose(vtk_camera.GetDirectionOfProjection(), usual.GetDirectionOfProjection())


def test_a_camera_that_stands_nowhere_cannot_be_held() -> None:
    for where in ((np.nan, 0, 0), placed(parallel=False).GetFocalPoint()):
        vtk_camera = placed(parallel=False)
        vtk_camera.SetPosition(where)
        assert not hold(vtk_camera, CORNERS)


def test_a_zoom_that_runs_over_ends_no_program(
    make_stage: Callable[..., Stage], ball: Ball
) -> None:
    stage = make_stage((80, 60))
    stage.show(Scene([VolumeLayer(ball.volume)], Camera("left", parallel=True)))
    stage.render()
    seen = stage.picture()
    camera = stage.renderer.GetActiveCamera()
    camera.SetParallelScale(1e-39)
    stage.render()
    camera.SetPosition(np.nan, 0, 0)
    stage.render()
    assert np.abs(stage.picture().astype(int) - seen).mean() < 2
