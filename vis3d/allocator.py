"""Memory that the C library keeps after arrays were given back to it."""

import ctypes
import os
from functools import cache

MMAP_THRESHOLD, ARENA_MAX = -3, -8
"""glibc's numbers for the size of arrays that lie apart and for the count of heaps."""
LARGE_BYTES = 4 << 20
"""Arrays of more lie apart and are given back as soon as they are freed."""


def share_one_heap() -> None:
    """Let new threads use the heap that there is, unless the user has set how many there are.

    glibc makes one for each thread, and each keeps what its largest arrays took: of small
    scans as much as all the rest. Other C libraries are left as they are.
    """
    library = _glibc()
    if library is not None and "MALLOC_ARENA_MAX" not in os.environ:
        library.mallopt(ARENA_MAX, 1)


def give_large_arrays_back() -> None:
    """Have the system take large arrays back at once, from now on.

    glibc raises that size by itself, up to 32 MB, and keeps what was smaller.
    """
    library = _glibc()
    if library is not None:
        library.mallopt(MMAP_THRESHOLD, LARGE_BYTES)


def give_back_memory() -> None:
    """Hand what freed arrays left in glibc's heaps back to the system, in about a ms."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows
        return None
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
