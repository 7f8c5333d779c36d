"""The work done on a scan: structures found, added, changed; each step leads back."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from vis3d import segmentation
from vis3d.errors import Cancelled, UsageError
from vis3d.progress import Progress
from vis3d.segmentation import Brush, Edit
from vis3d.volume import Mask, Volume
from vis3d_viewer import scripts
from vis3d_viewer import study as studies
from vis3d_viewer.asked import finite, known, label_of, points_of
from vis3d_viewer.compose import can_segment
from vis3d_viewer.desk import Desk
from vis3d_viewer.label_files import structures_in
from vis3d_viewer.structures import Structures
from vis3d_viewer.study import Study
from vis3d_viewer.tools import (
    FUNCTIONS,
    MAX_MM,
    MAX_STROKE,
    POINTED,
    SHAPES,
    SIDES,
    STROKES,
    Side,
    color_of,
    enumerated,
    found_in,
    grown_from,
    name_or,
    range_of,
    size_of,
    slice_mm,
    threshold_of,
    titled,
)

STATE: dict[str, Any] = {"steps": [], "steps_done": 0, **scripts.STATE}
"""What the page shows of it."""

ONE_CLICK = ("lungs", "airways", "bones", "body")
USUAL = ("lungs", "airways", "bones")
"""What "Segment" looks for."""

WAIT_S = 0.05


class Workbench:
    """The structures of the open scan, and what a person does with them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._structures: Structures | None = None
        self._stale: frozenset[int] = frozenset()
        self._hand = asyncio.Lock()
        self._redrawing = False

    @property
    def triggers(self) -> dict[str, Callable[..., None]]:
        """What the page can ask for, by name."""
        return {
            "segment": self.segment,
            "add_threshold": self.add_threshold,
            "grow_region": self.grow_region,
            "preview_range": self.preview_range,
            "rename": self.rename,
            "recolor": self.recolor,
            "duplicate": self.duplicate,
            "merge": self.merge,
            "subtract": self.subtract,
            "delete": self.delete,
            "reshape": self.reshape,
            "fill_holes": self.fill_holes,
            "at_point": self.at_point,
            "stroke": self.stroke,
            "cut_outline": self.cut_outline,
            "cut_view": self.cut_view,
            "show_script": self.show_script,
            "save_script": self.save_script,
            "undo": self.undo,
            "redo": self.redo,
        }

    def open(self, study: Study) -> None:
        """Begin with a newly opened scan."""
        volume = study.volume
        self._structures = Structures(volume.geometry) if volume is not None else None
        self._stale = frozenset()
        self._tell()

    @property
    def structures(self) -> Structures:
        """The structures of the open scan.

        Raises:
            UsageError: none is open.
        """
        if self._structures is None:
            raise UsageError("There is no scan open to work on.")
        return self._structures

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
            self._desk.take(replace(study, preview=values))

    def rename(self, label: object, name: object) -> None:
        """Give a structure another name."""
        self._at_once(lambda: self.structures.rename(label_of(label), name_or(name, "")))

    def recolor(self, label: object, color: object) -> None:
        """Give a structure another colour, as #rrggbb."""
        self._at_once(lambda: self.structures.recolor(label_of(label), color_of(color)))

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

    def stroke(
        self,
        tool: object,
        label: object,
        points: object,
        radius_mm: object,
        normal: object = None,
        values: object = None,
    ) -> None:
        """Paint or erase along a stroke: a ball, or with a `normal` a disc in its plane.

        `values` limits it to voxels from one value to another.
        """
        draw = STROKES[known(tool, STROKES)]
        way = points_of(points, MAX_STROKE)
        across = None if normal is None else points_of([normal], 1)[0]
        limits = range_of(*values) if isinstance(values, list) and len(values) == 2 else None
        brush = Brush(finite(radius_mm, 0.1, MAX_MM, "A radius in mm"), across, limits)
        volume = self._volume()
        make = lambda mask: draw(mask, way, brush, volume=volume)  # noqa: E731
        code = scripts.editing(
            label_of(label),
            draw.__name__,
            [list(point) for point in way],
            f"@segmentation.{brush!r}",
            volume="@volume",
        )
        self._desk.start(self._by_hand(label_of(label), titled(tool), make, code))

    def cut_outline(
        self, label: object, points: object, normal: object, side: object, through: object
    ) -> None:
        """Take away what lies inside (or outside) an outline: in its slice, or all through."""
        outline = points_of(points, MAX_STROKE)
        across = points_of([normal], 1)[0]
        remove = SIDES[known(side, SIDES)]
        depth = None if through is True else slice_mm(self._volume(), across)

        def cut(mask: Mask) -> Edit:
            return segmentation.scissors(mask, outline, across, remove=remove, depth_mm=depth)

        code = scripts.editing(
            label_of(label),
            "scissors",
            [list(point) for point in outline],
            list(across),
            remove=remove,
            depth_mm=depth,
        )
        self._desk.start(self._by_hand(label_of(label), "Scissors", cut, code))

    def cut_view(self, label: object, outline: object, side: object) -> None:
        """Take away what is seen in 3D inside (or outside) an outline.

        Its points (x, y) go from -1 to 1 across the view, y upwards.
        """
        if not isinstance(outline, list) or not 3 <= len(outline) <= MAX_STROKE:
            raise UsageError("An outline has three points and more.")
        flat = points_of([[*xy, 0.0] for xy in outline if isinstance(xy, list)], MAX_STROKE)
        remove = SIDES[known(side, SIDES)]
        self._desk.start(self._cut_view(label_of(label), [xy[:2] for xy in flat], remove))

    def undo(self) -> None:
        """Take the last step back."""
        self._soon("Undoing", lambda: self.structures.undo())

    def redo(self) -> None:
        """Do again what was undone last."""
        self._soon("Doing again", lambda: self.structures.redo())

    def show_script(self) -> None:
        """Show what was done as Python, and as a command where one does the same."""
        command = scripts.same_command(self.structures.script, series=self._series())
        self._desk.update(script={"python": self._script(), "command": command})

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
        gaps = study.gaps if study is not None else "refuse"
        return scripts.whole_script(
            structures.script, structures.listed, series=self._series(), gaps=gaps
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
        await self._follow(changed)

    async def _cut_view(self, label: int, outline: list[Any], remove: Side) -> None:
        if self._desk.view is None:
            raise UsageError("There is no 3D view yet.")
        projection = await self._desk.view.projection()

        def cut(mask: Mask) -> Edit:
            return segmentation.scissors_in_view(mask, outline, projection, remove=remove)

        view = projection.tolist()
        code = scripts.editing(
            label, "scissors_in_view", [list(xy) for xy in outline], view, remove=remove
        )
        await self._by_hand(label, "Scissors in 3D", cut, code)

    async def _by_hand(
        self, label: int, step: str, make: Callable[[Mask], Edit], code: str
    ) -> None:
        """What a hand does follows at once, one after the other; 3D as soon as it can."""
        structures = self.structures
        async with self._hand:
            change = partial(structures.change, label, step, make, code)
            self._stale |= await asyncio.to_thread(change)
            self._take()
        if not self._redrawing:
            self._redrawing = True
            try:
                await self._redraw()
            finally:
                self._redrawing = False

    async def _redraw(self) -> None:
        """Draw what is stale once nothing else is being worked on."""
        while self._stale & {s.label for s in self.structures.listed}:
            if self._desk.busy:
                await asyncio.sleep(WAIT_S)
                continue
            await self._follow(frozenset(), quick=True)

    def _volume(self) -> Volume:
        study = self._desk.study
        if study is None or study.volume is None:
            raise UsageError("There is no scan open to work on.")
        return study.volume

    async def _add(self, make: Callable[..., Mask], name: str, step: str, code: str) -> None:
        study = self._desk.study
        if study is None or study.volume is None:
            raise UsageError("There is no scan open to work on.")
        volume = study.volume
        mask = await self._desk.work(step, lambda progress: make(volume, progress=progress))
        add = partial(self.structures.add, mask, name, step, code)
        await self._follow(await asyncio.to_thread(add))

    async def _add_file(self, path: Path) -> None:
        try:
            read = partial(structures_in, path, self._volume())
            found = await self._desk.work("Reading the label map", read)
        finally:
            path.unlink(missing_ok=True)
        for name, mask, code in found:
            add = partial(self.structures.add, mask, name, f"{name} from a file", code)
            self._stale |= await asyncio.to_thread(add)
        await self._follow(frozenset())

    async def _change(
        self,
        label: int,
        step: str,
        make: Callable[[Mask, Progress], Mask | Edit],
        code: str,
    ) -> None:
        before = self.structures.mask(label)
        made = await self._desk.work(step, lambda progress: make(before, progress))
        if isinstance(made, Mask) and not made.array.any():
            raise UsageError(f"Nothing of {before.name} would be left.")
        change = partial(self.structures.change, label, step, lambda _: made, code)
        await self._follow(await asyncio.to_thread(change), quick=True)

    def _at_once(self, change: Callable[[], frozenset[int]]) -> None:
        """A change that moves no voxels."""
        change()
        self._take()

    def _soon(self, what: str, change: Callable[[], frozenset[int]]) -> None:
        """A change that takes a moment, off the event loop."""

        async def do() -> None:
            changed = await self._desk.work(what, lambda progress: change())
            await self._follow(changed, quick=True)

        self._desk.start(do())

    async def _follow(self, changed: frozenset[int], *, quick: bool = False) -> None:
        """Show what changed: lists and slices at once, then surface by surface."""
        self._stale |= changed
        self._take()
        for structure in self.structures.listed:
            if structure.label in self._stale:
                await self._draw(structure.label, quick=quick)

    async def _draw(self, label: int, *, quick: bool) -> None:
        study = self._desk.study
        if study is None or label not in study.masks:
            return
        self._stale -= {label}
        what = f"Drawing the {self.structures.structure(label).name}"
        step = partial(studies.surface_of, study, label, quick=quick)
        try:
            surface = await self._desk.work(what, step)
        except (Cancelled, UsageError):
            self._stale |= {label}
            raise
        now = self._desk.study
        if now is not None and label in now.masks:
            first = not any(known in now.masks for known in now.surfaces)
            self._desk.take(replace(now, surfaces={**now.surfaces, label: surface}))
            if first:  # else the volume would hide what was found
                self._desk.choose_settings(show_volume=False)

    def _take(self) -> None:
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
        self._stale |= {s.label for s in structures.listed if s.label not in surfaces}
        self._desk.take(
            replace(
                study,
                labels=structures.labels,
                structures=listed,
                surfaces=surfaces,
                masks=structures.masks(),
                voxels=structures.voxels,
            )
        )
        self._tell()

    def _tell(self) -> None:
        if self._structures is None:
            self._desk.update(**STATE)
        else:
            steps, done = self._structures.steps, self._structures.done
            self._desk.update(steps=list(steps), steps_done=done)
