"""A desk for the explorer's parts, without a server or a browser."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from vis3d_viewer.settings import Settings
from vis3d_viewer.study import Study
from vis3d_viewer.view3d import View3D

from vis3d.progress import Progress, silent

Result = TypeVar("Result")


class PlainDesk:
    """Does at once what it is asked, in turn; remembers what a page would show."""

    def __init__(self, study: Study, folder: Path) -> None:
        self.study: Study | None = study
        self.view: View3D | None = None
        self.folder = folder
        self.settings = Settings()
        self.state: dict[str, Any] = {}
        self.busy = False
        self.offered: list[Path] = []
        self.worked: list[str] = []
        self.progress: Progress = silent
        self._waiting: list[Coroutine[Any, Any, None]] = []

    def choose_settings(self, **chosen: Any) -> None:
        self.settings = replace(self.settings, **chosen)

    def update(self, **changes: Any) -> None:
        self.state.update(changes)

    def take(self, changed: Study) -> None:
        self.study = changed

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self._waiting.append(work)

    async def work(self, what: str, work: Callable[[Progress], Result]) -> Result:
        self.worked.append(what)
        return work(self.progress)

    def offer(self, path: Path) -> None:
        self.offered.append(path)

    def finish(self) -> None:
        """Do what was started."""

        async def all_of_it() -> None:
            while self._waiting:
                await self._waiting.pop(0)

        asyncio.run(all_of_it())
