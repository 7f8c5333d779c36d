"""Where on its grid edge each vertex lies."""

from dataclasses import dataclass

import numpy as np

from vis3d.geometry import FloatArray
from vis3d.meshing.fairing import fair, twice_area
from vis3d.meshing.level import levels_between
from vis3d.meshing.topology import Crossings, Flags
from vis3d.progress import Progress
from vis3d.volume import Volume

NEAREST = 0.004
"""How near (in voxels) a vertex may come to a voxel's centre: far enough that vertices stay
apart when they are rounded to float32 hundreds of millimetres from the origin."""

HALF = 0.5
"""Beyond the grid the surface runs on the voxels' faces."""

ROOT_STEPS = 10
"""Halvings of an edge in search of the level: to a thousandth of a voxel."""


@dataclass(frozen=True, eq=False)
class Placed:
    """How far (0 to 1) each vertex is on its edge, and whether the scan says so."""

    fraction: FloatArray
    known: Flags


def placed_by_level(crossings: Crossings, volume: Volume, level: float) -> Placed:
    """Where the values cross `level`; not known at the padding and the grid's border."""
    inner, outer, usable = _ends(crossings, volume)
    fraction = _crossing(crossings, volume, np.full(len(inner), level), inner, outer)
    return Placed(np.where(usable, fraction, HALF), usable)


def placed_by_label(crossings: Crossings, volume: Volume) -> Placed:
    """Where the values cross the level that the label itself follows.

    Not known where that level isn't between the two ends of an edge: there the label's
    author saw something that the values don't show.
    """
    inner, outer, usable = _ends(crossings, volume)
    if not usable.any():
        return Placed(np.full(len(inner), HALF), usable)
    spacing = np.array(volume.geometry.spacing)
    places_mm = (crossings.inside_ijk + HALF * crossings.step) * spacing
    places_mm -= places_mm.min(axis=0)
    level = np.zeros(len(inner))
    sign = np.ones(len(inner), np.int8)
    level[usable], sign[usable] = levels_between(
        inner[usable], outer[usable], places_mm[usable]
    )
    known = usable & (sign * (inner - level) >= 0) & (sign * (outer - level) < 0)
    fraction = _crossing(crossings, volume, level, inner, outer)
    return Placed(np.where(known, fraction, HALF), known)


def placed_fairly(
    crossings: Crossings,
    placed: Placed,
    spacing: tuple[float, float, float],
    *,
    progress: Progress | None = None,
) -> FloatArray:
    """The fractions, chosen for a fair surface where the scan doesn't say them."""
    free = ~placed.known & ~crossings.capped
    return fair(crossings, placed.fraction, free, spacing, nearest=NEAREST, progress=progress)


def with_volume(
    crossings: Crossings,
    fraction: FloatArray,
    spacing: tuple[float, float, float],
    volume_mm3: float,
) -> FloatArray:
    """The surface moved evenly outwards or inwards until it encloses `volume_mm3`.

    Caps stay, and every vertex stays on its edge.
    """
    edge = crossings.step * np.array(spacing)
    length = np.linalg.norm(edge, axis=1)
    most_mm = 0.25 * min(spacing)
    for _ in range(3):
        points = crossings.points_ijk(fraction) * np.array(spacing)
        points -= points.mean(axis=0)
        # Each vertex's share of area, as a vector: a third of the triangles round it.
        area = twice_area(points, crossings.triangles) / 6
        missing = volume_mm3 - np.einsum("ij,ij->", points, area) / 3
        if abs(missing) <= 2e-4 * volume_mm3:
            break
        normal = area / np.maximum(np.linalg.norm(area, axis=1, keepdims=True), 1e-12)
        along = np.maximum(np.einsum("ij,ij->i", edge, normal), 0.3 * length)
        moves = np.where(crossings.capped, 0, 1 / along)
        gain = float(np.einsum("ij,ij,i->", area, edge, moves))
        if gain <= 0:
            break
        offset_mm = np.clip(missing / gain, -most_mm, most_mm)
        moved = np.clip(fraction + offset_mm * moves, NEAREST, 1 - NEAREST)
        fraction = np.where(crossings.capped, fraction, moved)
    return fraction


def _ends(crossings: Crossings, volume: Volume) -> tuple[FloatArray, FloatArray, Flags]:
    """The values inside and outside, and where both were measured."""
    inner = crossings.values(volume.array, 0)
    outer = crossings.values(volume.array, 1)
    usable = ~crossings.capped & np.isfinite(inner) & np.isfinite(outer)
    if volume.padding is not None:
        usable &= (inner != volume.padding) & (outer != volume.padding)
    return inner, outer, usable


def _crossing(
    crossings: Crossings,
    volume: Volume,
    level: FloatArray,
    inner: FloatArray,
    outer: FloatArray,
) -> FloatArray:
    """Where on its edge the cubic through four voxels in a row (Catmull-Rom) has `level`.

    Straight lines between two voxels run up to a tenth of a millimetre beside an edge that
    the scanner has blurred, always on the same side of it.
    """
    start, stop = inner - level, outer - level
    before = crossings.values(volume.array, -1) - level
    after = crossings.values(volume.array, 2) - level
    if volume.padding is not None:
        before = np.where(before + level == volume.padding, start, before)
        after = np.where(after + level == volume.padding, stop, after)
    up, down = (stop - before) / 2, (after - start) / 2
    square = -3 * start + 3 * stop - 2 * up - down
    cube = 2 * start - 2 * stop + up + down
    low, high = np.zeros(len(level)), np.ones(len(level))
    positive = start > stop
    for _ in range(ROOT_STEPS):
        middle = (low + high) / 2
        value = ((cube * middle + square) * middle + up) * middle + start
        inside = (value >= 0) == positive
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return np.clip((low + high) / 2, NEAREST, 1 - NEAREST)
