"""Whatever draws it, a thing appears where its LPS point is projected."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.rendering.conftest import Ball, corner_box, middle_of
from vis3d.rendering import Stage
from vis3d.scene import (
    Camera,
    Layer,
    Scene,
    SliceLayer,
    SurfaceLayer,
    TransferFunction,
    VolumeLayer,
)

RED = TransferFunction(((-200, 1, 0, 0, 0.0), (300, 1, 0, 0, 1.0)), shaded=False)
RED_MIP = TransferFunction(
    ((-1000, 0, 0, 0, 0.0), (1000, 1, 0, 0, 1.0)), shaded=False, blend="mip"
)
CAMERAS = [
    Camera("anterior"),
    Camera("left", azimuth_degrees=25, elevation_degrees=15),
    Camera("superior", parallel=True, zoom=1.3),
]


def ball_pixels(stage: Stage, scene: Scene) -> np.ndarray:
    """Where the picture is red."""
    stage.show(scene)
    stage.render()
    pixels = stage.picture().astype(int)
    return pixels[..., 0] - pixels[..., 1:].max(axis=-1) > 60


@pytest.mark.parametrize("camera", CAMERAS, ids=lambda camera: camera.view)
@pytest.mark.parametrize("route", ["surface", "cpu", "gpu", "cpu mip", "halved"])
def test_ball_appears_where_the_camera_projects_it(
    ball: Ball, make_stage: Callable[..., Stage], route: str, camera: Camera
) -> None:
    layer: Layer = {
        "surface": SurfaceLayer(ball.surface),
        "cpu mip": VolumeLayer(ball.volume, RED_MIP),
    }.get(route, VolumeLayer(ball.volume, RED))
    halved = ball.volume.array.size // 3 if route == "halved" else None
    stage = make_stage(volumes_on_cpu=route != "gpu", max_voxels=halved)
    box = SurfaceLayer(corner_box(ball.geometry), opacity=0.01)
    red = ball_pixels(stage, Scene([layer, box], camera))
    assert np.linalg.norm(middle_of(red) - stage.to_pixel(ball.center_lps)) < 1.0
    assert 0 < red.mean() < 0.2


@pytest.mark.parametrize(
    ("plane", "view"), [("axial", "inferior"), ("coronal", "anterior"), ("sagittal", "left")]
)
def test_slice_shows_the_ball_where_it_lies(
    ball: Ball, make_stage: Callable[..., Stage], plane: str, view: str
) -> None:
    point = (float(x) for x in ball.center_lps)
    layer = SliceLayer(ball.volume, plane, tuple(point), window=(0, 500))  # type: ignore[arg-type]
    stage = make_stage()
    stage.show(Scene([layer], Camera(view), background=(0, 0, 90)))  # type: ignore[arg-type]
    stage.render()
    bright = stage.picture()[..., 0] > 128
    assert np.linalg.norm(middle_of(bright) - stage.to_pixel(ball.center_lps)) < 1.5


def test_patients_left_is_on_the_right_of_an_anterior_picture(
    ball: Ball, make_stage: Callable[..., Stage]
) -> None:
    stage = make_stage()
    box = SurfaceLayer(corner_box(ball.geometry), opacity=0.01)
    red = ball_pixels(stage, Scene([SurfaceLayer(ball.surface), box]))
    middle = stage.to_pixel(ball.geometry.center_lps)
    left, _, superior = ball.center_lps - ball.geometry.center_lps
    assert min(abs(left), abs(superior)) > 5
    assert np.sign(middle_of(red)[0] - middle[0]) == np.sign(left)
    assert np.sign(middle[1] - middle_of(red)[1]) == np.sign(superior)


def test_volume_and_surface_hide_each_other_by_depth(
    ball: Ball, make_stage: Callable[..., Stage]
) -> None:
    """A wall behind the ball leaves it red; one before it hides it."""
    stage = make_stage(volumes_on_cpu=True)
    low, high = ball.geometry.corners_lps.min(axis=0), ball.geometry.corners_lps.max(axis=0)
    seen = []
    for y in (low[1] - 5, high[1] + 5):
        corners = np.array([[x, y, z] for x in (low[0], high[0]) for z in (low[2], high[2])])
        wall = type(ball.surface)(
            corners, np.array([[0, 1, 2], [1, 3, 2]]), "wall", (20, 40, 90)
        )
        scene = Scene([VolumeLayer(ball.volume, RED), SurfaceLayer(wall)])
        seen.append(int(ball_pixels(stage, scene).sum()))
    assert seen[0] == 0
    assert seen[1] > 100
