"""The explorer: what happens when a person opens, chooses, segments, saves."""

import asyncio
import logging
import secrets
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Any

from trame_server.core import Server
from trame_server.utils.typed_state import TypedState

from vis3d.errors import Cancelled, UsageError, Vis3dError
from vis3d.progress import Progress
from vis3d.scene import Camera, ClipPlane, CropBox, Scene
from vis3d_viewer import compose, scene3d
from vis3d_viewer.asked import known
from vis3d_viewer.asking import asking_page
from vis3d_viewer.clicked import tissue_at
from vis3d_viewer.continuing import Continuing
from vis3d_viewer.drawn_here import DrawnHere
from vis3d_viewer.emphysema import Emphysema
from vis3d_viewer.exports import Exports
from vis3d_viewer.jobs import Jobs, Result
from vis3d_viewer.kept_work import KeptWork
from vis3d_viewer.levels import Levels
from vis3d_viewer.logbook import defect
from vis3d_viewer.look3d import Look3D
from vis3d_viewer.marks import Marks
from vis3d_viewer.opening import Opening, Sources
from vis3d_viewer.page_state import STATE
from vis3d_viewer.planes import is_placed, plane_maps
from vis3d_viewer.poses import ORBITS, ZOOMS, Pose
from vis3d_viewer.reports import Reports
from vis3d_viewer.said import said
from vis3d_viewer.settings import VIEWS, Settings, accept
from vis3d_viewer.smoothness import Smoothness
from vis3d_viewer.study import Study
from vis3d_viewer.ui import VIEW_3D
from vis3d_viewer.view3d import View3D
from vis3d_viewer.view_volume import PREPARING
from vis3d_viewer.windows import histogram_bars, window_choices
from vis3d_viewer.wishes import PLAIN, Wishes
from vis3d_viewer.workbench import USUAL, Workbench

log = logging.getLogger(__name__)

CANCELLED = "Cancelled."
TOO_LITTLE_MEMORY = (
    "This computer's free memory wasn't enough for it. Close other programs, or open fewer "
    "slices or a coarser copy of the scan."
)


class Explorer:
    """One open study, the page's state, and the 3D view."""

    def __init__(self, server: Server, sources: Sources, wishes: Wishes = PLAIN) -> None:
        self._server = server
        self._state = server.state
        self._settings = TypedState(server.state, Settings)
        self._jobs = Jobs(self._tell)
        self._saved: dict[str, Path] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._folder = Path(tempfile.mkdtemp(prefix="vis3d-"))  # mode 0700
        self.study: Study | None = None
        self.view: View3D | None = None
        self._scene: Scene | None = None
        self._segment_at_once = False
        self._look = Look3D(self)
        self._bench = Workbench(self)
        self._exports = Exports(self, self._bench.showing)
        self._reports = Reports(self, self._bench.showing)
        self._marks = Marks(self, self._bench.showing)
        kept = KeptWork() if wishes.keep_work else None
        showing = self._bench.showing
        self._continuing = Continuing(self, showing, kept, given=wishes.session)
        self.drawn = DrawnHere(self)
        self._levels = Levels(self)
        self._followers = (Emphysema(self), Smoothness(self), self._look)
        self.opening = Opening(self, self._jobs, sources)
        self._prepare_state()

    @property
    def setting_names(self) -> Any:
        """The settings' names in the page's state."""
        return self._settings.name

    def accept(self, key: str, value: object) -> object:
        """A change of state from a browser, where it is a setting and makes sense.

        Raises:
            ValueError: anything else.
        """
        names = {getattr(self.setting_names, f.name): f.name for f in fields(Settings)}
        if key not in names:
            raise ValueError("Only settings are a browser's to change.")
        return accept(names[key], value)

    def saved(self, ticket: str) -> Path | None:
        """A finished file by its ticket."""
        return self._saved.get(ticket)

    def take_labels(self, path: Path) -> None:
        """Add the structures of a label map that a page has sent."""
        self._bench.add_file(path)

    def take_session(self, path: Path) -> None:
        """Open a session that a page has sent."""
        self._continuing.take_file(path)

    # From start to end

    async def run(self, *, segment: bool) -> None:
        """Open what was given, then draw for as long as the server runs."""
        self._segment_at_once = segment
        self.view = View3D(
            VIEW_3D, self._tell_view, self._go_to, self._was_cut, self._camera_moved
        )
        self._server.controller.rc_area_register(self.view)
        self.opening.first()
        await self.view.run()

    def close(self) -> None:
        """Stop all work and remove what was written."""
        self._jobs.cancel()
        self._continuing.flush()
        for task in self._tasks:
            task.cancel()
        shutil.rmtree(self._folder, ignore_errors=True)

    # What a person asks for

    def cancel(self) -> None:
        """Stop what is being worked on; of a scan that isn't seen yet, back to the start."""
        self._jobs.cancel()
        if self._state.phase == "opening":
            self._segment_at_once = False  # meant for what is given up
            self.opening.start_page()
            self._update(start_message=CANCELLED)

    def look(self, view: object) -> None:
        """Look at the patient from one side."""
        for side in VIEWS:
            if side == view and self.view is not None:
                self._settings.data.view = side
                self.view.look(Camera(view=side))

    def fit(self, width: object, height: object, ratio: object) -> None:
        """A hand is on this page: draw 3D in its size, so that its places are meant."""
        if self.view is not None:
            self.view.fit({"w": width, "h": height, "p": ratio})

    def orbit(self, key: object) -> None:
        """Turn or zoom 3D by a key."""
        if self.view is not None:
            self.view.orbit(known(key, (*ORBITS, *ZOOMS)))

    # What the explorer's parts ask for (a Desk)

    @property
    def folder(self) -> Path:
        """A private folder for files, removed at the end."""
        return self._folder

    @property
    def busy(self) -> bool:
        """Whether a piece of slow work is going on."""
        return self._jobs.busy

    @property
    def settings(self) -> Settings:
        """What a person has chosen."""
        chosen: Settings = self._settings.get_dataclass()
        return chosen

    def choose_settings(self, **chosen: Any) -> None:
        """Choose settings in the person's stead."""
        with self._state:
            for name, value in chosen.items():
                setattr(self._settings.data, name, value)

    def update(self, **changes: Any) -> None:
        """Change what the page shows besides the settings."""
        self._update(**changes)

    def take(self, changed: Study) -> None:
        """The study is now this one."""
        self._take(changed)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this on the event loop; what goes wrong is said on the page."""
        self._start(work)

    async def work(self, what: str, work: Callable[[Progress], Result]) -> Result:
        """What `work(progress)` returns, done off the event loop, told as `what`.

        Raises:
            UsageError: something else is being worked on.
            Cancelled: the person wished to stop.
        """
        if self._jobs.busy or self._state.phase == "opening":  # by another page, perhaps
            raise UsageError("One thing at a time: wait for the work that is going on.")
        self._update(message="", job=_job(what, 0.0))
        try:
            return await self._jobs.run(work)
        finally:
            self._update(job=_job("", 0.0, running=False))

    def offer(self, path: Path) -> None:
        """Have the browser save this file."""
        ticket = secrets.token_urlsafe(12)
        self._saved[ticket] = path
        self._update(download={"address": f"saved/{ticket}", "page": asking_page()})

    # How it is done, on the event loop

    async def show(self, opened: Study) -> None:
        """Put a newly opened study on the page: slices first, then 3D."""
        await self._continuing.leave()
        self._settings.set_dataclass(await asyncio.to_thread(compose.first_settings, opened))
        volume = opened.volume
        self._bench.open(opened)  # if its memory is too little, nothing was shown
        self.opening.arrived()
        self._update(
            phase="ready",
            has_volume=volume is not None,
            unit=volume.unit if volume else "",
            can_segment=compose.can_segment(opened),
            facts=compose.facts(volume) if volume else "",
            planes=plane_maps(volume.geometry, placed=is_placed(volume)) if volume else {},
            windows=[],
            window_bars=None,
            has_study=True,
            message="",
            job=_job(PREPARING if volume else "", 0.0, running=volume is not None),
            given_up_3d=False,
            view3d=STATE["view3d"],
        )
        self._exports.clear()
        self._reports.clear()
        self._levels.clear()
        self._take(opened)
        self._continuing.open(opened)
        if volume is not None:
            self._update(windows=await asyncio.to_thread(window_choices, volume))
            if not await self._look.prepare_volume(opened):
                self._segment_at_once = False  # no more work than was wished for
            self._update(window_bars=await asyncio.to_thread(histogram_bars, volume))
        segment, self._segment_at_once = self._segment_at_once, False
        if segment and compose.can_segment(opened):
            await self._bench.found(USUAL)
        await self._look.prepare_looks()
        await self._continuing.open_given()

    def _take(self, changed: Study) -> None:
        """The study is now this one."""
        before, self.study = self.study, changed
        with self._state as state:
            if compose.other_slices(changed, before):
                state.version += 1
            state.rows = compose.structure_rows(changed)
            state.notes = compose.notes(changed)
        self._compose()

    def _compose(self, *_: object, **__: object) -> None:
        if self.study is None or self.view is None:
            return
        for part in self._followers:
            part.follow()
        self._continuing.looked()
        chosen = self.settings
        if scene3d.lacks_inside(self.study, chosen):
            return  # what was shown stays until it is there
        self.view.turn(chosen.turning and chosen.layout in ("grid", "volume"))
        scene = scene3d.compose(self.study, chosen)
        shown = scene.layers or self._scene  # of a scan before this one nothing may stay
        self.view.rest(self.drawn.show(scene))
        if shown and not compose.same_scene(scene, self._scene):
            self._scene = scene  # a step through the slices mustn't draw 3D again
            self.view.show(scene)

    # Small steps

    def _prepare_state(self) -> None:
        self._state.update(STATE)
        self._state.client_only("back", "theme")
        self._state.trame__title = "vis3d"
        self._settings.set_dataclass(Settings())
        names = [getattr(self.setting_names, field.name) for field in fields(Settings)]
        self._state.change(*names)(self._compose)
        for trigger in (
            self.cancel,
            self.look,
            self.fit,
            self.orbit,
        ):
            self._server.trigger(trigger.__name__)(self._explained(trigger))
        parts = (
            self.opening,
            self._bench,
            self._exports,
            self._reports,
            self._marks,
            self._continuing,
            self._levels,
            self._look,
            self.drawn,
        )
        for part in parts:
            for name, work in part.triggers.items():
                self._server.trigger(name)(self._explained(work))

    def _explained(self, work: Callable[..., None]) -> Callable[..., None]:
        """The same, where what a person can't have is said on the page."""

        @wraps(work)  # the door asks which arguments fit
        def do(*arguments: object) -> None:
            try:
                work(*arguments)
            except Exception as error:  # noqa: BLE001  (whatever it is, it is said)
                self._update(message=_why(error, f"{work.__name__} failed"))

        return do

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work, and say on the page what became of it."""
        message = ""
        try:
            await work
        except Cancelled:
            message = CANCELLED
        except Exception as error:  # noqa: BLE001  (whatever it is, it is said)
            message = _why(error, "A piece of work failed")
        changes: dict[str, Any] = {"message": message} if message else {}
        elsewhere = self.opening.elsewhere
        if not self._jobs.busy and not elsewhere:
            changes["job"] = _job("", 0.0, running=False)
        if message and self._state.phase == "opening" and not elsewhere:
            changes["phase"] = "failed"
        self._update(**changes)

    def _update(self, **changes: Any) -> None:
        with self._state as state:
            state.update(changes)

    def _tell(self, fraction: float, what: str) -> None:
        if self._jobs.busy:
            self._update(job=_job(what, fraction))

    def _go_to(self, lps: list[float]) -> None:
        """Lead the crosshair to what was clicked in 3D."""
        if self.study is not None and self.view is not None:
            lps = tissue_at(self.study, self.settings, lps, self.view.pose)
        self.choose_settings(crosshair_lps=lps)

    def _camera_moved(self, matrix: list[float], pose: Pose) -> None:
        """3D is seen from elsewhere."""
        self.drawn.moved(matrix, pose, marks=bool(self._state.marks))
        self._continuing.looked()

    def _was_cut(self, cut: CropBox | ClipPlane) -> None:
        """The box or plane was moved by its handles."""
        name, value = scene3d.cut_settings(cut)
        self.choose_settings(**{name: value})

    def _tell_view(self, state: str, message: str) -> None:
        if state != "failed" and self._awaits_volume():
            return  # nothing is seen yet: the scan before was taken away
        if self._state.view3d != {"state": state, "message": message}:
            self._update(view3d={"state": state, "message": message})

    def _awaits_volume(self) -> bool:
        study = self.study
        if study is None or study.volume is None or self._state.given_up_3d:
            return False
        return study.view_volume is None and not study.surfaces


def _why(error: Exception, what: str) -> str:
    """What a person is told of what went wrong; a defect of ours is logged."""
    if isinstance(error, Vis3dError):
        return said(error)
    if isinstance(error, MemoryError):
        return TOO_LITTLE_MEMORY
    return defect(log, what, error)


def _job(what: str, fraction: float, *, running: bool = True) -> dict[str, Any]:
    return {"running": running, "what": what, "fraction": fraction}
