"""Arrays of many zeros that take memory only where something else is written."""

import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def sparse_zeros(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Zeros that take memory only where they are written to, some KB at a time.

    NumPy asks Linux for pages of 2 MiB: one voxel written then takes as much as several
    slices of a mask. What can't be asked of a system is an array like any other there.

    Raises:
        MemoryError: there is too little, as NumPy says it.
    """
    count = int(np.prod(shape))
    if not count or not hasattr(mmap, "MAP_ANONYMOUS"):
        return np.zeros(shape, dtype)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    try:
        room = mmap.mmap(-1, count * np.dtype(dtype).itemsize, flags=flags)
    except OSError as error:
        raise MemoryError from error
    return np.frombuffer(room, dtype).reshape(shape)


def sparse_copy(array: NDArray[Any]) -> NDArray[Any]:
    """A copy that takes memory only for the rows in which something isn't zero."""
    copy = sparse_zeros(array.shape, array.dtype)
    overwrite(copy, array)
    return copy


def overwrite(part: NDArray[Any], values: NDArray[Any]) -> None:
    """Make an array (or a part of one) like another, writing only rows that differ."""
    for plane, wanted in zip(part, values, strict=True):
        rows = (plane != wanted).any(axis=-1)
        plane[rows] = wanted[rows]
