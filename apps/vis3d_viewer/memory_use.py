"""Memory that goes back to the system once nothing is done."""

import asyncio
from contextlib import suppress

from vis3d.allocator import give_back_memory

REST_S = 1.0
"""After this long without work it is time to tidy up."""


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
            loop.run_in_executor(None, give_back_memory)
