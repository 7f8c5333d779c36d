"""What a browser asks for, judged: numbers in their range, words that are known."""

from collections.abc import Collection
from math import isfinite

from vis3d.errors import UsageError


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
