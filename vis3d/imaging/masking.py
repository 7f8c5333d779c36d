"""Volumes cut to a mask: without the table, the air round the patient, the rest."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError, UsageError
from vis3d.geometry import Geometry
from vis3d.resample import outside_value
from vis3d.volume import Mask, Volume

AIR_HU = -1024


def within(
    volume: Volume, mask: Mask, *, margin_mm: float = 0.0, outside: float = AIR_HU
) -> Volume:
    """The volume with the value `outside` wherever the mask isn't (a copy).

    The mask is first widened by `margin_mm`, so that borders keep the values between
    inside and outside that make them smooth; a negative margin narrows it.

    Raises:
        UsageError: the mask lies on another grid.
    """
    if not mask.geometry.matches(volume.geometry):
        raise UsageError("The mask lies on another grid than the volume: resample it first.")
    kept = mask.array
    if margin_mm:
        radii = [round(abs(margin_mm) / mm) for mm in volume.geometry.spacing_kji]
        kept = _widened(kept, radii) if margin_mm > 0 else ~_widened(~kept, radii)
    array: NDArray[Any] = volume.array
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        outside = min(max(round(outside), limits.min), limits.max)
    return volume.with_array(np.where(kept, array, np.array(outside, array.dtype)))


def only(volume: Volume, mask: Mask) -> Volume:
    """The volume with padding wherever the mask isn't (a copy).

    Raises:
        UsageError: the mask lies on another grid.
    """
    padding = outside_value(volume)
    return replace(within(volume, mask, outside=padding), padding=padding)


def cropped(volume: Volume, mask: Mask, *, margin_mm: float = 0.0) -> Volume:
    """The smallest box of whole voxels round the mask and a margin, as far as the scan goes.

    Raises:
        UsageError: the mask lies on another grid.
        InputError: the mask is empty.
    """
    start, shape = _box(volume, mask, margin_mm)
    box = tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))
    return volume.with_array(volume.array[box].copy(), volume.geometry.cropped(start, shape))


def centered_geometry(volume: Volume, mask: Mask, shape: tuple[int, int, int]) -> Geometry:
    """A grid of `shape` (nk, nj, ni) of the volume's own voxels, its middle the mask's box's.

    Voxels of it that lie beyond the scan are padding once the volume is resampled on it.

    Raises:
        UsageError: the mask lies on another grid, or a shape that isn't positive.
        InputError: the mask is empty.
    """
    if min(shape) < 1:
        raise UsageError(f"A shape is three positive numbers NK,NJ,NI, not {shape}.")
    start, size = _box(volume, mask, 0.0)
    k, j, i = (
        first + (length - wanted) // 2
        for first, length, wanted in zip(start, size, shape, strict=True)
    )
    return volume.geometry.cropped((k, j, i), shape)


def _box(
    volume: Volume, mask: Mask, margin_mm: float
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """The first voxel and the shape, in array order."""
    if not mask.geometry.matches(volume.geometry):
        raise UsageError("The mask lies on another grid than the volume: resample it first.")
    starts, sizes = [], []
    for axis, spacing_mm in enumerate(volume.geometry.spacing_kji):
        others = tuple(other for other in range(3) if other != axis)
        marked = np.flatnonzero(mask.array.any(axis=others))
        if not marked.size:
            raise InputError(f"There is no {mask.name or 'structure'} in this scan to crop to.")
        margin = round(margin_mm / spacing_mm)
        first = max(0, int(marked[0]) - margin)
        starts.append(first)
        sizes.append(min(mask.array.shape[axis], int(marked[-1]) + 1 + margin) - first)
    return (starts[0], starts[1], starts[2]), (sizes[0], sizes[1], sizes[2])


def _widened(mask: NDArray[np.bool_], radii: list[int]) -> NDArray[np.bool_]:
    """The mask grown by a box of that many voxels along each axis."""
    for axis, radius in enumerate(radii):
        grown = mask.copy()
        for shift in range(1, min(radius, mask.shape[axis] - 1) + 1):
            ahead, behind = [slice(None)] * 3, [slice(None)] * 3
            ahead[axis], behind[axis] = slice(shift, None), slice(None, -shift)
            grown[tuple(ahead)] |= mask[tuple(behind)]
            grown[tuple(behind)] |= mask[tuple(ahead)]
        mask = grown
    return mask
