"""A structure by the level of an isosurface, seen in 3D and on slices while it is chosen."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from vis3d.errors import UsageError
from vis3d.meshing.for_view import isosurface_for_view
from vis3d.surface import Surface
from vis3d.volume import Volume
from vis3d_viewer.catching_up import CatchingUp, Make, Take
from vis3d_viewer.desk import Desk, by_name
from vis3d_viewer.slices import PREVIEW_COLOR
from vis3d_viewer.study import Study
from vis3d_viewer.tools import level_of
from vis3d_viewer.view_volume import reduced

PREVIEW_VOXELS = 3_000_000
"""Enough for a surface that follows the hand; what is added has every voxel."""


class Levels:
    """Shows where the scan has a value: the newest one that a person asks for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._drawing = CatchingUp(desk, self._outdated)
        self._drawn: tuple[float, Surface] | None = None
        self._small: tuple[Volume, Volume] | None = None

    @property
    def triggers(self) -> dict[str, Callable[..., None]]:
        """What the page can ask for, by name."""
        return by_name(self.preview_level)

    def clear(self) -> None:
        """Begin anew, with another scan."""
        self._drawn, self._small = None, None

    def preview_level(self, level: object = None) -> None:
        """Show the surface of a level, and mark what is inside on the slices; or none."""
        study = self._desk.study
        if level is None:
            self.clear()
            if study is not None and _level(study) is not None:
                self._desk.take(replace(study, preview=None, preview_surface=None))
            return
        if study is None or study.volume is None:
            raise UsageError("There is no scan open to work on.")
        self._desk.take(replace(study, preview=(level_of(level), float("inf"))))
        self._drawing.follow()

    def _outdated(self) -> Make | None:
        study = self._desk.study
        if study is None or study.volume is None:
            return None
        level = _level(study)
        if level is None or (self._drawn == (level, study.preview_surface)):
            return None
        return partial(self._draw, study.volume, level)

    def _draw(self, volume: Volume, level: float) -> Take:
        return partial(self._take, volume, level, self._surface(volume, level))

    def _take(self, volume: Volume, level: float, surface: Surface) -> None:
        now = self._desk.study
        if now is not None and now.volume is volume and _level(now) is not None:
            self._drawn = level, surface
            self._desk.take(replace(now, preview_surface=surface))
        else:
            self.clear()

    def _surface(self, volume: Volume, level: float) -> Surface:
        small = self._small
        if small is None or small[0] is not volume:
            small = self._small = (volume, reduced(volume, PREVIEW_VOXELS))
        return isosurface_for_view(small[1], level, color=PREVIEW_COLOR)


def _level(study: Study) -> float | None:
    """The level that is marked on the slices."""
    return study.preview[0] if study.preview and study.preview[1] == float("inf") else None
