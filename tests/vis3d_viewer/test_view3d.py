"""The 3D view's pictures while a hand moves, without a page."""

import asyncio
import io
from typing import Any

import numpy as np
from PIL import Image
from vis3d_viewer.view3d import View3D

from tests.needs import need
from tests.vis3d_viewer.scans import blob_study
from vis3d.errors import RequirementError
from vis3d.rendering import require_opengl
from vis3d.scene import Camera, Scene, SurfaceLayer


class Streamer:
    """Keeps the pictures that would go to the page."""

    def __init__(self) -> None:
        self.pictures: list[np.ndarray] = []

    def push_content(self, _area: str, _meta: dict[str, Any], jpeg: bytes) -> None:
        picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
        self.pictures.append(np.asarray(picture).astype(int))


class Restless:
    """A hand that never rests: there is always something newer to be shown."""

    def set(self) -> None: ...
    def clear(self) -> None: ...
    def is_set(self) -> bool:
        return True


def test_a_picture_on_the_way_lacks_neither_veils_nor_cube() -> None:
    try:
        require_opengl()
    except RequirementError as error:
        need(False, str(error))
    surface = blob_study().surfaces[4]
    veil = SurfaceLayer(surface, (40, 60, 255), 0.5)
    scene = Scene([veil], Camera("left", azimuth_degrees=30), marker=True)

    async def drawn() -> list[np.ndarray]:
        streamer, poses = Streamer(), []
        nothing = lambda *_: None  # noqa: E731
        view = View3D("3d", nothing, nothing, nothing, lambda _, pose: poses.append(pose))
        view._restless = Restless()  # type: ignore[assignment]
        view.set_streamer(streamer)
        view.update_size("", {"w": 300, "h": 200, "p": 1})
        view.show(scene)
        running = asyncio.create_task(view.run())
        for _ in range(60):
            await asyncio.sleep(0.3)  # VTK asks at most five times a second whether to go on
            view.look(scene.camera)
            if len(streamer.pictures) > 3:
                break
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert poses, "the page is told where the camera stands"
        return streamer.pictures

    pictures = asyncio.run(drawn())
    assert len(pictures) > 3
    for picture in pictures:
        blue = picture[..., 2] - picture[..., 0] > 50
        assert blue[:, 90:].mean() > 0.02, "the veil"
        assert picture[-72:, :72].std() > 8, "the cube"


def test_a_film_keeps_its_size_when_the_view_gets_another() -> None:
    """Films cannot hold pictures of several sizes."""
    try:
        require_opengl()
    except RequirementError as error:
        need(False, str(error))
    scene = Scene([SurfaceLayer(blob_study().surfaces[4])], Camera("left"))

    async def drawn() -> list[tuple[int, ...]]:
        nothing = lambda *_: None  # noqa: E731
        view = View3D("3d", nothing, nothing, nothing, nothing)
        view.set_streamer(Streamer())
        view.update_size("", {"w": 300, "h": 200, "p": 1})
        view.show(scene)
        running = asyncio.create_task(view.run())
        first = await view.turned_picture(0)
        view.update_size("", {"w": 120, "h": 400, "p": 1})
        kept = await view.turned_picture(5, (first.shape[1], first.shape[0]))
        own = await view.turned_picture(5)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return [picture.shape for picture in (first, kept, own)]

    assert asyncio.run(drawn()) == [(200, 300, 3), (200, 300, 3), (400, 120, 3)]


def test_only_what_moves_the_view_has_it_drawn_again() -> None:
    """A key let go over the slices once had 3D drawn coarsely at each step."""

    async def woken() -> set[str]:
        nothing = lambda *_: None  # noqa: E731
        view = View3D("3d", nothing, nothing, nothing, nothing)
        kinds = ("KeyUp", "KeyDown", "EndMouseMove", "MouseEnter", "MouseMove", "MouseWheel")
        found = set()
        for kind in (*kinds, "LeftButtonPress", 5, ["KeyUp"]):
            view._wake.clear()
            view.on_interaction("", {"type": kind})
            found |= {str(kind)} if view._wake.is_set() else set()
        return found

    assert asyncio.run(woken()) == {"MouseMove", "MouseWheel", "LeftButtonPress"}
