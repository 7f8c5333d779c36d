"""Memory that goes back to the system when a scan is closed (glibc; elsewhere nothing)."""

import ctypes
from contextlib import suppress

M_MMAP_THRESHOLD = -3
LARGE_BYTES = 4 << 20
"""Arrays of more lie apart and are given back as soon as they are freed.

glibc raises this limit by itself, up to 32 MB, and keeps what was smaller among other things.
"""


def give_large_arrays_back() -> None:
    """Have the system take large arrays back at once, from now on."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def give_back() -> None:
    """Give back what is free between other things; it takes some ms."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
