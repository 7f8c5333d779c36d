"""The slices that are seen just now, as values: another window needs no others."""

from dataclasses import replace
from typing import Any

import numpy as np

from vis3d.imaging import Plane
from vis3d.imaging.cuts import Cut
from vis3d.imaging.stacks import Blend, Stack, shown
from vis3d.volume import Volume
from vis3d_viewer.planes import turned_stack


class Sheets:
    """Keeps the last slice of each plane; a slab or a turned one takes a while to make."""

    def __init__(self) -> None:
        self._last: dict[Plane, tuple[Any, Stack, Cut]] = {}

    def of(
        self,
        volume: Volume,
        plane: Plane,
        index: int,
        turn: tuple[float, float, float, float],
        *,
        blend: Blend | None,
        thickness_mm: float,
    ) -> tuple[Stack, Cut]:
        """What a slice shows, its values side by side in memory, and the stack it is of.

        Raises:
            UsageError: there is no such slice.
        """
        wanted = (volume, index, turn, blend, thickness_mm)
        last = self._last.get(plane)
        if last is not None and last[0] == wanted:
            return last[1:]
        where = turned_stack(volume.geometry, plane, turn)
        sheet = shown(volume, where, index, blend=blend, thickness_mm=thickness_mm)
        sheet = replace(sheet, array=np.ascontiguousarray(sheet.array))
        self._last[plane] = (wanted, where, sheet)
        return where, sheet
