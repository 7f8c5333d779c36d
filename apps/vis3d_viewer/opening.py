"""How scans get into the explorer: given ones, folders, uploads, the phantom, recent ones."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from vis3d.errors import Vis3dError
from vis3d.progress import Progress
from vis3d_viewer import browsing, study
from vis3d_viewer.cards import Choice, Thumbnails, cards
from vis3d_viewer.desk import by_name
from vis3d_viewer.jobs import Jobs
from vis3d_viewer.recent import RecentScans
from vis3d_viewer.said import plain, said
from vis3d_viewer.study import Study
from vis3d_viewer.uploads import Upload, discard

STATE: dict[str, Any] = {
    "phase": "opening",  # start, opening, choosing, ready, failed
    "cards": [],
    "can_fill": False,
    "has_study": False,
    "has_choices": False,
    "browse": None,
    "browse_error": "",
    "recent": [],
    "start_message": "",
}
"""What the page shows of it."""

IDLE_POLL_S = 0.02


@dataclass(frozen=True)
class Sources:
    """Where scans may come from: given ones, the phantom, folders below `data_root`."""

    inputs: Sequence[Path] = ()
    phantom: bool = False
    data_root: Path | None = None
    recent: RecentScans | None = None


class Host(Protocol):
    """What opening needs of the explorer."""

    study: Study | None

    def update(self, **changes: Any) -> None:
        """Change what the page shows besides the settings."""

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this on the event loop; what goes wrong is said on the page."""

    async def show(self, opened: Study) -> None:
        """Put a newly opened study on the page."""


class Opening:
    """Finds scans, has one chosen, loads it and hands it over; one at a time."""

    def __init__(self, host: Host, jobs: Jobs, sources: Sources) -> None:
        self._host = host
        self._jobs = jobs
        self._sources = sources
        self._inputs: Sequence[Path] = ()
        self._choices: tuple[Choice, ...] = ()
        self._tried: Choice | None = None
        self._task: asyncio.Task[Any] | None = None
        self._on_its_way = False
        self._uploads: dict[str, Upload] = {}
        self._confined = False
        self.thumbnails = Thumbnails()
        self.triggers = by_name(
            self.start_page,
            self.go_back,
            self.browse,
            self.open_path,
            self.open_recent,
            self.forget_recent,
            self.open_phantom,
            self.open_upload,
            self.show_choices,
            self.choose,
            self.fill_gaps,
        )

    # What a person asks for

    @property
    def elsewhere(self) -> bool:
        """Whether a scan is being opened, by another task than the one that asks."""
        task = self._task
        return task is not None and not task.done() and task is not asyncio.current_task()

    def first(self) -> None:
        """Open what was given, or show the start page."""
        if self._sources.phantom:
            self.open_phantom()
        elif self._sources.inputs:
            self._begin(partial(self._open, self._sources.inputs))
        else:
            self.start_page()

    def start_page(self) -> None:
        """Show where scans may come from; one that isn't seen yet is given up."""
        self._give_up()
        self._host.update(
            phase="start",
            start_message="",
            has_study=self._host.study is not None,
            has_choices=len(self._choices) > 1,
            recent=[
                {"number": n, "name": plain(_short(scan.path)), "facts": plain(scan.facts)}
                for n, scan in enumerate(self._recent())
            ],
        )
        if self._sources.data_root is not None:
            self.browse("")

    def go_back(self) -> None:
        """Return to the scan that is open."""
        if self._host.study is not None:
            self._give_up()
            self._host.update(phase="ready")

    def browse(self, relative: object) -> None:
        """Look into a folder below the data root."""
        root = self._sources.data_root
        if root is None or not isinstance(relative, str):
            return
        try:
            self._host.update(browse=browsing.listing(root, relative), browse_error="")
        except Vis3dError as error:
            self._host.update(browse_error=said(error))

    def open_path(self, relative: object) -> None:
        """Open a file or a folder below the data root."""
        root = self._sources.data_root
        if root is None or not isinstance(relative, str):
            return
        try:
            path = browsing.confined(root, relative)
        except Vis3dError as error:
            self._host.update(browse_error=said(error))
            return
        self._begin(partial(self._open, [path], confine=True))

    def open_recent(self, number: object) -> None:
        """Open a scan of the list again."""
        recent = self._recent()
        if isinstance(number, int) and 0 <= number < len(recent):
            scan = recent[number]
            confine = self._sources.data_root is not None
            again = partial(self._open, [Path(scan.path)], index=scan.index, confine=confine)
            self._begin(again)

    def forget_recent(self) -> None:
        """Empty the list of recent scans."""
        if self._sources.recent is not None:
            self._sources.recent.forget()
        self._host.update(recent=[])

    def open_phantom(self) -> None:
        """Open the built-in phantom."""
        self._begin(self._open_phantom)

    def open_upload(self, ticket: object) -> None:
        """Open what a browser sent."""
        upload = self._uploads.get(ticket) if isinstance(ticket, str) else None
        if upload is not None:
            self._begin(partial(self._open, upload.inputs))

    def show_choices(self) -> None:
        """Show the cards again from which the scan was picked."""
        if len(self._choices) > 1:
            self._host.update(phase="choosing", cards=cards(self._choices))

    def choose(self, number: object) -> None:
        """Open one of the scans on offer."""
        if isinstance(number, int) and 0 <= number < len(self._choices):
            self._begin(partial(self._open_choice, *self._choices[number]))

    def fill_gaps(self) -> None:
        """Open the scan that was refused for its gaps, with these filled."""
        if self._tried is not None:
            self._begin(partial(self._open_choice, *self._tried, gaps="interpolate"))

    def take_upload(self, upload: Upload) -> str:
        """Keep what was received; the ticket to open it with. Only the latest two stay."""
        while len(self._uploads) > 1:  # the scan that is open may still read its files
            discard(self._uploads.pop(next(iter(self._uploads))).folder)
        ticket = secrets.token_urlsafe(12)
        self._uploads[ticket] = upload
        return ticket

    # How it is done

    def arrived(self) -> None:
        """The scan that was asked for is seen now, or its page is."""
        self._on_its_way = False

    def _give_up(self) -> None:
        """Nobody is to be led to a scan that they turned away from."""
        if self._on_its_way and self.elsewhere:
            assert self._task is not None
            self._jobs.cancel()
            self._task.cancel()
            self._host.update(job={"running": False, "what": "", "fraction": 0.0})
        self._on_its_way = False

    def _begin(self, work: Callable[[], Awaitable[None]]) -> None:
        self._on_its_way = True
        self._host.start(self._instead(work))

    async def _instead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this once the work before it has stopped."""
        if not self._on_its_way:
            return
        before, self._task = self._task, asyncio.current_task()
        self._jobs.cancel()
        if before is not None and not before.done():
            before.cancel()
        while self._jobs.busy:
            await asyncio.sleep(IDLE_POLL_S)
        self._host.update(phase="opening", message="", can_fill=False)
        await work()

    async def _open_phantom(self) -> None:
        self._inputs = ()
        await self._host.show(await self._jobs.run(study.open_phantom))

    async def _open(
        self, inputs: Sequence[Path], *, index: int | None = None, confine: bool = False
    ) -> None:
        self._inputs, self._confined = inputs, confine
        self._choices = await self._jobs.run(partial(self._find, inputs))
        self.thumbnails = Thumbnails(self._choices)
        known = [choice for choice in self._choices if choice[1].index == index]
        if len(self._choices) > 1 and len(known) != 1:
            self.arrived()
            self._host.update(phase="choosing", cards=cards(self._choices))
        elif self._choices:
            await self._open_choice(*(known or self._choices)[0])
        else:
            await self._add_surfaces(Study(None))

    def _find(self, inputs: Sequence[Path], progress: Progress) -> tuple[Choice, ...]:
        root = self._sources.data_root
        if self._confined and root is not None:
            for path in inputs:
                browsing.check_links(root, path)
        return study.find_choices(inputs, progress)

    async def _open_choice(self, path: Path, series: Any, gaps: study.Gaps = "refuse") -> None:
        self._tried = (path, series)
        self._host.update(
            phase="opening",
            job={"running": True, "what": "Reading the slices", "fraction": 0.0},
            can_fill=gaps == "refuse" and study.has_gaps(series),
        )
        opened = await self._jobs.run(partial(study.open_scan, path, series, gaps))
        if self._sources.recent is not None and not self._was_sent(path):
            ni, nj, nk = reversed(series.shape)
            facts = f"{series.modality or 'Volume'}  ·  {ni} × {nj} × {nk}"
            await asyncio.to_thread(self._sources.recent.add, path, series.index, facts)
        await self._add_surfaces(opened)

    async def _add_surfaces(self, opened: Study) -> None:
        complete = await self._jobs.run(partial(study.with_surface_files, opened, self._inputs))
        if complete.volume is None and not complete.surfaces:
            self._host.update(phase="failed", message="No scan was found in what was given.")
            return
        await self._host.show(complete)

    def _recent(self) -> list[Any]:
        """The recent scans on offer: with a data root those below it."""
        if self._sources.recent is None:
            return []
        scans = self._sources.recent.all()
        root = self._sources.data_root
        if root is None:
            return scans
        return [s for s in scans if Path(s.path).resolve().is_relative_to(root.resolve())]

    def _was_sent(self, path: Path) -> bool:
        return any(path.is_relative_to(upload.folder) for upload in self._uploads.values())


def _short(path: str) -> str:
    """The last two parts of a path, by which a person knows it."""
    return "/".join(Path(path).parts[-2:])
