"""Scenes as pictures."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import UsageError
from vis3d.imaging import write_picture
from vis3d.progress import Progress, silent
from vis3d.rendering.scale_bar import with_scale_bar
from vis3d.rendering.stage import Stage
from vis3d.scene import Scene

SIZE = (1200, 900)
"""Width and height of a picture in pixels where none are asked for."""


def screenshot(
    scene: Scene,
    path: str | os.PathLike[str] | None = None,
    *,
    size: tuple[int, int] = SIZE,
    transparent: bool = False,
    scale_bar: bool = False,
) -> NDArray[np.uint8]:
    """The scene as an RGB picture (rows, columns, 3), written to `path` where one is given.

    A `transparent` one is RGBA without a background. The `scale_bar` is right in the plane
    through the middle of what is shown; everywhere, with a parallel camera.

    Raises:
        RequirementError: this machine can't draw; the message says what to install.
        UsageError: a size that isn't positive, or a suffix that no picture has.
        OutputError: the file can't be written.
    """
    (pixels,) = frames(scene, 1, size, transparent=transparent, scale_bar=scale_bar)
    if path is not None:
        write_picture(pixels, path)
    return pixels


def frames(
    scene: Scene,
    count: int,
    size: tuple[int, int] = SIZE,
    *,
    transparent: bool = False,
    scale_bar: bool = False,
    progress: Progress | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """A turn round the patient's long axis in `count` pictures, one by one as they are drawn.

    A single one is what `screenshot` gives.
    """
    if count < 1 or min(size) < 1:
        raise UsageError("A picture needs a positive width, height and number of frames.")
    progress = progress or silent
    stage = Stage(size, exact=True)
    try:
        stage.show(scene)
        for number in range(count):
            azimuth = scene.camera.azimuth_degrees + 360 * number / count
            stage.look(replace(scene.camera, azimuth_degrees=azimuth), all_round=count > 1)
            what = f"drawing picture {number + 1} of {count}"
            report = partial(progress, number / count, what)
            pixels = _cut_out(stage, report) if transparent else drawn(stage, report)
            yield with_scale_bar(pixels, stage.mm_per_pixel) if scale_bar else pixels
    finally:
        stage.close()


def drawn(stage: Stage, report: Callable[[], None]) -> NDArray[np.uint8]:
    """The picture as the stage stands; what `report` raises stops the drawing."""
    _render(stage, report)
    return stage.picture()


def _cut_out(stage: Stage, report: Callable[[], None]) -> NDArray[np.uint8]:
    """RGBA: how much of a background shines through is what black and white ones differ by."""
    shown = []
    for shade in (0, 255):
        stage.set_background((shade, shade, shade), plain=True)
        shown.append(drawn(stage, report).astype(np.float32))
    on_black, on_white = shown
    opacity = 255 - (on_white - on_black).clip(0, 255).mean(axis=2)
    color = on_black * 255 / np.maximum(opacity, 1)[:, :, None]
    return np.asarray(np.rint(np.dstack([color.clip(0, 255), opacity])), np.uint8)


def _render(stage: Stage, report: Callable[[], None]) -> None:
    """Draw, asking again and again whether to go on: a ray caster needs seconds."""
    stopped: list[BaseException] = []

    def check(window: Any, _event: str) -> None:
        try:
            report()
        except BaseException as reason:  # noqa: BLE001  (VTK would print it and go on)
            stopped.append(reason)
            window.SetAbortRender(1)

    report()
    window: Any = stage.window
    observer = window.AddObserver("AbortCheckEvent", check)
    stage.render()
    window.RemoveObserver(observer)
    if stopped:
        raise stopped[0]
