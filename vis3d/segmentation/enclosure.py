"""What solid walls enclose, seen along straight rays from every voxel at once."""

from collections.abc import Sequence
from itertools import product
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from vis3d.progress import Progress, silent
from vis3d.segmentation.frame import Bools, Spacing
from vis3d.segmentation.slabs import each_slab

Step = tuple[int, int, int]
ALL_ROUND: tuple[Step, ...] = tuple(
    (k, j, i) for k, j, i in product((-1, 0, 1), repeat=3) if k or j or i
)
"""The 26 directions along axes and diagonals."""
LINES: tuple[Step, ...] = tuple(s for s in ALL_ROUND if s > (0, 0, 0))
"""One of each two opposite directions."""
IN_SLICE: tuple[Step, ...] = tuple(s for s in ALL_ROUND if s[0] == 0)


def open_directions(
    solid: Bools,
    reach_mm: float,
    spacing_kji: Spacing,
    directions: Sequence[Step] = ALL_ROUND,
    progress: Progress = silent,
) -> NDArray[np.uint8]:
    """In how many directions no wall is within reach of each voxel.

    Walls that the array cuts are taken to go straight on beyond it.
    """
    margins = [
        tuple(int(reach_mm / mm) * int(end.any()) for end in (ends[0], ends[-1]))
        for axis, mm in enumerate(spacing_kji)
        for ends in (np.moveaxis(solid, axis, 0),)
    ]
    wide = np.pad(solid, margins, mode="edge")
    count: NDArray[np.uint8] = np.zeros(wide.shape, np.uint8)
    one_at_a_time = Lock()

    def look(n: int, _: int) -> None:
        step = _as_steep_in_mm(directions[n], spacing_kji)
        length_mm = float(np.linalg.norm(np.multiply(step, spacing_kji)))
        smeared = _smeared(wide, step, max(1, int(reach_mm / length_mm)))
        free = np.logical_not(smeared, out=smeared)
        with one_at_a_time:
            np.add(count, free, out=count)

    each_slab(look, len(directions), 1, progress, "Looking for what bone encloses")
    inside = tuple(slice(m[0], m[0] + n) for m, n in zip(margins, solid.shape, strict=True))
    return count[inside]


def walled_lines(solid: Bools, reach_mm: float, spacing_kji: Spacing) -> NDArray[np.uint8]:
    """Along how many of 13 lines a wall is within reach on both sides of each voxel."""
    count: NDArray[np.uint8] = np.zeros(solid.shape, np.uint8)
    one_at_a_time = Lock()

    def look(n: int, _: int) -> None:
        step = _as_steep_in_mm(LINES[n], spacing_kji)
        back = (-step[0], -step[1], -step[2])
        length_mm = float(np.linalg.norm(np.multiply(step, spacing_kji)))
        steps = max(1, int(reach_mm / length_mm))
        both = _smeared(solid, step, steps)
        both &= _smeared(solid, back, steps)
        with one_at_a_time:
            np.add(count, both, out=count)

    each_slab(look, len(LINES), 1)
    return count


def _as_steep_in_mm(step: Step, spacing_kji: Spacing) -> Step:
    """The step of whole voxels that comes nearer to a diagonal in mm.

    At most two voxels at once: a longer jump would miss too many thin walls.
    """
    longest = max(mm for s, mm in zip(step, spacing_kji, strict=True) if s)
    k, j, i = (
        s * min(2, max(1, round(longest / mm))) for s, mm in zip(step, spacing_kji, strict=True)
    )
    return (k, j, i)


def _smeared(solid: Bools, step: Step, steps: int) -> Bools:
    """The mask moved by 0, 1 ... `steps` steps, all together."""
    smeared = solid.copy()
    reached = 1
    while reached <= steps:
        move = [s * min(reached, steps + 1 - reached) for s in step]
        if any(abs(m) >= n for m, n in zip(move, solid.shape, strict=True)):
            break
        to, of = (
            tuple(
                slice(max(0, way * m), n + min(0, way * m))
                for m, n in zip(move, solid.shape, strict=True)
            )
            for way in (1, -1)
        )
        smeared[to] |= smeared[of]
        reached *= 2
    return smeared
