"""What the explorer's parts may ask of the explorer."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

from vis3d.progress import Progress
from vis3d_viewer.settings import Settings
from vis3d_viewer.study import Study
from vis3d_viewer.view3d import View3D

Result = TypeVar("Result")


class Desk(Protocol):
    """One open study, the page's state and settings, one piece of slow work at a time."""

    study: Study | None
    view: View3D | None

    @property
    def folder(self) -> Path:
        """A private folder for files, removed at the end."""

    @property
    def busy(self) -> bool:
        """Whether a piece of slow work is going on."""

    @property
    def settings(self) -> Settings:
        """What a person has chosen."""

    def choose_settings(self, **chosen: Any) -> None:
        """Choose settings in the person's stead."""

    def update(self, **changes: Any) -> None:
        """Change what the page shows besides the settings."""

    def take(self, changed: Study) -> None:
        """The study is now this one."""

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this on the event loop; what goes wrong is said on the page."""

    async def work(self, what: str, work: Callable[[Progress], Result]) -> Result:
        """What `work(progress)` returns, done off the event loop, told as `what`.

        Raises:
            UsageError: something else is being worked on.
            Cancelled: the person wished to stop.
        """

    def offer(self, path: Path) -> None:
        """Have the browser save this file."""


def by_name(*works: Callable[..., None]) -> dict[str, Callable[..., None]]:
    """What a page can ask for, each by its own name."""
    return {work.__name__: work for work in works}
