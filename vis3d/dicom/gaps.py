"""Missing slices and variable spacing -> a regular stack, by linear interpolation."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.dicom.stacking import JITTER_MM, JITTER_SHARE, Stack, tolerance_mm
from vis3d.progress import Progress


def filled(
    array: NDArray[Any], plan: Stack, padding: float | None, progress: Progress
) -> NDArray[Any]:
    """The slices [k, j, i] of a stack with gaps, resampled to its even spacing.

    Where a slice lies at a place of the new stack it is kept as it is.
    """
    result = np.empty((plan.count, *array.shape[1:]), array.dtype)
    near = tolerance_mm(plan.spacing, JITTER_MM, JITTER_SHARE)
    for k in range(plan.count):
        distance = k * plan.spacing
        above = int(np.searchsorted(plan.distances, distance).clip(1, len(array) - 1))
        below = above - 1
        start, stop = plan.distances[below], plan.distances[above]
        share = float(np.clip((distance - start) / (stop - start), 0, 1))
        nearest = below if share < 0.5 else above
        if abs(plan.distances[nearest] - distance) <= near:
            result[k] = array[nearest]
        else:
            result[k] = between(array[below], array[above], share, padding)
        progress((k + 1) / plan.count, "filling gaps between slices")
    return result


def between(
    one: NDArray[Any], other: NDArray[Any], share: float, padding: float | None
) -> NDArray[Any]:
    """Values between two arrays; beside padding the nearer one's, so that it never bleeds."""
    mixed = one.astype(np.float32) * (1 - share)
    mixed += other.astype(np.float32) * share
    if np.issubdtype(one.dtype, np.integer):
        np.rint(mixed, out=mixed)
    values = mixed.astype(one.dtype)
    if padding is not None:
        edge = (one == padding) != (other == padding)
        values[edge] = (one if share < 0.5 else other)[edge]
    return values
