"""Cameras stand where they say, and see all that they should."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vtkmodules.vtkRenderingCore import vtkCamera

from tests.conftest import oblique_geometry
from vis3d.rendering.cameras import VIEWS, directions, place, projection, swept
from vis3d.scene import Camera

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
