"""Growing masks by balls: eight voxels at a time, exact, for radii of a few voxels."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.voxels.frame import Bools, Spacing
from vis3d.segmentation.voxels.slabs import each_slab

Chords = tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
"""The rows of a ball along i, short ones first: half their length, where (k, j) they lie."""
MOST_CHORDS = 700
"""A ball of more rows is slower than a distance transform."""
SLAB_BYTES = 1 << 18
"""How many packed voxels are worked on at a time, so that they stay in the cache."""
MIN_SHARED = 8_000_000
"""Fewer voxels than that are not worth a second thread."""


@lru_cache(maxsize=64)
def chords(radius_mm: float, spacing_kji: Spacing) -> Chords:
    """The rows of a ball whose voxels lie within `radius_mm` of its middle."""
    k_mm, j_mm, i_mm = spacing_kji
    # distance transforms answer in float32: a voxel just at the radius counts here as there
    square = radius_mm * radius_mm * (1 + 1e-6)
    found: dict[int, list[tuple[int, int]]] = {}
    most_k, most_j = int(np.sqrt(square) / k_mm), int(np.sqrt(square) / j_mm)
    for k in range(-most_k, most_k + 1):
        for j in range(-most_j, most_j + 1):
            rest = square - (k * k_mm) ** 2 - (j * j_mm) ** 2
            if rest >= 0:
                found.setdefault(int(np.sqrt(rest) / i_mm), []).append((k, j))
    return tuple((half, tuple(found[half])) for half in sorted(found))


def chord_count(radius_mm: float, spacing_kji: Spacing) -> float:
    """About how many rows the ball of that radius has."""
    return float(np.pi * radius_mm**2 / (spacing_kji[0] * spacing_kji[1]))


def ball_grown(mask: Bools, radius_mm: float, spacing_kji: Spacing) -> Bools:
    """The mask and everything within `radius_mm` of it; beyond the array lies nothing.

    Each row of the ball is a run along i: the mask is grown by the run, packed to bits and
    laid over the answer at the place of every row of that length.
    """
    ball = chords(radius_mm, spacing_kji)
    reach = max(abs(k) for _, places in ball for k, _ in places)
    count, row_bytes = mask.shape[0], mask.shape[1] * (mask.shape[2] // 8 + 1)
    step = max(1, 4 * reach, SLAB_BYTES // row_bytes)
    grown = np.empty(mask.shape, bool)

    def work(start: int, stop: int) -> None:
        first = max(0, start - reach)
        packed = _slab(mask[first : stop + reach], ball, start - first, stop - start)
        grown[start:stop] = np.unpackbits(packed, axis=2, count=mask.shape[2]).view(bool)

    each_slab(work, count, step, shared=mask.size >= MIN_SHARED)
    return grown


def _slab(mask: Bools, ball: Chords, first: int, height: int) -> NDArray[np.uint8]:
    """The slices from `first` on of the grown mask, packed along i."""
    nk, nj, ni = mask.shape
    # all rows as one are much faster: between them lies room for what moves out of one
    room = min(ball[-1][0], ni - 1)
    apart = np.zeros((nk, nj, -(-(ni + room) // 8) * 8), bool)
    apart[:, :, :ni] = mask
    wide, shorter = apart.copy(), 0
    voxels, was = wide.reshape(-1), apart.reshape(-1)
    grown = np.zeros((height, nj, apart.shape[2] // 8), np.uint8)
    for half, places in ball:
        for shift in range(shorter + 1, min(half, ni - 1) + 1):
            voxels[shift:] |= was[:-shift]
            voxels[:-shift] |= was[shift:]
        shorter = half
        packed = np.packbits(voxels).reshape(nk, nj, -1)
        for k, j in places:
            start, stop = max(0, first + k), min(nk, first + height + k)
            if start >= stop or abs(j) >= nj:
                continue
            there = grown[start - first - k : stop - first - k, max(0, -j) : nj - max(0, j)]
            there |= packed[start:stop, max(0, j) : nj + min(0, j)]
    return grown
