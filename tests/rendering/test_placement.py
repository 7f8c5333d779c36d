"""Whatever draws it, a thing appears where its LPS point is projected."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.rendering.conftest import Ball, corner_box, middle_of
from vis3d.imaging.stacks import stack
from vis3d.rendering import Stage
from vis3d.rendering.slices import outline_lps
from vis3d.scene import (
    Camera,
    Layer,
    Scene,
    SliceLayer,
    SurfaceLayer,
    TransferFunction,
    VolumeLayer,
)
from vis3d.volume import Volume

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


def test_a_turned_slice_shows_what_lies_in_its_turned_plane(
    ball: Ball, make_stage: Callable[..., Stage]
) -> None:
    """It goes through a point whose straight slice passes the ball by."""
    turn = Rotation.from_rotvec(np.radians(35) * np.array([1.0, 0.0, 0.0]))
    across = turn.apply(stack(ball.geometry, "axial").slice_step_lps)
    along = np.cross(across, [1.0, 0.0, 0.0])
    point = ball.center_lps + 25 * along / np.linalg.norm(along)
    rows = tuple(tuple(row) for row in turn.as_matrix().tolist())
    straight = SliceLayer(ball.volume, "axial", tuple(point), window=(0, 500))
    turned = replace(straight, turn=rows)  # type: ignore[arg-type]
    stage, camera = make_stage(), Camera("inferior")
    box = SurfaceLayer(corner_box(ball.geometry), opacity=0.01)
    seen = []
    for layer in (straight, turned):
        stage.show(Scene([layer, box], camera, background=(0, 0, 90)))
        stage.render()
        seen.append(stage.picture()[..., 0] > 128)
    assert not seen[0].any()
    assert np.linalg.norm(middle_of(seen[1]) - stage.to_pixel(ball.center_lps)) < 1.5
    assert seen[1].sum() > 30


def test_a_turned_slice_ends_where_the_scan_ends(ball: Ball) -> None:
    turn = Rotation.from_rotvec(np.radians(50) * np.array([0.6, 0.8, 0.0])).as_matrix()
    where = stack(ball.geometry, "coronal", turn)
    corners = outline_lps(ball.geometry, where, where.count // 2)
    ijk = ball.geometry.to_ijk(corners)
    faces = np.array(ball.geometry.shape[::-1]) - 0.5
    on_a_face = np.isclose(ijk, -0.5, atol=1e-6) | np.isclose(ijk, faces, atol=1e-6)
    assert 3 <= len(corners) <= 6
    assert (on_a_face.sum(axis=1) >= 2).all(), "each lies on an edge of the scan"
    assert np.ptp(corners @ where.slice_step_lps) < 1e-6, "all lie in the plane"
    assert len(outline_lps(ball.geometry, where, 10 * where.count)) == 0


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


@pytest.mark.parametrize("order", [1, -1])
def test_what_lies_behind_a_slices_padding_is_seen(
    ball: Ball, make_stage: Callable[..., Stage], order: int
) -> None:
    values = np.full(ball.geometry.shape, -2000, np.int16)
    values[:, :, :30] = 40  # the ball's middle has index 60
    behind = replace(ball.surface, points=ball.surface.points + np.array((0.0, 40.0, 0.0)))
    l_mm, p_mm, s_mm = ball.center_lps.tolist()
    point = (l_mm, p_mm, s_mm)
    stage = make_stage()
    for padding in (None, -2000):
        volume = Volume(values, ball.geometry, padding=padding)
        cut = SliceLayer(volume, "coronal", point, window=(40, 400))
        layers: list[Layer] = [cut, SurfaceLayer(behind)]
        stage.show(Scene(layers[::order], Camera(parallel=True)))
        stage.render("fine")
        red = stage.picture()[..., 0].astype(int) - stage.picture()[..., 2]
        assert (red > 60).any() == (padding is not None)
