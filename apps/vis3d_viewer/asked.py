"""What a browser asks for, judged: numbers in their range, words that are known."""

from collections.abc import Collection
from math import isfinite

from vis3d.errors import UsageError

MAX_MM = 100_000.0
"""Far beyond what any scan has."""

DECIMALS = 4
"""Of a coordinate in mm: finer than any hand, and short in the steps that are kept."""


def label_of(value: object) -> int:
    """A structure's label.

    Raises:
        UsageError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError("This structure is no longer there.")
    return value


def finite(value: object, low: float, high: float, what: str) -> float:
    """A number from `low` to `high`; `what` it is heads the sentence that refuses it.

    Raises:
        UsageError: it is none, or another one.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise UsageError(f"{what} is a number.")
    if not low <= value <= high:
        raise UsageError(f"{what} lies between {low:g} and {high:g}.")
    return float(value)


def known(value: object, words: Collection[str]) -> str:
    """One of the known words.

    Raises:
        UsageError: it is none of them.
    """
    for word in words:
        if word == value:
            return word
    raise UsageError(f"Choose one of {', '.join(words)}.")


def points_of(value: object, most: int) -> tuple[tuple[float, float, float], ...]:
    """Points in LPS mm.

    Raises:
        UsageError: none, too many, or numbers that make no sense.
    """
    if not isinstance(value, list) or not 0 < len(value) <= most:
        raise UsageError(f"From 1 to {most} points can be drawn.")
    points = []
    for point in value:
        if not isinstance(point, list) or len(point) != 3:
            raise UsageError("A point has three coordinates.")
        x, y, z = (round(finite(mm, -MAX_MM, MAX_MM, "A coordinate"), DECIMALS) for mm in point)
        points.append((x, y, z))
    return tuple(points)
