"""Masks put together: union, difference and intersection on one grid."""

from functools import reduce

import numpy as np

from vis3d.errors import UsageError
from vis3d.volume import Mask


def union(first: Mask, *others: Mask) -> Mask:
    """What is in any of the masks; the first one's name.

    Raises:
        UsageError: the masks lie on different grids.
    """
    return _together(first, np.logical_or, *others)


def intersect(first: Mask, *others: Mask) -> Mask:
    """What is in all of the masks; the first one's name.

    Raises:
        UsageError: the masks lie on different grids.
    """
    return _together(first, np.logical_and, *others)


def subtract(first: Mask, *others: Mask) -> Mask:
    """What is in the first mask and in none of the others.

    Raises:
        UsageError: the masks lie on different grids.
    """
    return _together(first, np.greater, *others)  # of booleans: true > false


def _together(first: Mask, combine: np.ufunc, *others: Mask) -> Mask:
    for other in others:
        if not first.geometry.matches(other.geometry):
            raise UsageError(
                f"{first!r} and {other!r} lie on different grids: resample one to the other's."
            )
    array = reduce(combine, (other.array for other in others), first.array)
    return Mask(np.asarray(array, bool), first.geometry, first.name)
