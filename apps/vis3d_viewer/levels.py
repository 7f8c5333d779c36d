"""A structure by the level of an isosurface, seen in 3D and on slices while it is chosen."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from vis3d.errors import UsageError
from vis3d.meshing.for_view import isosurface_for_view
from vis3d.surface import Surface
from vis3d.volume import Volume
from vis3d_viewer.desk import Desk
from vis3d_viewer.slices import PREVIEW_COLOR
from vis3d_viewer.tools import level_of
from vis3d_viewer.view_volume import reduced

PREVIEW_VOXELS = 3_000_000
"""Enough for a surface that follows the hand; what is added has every voxel."""


class Levels:
    """Shows where the scan has a value: the newest one that a person asks for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._level: float | None = None
        self._working = False
        self._small: tuple[Volume, Volume] | None = None

    @property
    def triggers(self) -> dict[str, Callable[..., None]]:
        """What the page can ask for, by name."""
        return {"preview_level": self.preview_level}

    def follow(self) -> None:
        """Nothing: a level is asked for."""

    def preview_level(self, level: object = None) -> None:
        """Show the surface of a level, and mark what is inside on the slices; or none."""
        study = self._desk.study
        if level is None:
            self._level, self._small = None, None
            if study is not None and study.preview_surface is not None:
                self._desk.take(replace(study, preview=None, preview_surface=None))
            return
        if study is None or study.volume is None:
            raise UsageError("There is no scan open to work on.")
        self._level = level_of(level)
        self._desk.take(replace(study, preview=(self._level, float("inf"))))
        if not self._working:
            self._working = True
            self._desk.start(self._draw())

    async def _draw(self) -> None:
        """Draw the newest level, until there is none that is newer."""
        drawn = None
        try:
            while self._level is not None and self._level != drawn:
                level, study = self._level, self._desk.study
                if study is None or study.volume is None:
                    return
                surface = await asyncio.to_thread(partial(self._surface, study.volume, level))
                drawn, now = level, self._desk.study
                if now is None or now.volume is not study.volume or self._level is None:
                    return
                self._desk.take(replace(now, preview_surface=surface))
        finally:
            self._working = False

    def _surface(self, volume: Volume, level: float) -> Surface:
        small = self._small
        if small is None or small[0] is not volume:
            small = self._small = (volume, reduced(volume, PREVIEW_VOXELS))
        return isosurface_for_view(small[1], level, color=PREVIEW_COLOR)
