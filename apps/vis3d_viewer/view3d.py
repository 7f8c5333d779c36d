"""The 3D view: one stage on a thread of its own, streamed to the page as JPEG.

trame-rca brings the page's side (the picture, the mouse) and the websocket's messages; its
own scheduler renders on the event loop, which would stop the slices for a second a frame.
"""

import asyncio
import io
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vis3d.errors import Vis3dError
from vis3d.geometry import FloatArray
from vis3d.rendering import Stage
from vis3d.scene import Camera, Scene
from vis3d_viewer.annotations import annotated
from vis3d_viewer.hand3d import BUTTONS, HEARD, Hand3D, Picked, WasCut, bearable
from vis3d_viewer.logbook import defect
from vis3d_viewer.measuring import Kept
from vis3d_viewer.memory_use import Tidying
from vis3d_viewer.poses import Pose, orbit, pose_of, refit, stand
from vis3d_viewer.said import said

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Stood = tuple[list[float], Pose]
Told = Callable[[str, str], None]
Moved = Callable[[list[float], Pose], None]

REST_S = 0.12
"""After this long without a change the coarse picture becomes a fine one."""

HELD_REST_S = 0.4
"""The same while a button is held: the hand may go on, and a fine picture takes a while."""

MAX_PIXELS = 1_400_000
"""More are scaled down: a big screen must not make a CPU renderer crawl."""

TURN_DEGREES_PER_S = 30.0
TURN_S = 0.05
"""A turntable shows a picture that often at most."""

MAX_STILL_PIXELS = 4_000_000
"""Of a picture to save."""

COARSE_QUALITY, FINE_QUALITY = 70, 92


class View3D:
    """Takes scenes and mouse events, gives pictures; an area of trame-rca.

    `told(state, message)` hears of "coarse" and "fine" pictures, and of "failed";
    `picked(lps)` of the point in LPS mm that was clicked, `cut(cut)` of the box or plane that
    was moved by its handles, once it is let go, `moved(matrix, pose)` of the camera, when it
    stands elsewhere: its matrix from LPS mm to the view (16 numbers, row by row), its pose.
    """

    def __init__(
        self, area_name: str, told: Told, picked: Picked, cut: WasCut, moved: Moved
    ) -> None:
        self.area_name = area_name
        self._told = told
        self._hand = Hand3D(picked, cut)
        self._moved = moved
        self._matrix: list[float] = []
        self._pose: Pose | None = None
        self._stood: Pose | None = None
        self._keys: deque[str] = deque(maxlen=100)
        self._resting = False
        self._turning = False
        self._turned_at = 0.0
        self._shown: Scene | None = None
        self._may_stop = False
        self._button_held = False
        self._thread = ThreadPoolExecutor(1, "rendering")
        self._wake = asyncio.Event()
        self._restless = threading.Event()
        self._scene: Scene | None = None
        self._has_scene = False
        self._camera: Camera | None = None
        self._size: tuple[int, int] | None = None
        self._scale = 1.0
        self._events: deque[Mapping[str, Any]] = deque(maxlen=1000)
        self._streamer: Any = None
        self._stage: Stage | None = None
        self._tidying = Tidying()

    # What the explorer asks for

    def show(self, scene: Scene) -> None:
        """Show this scene as soon as possible."""
        self._scene, self._has_scene = scene, True
        self._changed()

    def look(self, camera: Camera) -> None:
        """Turn to a side of the patient."""
        self._camera = camera
        self._changed()

    def orbit(self, key: str) -> None:
        """Turn or zoom a little, as a key asks."""
        self._keys.append(key)
        self._changed()

    def stand(self, pose: Pose) -> None:
        """Stand where a page that draws for itself has its camera."""
        self._pose = pose
        self._changed()

    def rest(self, resting: bool) -> None:
        """Draw nothing while the page draws for itself, but know where the camera stands."""
        if resting != self._resting:
            self._resting = resting
            self._changed()

    def turn(self, turning: bool) -> None:
        """Start or stop to go round the patient."""
        if turning != self._turning:
            self._turning, self._turned_at = turning, time.monotonic()
            self._changed()

    async def apart(self, work: Callable[[], Result]) -> Result:
        """What `work()` returns, done on the rendering thread between two pictures."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    @property
    def pose(self) -> Pose | None:
        """How the camera stood when something was drawn last."""
        return self._stood

    async def projection(self) -> FloatArray:
        """The camera's 4x4 matrix from LPS mm to the view (-1 to 1, y upwards)."""
        return await self.apart(lambda: self._staged().projection())

    async def pick(self, x: float, y: float) -> FloatArray | None:
        """The point in LPS mm that is seen at a share (0 to 1) of the view's width and height.

        From the top left; None for the background.
        """
        return await self.apart(partial(self._seen_at, x, y))

    async def picture(
        self, *, plain: bool = False, marks: Sequence[Kept] = ()
    ) -> NDArray[np.uint8]:
        """The view at rest in twice its size, RGB, with marks.

        A `plain` one is without cube, handles and marks.
        """
        try:
            return await self.apart(partial(self._still, plain=plain, marks=marks))
        finally:
            self._changed()

    async def turned_picture(
        self, degrees: float, size: tuple[int, int] | None = None
    ) -> NDArray[np.uint8]:
        """The view at rest, RGB, turned round the patient; `size` is width and height."""
        return await self.apart(partial(self._turned, degrees, size))

    async def run(self) -> None:
        """Draw whenever something changed, coarsely first, finely at rest; for ever."""
        asyncio.get_running_loop().run_in_executor(self._thread, self._warm_up)
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                if not self._has_scene or self._size is None:
                    continue
                if self._resting:
                    await self._stand_by()
                    continue
                drawn = await self._draw("coarse")
                if self._turning:
                    self._wake.set()
                    await asyncio.sleep(TURN_S - (time.monotonic() - self._turned_at))
                elif drawn and await self._at_rest() and await self._draw("fine"):
                    self._tidying.soon()  # drawing leaves some 60 MB behind
        finally:
            self._restless.set()
            await asyncio.to_thread(self._end)

    def fit(self, size: Mapping[str, object]) -> None:
        """Draw in so many CSS pixels (w, h) of so many pixels (p), if that is another size."""
        w, h, ratio = (bearable(size.get(name), 1.0) for name in ("w", "h", "p"))
        if w < 2 or h < 2:
            return
        before = self._size, self._scale
        self._scale = min(max(ratio, 0.5), 3.0, math.sqrt(MAX_PIXELS / (w * h)))
        self._size = (max(16, int(w * self._scale)), max(16, int(h * self._scale)))
        if before != (self._size, self._scale):
            self._changed()

    # What trame-rca calls (an area adapter)

    def set_streamer(self, streamer: Any) -> None:
        """Where pictures go."""
        self._streamer = streamer

    def update_size(self, _origin: object, size: object) -> None:
        """The page has given the view so many CSS pixels."""
        if isinstance(size, Mapping):
            self.fit(size)
            self._changed()

    def on_interaction(self, _origin: object, event: object) -> None:
        """A mouse event of the page."""
        kind = event.get("type") if isinstance(event, Mapping) else None
        if isinstance(event, Mapping) and kind in HEARD:
            if kind in BUTTONS:
                self._button_held = str(kind).endswith("Press")
            self._events.append(event)
            self._changed()

    def reset(self) -> None:
        """A page wants the whole picture again."""
        self._changed()

    def video_codecs(self) -> list[object]:
        """None: pictures are JPEG."""
        return []

    def negotiate_video(self, _codecs: object) -> dict[str, str]:
        """No video."""
        return {"error": "not-a-video-stream"}

    # On the event loop

    def _changed(self) -> None:
        self._restless.set()
        self._wake.set()

    async def _at_rest(self) -> bool:
        try:
            rest_s = HELD_REST_S if self._button_held else REST_S
            await asyncio.wait_for(self._wake.wait(), rest_s)
        except TimeoutError:
            return True
        return False

    async def _draw(self, quality: str) -> bool:
        loop = asyncio.get_running_loop()
        try:
            drawn = await loop.run_in_executor(self._thread, self._drawn, quality)
        except Vis3dError as error:
            self._told("failed", said(error))
            return False
        except Exception as error:  # noqa: BLE001  (whatever it is, it is said and logged)
            self._told("failed", defect(log, "The 3D view could not be drawn", error))
            return False
        if drawn is None:  # something changed in the meantime
            return False
        meta, jpeg, (matrix, pose) = drawn
        if self._streamer is not None:
            self._streamer.push_content(self.area_name, meta, jpeg)
        self._say(matrix, pose)
        self._told(quality, "")
        return True

    async def _stand_by(self) -> None:
        try:
            self._say(*await self.apart(self._seen))
        except Vis3dError as error:
            self._told("failed", str(error))
        else:
            self._told("fine", "")

    def _say(self, matrix: list[float], pose: Pose) -> None:
        """Tell how the camera stands, where it is news."""
        if matrix != self._matrix:
            self._matrix, self._stood = matrix, pose
            self._moved(matrix, pose)

    # On the rendering thread

    def _warm_up(self) -> None:
        """Open the window while the scan is being read: its first picture takes a while."""
        with suppress(Vis3dError):  # the first drawing will say what is missing
            self._staged().window.Render()

    def _drawn(self, quality: str) -> tuple[dict[str, Any], bytes, Stood] | None:
        self._restless.clear()
        stage = self._staged()
        fine = quality == "fine"
        if self._turning:
            now = time.monotonic()
            stage.turn(TURN_DEGREES_PER_S * min(now - self._turned_at, 1.0))
            self._turned_at = now
        # A coarse picture that is stopped would lack its veils and the cube.
        self._may_stop = fine
        stage.render("fine" if fine else "coarse")
        self._may_stop = False
        if fine and self._restless.is_set():  # it was stopped half-way
            return None
        picture = stage.picture()
        height, width, _ = picture.shape
        buffer = io.BytesIO()
        level = FINE_QUALITY if fine else COARSE_QUALITY
        Image.fromarray(picture).save(buffer, "JPEG", quality=level)
        meta = {
            "type": "image/jpeg",
            "codec": "",
            "w": width,
            "h": height,
            "st": time.time_ns() // 1_000_000,
            "key": "key",
            "quality": level,
        }
        return meta, buffer.getvalue(), self._seen()

    def _seen(self) -> Stood:
        stage = self._staged()
        return stage.projection().reshape(-1).tolist(), pose_of(stage)

    def _seen_at(self, x: float, y: float) -> FloatArray | None:
        stage = self._staged()
        width, height = stage.size
        return stage.pick(x * width - 0.5, y * height - 0.5)

    def _staged(self) -> Stage:
        """The stage with all that came in the meantime done to it."""
        if self._stage is None:
            self._stage = Stage(self._size or (600, 400))
            self._stage.interactor.EnableRenderOff()  # what is drawn when is said here
            self._stage.on_cut = self._hand.hold
            self._stage.window.AddObserver("AbortCheckEvent", self._stop_if_restless)
        stage = self._stage
        if self._size and self._size != stage.size:
            refit(stage, self._size)
        scene, self._scene = self._scene, None
        if scene is not None:
            self._shown = scene
            stage.show(scene)
        camera, self._camera = self._camera, None
        if camera is not None:
            stage.look(camera)
        pose, self._pose = self._pose, None
        if pose is not None:
            stand(stage, pose)
        while self._keys:
            orbit(stage, self._keys.popleft())
        while self._events:
            self._hand.feed(stage, self._events.popleft(), self._scale)
        return stage

    def _still(self, *, plain: bool, marks: Sequence[Kept]) -> NDArray[np.uint8]:
        stage, scene = self._staged(), self._shown
        width, height = stage.size
        scale = min(2.0, math.sqrt(MAX_STILL_PIXELS / (width * height)))
        self._restless.clear()
        try:
            stage.resize((int(width * scale), int(height * scale)))
            if plain and scene is not None:
                stage.show(replace(scene, marker=False, handles="none"))
            pixels = self._whole_picture(stage)
            return pixels if plain else annotated(pixels, marks, stage.projection())
        finally:
            stage.resize((width, height))
            if plain and scene is not None:
                stage.show(scene)

    def _turned(self, degrees: float, size: tuple[int, int] | None) -> NDArray[np.uint8]:
        stage = self._staged()
        seen = stage.size
        stage.turn(degrees)
        try:
            stage.resize(size or seen)
            return self._whole_picture(stage)
        finally:
            stage.resize(seen)
            stage.turn(-degrees)

    def _whole_picture(self, stage: Stage) -> NDArray[np.uint8]:
        """At rest, whatever the hand does meanwhile."""
        stage.render("fine")
        return stage.picture()

    def _stop_if_restless(self, window: Any, _event: str) -> None:
        if self._may_stop and self._restless.is_set():
            window.SetAbortRender(1)

    def _end(self) -> None:
        if self._stage is not None:
            self._thread.submit(self._stage.close).result(timeout=10)
        self._thread.shutdown(wait=True)
