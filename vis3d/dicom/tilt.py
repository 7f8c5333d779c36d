"""Tilted stacks -> right-angled grids that hold every voxel."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.dicom.gaps import between
from vis3d.dicom.stacking import Stack
from vis3d.progress import Progress
from vis3d.threads import in_threads

WHOLE_PIXELS = 1e-3
"""Shifts this near to whole pixels are whole ones."""


def straight_extent(
    plan: Stack, shape_ji: tuple[int, int], pixel_spacing: tuple[float, float]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The right-angled grid's first voxel and size, (j, i), in pixels of the first slice."""
    shifts_ji = plan.offsets[:, ::-1] / pixel_spacing
    first = np.floor(shifts_ji.min(axis=0) + WHOLE_PIXELS).astype(int)
    last = np.ceil(shifts_ji.max(axis=0) - WHOLE_PIXELS).astype(int) + np.array(shape_ji) - 1
    size = last - first + 1
    return (int(first[0]), int(first[1])), (int(size[0]), int(size[1]))


def straightened(
    array: NDArray[Any],
    plan: Stack,
    pixel_spacing: tuple[float, float],
    padding: float | None,
    outside: float,
    progress: Progress,
) -> NDArray[Any]:
    """The slices [k, j, i] of a tilted stack on its right-angled grid.

    Each slice keeps its plane and moves within it, linearly between pixels. New corners get
    `outside`; beside padding the nearer pixel's value stays, so that it never bleeds.
    """
    first, size = straight_extent(plan, array.shape[1:], pixel_spacing)
    shifts_ji = plan.offsets[:, ::-1] / pixel_spacing - first
    result = np.full((len(array), *size), outside, array.dtype)
    marks = outside if padding is None else padding

    def move(k: int) -> None:
        rows = _moved(array[k], float(shifts_ji[k, 0]), size[0], marks, outside)
        result[k] = _moved(rows.T, float(shifts_ji[k, 1]), size[1], marks, outside).T

    in_threads(move, range(len(array)), progress, "correcting the tilt")
    return result


def _moved(
    values: NDArray[Any], shift: float, size: int, padding: float, outside: float
) -> NDArray[Any]:
    """Rows moved by `shift` (0 or more) along the first axis, which gets `size` long."""
    whole = int(np.floor(shift + WHOLE_PIXELS))
    share = shift - whole
    result = np.full((size, values.shape[1]), outside, values.dtype)
    length = len(values)
    if share < WHOLE_PIXELS:
        result[whole : whole + length] = values
        return result
    blank = np.full((1, values.shape[1]), outside, values.dtype)
    before, after = np.vstack([blank, values]), np.vstack([values, blank])
    mixed = between(after, before, share, padding)
    mixed[0], mixed[-1] = (outside, before[-1]) if share >= 0.5 else (after[0], outside)
    result[whole : whole + length + 1] = mixed[: size - whole]
    return result
