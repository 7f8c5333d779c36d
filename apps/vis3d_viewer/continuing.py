"""Work that goes on another time: saved and opened as a file, kept while it is done."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vis3d.errors import OutputError, UsageError, Vis3dError
from vis3d.progress import Progress
from vis3d.volume import Volume
from vis3d_viewer.desk import Desk, by_name
from vis3d_viewer.kept_work import KeptWork, Work
from vis3d_viewer.poses import Pose
from vis3d_viewer.session import (
    ScanMark,
    Session,
    read_session,
    scan_mark,
    settings_of,
    write_session,
)
from vis3d_viewer.showing import Showing
from vis3d_viewer.structures import Structures
from vis3d_viewer.study import Study

STATE: dict[str, Any] = {"kept_work": None, "keeps_work": False}
"""What the page shows of it."""

DELAY_S = 2.0
LOOK_DELAY_S = 15.0
SHARE = 20
"""Keeping takes no more than so many times less than working."""


class Continuing:
    """Sessions of the open scan: saved, opened, and kept without being asked."""

    def __init__(
        self,
        desk: Desk,
        showing: Showing,
        kept: KeptWork | None,
        *,
        given: Path | None = None,
        delay_s: float = DELAY_S,
    ) -> None:
        self._desk = desk
        self._showing = showing
        self._kept = kept
        self._given = given
        self._delay_s = delay_s
        self._scan: ScanMark | None = None
        self._place: Path | None = None
        self._changes = 0
        self._looks: tuple[dict[str, Any], Pose | None] | None = None
        self._waiting: set[str] = set()
        self._offered: Work | None = None
        showing.on_change = self.changed

    @property
    def triggers(self) -> dict[str, Callable[..., None]]:
        """What the page can ask for, by name."""
        return by_name(
            self.save_session,
            self.continue_work,
            self.remove_work,
            self.forget_work,
        )

    # What a person asks for

    def save_session(self) -> None:
        """Save all work on the scan as one file."""
        self._desk.start(self._save())

    def take_file(self, path: Path) -> None:
        """Open a session that was sent, then remove the file."""
        self._desk.start(self._open_sent(path))

    def continue_work(self) -> None:
        """Go on with the work that was kept last."""
        if self._offered is None:
            raise UsageError("No work on this scan is kept any more.")
        self._desk.start(self._continue(self._offered))

    def remove_work(self) -> None:
        """Remove the work on offer."""
        if self._kept is not None and self._offered is not None:
            self._kept.remove(self._offered.path)
        self._offer()

    def forget_work(self) -> None:
        """Remove all that is kept of this scan; what is open stays."""
        if self._kept is not None and self._scan is not None:
            self._kept.forget(self._scan)
        self._offer()

    # What happens to the scan

    async def leave(self) -> None:
        """Keep what was done last, before another scan comes."""
        with suppress(Vis3dError):  # a full disk is no reason to stay
            await self._flush()
        self._scan, self._place = None, None

    def open(self, study: Study) -> None:
        """Begin with a newly opened scan."""
        self._scan, self._place, self._changes = None, None, 0
        self._looks, self._offered = None, None
        self._desk.update(kept_work=None, keeps_work=self._kept is not None)
        if study.volume is not None:
            self._desk.start(self._meet(study.volume))

    def changed(self) -> None:
        """Something was done: keep it soon."""
        if self._kept is not None and self._scan is not None and self._is_new():
            self._keep_after("work", self._delay_s)

    def looked(self) -> None:
        """Something is shown in another way: keep that too, in the long run."""
        if self._kept is not None and self._scan is not None and self._place is not None:
            self._keep_after("look", max(self._delay_s, LOOK_DELAY_S))

    def flush(self) -> None:
        """Keep at once what isn't kept yet: the last thing that is done."""
        if self._scan is not None and (self._is_new() or self._looks_new()):
            with suppress(Vis3dError):  # the scan is being left: nobody could be told
                self._keep(self._scan, self._look())

    async def open_given(self) -> None:
        """Open the session that was asked for at the start, once the scan is there."""
        if self._given is not None and self._showing.is_open:
            await self._open(self._given)
            self._given = None

    # How it is done

    def _is_new(self) -> bool:
        return self._showing.is_open and self._showing.structures.changes != self._changes

    def _looks_new(self) -> bool:
        """Whether work that is kept looks otherwise by now."""
        return self._place is not None and self._look() != self._looks

    def _look(self) -> tuple[dict[str, Any], Pose | None]:
        """What is shown how: the settings, and where 3D is seen from."""
        view = self._desk.view
        return asdict(self._desk.settings), view.pose if view is not None else None

    async def _meet(self, volume: Volume) -> None:
        """Find out which scan it is, and what is known of it."""
        scan = await asyncio.to_thread(scan_mark, volume)
        if self._desk.study is None or self._desk.study.volume is not volume:
            return
        self._scan = scan
        if self._kept is not None:
            await asyncio.to_thread(self._kept.tidy)
        self._offer()
        self.changed()

    def _offer(self) -> None:
        """Say on the page what else is kept of this scan."""
        works = self._kept.of(self._scan) if self._kept and self._scan else []
        self._offered = next((work for work in works if work.path != self._place), None)
        if self._offered is None:
            self._desk.update(kept_work=None)
            return
        held = self._offered.summary
        self._desk.update(
            kept_work={
                "when": round(self._offered.when_s),
                "steps": held.steps,
                "structures": held.structures,
                "marks": held.marks,
            }
        )

    def _keep_after(self, why: str, seconds: float) -> None:
        if why not in self._waiting:
            self._waiting.add(why)
            self._desk.start(self._keep_soon(why, seconds))

    async def _keep_soon(self, why: str, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
            start = time.monotonic()
            await self._flush()
            self._delay_s = max(self._delay_s, SHARE * (time.monotonic() - start))
        except OutputError as error:
            self._kept = None
            self._desk.update(keeps_work=False)
            raise OutputError(f"Your work is no longer kept as you go: {error}") from error
        finally:
            self._waiting.discard(why)
        self.changed()

    async def _flush(self) -> None:
        if self._scan is not None and (self._is_new() or self._looks_new()):
            await asyncio.to_thread(self._keep, self._scan, self._look())

    def _keep(self, scan: ScanMark, looks: tuple[dict[str, Any], Pose | None]) -> None:
        if self._kept is None:
            return
        structures, place = self._showing.structures, self._place or self._kept.place(scan)
        changes = structures.changes  # before: what comes meanwhile is kept the next time
        self._kept.write(place, Session(scan, structures.saved(), *looks))
        self._place, self._changes, self._looks = place, changes, looks

    async def _save(self) -> None:
        scan = await self._known()
        path = Path(tempfile.mkdtemp(dir=self._desk.folder)) / "session.vis3d"
        structures, looks = self._showing.structures, self._look()

        def write(progress: Progress) -> None:
            progress(0.0, "Saving the session")
            write_session(path, Session(scan, structures.saved(), *looks))

        await self._desk.work("Saving the session", write)
        self._desk.offer(path)

    async def _open_sent(self, path: Path) -> None:
        try:
            await self._open(path)
        finally:
            path.unlink(missing_ok=True)

    async def _continue(self, work: Work) -> None:
        await self._open(work.path)
        await self._flush()  # under its own name, before the other one goes
        if self._place is not None and self._place != work.path and self._kept is not None:
            self._kept.remove(work.path)
        self._offer()

    async def _open(self, path: Path) -> None:
        scan, volume = await self._known(), self._showing.volume

        def read(progress: Progress) -> tuple[Session, Structures]:
            session = read_session(path, volume, scan, progress=progress)
            return session, Structures.restored(volume.geometry, session.saved)

        session, structures = await self._desk.work("Opening the session", read)
        await self._flush()  # what was done so far stays, as another sitting
        self._place, self._changes = None, -1
        try:
            await self._showing.restore(structures)
        finally:  # last: a volume that is hidden before there are surfaces leaves nothing
            self._desk.choose_settings(**settings_of(session))
            if session.camera is not None and self._desk.view is not None:
                self._desk.view.stand(session.camera)

    async def _known(self) -> ScanMark:
        if self._scan is None:
            self._scan = await asyncio.to_thread(scan_mark, self._showing.volume)
        return self._scan
