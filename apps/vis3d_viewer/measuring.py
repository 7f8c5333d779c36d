"""Marks that a person draws on slices: what they are, what they measure, how they read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from vis3d.errors import UsageError
from vis3d.measurement import (
    Angle,
    Distance,
    Ellipse,
    OutlineStatistics,
    Polygon,
    measure_outline,
)
from vis3d.volume import Volume

MAX_MARKS = 500
MAX_POINTS = 2000
LEAST_AXIS_MM = 0.5

Points: TypeAlias = tuple[tuple[float, float, float], ...]
Drawn: TypeAlias = Distance | Angle | Ellipse | Polygon
Mark: TypeAlias = Distance | Angle | OutlineStatistics

KINDS: dict[str, tuple[int, Callable[..., Drawn]]] = {
    "distance": (2, Distance),
    "angle": (3, Angle),
    "ellipse": (3, Ellipse),
    "polygon": (0, lambda *points, name: Polygon(tuple(points), name)),
}
"""How many points each kind has (0: three and more), and what makes it of them."""


@dataclass(frozen=True)
class Kept:
    """A mark with its number, its kind, its points and what it measures."""

    number: int
    kind: str
    name: str
    points: Points
    mark: Mark


def kept_mark(volume: Volume, number: int, kind: str, name: str, points: Points) -> Kept:
    """A mark with what its points measure on the scan.

    Raises:
        UsageError: too few or too many points, or none that measure anything.
    """
    return Kept(number, kind, name, points, measured(volume, kind, name, points))


def moved(kept: Kept, n: int, to: tuple[float, float, float]) -> Points:
    """A mark's points after its n-th one was dragged to a place in LPS mm.

    Distances and angles move that point alone. The ends of an ellipse stay on their axes;
    its centre takes it all along, and so does any point of an outline.

    Raises:
        UsageError: it has no such point.
    """
    if not 0 <= n < len(kept.points):
        raise UsageError("The mark has no such point.")
    points, place = np.array(kept.points), np.array(to)
    if kept.kind == "polygon" or (kept.kind == "ellipse" and n == 0):
        points += place - points[n]
    elif kept.kind == "ellipse":
        axis = points[n] - points[0]
        length_mm = np.linalg.norm(axis)
        along_mm = abs(float((place - points[0]) @ axis)) / length_mm
        points[n] = points[0] + axis * max(along_mm, LEAST_AXIS_MM) / length_mm
    else:
        points[n] = place
    return tuple((x, y, z) for x, y, z in points.tolist())


def measured(volume: Volume, kind: str, name: str, points: Points) -> Mark:
    """What the points measure on the scan.

    Raises:
        UsageError: too few or too many points, or none that measure anything.
    """
    count, make = KINDS[kind]
    if count and len(points) != count:
        raise UsageError(f"This measurement takes {count} points.")
    drawn = make(*points, name=name)
    if isinstance(drawn, Ellipse | Polygon):
        return measure_outline(volume, drawn)
    return drawn


def shown(kept: Kept) -> dict[str, Any]:
    """A mark as the page shows it: points, and what it says."""
    mark = kept.mark
    if isinstance(mark, Distance):
        text = f"{mark.mm:.1f} mm"
    elif isinstance(mark, Angle):
        text = f"{mark.degrees:.1f}°"
    else:
        text = _values(mark.as_dict())
    return {
        "number": kept.number,
        "kind": kept.kind,
        "name": kept.name,
        "points": [list(point) for point in kept.points],
        "text": text,
    }


def _values(found: dict[str, Any]) -> str:
    """Mean and deviation where the scan has Hounsfield units, area and volume."""
    if not found["voxels"]:
        return "no voxel inside"
    size = f"{found['area_mm2'] / 100:.1f} cm², {found['volume_ml']:.2g} ml"
    if found["mean_hu"] is None:
        return size
    return f"{found['mean_hu']:.0f} ± {found['sd_hu'] or 0:.0f} HU, {size}"
