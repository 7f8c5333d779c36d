"""Where on its grid edge each vertex lies."""

from dataclasses import dataclass

import numpy as np

from vis3d.geometry import FloatArray
from vis3d.meshing.fairing import fair, twice_area
from vis3d.meshing.level import levels_between
from vis3d.meshing.threads import in_blocks
from vis3d.meshing.topology import Crossings, Flags, Values
from vis3d.progress import Progress
from vis3d.volume import Volume

NEAREST = 0.004
"""How near (in voxels) a vertex may come to a voxel's centre: far enough that vertices stay
apart when they are rounded to float32 hundreds of millimetres from the origin."""

HALF = 0.5
"""Beyond the grid the surface runs on the voxels' faces."""

ROOT_STEPS = 10
"""Halvings of an edge in search of the level: to a thousandth of a voxel."""

SMALL_MM = 0.01
"""An offset whose volume is its area times itself, with nothing left to correct."""

MOST_OFFSETS = 12
"""One or two are enough but where everything is as thin as a voxel."""

SAME_VOLUME = 2e-4
"""The share of its volume by which a surface may miss that of its mask."""


@dataclass(frozen=True, eq=False)
class Placed:
    """How far (0 to 1) each vertex is on its edge, and whether the scan says so."""

    fraction: Values
    known: Flags


def placed_by_level(crossings: Crossings, volume: Volume, level: float) -> Placed:
    """Where the values cross `level`; not known at the padding and the grid's border."""
    inner, outer, usable = _ends(crossings, volume)
    everywhere = np.full(len(inner), level, np.float32)
    fraction = _crossing(crossings, volume, everywhere, inner, outer)
    return Placed(np.where(usable, fraction, np.float32(HALF)), usable)


def placed_by_label(crossings: Crossings, volume: Volume) -> Placed:
    """Where the values cross the level that the label itself follows.

    Not known where that level isn't between the two ends of an edge: there the label's
    author saw something that the values don't show.
    """
    inner, outer, usable = _ends(crossings, volume)
    if not usable.any():
        return Placed(np.full(len(inner), HALF, np.float32), usable)
    level = np.zeros(len(inner), np.float32)
    sign = np.ones(len(inner), np.int8)
    halfway = np.full(len(inner), HALF, np.float32)
    places_mm = crossings.points_mm(halfway, volume.geometry.spacing)
    places_mm -= places_mm.min(axis=0)
    if usable.all():
        level, sign = levels_between(inner, outer, places_mm)
    else:
        level[usable], sign[usable] = levels_between(
            inner[usable], outer[usable], places_mm[usable]
        )
    known = usable & (sign * (inner - level) >= 0) & (sign * (outer - level) < 0)
    fraction = _crossing(crossings, volume, level, inner, outer)
    return Placed(np.where(known, fraction, halfway), known)


def placed_fairly(
    crossings: Crossings,
    placed: Placed,
    spacing: tuple[float, float, float],
    *,
    progress: Progress | None = None,
) -> Values:
    """The fractions, chosen for a fair surface where the scan doesn't say them."""
    free = ~placed.known & ~crossings.capped
    return fair(crossings, placed.fraction, free, spacing, nearest=NEAREST, progress=progress)


def with_volume(
    crossings: Crossings,
    fraction: Values,
    spacing: tuple[float, float, float],
    volume_mm3: float,
) -> Values:
    """The surface moved evenly outwards or inwards until it encloses `volume_mm3`.

    Caps stay, and every vertex stays on its edge.
    """
    length = np.array(spacing, np.float32)[crossings.axis]
    most_mm = 0.25 * min(spacing)
    for _ in range(MOST_OFFSETS):
        points = crossings.points_mm(fraction, spacing)
        points -= points.mean(axis=0, dtype=float).astype(np.float32)
        # Each vertex's share of area, as a vector: a third of the triangles round it.
        area = twice_area(points, crossings.triangles) / 6
        missing = volume_mm3 - float(np.einsum("ij,ij->", points, area)) / 3
        if abs(missing) <= SAME_VOLUME * volume_mm3:
            break
        size = np.maximum(np.linalg.norm(area, axis=1), 1e-12)
        upwards = area.reshape(-1)[3 * np.arange(len(size)) + crossings.axis]
        facing = crossings.sign * upwards
        # Along the normal a vertex moves by less than along its edge.
        at_its_end = fraction >= 1 - NEAREST if missing > 0 else fraction <= NEAREST
        still = crossings.capped | at_its_end
        moves = np.where(still, 0, 1 / (length * np.maximum(facing / size, 0.3)))
        gain = float((facing * length * moves).sum())
        if gain <= 0:
            break
        offset_mm = np.clip(missing / gain, -most_mm, most_mm)
        moved = np.clip(fraction + offset_mm * moves, NEAREST, 1 - NEAREST)
        fraction = np.where(crossings.capped, fraction, moved).astype(np.float32)
        if abs(offset_mm) < SMALL_MM:
            break
    return fraction


def _ends(crossings: Crossings, volume: Volume) -> tuple[Values, Values, Flags]:
    """The values inside and outside, and where both were measured."""
    n = len(crossings)
    inner, outer = np.empty(n, np.float32), np.empty(n, np.float32)
    usable = np.empty(n, bool)

    def read(rows: slice) -> None:
        inner[rows] = one = crossings.values(volume.array, 0, rows)
        outer[rows] = other = crossings.values(volume.array, 1, rows)
        measured = ~crossings.capped[rows] & np.isfinite(one) & np.isfinite(other)
        if volume.padding is not None:
            measured &= (one != volume.padding) & (other != volume.padding)
        usable[rows] = measured

    in_blocks(read, n)
    return inner, outer, usable


def _crossing(
    crossings: Crossings, volume: Volume, level: Values, inner: Values, outer: Values
) -> Values:
    """Where on its edge the cubic through four voxels in a row (Catmull-Rom) has `level`.

    Of real scans of which every second slice or column was hidden it finds the crossing
    of the full scan up to a third better than a straight line between two voxels does.
    """
    fraction = np.empty(len(level), np.float32)

    def find(rows: slice) -> None:
        row = [crossings.values(volume.array, -1, rows), inner[rows], outer[rows]]
        row.append(crossings.values(volume.array, 2, rows))
        if volume.padding is not None:
            row[0] = np.where(row[0] == volume.padding, row[1], row[0])
            row[3] = np.where(row[3] == volume.padding, row[2], row[3])
        root = _root(*(values - level[rows] for values in row))
        fraction[rows] = np.clip(root, NEAREST, 1 - NEAREST)

    in_blocks(find, len(level))
    return fraction


def _root(before: Values, start: Values, stop: Values, after: Values) -> FloatArray | Values:
    """Where from 0 to 1 the cubic between `start` and `stop` (Catmull-Rom) is zero."""
    up, down = (stop - before) / 2, (after - start) / 2
    square = -3 * start + 3 * stop - 2 * up - down
    cube = 2 * start - 2 * stop + up + down
    low = np.zeros_like(start)
    positive = start > stop
    for step in range(1, ROOT_STEPS + 1):
        middle = low + np.float32(0.5**step)
        value = ((cube * middle + square) * middle + up) * middle + start
        low = np.where((value >= 0) == positive, middle, low)
    return low + np.float32(0.5 ** (ROOT_STEPS + 1))
