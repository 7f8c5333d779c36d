"""Volumes without what lies outside a mask: the table, the air round the patient."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import UsageError
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
