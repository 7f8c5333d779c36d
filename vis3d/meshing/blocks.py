"""How much of each block of voxels is inside, softened: the field that tiles are cut from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from vis3d.geometry import Geometry

BLOCK_MM = 1.6
"""Voxels finer than that are put together: the screen shows no more."""

FULL = 240
"""The value of a block wholly inside; the surface lies where half of a block is."""

SOFTEN_BLOCKS = 0.7
"""Blurs the steps of single voxels, which the scan itself doesn't have."""

TILE = 64
"""Blocks along an edge of a tile: some 10 cm."""

REACH = 4
"""Blocks around a voxel whose samples (3) or normals (4) depend on it."""

RIDGE = 0.6 * FULL
"""What the middle of a thin wall is raised to, so that it shows no holes."""

THIN = 0.85 * FULL
"""Nothing is raised where a block as full as this is beside it, all of it where one is as
full as a ridge."""

SHARPEN = 4.5
"""How often what a sample has more than those around it is added to it where it is thin."""

_BELL = np.exp(-0.5 * (np.arange(3) / SOFTEN_BLOCKS) ** 2)
WEIGHTS = (_BELL / (_BELL[0] + 2 * _BELL[1] + 2 * _BELL[2])).astype(np.float32)
"""Of a sample and those one and two blocks off, where a surface is softened."""

Index = tuple[int, int, int]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Grain:
    """How many voxels (k, j, i) are a block, and whether blocks are blurred."""

    factors: Index
    soften: bool = True


def grain_of(geometry: Geometry, block_mm: float) -> Grain:
    """Blocks of about that many mm in whole voxels."""
    k, j, i = (max(1, round(block_mm / mm)) for mm in geometry.spacing_kji)
    return Grain((k, j, i))


def span(tile: int, factor: int, count: int, reach: int) -> tuple[int, int]:
    """The voxels of an axis on which a tile depends, `reach` blocks beyond its samples."""
    first = TILE * tile - 1
    low, high = (first - reach) * factor, (first + TILE + 1 + reach) * factor
    return min(max(low, 0), count), min(max(high, 0), count)


def shares_of(mask: Bools, grain: Grain, index: Index) -> Floats | None:
    """How much of each block is inside, 0 to `FULL`, one sample more than the tile all round.

    None where all samples are alike.
    """
    halo = REACH if grain.soften else 1
    part, pads = [], []
    for tile, factor, n in zip(index, grain.factors, mask.shape, strict=True):
        low, high = span(tile, factor, n, halo)
        first = (TILE * tile - 1 - halo) * factor
        length = (TILE + 1 + 2 * halo) * factor
        part.append(slice(low, high))
        pads.append((low - first, length - (high - first)))
    inside = mask[tuple(part)]
    if not inside.any() or (not np.any(pads) and inside.all()):
        return None
    total: NDArray[np.uint16] = np.pad(inside, pads).astype(np.uint16)
    for axis, factor in enumerate(grain.factors):
        total = _sum([total[_from(axis, n, None, factor)] for n in range(factor)])
    shares = total * np.float32(FULL / np.prod(grain.factors))
    if grain.soften:
        for axis in range(3):
            shares = _softened(shares, axis)
        shares = _with_ridges(shares)
    return np.ascontiguousarray(shares)


def _softened(shares: Floats, axis: int) -> Floats:
    """Blurred along an axis, two samples shorter at each end."""
    middle, near, far = WEIGHTS
    a, b, c, d, e = (shares[_from(axis, n, n - 4 or None)] for n in range(5))
    return np.asarray(middle * c + near * (b + d) + far * (a + e))


def _with_ridges(shares: Floats) -> Floats:
    """Raised in the middle of walls and rods thinner than a block.

    There a sample has more than the mean of its neighbours, not so on the slope beside
    something thick. Where a neighbour is nearly full nothing is raised: steps would show.
    The answer is a sample shorter at each end of each axis.
    """
    inner = _within(1, slice(1, -1))
    middle = shares[inner]
    more = 3 * middle
    for axis in range(3):
        more -= 0.5 * shares[_within(axis, slice(0, -2))]
        more -= 0.5 * shares[_within(axis, slice(2, None))]
    thin = np.clip((THIN - maximum_filter(shares, 3)[inner]) / (THIN - RIDGE), 0, 1)
    raised = np.minimum(RIDGE, middle + SHARPEN * thin * more)
    return np.asarray(np.maximum(middle, raised))


def _within(axis: int, part: slice) -> tuple[slice, ...]:
    """A range of one axis, all but the first and last of the others."""
    return tuple(part if n == axis else slice(1, -1) for n in range(3))


def _sum(arrays: Sequence[NDArray[np.uint16]]) -> NDArray[np.uint16]:
    total = arrays[0].copy()
    for array in arrays[1:]:
        total += array
    return total


def _from(axis: int, start: int, stop: int | None, step: int = 1) -> tuple[slice, ...]:
    """A range of one axis, all of the others."""
    return tuple(slice(start, stop, step) if n == axis else slice(None) for n in range(3))
