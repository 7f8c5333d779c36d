"""Work that follows what is open and chosen: done until nothing is outdated any more."""

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from vis3d_viewer.desk import Desk

Take: TypeAlias = Callable[[], None]
Make: TypeAlias = Callable[[], Take]
"""Made off the event loop; what it gives is called on it, and puts what was made in place."""


class CatchingUp:
    """Asks what is outdated and has it made, one piece after the other.

    `outdated()` says how the next piece is made, or None where all is as it should be.
    """

    def __init__(self, desk: Desk, outdated: Callable[[], Make | None]) -> None:
        self._desk = desk
        self._outdated = outdated
        self._working = False

    def follow(self) -> None:
        """Something changed: begin, unless it is being worked on."""
        if not self._working and self._outdated() is not None:
            self._working = True
            self._desk.start(self._catch_up())

    async def _catch_up(self) -> None:
        try:
            while (make := self._outdated()) is not None:
                take = await asyncio.to_thread(make)
                take()
        finally:
            self._working = False
