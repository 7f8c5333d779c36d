"""The stage keeps what it has, changes what differs, and says what a pixel shows."""

import gc
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from weakref import ref

import numpy as np
import pytest
from PIL import Image

from tests.conftest import oblique_geometry
from tests.rendering.conftest import Ball, ball_at, corner_box, sphere
from vis3d.allocator import give_back_memory
from vis3d.errors import UsageError
from vis3d.geometry import FloatArray, Geometry
from vis3d.rendering import Stage, screenshot
from vis3d.scene import (
    Camera,
    ClipPlane,
    CropBox,
    Handles,
    Scene,
    SliceLayer,
    SurfaceLayer,
    TransferFunction,
    VolumeLayer,
)
from vis3d.volume import Volume

MakeStage = Callable[..., Stage]


def props(stage: Stage) -> list[object]:
    found = stage.window.GetRenderers().GetFirstRenderer().GetViewProps()
    return [found.GetItemAsObject(n) for n in range(found.GetNumberOfItems())]


def drawn(stage: Stage, scene: Scene) -> np.ndarray:
    stage.show(scene)
    stage.render()
    return stage.picture().astype(int)


def test_background_is_as_asked_and_lighter_above(make_stage: MakeStage) -> None:
    pixels = drawn(make_stage(), Scene(background=(18, 40, 60)))
    assert pixels.shape == (240, 320, 3)
    assert np.abs(pixels[-1] - (18, 40, 60)).max() <= 1
    assert (pixels[0] > pixels[-1]).all()


def test_the_same_surface_keeps_its_prop_and_takes_the_new_colour(
    ball: Ball, make_stage: MakeStage
) -> None:
    stage = make_stage()
    layer = SurfaceLayer(ball.surface)
    red = drawn(stage, Scene([layer]))[120, 160]
    before = props(stage)
    blue = drawn(stage, Scene([replace(layer, color=(10, 30, 240))]))[120, 160]
    assert props(stage) == before
    assert red[0] > 2 * red[2]
    assert blue[2] > 2 * blue[0]


def test_another_surface_takes_the_place_of_the_first(
    ball: Ball, make_stage: MakeStage
) -> None:
    stage = make_stage()
    drawn(stage, Scene([SurfaceLayer(ball.surface)]))
    before = props(stage)
    drawn(stage, Scene([SurfaceLayer(replace(ball.surface))]))
    assert len(props(stage)) == 1
    assert props(stage) != before


def test_invisible_and_transparent_layers_leave_the_background(
    ball: Ball, make_stage: MakeStage
) -> None:
    stage = make_stage()
    empty = drawn(stage, Scene())
    hidden = [
        SurfaceLayer(ball.surface, visible=False),
        SurfaceLayer(ball.surface, opacity=0.0),
        VolumeLayer(ball.volume, visible=False),
        VolumeLayer(ball.volume, opacity=0.0),
        SliceLayer(ball.volume, visible=False),
    ]
    assert np.array_equal(drawn(stage, Scene(hidden)), empty)


def test_half_opacity_lies_between_none_and_all(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage()
    reds = [
        drawn(stage, Scene([SurfaceLayer(ball.surface, opacity=o)]))[120, 160, 0]
        for o in (0.3, 0.6, 1.0)
    ]
    assert reds[0] + 20 < reds[1] < reds[2] - 20


def test_presets_change_without_a_new_prop(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage()
    pictures = [
        drawn(stage, Scene([VolumeLayer(ball.volume, name)]))
        for name in ("bone", "mip", "minip")
    ]
    first = props(stage)
    drawn(stage, Scene([VolumeLayer(ball.volume, "bone")]))
    assert props(stage) == first
    assert not np.array_equal(pictures[0], pictures[1])


def test_what_a_user_has_turned_stays_turned(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage()
    scene = Scene([SurfaceLayer(ball.surface), SurfaceLayer(corner_box(ball.geometry))])
    drawn(stage, scene)
    before = stage.projection()
    press = {"type": "LeftButtonPress", "x": 160, "y": 120, "w": 320, "h": 240}
    for event in (
        {**press, "type": "MouseMove"},
        press,
        {**press, "type": "MouseMove", "x": 230},
        {**press, "type": "LeftButtonRelease", "x": 230},
    ):
        stage.interact(event)
    turned = stage.projection()
    assert not np.allclose(stage.projection()[:2], before[:2], atol=0.1)
    drawn(stage, replace(scene, layers=[*scene.layers, SliceLayer(ball.volume)]))
    assert np.allclose(stage.projection()[:2], turned[:2])
    drawn(stage, replace(scene, camera=Camera("left")))
    assert not np.allclose(stage.projection()[:2], turned[:2], atol=0.1)


def test_dragging_is_coarse_and_rest_is_fine(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage(volumes_on_cpu=True)
    fine = drawn(stage, Scene([VolumeLayer(ball.volume)]))
    press = {"type": "LeftButtonPress", "x": 160, "y": 120, "w": 320, "h": 240}
    stage.interact(press)
    assert stage.quality == "coarse"
    stage.render(stage.quality)
    coarse = stage.picture()
    stage.interact({**press, "type": "LeftButtonRelease"})
    assert stage.quality == "fine"
    stage.render()
    assert not np.array_equal(coarse, fine)
    assert np.array_equal(stage.picture(), fine)


def test_keys_neither_end_nor_change_the_picture(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage()
    before = drawn(stage, Scene([SurfaceLayer(ball.surface)]))
    for key in "wqe3sp":
        stage.interact({"type": "KeyPress", "key": key, "keyCode": key})
        stage.interact({"type": "KeyUp", "key": key, "keyCode": key})
    stage.render()
    assert np.array_equal(stage.picture(), before)


@pytest.mark.parametrize("kind", ["surface", "volume", "slice", "mip"])
def test_picking_gives_the_point_seen(ball: Ball, make_stage: MakeStage, kind: str) -> None:
    center = (float(ball.center_lps[0]), float(ball.center_lps[1]), float(ball.center_lps[2]))
    layer, radius_mm = {
        "surface": (SurfaceLayer(ball.surface), 6.0),
        "volume": (VolumeLayer(ball.volume, "bone"), 6.0),
        "slice": (SliceLayer(ball.volume, "coronal", center), 0.0),
        "mip": (VolumeLayer(ball.volume, "mip"), 0.0),
    }[kind]
    stage = make_stage()
    box = SurfaceLayer(corner_box(ball.geometry), opacity=0.0)
    drawn(stage, Scene([layer, box]))
    point = stage.pick(*stage.to_pixel(ball.center_lps))
    assert point is not None
    # Seen from the front, the nearest part of the ball lies a radius before its middle.
    toward = ball.center_lps - point
    assert np.linalg.norm(toward - (0, radius_mm, 0)) < (6 if kind == "mip" else 1.5)
    assert stage.pick(1, 1) is None


def test_picking_gives_the_nearer_of_two(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage()
    behind = sphere(ball.center_lps + np.array((0, 30.0, 0)), 6.0)
    before = sphere(ball.center_lps - np.array((0, 30.0, 0)), 6.0)
    for surface, offset_mm in ((behind, -6.0), (before, -36.0)):
        stage.show(Scene([VolumeLayer(ball.volume), SurfaceLayer(surface)]))
        point = stage.pick(*stage.to_pixel(ball.center_lps))
        assert point is not None
        assert abs((point - ball.center_lps)[1] - offset_mm) < 2


def test_resizing_keeps_the_ball_round(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage((300, 200))
    drawn(stage, Scene([SurfaceLayer(ball.surface)], Camera(zoom=0.4)))
    stage.resize((200, 400))
    stage.render()
    pixels = stage.picture().astype(int)
    assert pixels.shape == (400, 200, 3)
    rows, columns = np.nonzero(pixels[..., 0] - pixels[..., 1] > 40)
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 4


def test_empty_surfaces_and_flat_volumes_are_no_trouble(
    ball: Ball, make_stage: MakeStage
) -> None:
    empty = replace(ball.surface, points=np.zeros((0, 3)), triangles=np.zeros((0, 3), int))
    flat = ball.volume.with_array(np.zeros_like(ball.volume.array))
    drawn(make_stage(), Scene([SurfaceLayer(empty), VolumeLayer(flat), SliceLayer(flat)]))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.uint8, np.int64])
@pytest.mark.parametrize("on_cpu", [True, False])
def test_a_ball_is_seen_whatever_the_type_of_its_voxels(
    ball: Ball, make_stage: MakeStage, kind: type, on_cpu: bool
) -> None:
    values = (ball.volume.array.clip(0) // 4).astype(kind)
    white = TransferFunction(((50, 1, 1, 1, 0.0), (150, 1, 1, 1, 1.0)), shaded=False)
    if np.issubdtype(kind, np.floating):
        values[0, :2, 0] = np.nan, np.inf
    stage = make_stage((80, 60), volumes_on_cpu=on_cpu)
    pixels = drawn(stage, Scene([VolumeLayer(ball.volume.with_array(values), white)]))
    assert pixels[30, 40].min() > 200


@pytest.mark.parametrize("shape", [(1, 30, 40), (20, 30, 1), (1, 1, 1)])
def test_a_single_slice_does_not_crash(
    make_stage: MakeStage, shape: tuple[int, int, int]
) -> None:
    volume = Volume(np.full(shape, 300, np.int16), Geometry(shape))
    for on_cpu in (True, False):
        stage = make_stage((80, 60), volumes_on_cpu=on_cpu)
        drawn(stage, Scene([VolumeLayer(volume), SliceLayer(volume)]))


def test_an_unknown_preset_or_view_lists_those_that_exist(
    ball: Ball, make_stage: MakeStage
) -> None:
    with pytest.raises(UsageError, match="no preset 'bones'; choose from bone, vessels"):
        make_stage().show(Scene([VolumeLayer(ball.volume, "bones")]))
    with pytest.raises(UsageError, match="one of anterior, posterior"):
        make_stage().show(Scene([SurfaceLayer(ball.surface)], Camera("front")))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "direction", [np.eye(3), oblique_geometry().direction], ids=["", "oblique"]
)
def test_both_ray_casters_light_a_volume_from_the_same_side(
    make_stage: MakeStage, direction: FloatArray
) -> None:
    """The light's middle lies above the ball's own, or on it for a light at the camera."""
    geometry = Geometry((40, 40, 40), (1.0, 1.0, 1.0), direction=direction)
    ball = ball_at(geometry.center_lps, 12.0, geometry)
    for on_cpu in (True, False):
        stage = make_stage(volumes_on_cpu=on_cpu)
        pixels = drawn(stage, Scene([VolumeLayer(ball.volume, "skin")], background=(0, 0, 0)))
        shine = pixels.sum(axis=-1) * (pixels.max(axis=-1) > 100)
        rows, columns = np.indices(shine.shape)
        x, y = (shine * columns).sum() / shine.sum(), (shine * rows).sum() / shine.sum()
        middle = stage.to_pixel(ball.center_lps)
        assert abs(x - middle[0]) < 5
        assert -15 < y - middle[1] < 1
        above, below = (shine[round(middle[1]) + n, round(middle[0])] for n in (-60, 60))
        assert below < above * (0.6 if direction[0, 0] == 1 else 1.0)


def test_screenshot_writes_what_it_returns(
    ball: Ball, make_stage: MakeStage, tmp_path: Path
) -> None:
    make_stage()  # skips where there is no OpenGL

    path = tmp_path / "ball.png"
    pixels = screenshot(Scene([SurfaceLayer(ball.surface)]), path, size=(160, 120))
    assert pixels.shape == (120, 160, 3)
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), pixels)
    with pytest.raises(UsageError, match="positive width"):
        screenshot(Scene(), size=(0, 10))


@pytest.mark.parametrize("handles", ["none", "box", "plane"])
def test_a_closed_stage_is_freed_at_once_and_with_it_what_it_showed(
    ball: Ball, handles: Handles
) -> None:
    volume = replace(ball.volume)
    crop = CropBox(*(tuple(lps) for lps in ball.surface.bounds_mm))
    clip = ClipPlane(tuple(ball.center_lps), (1.0, 0.0, 0.0))
    gc.disable()  # it runs too seldom for whole scans to wait for it
    try:
        stage = Stage((60, 40))
        layers = [SurfaceLayer(ball.surface), VolumeLayer(volume, "bone")]
        stage.show(Scene(layers, crop=crop, clip=clip, handles=handles, marker=True))
        stage.render()
        stage.close()
        freed = ref(stage), ref(volume)
        del stage, volume, layers
        assert [one() for one in freed] == [None, None]
    finally:
        gc.enable()


def test_a_stage_that_is_resized_again_and_again_keeps_nothing_of_its_old_sizes(
    ball: Ball, make_stage: MakeStage
) -> None:
    stage = make_stage((90, 60))
    stage.show(Scene([SurfaceLayer(ball.surface)], ambient_occlusion=True))
    used_mb: list[float] = []
    for _ in range(5):
        for size in ((900, 600), (90, 60)):
            stage.resize(size)
            stage.render("fine")
        used_mb.append(memory_mb())
    # Each time would leave 4 MB.
    assert used_mb[-1] - used_mb[0] < 8


def test_resizing_changes_nothing_of_the_picture(ball: Ball, make_stage: MakeStage) -> None:
    stage = make_stage((300, 200))
    scene = Scene([SurfaceLayer(ball.surface)], marker=True, ambient_occlusion=True)
    before = drawn(stage, scene)
    stage.resize((450, 300))
    stage.render("fine")
    assert stage.picture().shape == (300, 450, 3)
    stage.resize((300, 200))
    stage.render("fine")
    assert np.array_equal(stage.picture(), before)


def memory_mb() -> float:
    """What this process has in memory."""
    give_back_memory()
    try:
        told = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    except OSError:
        told = None
    if told is None:
        pytest.skip("This system has no /proc to measure memory by.")
    return int(told[1]) / 1024
