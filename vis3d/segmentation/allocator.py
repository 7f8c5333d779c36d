"""Memory that the C library keeps after arrays were given back to it."""

import ctypes
import os
from functools import cache

ARENA_MAX = -8
"""glibc's number for the greatest count of heaps, from malloc.h."""


def share_one_heap() -> None:
    """Let new threads use the heap that there is, unless the user has set how many there are.

    glibc makes one for each thread, and each keeps what its largest arrays took: of small
    scans as much as all the rest. Other C libraries are left as they are.
    """
    library = _glibc()
    if library is not None and "MALLOC_ARENA_MAX" not in os.environ:
        library.mallopt(ARENA_MAX, 1)


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
