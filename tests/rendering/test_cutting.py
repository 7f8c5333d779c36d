"""Crop box, clip plane, their handles; the cube; the pace: on an oblique grid."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.rendering.conftest import Ball, corner_box, middle_of
from tests.rendering.test_placement import RED
from vis3d.errors import UsageError
from vis3d.geometry import FloatArray
from vis3d.rendering import Stage
from vis3d.rendering.clipping import cutting_planes, kept
from vis3d.scene import (
    Camera,
    ClipPlane,
    CropBox,
    Layer,
    Scene,
    SliceLayer,
    SurfaceLayer,
    VolumeLayer,
)

MakeStage = Callable[..., Stage]

FRONT = Camera("anterior", parallel=True)
"""Left of the patient is right in the picture, and up is up."""


def point(lps: FloatArray) -> tuple[float, float, float]:
    x, y, z = (float(mm) for mm in lps)
    return x, y, z


def ball_scene(ball: Ball, route: str) -> Scene:
    layer: Layer = (
        SurfaceLayer(ball.surface) if route == "surface" else VolumeLayer(ball.volume, RED)
    )
    frame = SurfaceLayer(corner_box(ball.geometry), opacity=0.01)
    return Scene([layer, frame], FRONT)


def red(stage: Stage, scene: Scene) -> np.ndarray:
    stage.show(scene)
    stage.render("fine")
    pixels = stage.picture().astype(int)
    return pixels[..., 0] - pixels[..., 1:].max(axis=-1) > 40


@pytest.mark.parametrize("route", ["surface", "cpu", "gpu"])
def test_a_plane_leaves_what_its_normal_points_to(
    ball: Ball, make_stage: MakeStage, route: str
) -> None:
    stage = make_stage(volumes_on_cpu=route != "gpu")
    scene = ball_scene(ball, route)
    whole = red(stage, scene)
    clip = ClipPlane(point(ball.center_lps), (0.0, 0.0, 5.0))
    upper = red(stage, replace(scene, clip=clip))
    edge = stage.to_pixel(ball.center_lps)[1]
    rows = np.nonzero(upper)[0]
    assert rows.max() < edge + 2
    assert rows.max() > edge - 3
    assert upper.sum() == pytest.approx(whole.sum() / 2, rel=0.2)
    assert (red(stage, scene) == whole).mean() > 0.999, "and back again"


@pytest.mark.parametrize("route", ["surface", "cpu", "gpu"])
def test_a_box_leaves_what_lies_in_it(ball: Ball, make_stage: MakeStage, route: str) -> None:
    stage = make_stage(volumes_on_cpu=route != "gpu")
    low = ball.center_lps - np.array((3.0, 20.0, 20.0))
    high = ball.center_lps + np.array((3.0, 20.0, 0.0))
    scene = replace(ball_scene(ball, route), crop=CropBox(point(low), point(high)))
    shown = red(stage, scene)
    columns = np.nonzero(shown)[1]
    left, right = (stage.to_pixel(end)[0] for end in (low, high))
    assert columns.min() == pytest.approx(left, abs=2.5)
    assert columns.max() == pytest.approx(right, abs=2.5)
    assert np.nonzero(shown)[0].min() >= stage.to_pixel(high)[1] - 2


def test_slices_are_never_cut(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage()
    layer = SliceLayer(ball.volume, "coronal", point(ball.center_lps), window=(0, 500))
    scene = Scene([layer], FRONT)
    stage.show(scene)
    stage.render()
    whole = stage.picture()
    away = ClipPlane(point(ball.center_lps + np.array((0, 1000, 0))), (0.0, 1.0, 0.0))
    stage.show(replace(scene, clip=away))
    stage.render()
    assert (stage.picture() == whole).all()


@pytest.mark.parametrize("route", ["surface", "cpu"])
def test_what_is_cut_away_is_not_picked(ball: Ball, make_stage: MakeStage, route: str) -> None:
    stage = make_stage(volumes_on_cpu=True)
    scene = ball_scene(ball, route)
    stage.show(replace(scene, clip=ClipPlane(point(ball.center_lps), (0.0, 1.0, 0.0))))
    stage.render()
    x, y = stage.to_pixel(ball.center_lps)
    picked = stage.pick(x, y)
    assert picked is not None
    assert picked[1] > ball.center_lps[1] - 2, "the front half is gone"


def test_planes_keep_both_sides_of_a_box() -> None:
    box = CropBox((0.0, 0.0, 0.0), (1.0, 2.0, 3.0))
    points = np.array([[0.5, 1.0, 1.5], [1.5, 1.0, 1.0], [0.5, -0.1, 1.0], [0.5, 1.0, 3.1]])
    assert kept(points, cutting_planes(box, None)).tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("crop", "clip"),
    [
        (CropBox((0.0, 0.0, 0.0), (1.0, 0.0, 1.0)), None),
        (None, ClipPlane((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))),
    ],
    ids=["a flat box", "no normal"],
)
def test_nonsense_cuts_are_refused(crop: CropBox | None, clip: ClipPlane | None) -> None:
    with pytest.raises(UsageError):
        cutting_planes(crop, clip)


def drag(stage: Stage, start: FloatArray, end: FloatArray) -> None:
    """Hold the left button from one pixel (from the top left) to another."""
    interactor = stage.interactor
    height = stage.size[1]

    def event(name: str, place: FloatArray) -> None:
        interactor.SetEventInformation(round(place[0]), round(height - 1 - place[1]))
        interactor.InvokeEvent(name)

    event("MouseMoveEvent", start)
    event("LeftButtonPressEvent", start)
    for step in np.linspace(0, 1, 5)[1:]:
        event("MouseMoveEvent", start + step * (end - start))
    event("LeftButtonReleaseEvent", end)


def test_the_box_is_moved_by_its_handles(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage()
    heard: list[CropBox | ClipPlane] = []
    stage.on_cut = heard.append
    box = CropBox(point(ball.center_lps - 20), point(ball.center_lps + 20))
    scene = replace(ball_scene(ball, "surface"), crop=box, handles="box", marker=True)
    stage.show(scene)
    stage.render()
    before = stage.projection()
    handle = ball.center_lps + np.array((20, 0, 0))
    drag(stage, stage.to_pixel(handle), stage.to_pixel(ball.center_lps + np.array((8, 0, 0))))
    moved = heard[-1]
    assert isinstance(moved, CropBox)
    assert moved.high_lps[0] == pytest.approx(ball.center_lps[0] + 8, abs=1.5)
    assert np.allclose(moved.low_lps, box.low_lps, atol=1e-6)
    assert np.allclose(moved.high_lps[1:], box.high_lps[1:], atol=1e-6)
    assert np.allclose(stage.projection(), before), "the camera stays"
    stage.show(replace(scene, crop=moved))
    assert heard[-1] is moved, "showing what was heard says nothing new"


def test_the_plane_is_moved_by_its_handles(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage()
    heard: list[CropBox | ClipPlane] = []
    stage.on_cut = heard.append
    clip = ClipPlane(point(ball.center_lps), (0.0, 0.0, 1.0))
    above = Camera("anterior", elevation_degrees=35)
    scene = replace(ball_scene(ball, "surface"), clip=clip, handles="plane", camera=above)
    stage.show(scene)
    stage.render()
    beside = ball.center_lps + np.array((-30.0, 0, 0))
    drag(stage, stage.to_pixel(beside), stage.to_pixel(beside + np.array((0, 0, 15.0))))
    moved = heard[-1]
    assert isinstance(moved, ClipPlane)
    assert moved.normal_lps == pytest.approx(clip.normal_lps)
    assert moved.point_lps[2] - clip.point_lps[2] == pytest.approx(11, abs=5)


def test_handles_gone_a_drag_turns_again(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage()
    box = CropBox(point(ball.center_lps - 20), point(ball.center_lps + 20))
    scene = replace(ball_scene(ball, "surface"), crop=box, handles="box", marker=True)
    stage.show(scene)
    stage.show(replace(scene, handles="none"))
    stage.render()
    before = stage.projection()
    start = stage.to_pixel(ball.center_lps + np.array((20, 0, 0)))
    drag(stage, start, start - np.array((30, 0)))
    assert not np.allclose(stage.projection(), before)


def test_the_projection_changes_and_the_side_stays(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage()
    scene = replace(ball_scene(ball, "surface"), camera=Camera("anterior"))
    stage.show(scene)
    stage.turn(30)
    stage.render()
    turned = stage.to_pixel(ball.geometry.center_lps)
    parallel = replace(scene, camera=Camera("anterior", parallel=True))
    stage.show(parallel)
    # Parallel: moving towards the viewer, turned by 30 degrees, moves nothing on the screen.
    toward = np.array([-np.sin(np.pi / 6), -np.cos(np.pi / 6), 0]) * -1
    there = stage.to_pixel(ball.center_lps + 50 * toward * (-1, 1, 1))
    here = stage.to_pixel(ball.center_lps)
    across = stage.to_pixel(ball.center_lps + 50 * toward)
    assert min(np.linalg.norm(there - here), np.linalg.norm(across - here)) < 0.5
    stage.show(scene)
    assert np.allclose(stage.to_pixel(ball.geometry.center_lps), turned, atol=0.5)


def test_a_turntable_comes_round(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.show(ball_scene(ball, "surface"))
    start = stage.to_pixel(ball.center_lps)
    for _ in range(4):
        stage.turn(90)
    assert np.allclose(stage.to_pixel(ball.center_lps), start, atol=1e-3)
    stage.turn(180)
    middle = stage.to_pixel(ball.geometry.center_lps)
    assert (stage.to_pixel(ball.center_lps) - middle)[0] == pytest.approx(
        -(start - middle)[0], abs=1e-3
    )


def test_the_cube_stands_in_the_corner_when_asked(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage()
    scene = ball_scene(ball, "surface")
    stage.show(scene)
    stage.render()
    without = stage.picture().astype(int)
    stage.show(replace(scene, marker=True))
    stage.render()
    changed = np.abs(stage.picture().astype(int) - without).max(axis=-1) > 20
    x, y = middle_of(changed)
    assert x < 72
    assert y > 240 - 72
    stage.show(scene)
    stage.render()
    assert np.abs(stage.picture().astype(int) - without).max() < 3


def test_hollows_are_darker_at_rest(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage()
    beside = replace(ball.surface, points=ball.surface.points + np.array((11.0, 0, 0)))
    layers = [SurfaceLayer(ball.surface), SurfaceLayer(beside)]
    scene = Scene(layers, FRONT)
    pictures = []
    for shaded in (False, True):
        stage.show(replace(scene, ambient_occlusion=shaded))
        stage.render("fine")
        pictures.append(stage.picture().astype(int).sum(axis=-1))
    darker = pictures[0] - pictures[1]
    seam = stage.to_pixel(ball.center_lps + np.array((5.5, 0, 0))).round().astype(int)
    middle = stage.to_pixel(ball.center_lps).round().astype(int)
    assert darker[seam[1] - 5 : seam[1] + 6, seam[0] - 4 : seam[0] + 5].mean() > 10
    assert abs(darker[middle[1] - 5 : middle[1] + 6, middle[0] - 5 : middle[0] + 6]).max() < 6


def test_a_box_and_a_plane_that_all_cut_a_surface_cut_it(
    ball: Ball, make_stage: MakeStage
) -> None:
    """Seven planes, of which VTK's mapper takes six."""
    stage = make_stage()
    scene = ball_scene(ball, "surface")
    box = CropBox(point(ball.center_lps - 5.5), point(ball.center_lps + 5.5))
    boxed = red(stage, replace(scene, crop=box))
    upper = ClipPlane(point(ball.center_lps), (0.0, 0.0, 1.0))
    half = red(stage, replace(scene, crop=box, clip=upper))
    rows = np.nonzero(half.any(axis=1))[0]
    assert rows.max() <= stage.to_pixel(ball.center_lps)[1] + 1, "nothing below the plane"
    assert rows.min() == np.nonzero(boxed.any(axis=1))[0].min(), "all above it"
    assert red(stage, replace(scene, crop=box)).sum() == boxed.sum(), "and back again"
