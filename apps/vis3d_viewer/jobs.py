"""Slow work beside the event loop: one piece at a time, with progress and a way to stop."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from vis3d.errors import Cancelled
from vis3d.progress import Progress
from vis3d_viewer.memory_use import Tidying

Result = TypeVar("Result")

TELL_EVERY_S = 0.1
"""How often progress is told at most."""


class Jobs:
    """Runs one slow function at a time in a worker thread.

    `tell(fraction, what)` is called on the event loop while it works.
    """

    def __init__(self, tell: Progress) -> None:
        self._tell = tell
        self._stop = threading.Event()
        self._tidying = Tidying()
        self.busy = False

    async def run(self, work: Callable[[Progress], Result]) -> Result:
        """What `work(progress)` returns, computed off the event loop.

        Raises:
            RuntimeError: something else is being worked on.
            Cancelled: somebody called `cancel`.
        """
        if self.busy:
            raise RuntimeError("One piece of work at a time.")
        self.busy = True
        self._stop = threading.Event()
        progress = self._progress(asyncio.get_running_loop(), self._stop)
        try:
            return await asyncio.to_thread(work, progress)
        finally:
            self.busy = False
            self._tidying.soon()

    def cancel(self) -> None:
        """Ask the work to stop; it does so at its next word of progress."""
        self._stop.set()

    def _progress(self, loop: asyncio.AbstractEventLoop, stop: threading.Event) -> Progress:
        told_at = 0.0

        def progress(fraction: float, what: str) -> None:
            nonlocal told_at
            if stop.is_set():
                raise Cancelled
            now = time.monotonic()
            if now - told_at >= TELL_EVERY_S:
                told_at = now
                loop.call_soon_threadsafe(self._tell, min(max(fraction, 0.0), 1.0), what)

        return progress
