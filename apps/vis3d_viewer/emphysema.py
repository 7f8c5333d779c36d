"""Emphysema as an overlay: the lungs' voxels below -950 HU, on slices and in 3D."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.labels import normal_name
from vis3d.measurement import EMPHYSEMA
from vis3d.measurement.emphysema import low_attenuation
from vis3d.measurement.region import measured
from vis3d.meshing.for_view import surface_for_view
from vis3d.volume import Mask, Volume
from vis3d_viewer.catching_up import CatchingUp, Make, Take
from vis3d_viewer.desk import Desk
from vis3d_viewer.study import LowAir, Study

STATE: dict[str, Any] = {"emphysema": {"possible": False, "text": ""}}
"""What the page shows of it."""

SIDES = ("left lung", "right lung")
TRIANGLES = 200_000


class Emphysema:
    """Keeps the overlay true to the lungs, for as long as a person wants to see it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._finding = CatchingUp(desk, self._outdated)

    def follow(self) -> None:
        """After each change of study or settings: find anew what is outdated."""
        study = self._desk.study
        if study is not None and study.emphysema and not self._desk.settings.show_emphysema:
            self._desk.take(replace(study, emphysema=None))  # which leads here again
            return
        self._tell(study)
        self._finding.follow()

    def _outdated(self) -> Make | None:
        study = self._desk.study
        if study is None or not self._desk.settings.show_emphysema or not _lungs(study):
            return None
        return None if is_current(study) else partial(self._find, study)

    def _find(self, study: Study) -> Take:
        return partial(self._take, study.volume, low_air(study))

    def _take(self, volume: Volume | None, found: LowAir) -> None:
        now = self._desk.study
        if now is not None and now.volume is volume:
            self._desk.take(replace(now, emphysema=found))

    def _tell(self, study: Study | None) -> None:
        text = ""
        if study is not None and study.emphysema is not None and is_current(study):
            found = study.emphysema
            text = f"{found.percent:.1f} % of the lungs, {found.volume_ml:,.0f} ml"
        shown = {"possible": study is not None and bool(_lungs(study)), "text": text}
        self._desk.update(emphysema=shown)


def low_air(study: Study) -> LowAir:
    """The measured voxels of the lungs below -950 HU, as they are now."""
    assert study.volume is not None
    assert study.labels is not None
    source, geometry = study.labels.array, study.volume.geometry
    inside: NDArray[np.bool_] = np.zeros(geometry.shape, bool)
    for label in _lungs(study):
        inside |= study.masks[label].array
    low = low_attenuation(study.volume, inside)
    counted = int(np.count_nonzero(measured(study.volume, inside)))
    voxels = int(np.count_nonzero(low))
    mask = Mask(low, geometry, EMPHYSEMA.name)
    surface = surface_for_view(mask, color=EMPHYSEMA.color, max_triangles=TRIANGLES)
    percent = 100 * voxels / counted if counted else 0.0
    return LowAir(mask, surface, percent, voxels * geometry.voxel_ml, source)


def is_current(study: Study) -> bool:
    """Whether the emphysema that was found is that of the structures as they are."""
    found, labels = study.emphysema, study.labels
    return found is not None and labels is not None and found.source is labels.array


def _lungs(study: Study) -> list[int]:
    """The labels of the lungs in a scan in Hounsfield units."""
    if study.volume is None or study.volume.unit != "HU":
        return []
    listed = (s for s in study.structures if s.label in study.masks)
    return [s.label for s in listed if normal_name(s.name) in SIDES]
