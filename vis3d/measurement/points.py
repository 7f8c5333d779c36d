"""Distances and angles between points that a person sets, in LPS mm."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from vis3d.errors import UsageError

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Distance:
    """The straight line between two points in LPS mm.

    Raises:
        UsageError: points that aren't three finite numbers.
    """

    start_lps: Point
    end_lps: Point
    name: str = "distance"

    def __post_init__(self) -> None:
        _check(self.start_lps, self.end_lps)

    @property
    def mm(self) -> float:
        """Its length."""
        return float(np.linalg.norm(np.subtract(self.end_lps, self.start_lps)))

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        points = [list(self.start_lps), list(self.end_lps)]
        return {"kind": "distance", "name": self.name, "mm": self.mm, "points_lps": points}

    def __repr__(self) -> str:
        return f"Distance({self.name}, {self.mm:.1f} mm)"


@dataclass(frozen=True)
class Angle:
    """The angle at a vertex between the directions to two other points, 0 to 180 degrees.

    Raises:
        UsageError: points that aren't three finite numbers, or one that is the vertex.
    """

    first_lps: Point
    vertex_lps: Point
    second_lps: Point
    name: str = "angle"

    def __post_init__(self) -> None:
        _check(self.first_lps, self.vertex_lps, self.second_lps)
        if self.vertex_lps in (self.first_lps, self.second_lps):
            raise UsageError("An angle has no size where one of its points is its vertex.")

    @property
    def degrees(self) -> float:
        """Its size."""
        first = np.subtract(self.first_lps, self.vertex_lps)
        second = np.subtract(self.second_lps, self.vertex_lps)
        sine, cosine = np.linalg.norm(np.cross(first, second)), first @ second
        return float(np.degrees(np.arctan2(sine, cosine)))  # exact for small angles too

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it; the vertex is the second point."""
        points = [list(p) for p in (self.first_lps, self.vertex_lps, self.second_lps)]
        return {
            "kind": "angle",
            "name": self.name,
            "degrees": self.degrees,
            "points_lps": points,
        }

    def __repr__(self) -> str:
        return f"Angle({self.name}, {self.degrees:.1f} degrees)"


def _check(*points: Point) -> None:
    for point in points:
        if len(point) != 3 or not np.isfinite(point).all():
            raise UsageError(f"A point is three finite numbers in LPS mm, not {point}.")
