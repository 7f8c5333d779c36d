"""How smooth each surface is shown; the voxels and the files stay as they are."""

from dataclasses import replace
from functools import partial

from vis3d.meshing.fairing import smoothed
from vis3d.progress import silent
from vis3d.surface import Surface
from vis3d_viewer.catching_up import CatchingUp, Make, Take
from vis3d_viewer.desk import Desk
from vis3d_viewer.settings import Settings
from vis3d_viewer.study import Smoothed, Study


class Smoothness:
    """Makes the smooth surfaces that the settings ask for, one after the other."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._smoothing = CatchingUp(desk, self._outdated)

    def follow(self) -> None:
        """After each change of study or settings: smooth what isn't yet."""
        self._smoothing.follow()

    def _outdated(self) -> Make | None:
        left = outdated(self._desk.study, self._desk.settings)
        return partial(self._smooth, *left[0]) if left else None

    def _smooth(self, label: int, source: Surface, mm: float) -> Take:
        made = Smoothed(source, mm, smooth_surface(source, mm))
        return partial(self._take, label, made)

    def _take(self, label: int, made: Smoothed) -> None:
        now = self._desk.study
        if now is not None:
            kept = {one: old for one, old in now.smoothed.items() if one in now.surfaces}
            self._desk.take(replace(now, smoothed={**kept, label: made}))


def outdated(study: Study | None, settings: Settings) -> list[tuple[int, Surface, float]]:
    """Label, surface and mm of what is to be smoothed."""
    if study is None:
        return []
    wanted = [
        (label, surface, settings.smoothness.get(str(label), 0.0))
        for label, surface in study.surfaces.items()
    ]
    return [
        (label, surface, mm)
        for label, surface, mm in wanted
        if mm > 0 and len(surface.triangles) and not _is_made(study, label, surface, mm)
    ]


def shown_surface(study: Study, label: int, settings: Settings) -> Surface:
    """The surface of a structure as it is to be seen: smooth once that is made."""
    surface = study.surfaces[label]
    mm = settings.smoothness.get(str(label), 0.0)
    return study.smoothed[label].surface if _is_made(study, label, surface, mm) else surface


def smooth_surface(surface: Surface, mm: float) -> Surface:
    """The surface with details below so many mm smoothed away, its volume kept."""
    points = smoothed(surface.points, surface.triangles, radius_mm=mm, progress=silent)
    return replace(surface, points=points)


def _is_made(study: Study, label: int, surface: Surface, mm: float) -> bool:
    made = study.smoothed.get(label)
    return made is not None and made.source is surface and made.mm == mm
