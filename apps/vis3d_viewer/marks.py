"""Measurements by hand: distances, angles and regions that a person draws in slices."""

import asyncio
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vis3d.errors import UsageError
from vis3d.measurement import write_marks_csv, write_marks_json
from vis3d_viewer import scripts
from vis3d_viewer.asked import known, label_of, points_of
from vis3d_viewer.desk import Desk, by_name
from vis3d_viewer.listing import sound_name
from vis3d_viewer.measuring import KINDS, MAX_MARKS, MAX_POINTS, Kept, Points, kept_mark, moved
from vis3d_viewer.showing import Showing

FORMATS = {".csv": write_marks_csv, ".json": write_marks_json}


class Marks:
    """The marks on the open scan: drawn, moved, named, deleted, each step to be undone."""

    def __init__(self, desk: Desk, showing: Showing) -> None:
        self._desk = desk
        self._showing = showing
        self._order = asyncio.Lock()

    @property
    def triggers(self) -> dict[str, Callable[..., None]]:
        """What the page can ask for, by name."""
        return by_name(
            self.mark,
            self.move_mark,
            self.rename_mark,
            self.delete_mark,
            self.save_marks,
        )

    @property
    def kept(self) -> tuple[Kept, ...]:
        """The marks, in the order in which they were drawn."""
        return self._showing.structures.marks

    # What a person asks for: words from a browser, to be judged here

    def mark(self, kind: object, points: object) -> None:
        """Measure between or within points in LPS mm."""
        what = known(kind, KINDS)
        if len(self.kept) >= MAX_MARKS:
            raise UsageError(f"There are {MAX_MARKS} marks; delete one first.")
        self._desk.start(self._draw(what, points_of(points, MAX_POINTS)))

    def move_mark(self, number: object, which: object, point: object) -> None:
        """Move one of a mark's points; see `measuring.moved`."""
        kept, (place,) = self._find(number), points_of([point], 1)
        points = moved(kept, label_of(which), place)
        self._desk.start(self._change(f"Move {kept.name}", kept, kept.name, points))

    def rename_mark(self, number: object, name: object) -> None:
        """Give a mark another name."""
        kept = self._find(number)
        words = sound_name(name if isinstance(name, str) else "")
        self._desk.start(self._change(f"Rename {kept.name}", kept, words, kept.points))

    def delete_mark(self, number: object) -> None:
        """Remove a mark."""
        self._desk.start(self._delete(self._find(number)))

    def save_marks(self, suffix: object) -> None:
        """Save all marks, with their points in LPS mm."""
        wanted = known(suffix, FORMATS)
        if not self.kept:
            raise UsageError("There are no marks yet: draw one first.")
        folder = Path(tempfile.mkdtemp(dir=self._desk.folder))
        path = folder / f"marks{wanted}"
        FORMATS[wanted]([kept.mark for kept in self.kept], path)
        self._showing.file_taker()(path, scripts.writing("write_marks"))

    # How it is done, on the event loop

    async def _draw(self, kind: str, points: Points) -> None:
        async with self._order:  # one after the other: each has a number of its own
            number = self._showing.structures.next_mark
            await self._put(f"Draw {kind} {number}", number, kind, f"{kind} {number}", points)

    async def _change(self, step: str, kept: Kept, name: str, points: Points) -> None:
        async with self._order:
            self._find(kept.number)  # it may be gone by now
            await self._put(step, kept.number, kept.kind, name, points)

    async def _put(self, step: str, number: int, kind: str, name: str, points: Points) -> None:
        structures, volume = self._showing.structures, self._showing.volume
        measure = partial(kept_mark, volume, number, kind, name, points)
        kept = await asyncio.to_thread(measure)
        code = scripts.marking(kept)
        await self._showing.change(partial(structures.put_mark, kept, step, code))

    async def _delete(self, gone: Kept) -> None:
        async with self._order:
            delete = partial(self._showing.structures.delete_mark, gone.number)
            await self._showing.change(delete)

    def _find(self, number: object) -> Kept:
        return self._showing.structures.mark(number)
