"""Lists, slices and 3D that follow the structures of a scan as these change."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from vis3d.errors import UsageError
from vis3d.progress import Progress
from vis3d.volume import Volume
from vis3d_viewer import scripts
from vis3d_viewer import study as studies
from vis3d_viewer.desk import Desk
from vis3d_viewer.measuring import shown
from vis3d_viewer.structures import Structures
from vis3d_viewer.study import Study

STATE: dict[str, Any] = {"steps": [], "steps_done": 0, "marks": [], **scripts.STATE}
"""What the page shows of them besides the study."""

WAIT_S = 0.05

SLICES_FIRST_S = 0.06
"""After a stroke slices are asked for; 3D, which takes all cores, is drawn after them."""


class Showing:
    """The structures of the open scan, and what is seen of them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._structures: Structures | None = None
        self._stale: frozenset[int] = frozenset()
        self._redrawing = False
        self._order = asyncio.Lock()
        self.on_change: Callable[[], None] = lambda: None

    def open(self, study: Study) -> None:
        """Begin with a newly opened scan."""
        volume = study.volume
        self._structures = Structures(volume.geometry) if volume is not None else None
        self._stale = frozenset()
        self.tell()

    @property
    def structures(self) -> Structures:
        """The structures of the open scan.

        Raises:
            UsageError: none is open.
        """
        if self._structures is None:
            raise UsageError("There is no scan open to work on.")
        return self._structures

    @property
    def is_open(self) -> bool:
        """Whether there is a scan to work on."""
        return self._structures is not None

    @property
    def volume(self) -> Volume:
        """The open scan.

        Raises:
            UsageError: none is open.
        """
        study = self._desk.study
        if study is None or study.volume is None:
            raise UsageError("There is no scan open to work on.")
        return study.volume

    @property
    def settled(self) -> AbstractContextManager[object]:
        """While this is held no structure changes."""
        return self._structures.lock if self._structures is not None else nullcontext()

    def still(self, study: Study, label: int) -> Study:
        """The study with a structure's voxels that no later change reaches; in a worker."""
        return replace(study, masks={label: self.structures.copy(label)})

    def file_taker(self) -> Callable[[Path, scripts.Writing], None]:
        """Takes files that are made of what there is now, and how a script writes them."""
        take = self._structures.file_taker() if self._structures is not None else None

        def offer(path: Path, writing: scripts.Writing) -> None:
            self._desk.offer(path)
            if take is not None:
                take(writing(scripts.free_file_name(path.name, self.structures.script)))
                self._desk.update(**scripts.STATE)
                self.on_change()

        return offer

    async def change(self, change: Callable[[], frozenset[int]]) -> None:
        """Make a change off the event loop; lists and slices follow, 3D is to be drawn.

        One change comes after the other, as they were asked for.
        """
        async with self._order:
            self._stale |= await asyncio.to_thread(change)
        self.take()

    async def restore(self, structures: Structures) -> None:
        """Go on with other structures of the same scan, drawn anew."""
        async with self._order:
            self._structures = structures
        study = self._desk.study
        if study is not None:
            first = studies.FIRST_SURFACE_LABEL
            opened = {n: surface for n, surface in study.surfaces.items() if n >= first}
            self._desk.take(replace(study, surfaces=opened, tiles={}))
        await self.follow(frozenset(structures.voxels))

    async def follow(self, changed: frozenset[int]) -> None:
        """Show what changed: lists and slices at once, then surface by surface."""
        self._stale |= changed
        self.take()
        for structure in self.structures.listed:
            if structure.label in self._stale:
                await self._draw(structure.label)

    async def redraw(self) -> None:
        """Draw what is stale once nothing else is being worked on."""
        if self._redrawing:
            return
        self._redrawing = True
        try:
            await asyncio.sleep(SLICES_FIRST_S)
            while self._stale & {s.label for s in self.structures.listed}:
                if self._desk.busy:
                    await asyncio.sleep(WAIT_S)
                else:
                    await self.follow(frozenset())
        finally:
            self._redrawing = False

    async def _draw(self, label: int) -> None:
        study = self._desk.study
        if study is None or label not in study.masks:
            return
        self._stale -= {label}
        what = f"Drawing the {self.structures.structure(label).name}"
        try:
            tiled, whole = await self._desk.work(what, partial(self._tiles, study, label))
        except BaseException:
            self._stale |= {label}
            self._distrust(label)
            raise
        now = self._desk.study
        if now is not None and now.volume is study.volume and label in now.masks:
            first = not any(known in now.masks for known in now.surfaces)
            surfaces = {**now.surfaces, label: whole}
            tiles = {**now.tiles, label: tiled}
            self._desk.take(replace(now, surfaces=surfaces, tiles=tiles))
            if first:  # else the volume would hide what was found
                self._desk.choose_settings(show_volume=False)

    def _tiles(self, study: Study, label: int, progress: Progress) -> tuple[Any, Any]:
        """In a worker: unpacking what changed takes a moment."""
        undrawn = self.structures.take_undrawn(label)
        changes = [(edit.start_kji, edit.changes()) for edit in undrawn]
        return studies.tiles_of(study, label, changes, progress)

    def _distrust(self, label: int) -> None:
        """Draw all of a structure next time: nobody knows any more what of it changed."""
        study = self._desk.study
        if study is not None and label in study.tiles:
            tiles = {other: tiled for other, tiled in study.tiles.items() if other != label}
            self._desk.take(replace(study, tiles=tiles))

    def take(self) -> None:
        """Let the study say what the structures are now."""
        study = self._desk.study
        if study is None:
            return
        structures = self.structures
        opened = tuple(s for s in study.structures if s.label >= studies.FIRST_SURFACE_LABEL)
        listed = (*structures.listed, *opened)
        labels = {structure.label for structure in listed}
        surfaces = {
            label: surface for label, surface in study.surfaces.items() if label in labels
        }
        tiles = {label: tiled for label, tiled in study.tiles.items() if label in labels}
        self._stale |= {s.label for s in structures.listed if s.label not in surfaces}
        self._desk.take(
            replace(
                study,
                labels=structures.labels,
                structures=listed,
                surfaces=surfaces,
                tiles=tiles,
                masks=structures.masks(),
                voxels=structures.voxels,
            )
        )
        self.tell()

    def tell(self) -> None:
        """Tell the page which steps and marks there are."""
        if self._structures is None:
            self._desk.update(**STATE)
            return
        steps, done = self._structures.steps, self._structures.done
        marks = [shown(kept) for kept in self._structures.marks]
        self._desk.update(steps=list(steps), steps_done=done, marks=marks, **scripts.STATE)
        self.on_change()
