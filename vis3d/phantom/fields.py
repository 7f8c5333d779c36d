"""Implicit functions: about the distance in mm to a surface, negative inside.

Every function takes the LPS mm of points as three arrays x (to the left), y (to the
back) and z (to the head) that broadcast together. The sign is exact, the size is about
the distance near the surface.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating]
Field: TypeAlias = Callable[[Floats, Floats, Floats], Floats]
Profile: TypeAlias = Callable[[Floats | float], Floats]
Vector: TypeAlias = tuple[float, float, float]

SUPERELLIPSE_POWER = 2.5


def profile(*knots: tuple[float, float]) -> Profile:
    """A rounded line through (position in mm, value) pairs, constant beyond the last ones."""
    at, values = np.array(knots, float).T
    fine_mm = np.arange(at[0] - 20, at[-1] + 20)
    window = np.hanning(23) / np.hanning(23).sum()
    straight = np.interp(np.arange(fine_mm[0] - 11, fine_mm[-1] + 11.5), at, values)
    rounded = np.convolve(straight, window, "valid")

    def value(position_mm: Floats | float) -> Floats:
        return np.asarray(np.interp(np.asarray(position_mm), fine_mm, rounded), np.float32)

    return value


def ellipsoid(x: Floats, y: Floats, z: Floats, center: Vector, radii: Vector) -> Floats:
    """An ellipsoid with its axes along left, back and head."""
    u, v, w = x - center[0], y - center[1], z - center[2]
    a, b, c = radii
    scaled = np.sqrt((u / a) ** 2 + (v / b) ** 2 + (w / c) ** 2)
    slope = np.sqrt((u / a**2) ** 2 + (v / b**2) ** 2 + (w / c**2) ** 2)
    distance: Floats = scaled * (scaled - 1) / np.maximum(slope, 1e-6)
    return distance


def superellipse(x: Floats, y: Floats, a: Floats | float, b: Floats | float) -> Floats:
    """A cylinder along z over |x/a|^2.5 + |y/b|^2.5 = 1, fuller than an ellipse.

    Measured along rays from the axis.
    """
    u, v = np.abs(x / a), np.abs(y / b)
    # Square times root: many times faster than a power of 2.5.
    scaled = (u * u * np.sqrt(u) + v * v * np.sqrt(v)) ** (1 / SUPERELLIPSE_POWER)
    ray = np.sqrt(x**2 + y**2) + 1e-3
    distance: Floats = ray - ray / np.maximum(scaled, 1e-5)
    return distance


def both(first: Floats, second: Floats, rounding_mm: float = 0.0) -> Floats:
    """The intersection, its edge rounded."""
    if rounding_mm == 0:
        return np.maximum(first, second)
    k = rounding_mm
    share = np.clip(0.5 + 0.5 * (first - second) / k, 0, 1)
    rounded: Floats = second + (first - second) * share + k * share * (1 - share)
    return rounded


def without(first: Floats, second: Floats, rounding_mm: float = 0.0) -> Floats:
    """The first without the second."""
    return both(first, -second, rounding_mm)


def either(first: Floats, second: Floats, rounding_mm: float = 0.0) -> Floats:
    """The union, its crease filled."""
    return -both(-first, -second, rounding_mm)
