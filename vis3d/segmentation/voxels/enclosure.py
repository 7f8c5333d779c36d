"""What solid walls enclose, seen along straight rays from every voxel at once."""

import math
from collections.abc import Callable, Sequence
from itertools import product
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from vis3d.progress import Progress, silent
from vis3d.segmentation.voxels.frame import Bools, Spacing
from vis3d.segmentation.voxels.slabs import each_slab

Step = tuple[int, int, int]
ALL_ROUND: tuple[Step, ...] = tuple(
    (k, j, i) for k, j, i in product((-1, 0, 1), repeat=3) if k or j or i
)
"""The 26 directions along axes and diagonals."""
LINES: tuple[Step, ...] = tuple(s for s in ALL_ROUND if s > (0, 0, 0))
"""One of each two opposite directions."""
PIECE = 1 << 18
"""How many voxels are worked on at a time: what they take fits into a processor's cache."""
MIN_SHARED = 2_000_000
"""Fewer voxels than that are not worth a second thread."""
IN_SLICE: tuple[Step, ...] = tuple(s for s in ALL_ROUND if s[0] == 0)


def open_directions(
    solid: Bools,
    reach_mm: float,
    spacing_kji: Spacing,
    directions: Sequence[Step] = ALL_ROUND,
    progress: Progress = silent,
) -> NDArray[np.uint8]:
    """In how many directions no wall is within reach of each voxel.

    Walls that the array cuts are taken to go straight on beyond it. With each of the
    `directions` goes the opposite one.
    """
    lines = [step for step in directions if step in LINES]
    wide, inside = _with_ends_going_on(solid, reach_mm, spacing_kji)
    (walls,) = _counts(wide, lines, reach_mm, spacing_kji, (np.add,), progress)
    return np.asarray(np.uint8(2 * len(lines)) - walls[inside])


def walls_around(
    solid: Bools, reach_mm: float, spacing_kji: Spacing
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """In how many of 26 directions a wall is within reach, along how many lines on both sides.

    Walls that the array cuts are taken to go straight on beyond it.
    """
    wide, inside = _with_ends_going_on(solid, reach_mm, spacing_kji)
    both = (np.add, np.bitwise_and)
    walls, lines = _counts(wide, LINES, reach_mm, spacing_kji, both, silent)
    return walls[inside], lines[inside]


def _with_ends_going_on(
    solid: Bools, reach_mm: float, spacing_kji: Spacing
) -> tuple[Bools, tuple[slice, ...]]:
    """The walls, those at the ends drawn out, and where the array lies in them."""
    margins = [
        tuple(int(reach_mm / mm) * int(end.any()) for end in (ends[0], ends[-1]))
        for axis, mm in enumerate(spacing_kji)
        for ends in (np.moveaxis(solid, axis, 0),)
    ]
    inside = tuple(slice(m[0], m[0] + n) for m, n in zip(margins, solid.shape, strict=True))
    return np.pad(solid, margins, mode="edge") if np.any(margins) else solid, inside


def walled_lines(solid: Bools, reach_mm: float, spacing_kji: Spacing) -> NDArray[np.uint8]:
    """Along how many of 13 lines a wall is within reach on both sides of each voxel."""
    (lines,) = _counts(solid, LINES, reach_mm, spacing_kji, (np.bitwise_and,), silent)
    return lines


def _counts(
    solid: Bools,
    lines: Sequence[Step],
    reach_mm: float,
    spacing_kji: Spacing,
    questions: Sequence[Callable[..., NDArray[np.uint8]]],
    progress: Progress,
) -> list[NDArray[np.uint8]]:
    """The sums over all lines of what each makes of 0 or 1 for the wall on either side.

    The rows are worked on as one, with room between them for what moves out of one.
    """
    moves = [_move(line, solid.shape, reach_mm, spacing_kji) for line in lines]
    room_j, room_i = (max(abs(step[n]) * steps for step, steps in moves) for n in (1, 2))
    nk, nj, ni = solid.shape
    padded = np.zeros((nk, nj + room_j, ni + room_i), bool)
    padded[:, :nj, :ni] = solid
    row, plane = padded.shape[2], padded.shape[1] * padded.shape[2]
    jumps = [(k * plane + j * row + i, steps) for (k, j, i), steps in moves]
    counts: list[NDArray[np.uint8]] = [np.zeros(padded.size, np.uint8) for _ in questions]
    one_at_a_time = Lock()

    def look(n: int, _: int) -> None:
        jump, steps = jumps[n]
        far = jump * steps
        behind = _smeared(padded.reshape(-1), jump, steps)
        with one_at_a_time:
            for start in range(0, padded.size, PIECE):
                # what lies ahead of a voxel lies behind the one that is `far` ahead
                here = slice(start, min(start + PIECE, padded.size))
                ahead = behind[here.start + far : here.stop + far]
                for count, ask in zip(counts, questions, strict=True):
                    count[here] += ask(behind[here], ahead)

    what = "Looking for what bone encloses"
    each_slab(look, len(lines), 1, progress, what, shared=padded.size >= MIN_SHARED)
    return [count.reshape(padded.shape)[:, :nj, :ni] for count in counts]


def _move(
    line: Step, shape: Sequence[int], reach_mm: float, spacing_kji: Spacing
) -> tuple[Step, int]:
    """The step of whole voxels along a line, and how many of them are within reach."""
    step = _as_steep_in_mm(line, spacing_kji)
    length_mm = math.hypot(*(n * mm for n, mm in zip(step, spacing_kji, strict=True)))
    room = min((n - 1) // abs(s) for s, n in zip(step, shape, strict=True) if s)
    return step, min(max(1, int(reach_mm / length_mm)), room)


def _as_steep_in_mm(step: Step, spacing_kji: Spacing) -> Step:
    """The step of whole voxels that comes nearer to a diagonal in mm.

    At most two voxels at once: a longer jump would miss too many thin walls.
    """
    longest = max(mm for s, mm in zip(step, spacing_kji, strict=True) if s)
    k, j, i = (
        s * min(2, max(1, round(longest / mm))) for s, mm in zip(step, spacing_kji, strict=True)
    )
    return (k, j, i)


def _smeared(voxels: Bools, jump: int, steps: int) -> NDArray[np.uint8]:
    """The voxels moved ahead by 0, 1 ... `steps` jumps, all together, with as much room."""
    smeared = np.zeros(len(voxels) + jump * steps, np.uint8)
    smeared[: len(voxels)] = voxels
    reached = 1
    while reached <= steps:
        move = jump * min(reached, steps + 1 - reached)
        for stop in range(len(smeared), move, -PIECE):  # from the end: what moves is as it was
            start = max(move, stop - PIECE)
            smeared[start:stop] |= smeared[start - move : stop - move]
        reached *= 2
    return smeared
