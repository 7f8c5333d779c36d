"""Tilted stacks -> right-angled grids that hold every voxel."""

import numpy as np
from numpy.typing import NDArray

from vis3d.dicom.stacking import Stack


def straight_extent(
    plan: Stack, shape_ji: tuple[int, int], pixel_spacing: tuple[float, float]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The right-angled grid's first voxel and size, (j, i), in pixels of the first slice."""
    shifts_ji = plan.offsets[:, ::-1] / pixel_spacing
    first = np.floor(shifts_ji.min(axis=0) + 1e-3).astype(int)
    last = np.ceil(shifts_ji.max(axis=0) - 1e-3).astype(int) + np.array(shape_ji) - 1
    size = last - first + 1
    return (int(first[0]), int(first[1])), (int(size[0]), int(size[1]))


def shifted(
    values: NDArray[np.generic],
    shift_ji: tuple[float, float],
    shape_ji: tuple[int, int],
    padding: float,
    outside: float,
) -> NDArray[np.generic]:
    """A slice moved by pixels (j, i) onto a larger one; corners get `outside`.

    Linear between pixels; where one of the two is padding the nearer one's value stays, so
    that padding never bleeds into the scan.
    """
    result = _moved(values, shift_ji[0], shape_ji[0], padding, outside)
    return _moved(result.T, shift_ji[1], shape_ji[1], padding, outside).T


def _moved(
    values: NDArray[np.generic], shift: float, size: int, padding: float, outside: float
) -> NDArray[np.generic]:
    """Move along the first axis."""
    whole = int(np.floor(shift + 1e-3))
    share = max(0.0, shift - whole)
    result = np.full((size, values.shape[1]), outside, values.dtype)
    if share < 1e-3:
        result[whole : whole + len(values)] = values
        return result
    length = len(values)
    before = np.full((length + 1, values.shape[1]), outside, values.dtype)
    before[1:] = values
    after = np.full_like(before, outside)
    after[:-1] = values
    mixed = share * before.astype(np.float32) + (1 - share) * after
    if np.issubdtype(values.dtype, np.integer):
        mixed = np.rint(mixed)
    nearer = before if share >= 0.5 else after
    edge = (before == outside) | (after == outside) | (before == padding) | (after == padding)
    mixed = np.where(edge, nearer, mixed.astype(values.dtype))
    result[whole : whole + length + 1] = mixed[: size - whole]
    return result
