"""The value at which a label's border lies, found from the voxels on its two sides."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, map_coordinates

from vis3d.meshing.threads import in_blocks
from vis3d.meshing.topology import Values

LEVELS = 128
"""Levels that are tried, spread so that each lies between equally many values."""

BLOCK_MM = 8.0
"""Edges so near together share a level."""

GLOBAL_ENOUGH = 0.8
"""One level serves everywhere where it agrees with this share of what a local one would."""


def levels_between(
    inner: Values, outer: Values, places_mm: Values
) -> tuple[Values, NDArray[np.int8]]:
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
    everywhere, sign = _plateau(limits, whole[None])[0], int(np.sign(whole[at_best]) or 1)

    near = gaussian_filter(
        score.reshape(*shape, -1), (0.8, 0.8, 0.8, 1.0), mode="constant", truncate=2.5
    ).reshape(-1, LEVELS)
    best = np.maximum(near.max(axis=1), -near.min(axis=1))
    differing = sign * near[:, at_best] < GLOBAL_ENOUGH * best
    levels = np.full(len(block), everywhere, np.float32)
    signs = np.full(len(block), sign, np.int8)
    if not differing.any():
        return levels, signs
    level_of, sign_of = np.full(len(near), everywhere), np.full(len(near), float(sign))
    level_of[differing] = _plateau(limits, near[differing])
    strongest = np.abs(near[differing]).argmax(axis=1)[:, None]
    sign_of[differing] = np.sign(np.take_along_axis(near[differing], strongest, axis=1))[:, 0]
    touched = binary_dilation(differing.reshape(shape), np.ones((3, 3, 3), bool)).reshape(-1)
    there = np.flatnonzero(touched[block])
    coordinates = (places_mm[there] / BLOCK_MM - 0.5).T
    level, leaning = (
        map_coordinates(field.reshape(shape), coordinates, order=1, mode="nearest")
        for field in (level_of, sign_of)
    )
    # Never blend with a block whose inside is the other way round.
    own = block[there]
    levels[there] = np.where(np.abs(leaning) > 0.999, level, level_of[own])
    signs[there] = np.where(sign_of[own] < 0, -1, 1)
    return levels, signs


def _limits(inner: Values, outer: Values) -> Values:
    some = slice(None, None, max(1, len(inner) // 100_000))
    middles = (inner[some] + outer[some]) / 2
    both = np.concatenate([inner[some], outer[some], middles])
    limits: Values = np.quantile(both, np.linspace(0.01, 0.99, LEVELS)).astype(np.float32)
    return limits


def _blocks(places_mm: Values) -> tuple[NDArray[np.int32], tuple[int, int, int]]:
    """The block each place is in, and how many there are along the three axes."""
    x, y, z = (int(most / BLOCK_MM) + 1 for most in places_mm.max(axis=0))
    block = np.empty(len(places_mm), np.int32)

    def number(rows: slice) -> None:
        a, b, c = (places_mm[rows] / np.float32(BLOCK_MM)).astype(np.int32).clip(0).T
        block[rows] = (a.clip(max=x - 1) * y + b.clip(max=y - 1)) * z + c.clip(max=z - 1)

    in_blocks(number, len(block))
    return block, (x, y, z)


def _scores(
    inner: Values, outer: Values, limits: Values, block: NDArray[np.int32], n_blocks: int
) -> Values:
    """For each block and level: edges with the level between, less those the wrong way."""
    size = n_blocks * (LEVELS + 1)
    starts, stops = np.empty(len(block), np.int32), np.empty(len(block), np.int32)

    def rank(rows: slice) -> None:
        first = block[rows] * (LEVELS + 1)
        starts[rows] = np.searchsorted(limits, outer[rows], side="right") + first
        stops[rows] = np.searchsorted(limits, inner[rows], side="right") + first

    in_blocks(rank, len(block))
    steps = np.bincount(starts, minlength=size) - np.bincount(stops, minlength=size)
    between = steps.astype(np.float32).reshape(n_blocks, -1).cumsum(axis=1)
    return between[:, :LEVELS]


def _plateau(limits: Values, score: Values) -> Values:
    """The mean of the levels that are nearly as good as the best, one for each row."""
    strength = np.abs(score)
    weight = np.maximum(strength - 0.97 * strength.max(axis=1, keepdims=True), 0)
    weight += 1e-9 * (strength == strength.max(axis=1, keepdims=True))
    means: Values = (weight * limits).sum(axis=1) / weight.sum(axis=1)
    return means
