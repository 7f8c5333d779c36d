"""The work done on a scan: structures found, added, changed; each step leads back."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from vis3d import segmentation
from vis3d.errors import UsageError
from vis3d.progress import Progress
from vis3d.segmentation import Edit
from vis3d.volume import Mask
from vis3d_viewer import scripts, showing
from vis3d_viewer.asked import label_of
from vis3d_viewer.command_lines import same_commands
from vis3d_viewer.compose import can_segment
from vis3d_viewer.corrections import Corrections
from vis3d_viewer.desk import Desk, by_name
from vis3d_viewer.label_files import structures_in
from vis3d_viewer.showing import Showing
from vis3d_viewer.structures import Structures
from vis3d_viewer.study import Study
from vis3d_viewer.tools import (
    FUNCTIONS,
    POINTED,
    SHAPES,
    color_of,
    enumerated,
    found_in,
    grown_from,
    level_of,
    name_or,
    range_of,
    size_of,
    threshold_of,
    titled,
)

STATE: dict[str, Any] = showing.STATE
"""What the page shows of it."""

ONE_CLICK = ("lungs", "airways", "bones", "body")
USUAL = ("lungs", "airways", "bones")
"""What "Segment" looks for."""


class Workbench:
    """The structures of the open scan, and what a person does with them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.showing = Showing(desk)
        self.corrections = Corrections(desk, self.showing)

    @property
    def triggers(self) -> dict[str, Callable[..., None]]:
        """What the page can ask for, by name."""
        return by_name(
            self.segment,
            self.add_threshold,
            self.add_level,
            self.grow_region,
            self.preview_range,
            self.rename,
            self.recolor,
            self.duplicate,
            self.merge,
            self.subtract,
            self.delete,
            self.reshape,
            self.fill_holes,
            self.at_point,
            *self.corrections.triggers.values(),
            self.show_script,
            self.save_script,
            self.undo,
            self.redo,
            self.stand_at,
        )

    def open(self, study: Study) -> None:
        """Begin with a newly opened scan."""
        self.showing.open(study)

    @property
    def structures(self) -> Structures:
        """The structures of the open scan.

        Raises:
            UsageError: none is open.
        """
        return self.showing.structures

    # What a person asks for: words from a browser, to be judged here

    def segment(self, *names: object) -> None:
        """Find structures by one click: those named, or the usual ones."""
        wanted = [name for name in ONE_CLICK if name in names] or list(USUAL)
        self._desk.start(self.found(wanted))

    def add_threshold(self, low: object, high: object, name: object = "") -> None:
        """Add every voxel of the body's scan from one value to another."""
        values = range_of(low, high)
        step = f"Threshold {values[0]:g} to {values[1]:g}"
        make = partial(threshold_of, values=values)
        code = scripts.called("threshold", "@volume", *values)
        self._desk.start(self._add(make, name_or(name, "threshold"), step, code))

    def add_level(self, level: object, name: object = "") -> None:
        """Add what lies inside the isosurface of a level: every voxel of it and above."""
        value = level_of(level)
        make = partial(threshold_of, values=(value, float("inf")))
        code = scripts.called("threshold", "@volume", value)
        step = f"Isosurface {value:g}"
        self._desk.start(self._add(make, name_or(name, "isosurface"), step, code))

    def grow_region(self, low: object, high: object, name: object = "") -> None:
        """Add what is connected with the crosshair's place, from one value to another."""
        values = range_of(low, high)
        seed = list(self._desk.settings.crosshair_lps)
        step = f"Grow from the crosshair, {values[0]:g} to {values[1]:g}"
        make = partial(grown_from, seed_lps=seed, values=values)
        code = scripts.called("region_growing", "@volume", seed, range_hu=values)
        self._desk.start(self._add(make, name_or(name, "region"), step, code))

    def add_file(self, path: Path) -> None:
        """Add the structures of a label map or segmentation that was sent, then remove it."""
        self._desk.start(self._add_file(path))

    def preview_range(self, low: object = None, high: object = None) -> None:
        """Mark values on the slices that a threshold would take, or none."""
        values = None if low is None else range_of(low, high)
        study = self._desk.study
        if study is not None and study.preview != values:
            self._desk.take(replace(study, preview=values, preview_surface=None))

    def rename(self, label: object, name: object) -> None:
        """Give a structure another name."""
        change = partial(self.structures.rename, label_of(label), name_or(name, ""))
        self._desk.start(self.showing.change(change))

    def recolor(self, label: object, color: object) -> None:
        """Give a structure another colour, as #rrggbb."""
        change = partial(self.structures.recolor, label_of(label), color_of(color))
        self._desk.start(self.showing.change(change))

    def duplicate(self, label: object) -> None:
        """Add a copy of a structure."""
        self._soon("Duplicating", lambda: self.structures.duplicate(label_of(label)))

    def merge(self, label: object, other: object) -> None:
        """Add another structure to this one."""
        one, two = label_of(label), label_of(other)
        self._soon("Merging", lambda: self.structures.merge(one, two))

    def subtract(self, label: object, other: object) -> None:
        """Take another structure's voxels out of this one."""
        one, two = label_of(label), label_of(other)
        self._soon("Subtracting", lambda: self.structures.subtract(one, two))

    def delete(self, label: object) -> None:
        """Remove a structure."""
        self._soon("Deleting", lambda: self.structures.delete(label_of(label)))

    def reshape(self, label: object, shape: object, mm: object) -> None:
        """Smooth, grow, shrink, close or open a structure by some mm."""
        size, known = size_of(mm), SHAPES.get(str(shape))
        if known is None:
            raise UsageError("There is no such tool.")

        def make(mask: Mask, progress: Progress) -> Mask:
            return known(mask, size, progress=progress)

        function, sign = FUNCTIONS[str(shape)]
        code = scripts.calling(label_of(label), function, sign * size)
        step = f"{titled(shape)} {size:g} mm"
        self._desk.start(self._change(label_of(label), step, make, code))

    def fill_holes(self, label: object) -> None:
        """Fill the cavities of a structure."""
        make = lambda mask, progress: segmentation.fill(mask)  # noqa: E731
        code = scripts.calling(label_of(label), "fill")
        self._desk.start(self._change(label_of(label), "Fill", make, code))

    def at_point(self, label: object, tool: object) -> None:
        """Keep or remove the island of a structure nearest to the crosshair."""
        known = POINTED.get(str(tool))
        if known is None:
            raise UsageError("There is no such tool.")
        point = list(self._desk.settings.crosshair_lps)
        make = lambda mask, progress: known(mask, point)  # noqa: E731
        code = scripts.calling(label_of(label), str(tool).replace(" ", "_"), point)
        self._desk.start(self._change(label_of(label), titled(tool), make, code))

    def undo(self) -> None:
        """Take the last step back."""
        self._soon("Undoing", lambda: self.structures.undo())

    def redo(self) -> None:
        """Do again what was undone last."""
        self._soon("Doing again", lambda: self.structures.redo())

    def stand_at(self, count: object) -> None:
        """Go back or forth in the history, until so many steps stand."""
        steps = label_of(count)
        self._soon("Going through the steps", lambda: self.structures.stand_at(steps))

    def show_script(self) -> None:
        """Show what was done as Python, and as commands where these do the same."""
        study, python = self._desk.study, self._script()
        done = self.structures.scripted
        told = same_commands(done, series=self._series(), gaps=study.gaps if study else "")
        self._desk.update(script={"python": python, **told})

    def save_script(self) -> None:
        """Save what was done as Python."""
        path = Path(tempfile.mkdtemp(dir=self._desk.folder)) / "steps.py"
        path.write_text(self._script(), "utf-8")
        self._desk.offer(path)

    # How it is done, on the event loop

    def _script(self) -> str:
        structures, study = self.structures, self._desk.study
        if not structures.script:
            raise UsageError("Nothing has been done yet that a script could repeat.")
        return scripts.whole_script(
            structures.script,
            structures=bool(structures.listed),
            marks=bool(structures.marks),
            series=self._series(),
            gaps=study.gaps if study is not None else "refuse",
        )

    def _series(self) -> Any:
        return self._desk.study.series if self._desk.study is not None else None

    async def found(self, names: Sequence[str]) -> None:
        """Find structures, list them, then draw them one by one."""
        study = self._desk.study
        if study is None or study.volume is None or not can_segment(study):
            raise UsageError("Structures are found in CT volumes in Hounsfield units alone.")
        what = f"Finding the {enumerated(names)}"
        work = partial(found_in, study.volume, tuple(names), what, self.structures)
        changed = await self._desk.work(what, work)
        await self.showing.follow(changed)

    async def _add(self, make: Callable[..., Mask], name: str, step: str, code: str) -> None:
        volume = self.showing.volume
        mask = await self._desk.work(step, lambda progress: make(volume, progress=progress))
        add = partial(self.structures.add, mask, name, step, code)
        await self.showing.follow(await asyncio.to_thread(add))

    async def _add_file(self, path: Path) -> None:
        try:
            read = partial(structures_in, path, self.showing.volume)
            found = await self._desk.work("Reading the label map", read)
        finally:
            path.unlink(missing_ok=True)
        here = scripts.free_file_name(path.name, self.structures.script)
        for name, mask, code in found:
            code = code.replace(repr(path.name), repr(here))
            add = partial(self.structures.add, mask, name, f"{name} from a file", code)
            await self.showing.change(add)
        await self.showing.follow(frozenset())
        known = self.showing.volume.findings
        told = (one for _, mask, _ in found for one in mask.findings if one not in known)
        messages = dict.fromkeys(one.message for one in told if one.severity != "note")
        if messages:
            self._desk.update(message=" ".join(messages))

    async def _change(
        self,
        label: int,
        step: str,
        make: Callable[[Mask, Progress], Mask | Edit],
        code: str,
    ) -> None:
        structures = self.structures
        name, version = structures.structure(label).name, structures.version(label)
        work = lambda progress: make(structures.copy(label), progress)  # noqa: E731
        made = await self._desk.work(step, work)
        if isinstance(made, Mask) and not made.array.any():
            raise UsageError(f"Nothing of {name} would be left.")
        if structures.version(label) != version:
            raise UsageError(f"{name} was changed in the meantime: ask for it again.")
        change = partial(self.structures.change, label, step, lambda _: made, code)
        changed = await asyncio.to_thread(change)
        await self.showing.follow(changed)
        if not changed:
            self._desk.update(message=f"{step}: nothing to change in {name}.")

    def _soon(self, what: str, change: Callable[[], frozenset[int]]) -> None:
        """A change that takes a moment, off the event loop."""

        async def do() -> None:
            changed = await self._desk.work(what, lambda progress: change())
            await self.showing.follow(changed)

        self._desk.start(do())
