"""The volume in 3D: prepared once a scan is open, its presets' pictures, histogram, cuts."""

import asyncio
import base64
import io
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vis3d.errors import Cancelled, UsageError
from vis3d.imaging import histogram
from vis3d.progress import Progress
from vis3d.rendering import INSIDE_PRESETS, VOLUME_PRESETS, Stage, transfer_function
from vis3d.scene import Camera, Scene, VolumeLayer
from vis3d.volume import Volume
from vis3d_viewer import scene3d
from vis3d_viewer.catching_up import CatchingUp, Make, Take
from vis3d_viewer.desk import Desk, by_name
from vis3d_viewer.study import Study, with_first_view, with_view_volume
from vis3d_viewer.view_volume import PREPARING, inside_only, reduced, small_inside

STATE: dict[str, Any] = {
    "presets": list(VOLUME_PRESETS),
    "preset_pictures": {},
    "preset_points": {},
    "histogram": {"low": 0.0, "high": 1.0, "bars": []},
    "cuts": {"crop": [], "clip": []},
    "given_up_3d": False,
}
"""What the page shows of it."""

GIVEN_UP = "The volume in 3D was given up."

PICTURE_SIZE = (144, 108)
PICTURE_VOXELS = 1_200_000
"""Enough for a small picture, drawn in a tenth of a second."""

BARS = 160
LEAST_HU, MOST_HU = -1050.0, 1600.0
"""The values of a CT that the editor of transfer functions shows."""


class Look3D:
    """Prepares the volume for 3D, and what the page shows of it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._inside = CatchingUp(desk, self._missing)

    def follow(self) -> None:
        """After each change of study or settings: make what a preset of air shows."""
        self._inside.follow()

    @property
    def triggers(self) -> dict[str, Callable[..., None]]:
        """What the page can ask for, by name."""
        return by_name(self.prepare_3d)

    def prepare_3d(self) -> None:
        """Prepare the volume that was given up."""
        if self._desk.study is None or self._desk.study.volume is None:
            raise UsageError("There is no scan open.")
        self._desk.start(self._again(self._desk.study))

    async def _again(self, study: Study) -> None:
        await self.prepare_volume(study)
        await self.prepare_looks()

    async def prepare_volume(self, opened: Study) -> bool:
        """The volume coarsely, then finely; False where that was given up, the rest stays."""
        loop = asyncio.get_running_loop()

        def prepare(progress: Progress) -> Study:
            def told(fraction: float, _: str) -> None:
                progress(fraction, PREPARING)  # what for, not how

            first = with_first_view(opened, told)
            loop.call_soon_threadsafe(self._take, first)
            return with_view_volume(opened, told)

        self._desk.update(given_up_3d=False)
        try:
            self._take(await self._desk.work(PREPARING, prepare))
        except Cancelled:
            self._desk.update(message="Cancelled.")
            self._given_up()
            return False
        except BaseException:  # it failed, or another scan comes and may fail
            self._given_up()
            raise
        return True

    def _given_up(self) -> None:
        self._desk.update(given_up_3d=True)
        now = self._desk.study
        if now is not None and now.view_volume is None and not now.surfaces:
            self._desk.update(view3d={"state": "waiting", "message": GIVEN_UP})

    def _take(self, prepared: Study) -> None:
        """Show a volume that was prepared for the open scan, whatever came meanwhile."""
        now = self._desk.study
        if now is not None and now.volume is prepared.volume:
            volume, body = prepared.view_volume, prepared.view_body
            shown = replace(now, view_volume=volume, view_body=body, inside_volume=None)
            self._desk.take(shown)

    def _missing(self) -> Make | None:
        study = self._desk.study
        if study is None or not scene3d.lacks_inside(study, self._desk.settings):
            return None
        assert study.view_volume is not None
        assert study.view_body is not None
        return partial(self._make, study.view_volume, study.view_body)

    def _make(self, volume: Volume, body: NDArray[np.uint8]) -> Take:
        return partial(self._take_inside, volume, inside_only(volume, body))

    def _take_inside(self, source: Volume, made: Volume) -> None:
        now = self._desk.study
        if now is not None and now.view_volume is source:
            self._desk.take(replace(now, inside_volume=made))

    async def prepare_looks(self) -> None:
        """Histogram and cuts at once, then the presets' pictures, between other pictures."""
        study = self._desk.study
        if study is None:
            return
        if study.view_volume is None:
            self._desk.update(cuts=first_cuts(study), preset_pictures={})
            return
        shown = study.view_volume
        self._desk.update(
            cuts=await asyncio.to_thread(first_cuts, study),
            preset_pictures={},
            preset_points=preset_points(shown),
            histogram=await asyncio.to_thread(bars, shown),
        )
        small = await asyncio.to_thread(reduced, shown, PICTURE_VOXELS)
        inside = small
        if study.view_body is not None:
            inside = await asyncio.to_thread(
                small_inside, shown, study.view_body, PICTURE_VOXELS
            )
        pictures: dict[str, str] = {}
        for name in VOLUME_PRESETS:
            view, now = self._desk.view, self._desk.study
            if view is None or now is None or now.view_volume is not shown:
                return  # another scan was opened
            volume = inside if name in INSIDE_PRESETS else small
            picture = await view.apart(partial(preset_picture, volume, name))
            pictures = {**pictures, name: picture}
            self._desk.update(preset_pictures=pictures)


def first_cuts(study: Study) -> dict[str, list[float]]:
    """Where the crop box and the clip plane stand when they are first asked for."""
    if study.view_volume is None and not study.surfaces:
        return {"crop": [], "clip": []}
    return {"crop": scene3d.first_crop(study), "clip": scene3d.first_clip(study)}


def preset_points(volume: Volume) -> dict[str, list[list[float]]]:
    """The transfer function of each preset, as the page edits it."""
    return {
        name: [list(row) for row in transfer_function(name, volume).points]
        for name in VOLUME_PRESETS
    }


def bars(volume: Volume) -> dict[str, Any]:
    """The histogram as bars of 0 to 1 between `low` and `high`, their height logarithmic."""
    found = histogram(volume).without_padding()
    if volume.unit == "HU":
        low, high = LEAST_HU, MOST_HU
    else:
        low, high = found.percentile(0.1), found.percentile(99.9)
        high = high if high > low else low + 1
    counts, _ = np.histogram(found.lows, BARS, (low, high), weights=found.counts)
    heights = np.log1p(counts)
    return {
        "low": low,
        "high": high,
        "bars": (heights / max(heights.max(), 1.0)).round(3).tolist(),
    }


def preset_picture(volume: Volume, name: str) -> str:
    """A small picture of the volume through a preset, as a data URL (on the 3D thread)."""
    stage = Stage(PICTURE_SIZE)
    try:
        stage.show(Scene([VolumeLayer(volume, name)], Camera()))
        stage.render("fine")
        buffer = io.BytesIO()
        Image.fromarray(stage.picture()).save(buffer, "JPEG", quality=85)
    finally:
        stage.close()
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
