"""The value at which a label's border lies, found from the voxels on its two sides."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from vis3d.geometry import FloatArray

LEVELS = 128
"""Levels that are tried, spread so that each lies between equally many values."""

BLOCK_MM = 8.0
"""Edges so near together share a level."""

GLOBAL_ENOUGH = 0.8
"""One level serves everywhere where it agrees with this share of what a local one would."""


def levels_between(
    inner: FloatArray, outer: FloatArray, places_mm: FloatArray
) -> tuple[FloatArray, NDArray[np.int8]]:
    """For each edge across a label's border the level there, and +1 where inside is higher.

    A level is the value that lies between the two ends of the most edges round about. For
    a label made by a threshold it is that threshold, for one drawn by hand or by a network
    the value that the drawing follows best. It is one value for the whole label, except
    where another one agrees with the label clearly better. `inner` and `outer` (n,) are the
    values at the ends of the edges and `places_mm` (n, 3) where the edges are.
    """
    limits = _limits(inner, outer)
    block, shape = _blocks(places_mm)
    score = _scores(inner, outer, limits, block, int(np.prod(shape)))
    whole = score.sum(axis=0)
    at_best = int(np.abs(whole).argmax())
    everywhere, sign = _plateau(limits, whole[None]), int(np.sign(whole[at_best]) or 1)

    blurred = gaussian_filter(score.reshape(*shape, -1), (0.8, 0.8, 0.8, 1.0), mode="constant")
    near = blurred.reshape(-1, LEVELS)
    best = np.abs(near).max(axis=1)
    local_level = _plateau(limits, near)
    local_sign = np.sign(near[np.arange(len(near)), np.abs(near).argmax(axis=1)])
    agreeing = sign * near[:, at_best] >= GLOBAL_ENOUGH * best
    local_level[agreeing] = everywhere
    local_sign[agreeing] = sign

    coordinates = (places_mm / BLOCK_MM - 0.5).T
    level, leaning = (
        map_coordinates(field.reshape(shape), coordinates, order=1, mode="nearest")
        for field in (local_level, local_sign)
    )
    # Never blend with a block whose inside is the other way round.
    level = np.where(np.abs(leaning) > 0.999, level, local_level[block])
    return level, np.where(local_sign[block] < 0, -1, 1).astype(np.int8)


def _limits(inner: FloatArray, outer: FloatArray) -> FloatArray:
    values = np.concatenate([inner, outer])[:: max(1, len(inner) // 100_000)]
    middles = (inner + outer)[:: max(1, len(inner) // 100_000)] / 2
    both = np.concatenate([values, middles])
    limits: FloatArray = np.quantile(both, np.linspace(0.01, 0.99, LEVELS))
    return limits


def _blocks(places_mm: FloatArray) -> tuple[NDArray[np.int64], tuple[int, int, int]]:
    """The block each place is in, and how many there are along the three axes."""
    cells = np.floor(places_mm / BLOCK_MM).astype(np.int64).clip(0)
    x, y, z = (cells.max(axis=0) + 1).tolist()
    return (cells[:, 0] * y + cells[:, 1]) * z + cells[:, 2], (x, y, z)


def _scores(
    inner: FloatArray,
    outer: FloatArray,
    limits: FloatArray,
    block: NDArray[np.int64],
    n_blocks: int,
) -> NDArray[np.float32]:
    """For each block and level: edges with the level between, less those the wrong way."""
    size = n_blocks * (LEVELS + 1)
    first = np.searchsorted(limits, outer, side="right") + block * (LEVELS + 1)
    last = np.searchsorted(limits, inner, side="right") + block * (LEVELS + 1)
    steps = np.bincount(first, minlength=size) - np.bincount(last, minlength=size)
    return steps.reshape(n_blocks, -1).cumsum(axis=1)[:, :LEVELS].astype(np.float32)


def _plateau(limits: FloatArray, score: NDArray[np.float32]) -> FloatArray:
    """The mean of the levels that are nearly as good as the best, one for each row."""
    strength = np.abs(score)
    weight = np.maximum(strength - 0.97 * strength.max(axis=1, keepdims=True), 0)
    weight += 1e-9 * (strength == strength.max(axis=1, keepdims=True))
    means: FloatArray = (weight * limits).sum(axis=1) / weight.sum(axis=1)
    return means
