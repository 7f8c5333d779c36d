"""Thin walls on large voxels: told from their own surroundings, not by one level for all."""

import numpy as np

from vis3d.segmentation.voxels.enclosure import walled_lines
from vis3d.segmentation.voxels.frame import Bools, Floats, Spacing, Whole
from vis3d.segmentation.voxels.morphology import components, keep

SIDE_MM, LEAST_HU = 3.0, 30.0
RISE_HU, RISE_NOISES = 70.0, 3.0
"""A wall stands out by as much from what lies on both its sides."""
REACH_MM, MIN_LINES = 20.0, 2
"""A hole in a wall has wall on both sides along two of 13 lines or more."""
ROUNDS = 2


def with_thin_walls(
    shell: Bools, hu: Whole, allowed: Bools, noise_hu: float, spacing_kji: Spacing
) -> Bools:
    """The shell of the bones and what goes on in its gaps, less dense since it is thinner.

    A voxel larger than the wall in it holds soft tissue too: the middle of an iliac wing or
    the front of a sacrum may be no denser than muscle is elsewhere, but denser than what
    lies before and behind it. It counts if the shell goes on beside it on both sides.
    """
    stands_out = rise(hu, SIDE_MM, spacing_kji) > max(RISE_HU, RISE_NOISES * noise_hu)
    stands_out &= allowed & (hu > LEAST_HU)
    for _ in range(ROUNDS):
        between = walled_lines(shell, REACH_MM, spacing_kji) >= MIN_LINES
        pieces = components(shell | (stands_out & between), 26)
        touching = np.zeros(int(pieces.max()) + 1, bool)
        touching[pieces[shell]] = True
        shell = keep(pieces, touching)
    return shell


def rise(hu: Whole, side_mm: float, spacing_kji: Spacing) -> Floats:
    """How much denser each voxel is than both sides, along the axis where it is most so.

    The sides lie about `side_mm` away; along an axis whose array ends before, nothing rises.
    """
    most = np.full(hu.shape, -np.inf, np.float32)
    for axis, mm in enumerate(spacing_kji):
        step = max(1, round(side_mm / mm))
        if hu.shape[axis] <= 2 * step:
            continue
        values, best = np.moveaxis(hu, axis, 0), np.moveaxis(most, axis, 0)
        sides = np.maximum(values[2 * step :], values[: -2 * step])
        inner = best[step:-step]
        np.maximum(inner, np.subtract(values[step:-step], sides, dtype=np.float32), out=inner)
    return most
