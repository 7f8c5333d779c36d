"""The value at which a label's border lies, found from the voxels on its two sides."""

from dataclasses import dataclass

import numpy as np

from vis3d.geometry import FloatArray

BINS = 1024
"""Levels that are tried between the lowest and the highest value at the border."""


@dataclass(frozen=True)
class Level:
    """A value that separates inside from outside; `sign` is +1 where inside is higher."""

    value: float
    sign: int


def level_between(inner: FloatArray, outer: FloatArray) -> Level:
    """The level that lies between the two sides of the most grid edges.

    For a label made by a threshold it is that threshold; for one drawn by hand or by a
    network it is where the drawing follows the picture best. `inner` and `outer` are the
    values at the two ends of the edges that cross the border.
    """
    low, high = np.percentile(np.concatenate([inner, outer]), (0.5, 99.5))
    limits = np.linspace(low, high, BINS + 1)
    best = [_best(limits, first, last) for first, last in ((outer, inner), (inner, outer))]
    (up, up_value), (down, down_value) = best
    return Level(up_value, 1) if up >= down else Level(down_value, -1)


def _best(limits: FloatArray, below: FloatArray, above: FloatArray) -> tuple[int, float]:
    """How many edges have `below < level <= above` at best, and the middle of that range."""
    started = np.searchsorted(np.sort(below), limits)
    ended = np.searchsorted(np.sort(above), limits)
    # An edge the wrong way round counts as -1 between its values: it speaks against.
    score = started - ended
    top = np.flatnonzero(score >= score.max() - 0.002 * len(below))
    middle = top[np.abs(top - np.median(top)).argmin()]
    return int(score.max()), float(limits[middle])
