"""Taking voxels out of a mask so that no hole opens in it, and nothing in it falls apart."""

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.voxels.frame import Bools
from vis3d.segmentation.voxels.morphology import kji_of

Bits = NDArray[np.uint32]
"""Which of the 26 voxels round one are in a mask, a bit each."""
AROUND = np.array([kji for kji in np.ndindex(3, 3, 3) if kji != (1, 1, 1)]) - 1
APART = np.abs(AROUND[:, None] - AROUND)
NO_CORNER = np.abs(AROUND).sum(1) < 3
BESIDE = np.abs(AROUND).sum(1) == 1
ROUNDS = 4
"""In how many steps places are taken, those named first before the others."""


def take_without_holes(mask: Bools, at: NDArray[np.intp]) -> None:
    """Take places in the flat array out of a mask, in place, but those that hold it together.

    The mask then has the same pieces, holes and cavities as before, whether voxels that share
    a corner count as joined or only those that share a face (simple points: Malandain and
    Bertrand, ICPR 1992, 232-235). Beyond its ends the mask is taken to go on.
    """
    wide = np.pad(mask, 1, mode="edge")
    left = wide.reshape(-1)
    steps = AROUND @ np.array([wide[0].size, wide.shape[2], 1])
    for some in np.array_split(at, ROUNDS):
        k, j, i = kji_of(some, mask.shape)
        places = np.ravel_multi_index((k + 1, j + 1, i + 1), wide.shape)
        # no two voxels of one of eight lattices touch, so they don't change each other's sides
        lattice = 4 * (k % 2) + 2 * (j % 2) + i % 2
        for n in range(8):
            here = places[lattice == n]
            around = np.zeros(len(here), np.uint32)
            for bit, step in enumerate(steps):
                around |= left[here + step].astype(np.uint32) << np.uint32(bit)
            left[here[_simple(around)]] = False
    mask[:] = wide[1:-1, 1:-1, 1:-1]


def _simple(around: Bits) -> Bools:
    """Whether a voxel's loss changes nothing but its own place, by what lies round it."""
    kinds, of = np.unique(around, return_inverse=True)
    others = ~kinds & ALL
    by_corners = _one_piece(kinds) & _one_side(others)
    by_faces = _one_side(kinds) & _one_piece(others)
    return np.asarray((by_corners & by_faces)[of])


def _one_piece(bits: Bits) -> Bools:
    """Whether they hang together by faces, edges or corners."""
    whole = _reached(_lowest(bits), bits, TOUCHING) == bits
    return np.asarray(whole & (bits != 0))


def _one_side(bits: Bits) -> Bools:
    """Whether those that share a face with the voxel hang together by faces beside it."""
    beside = bits & SIDES
    reached = _reached(_lowest(beside), bits, FACING)
    return np.asarray((reached & beside == beside) & (beside != 0))


def _lowest(bits: Bits) -> Bits:
    return bits & (~bits + np.uint32(1))


def _reached(bits: Bits, within: Bits, joined: Bits) -> Bits:
    """What is reached from some, step by step."""
    while True:
        there = (bits[:, None] & EACH) != 0
        more = bits | (np.bitwise_or.reduce(there * joined, axis=1) & within)
        if np.array_equal(more, bits):
            return bits
        bits = more


def _as_bits(which: Bools) -> Bits:
    """Each row of 26 as one number."""
    return np.asarray(which @ (1 << np.arange(26)), np.uint32)


EACH = np.uint32(1) << np.arange(26, dtype=np.uint32)
ALL, SIDES = (_as_bits(which) for which in (np.ones(26, bool), BESIDE))
TOUCHING = _as_bits(APART.max(2) == 1)
FACING = _as_bits((APART.sum(2) == 1) & NO_CORNER & NO_CORNER[:, None])
