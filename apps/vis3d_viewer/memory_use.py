"""Memory that goes back to the system once it isn't needed (glibc; elsewhere nothing)."""

import asyncio
import ctypes
from contextlib import suppress

M_MMAP_THRESHOLD = -3
LARGE_BYTES = 4 << 20
"""Arrays of more lie apart and are given back as soon as they are freed.

glibc raises this limit by itself, up to 32 MB, and keeps what was smaller among other things.
"""

REST_S = 1.0
"""After this long without work it is time to tidy up."""


def give_large_arrays_back() -> None:
    """Have the system take large arrays back at once, from now on."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def give_back() -> None:
    """Give back what is free between other things; it takes some ms."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


class Tidying:
    """Gives memory back in a worker, once nothing was done for a while."""

    def __init__(self) -> None:
        self._due: asyncio.TimerHandle | None = None

    def soon(self) -> None:
        """Something was done just now."""
        if self._due is not None:
            self._due.cancel()
        loop = asyncio.get_running_loop()
        self._due = loop.call_later(REST_S, self._tidy, loop)

    def _tidy(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the program ends: no worker takes anything any more
            loop.run_in_executor(None, give_back)
