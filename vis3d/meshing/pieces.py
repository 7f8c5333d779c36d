"""What of a mask becomes a surface: pieces below a size left out, cavities filled."""

from dataclasses import replace

import cc3d
import numpy as np

from vis3d.errors import InputError
from vis3d.meshing.topology import Flags, bounding_box
from vis3d.volume import Mask

INSIDE, OUTSIDE = 6, 18
"""Which neighbours flying edges join: inside across faces, outside across edges as well."""


def filled(mask: Mask) -> Mask:
    """The mask with every cavity inside, and what floats in there.

    A cavity is what its surface cuts off from the outside; one that reaches the end of the
    grid is none.
    """
    crop = _crop(mask.array)
    outside = np.pad(~mask.array[crop], 1, constant_values=True)
    parts = cc3d.connected_components(outside, connectivity=OUTSIDE)
    array = mask.array.copy()
    array[crop] = (parts != parts[0, 0, 0])[1:-1, 1:-1, 1:-1]
    return replace(mask, array=array)


def without_small_pieces(mask: Mask, min_piece_ml: float) -> Mask:
    """The mask without the pieces smaller than `min_piece_ml`.

    Raises:
        InputError: no piece is as large as that; the message says how large the largest is.
    """
    crop = _crop(mask.array)
    parts, count = cc3d.connected_components(
        mask.array[crop], connectivity=INSIDE, return_N=True
    )
    volume_ml = mask.geometry.voxel_ml * np.bincount(parts.reshape(-1), minlength=count + 1)
    volume_ml[0] = 0
    kept = volume_ml >= min_piece_ml
    kept[0] = False
    if not kept.any():
        raise InputError(
            f"No piece of {mask.name or 'the mask'} has {min_piece_ml:g} ml: "
            f"the largest has {volume_ml.max():.3g} ml."
        )
    array = mask.array.copy()
    array[crop] = kept[parts]
    return replace(mask, array=array)


def _crop(inside: Flags) -> tuple[slice, slice, slice]:
    """The box that holds all voxels inside."""
    start, stop = bounding_box(inside) or ((0, 0, 0), (0, 0, 0))
    k, j, i = (slice(a, b) for a, b in zip(start, stop, strict=True))
    return k, j, i
