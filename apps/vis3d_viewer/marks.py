"""Measurements by hand: distances, angles and regions that a person draws in slices."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from vis3d.errors import UsageError
from vis3d.measurement import (
    Angle,
    Distance,
    Ellipse,
    OutlineStatistics,
    Polygon,
    measure_outline,
    write_marks_csv,
    write_marks_json,
)
from vis3d.volume import Volume
from vis3d_viewer.asked import known, label_of, points_of
from vis3d_viewer.desk import Desk

STATE: dict[str, Any] = {"marks": []}
"""What the page shows of it."""

MAX_MARKS = 500
MAX_POINTS = 2000

Drawn: TypeAlias = Distance | Angle | Ellipse | Polygon
Mark: TypeAlias = Distance | Angle | OutlineStatistics

KINDS: dict[str, tuple[int, Callable[..., Drawn]]] = {
    "distance": (2, Distance),
    "angle": (3, Angle),
    "ellipse": (3, Ellipse),
    "polygon": (0, lambda *points, name: Polygon(tuple(points), name)),
}
"""How many points each kind has (0: three and more), and what makes it of them."""

FORMATS = {".csv": write_marks_csv, ".json": write_marks_json}


@dataclass(frozen=True)
class Kept:
    """A mark with its number, its kind, its points and what it measures."""

    number: int
    kind: str
    name: str
    points: tuple[tuple[float, float, float], ...]
    mark: Mark


class Marks:
    """The marks on the open scan; all of them can be moved, named, deleted and saved."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._kept: tuple[Kept, ...] = ()
        self._next = 1

    @property
    def triggers(self) -> dict[str, Callable[..., None]]:
        """What the page can ask for, by name."""
        return {
            "mark": self.mark,
            "move_mark": self.move_mark,
            "rename_mark": self.rename_mark,
            "delete_mark": self.delete_mark,
            "save_marks": self.save_marks,
        }

    @property
    def all(self) -> tuple[Mark, ...]:
        """What is measured, in the order in which it was drawn."""
        return tuple(kept.mark for kept in self._kept)

    def clear(self) -> None:
        """Begin anew, with another scan."""
        self._kept = ()
        self._tell()

    # What a person asks for: words from a browser, to be judged here

    def mark(self, kind: object, points: object) -> None:
        """Measure between or within points in LPS mm."""
        name = known(kind, KINDS)
        if len(self._kept) >= MAX_MARKS:
            raise UsageError(f"There are {MAX_MARKS} marks; delete one first.")
        wanted = points_of(points, MAX_POINTS)
        self._desk.start(self._put(self._next, name, f"{name} {self._next}", wanted))
        self._next += 1

    def move_mark(self, number: object, which: object, point: object) -> None:
        """Move one of a mark's points."""
        kept, n = self._find(number), label_of(which)
        (moved,) = points_of([point], 1)
        if not 0 <= n < len(kept.points):
            raise UsageError("The mark has no such point.")
        points = list(kept.points)
        points[n] = moved
        self._desk.start(self._put(kept.number, kept.kind, kept.name, tuple(points)))

    def rename_mark(self, number: object, name: object) -> None:
        """Give a mark another name."""
        kept = self._find(number)
        words = " ".join(name.split()) if isinstance(name, str) else ""
        if not words or len(words) > 60 or not words.isprintable():
            raise UsageError("A name has 1 to 60 characters.")
        self._desk.start(self._put(kept.number, kept.kind, words, kept.points))

    def delete_mark(self, number: object) -> None:
        """Remove a mark."""
        gone = self._find(number)
        self._kept = tuple(kept for kept in self._kept if kept is not gone)
        self._tell()

    def save_marks(self, suffix: object) -> None:
        """Save all marks, with their points in LPS mm."""
        wanted = known(suffix, FORMATS)
        if not self._kept:
            raise UsageError("There are no marks yet: draw one first.")
        folder = Path(tempfile.mkdtemp(dir=self._desk.folder))
        path = folder / f"marks{wanted}"
        FORMATS[wanted](self.all, path)
        self._desk.offer(path)

    # How it is done

    async def _put(
        self, number: int, kind: str, name: str, points: tuple[tuple[float, ...], ...]
    ) -> None:
        study = self._desk.study
        if study is None or study.volume is None:
            raise UsageError("There is no scan open.")
        measure = partial(measured, study.volume, kind, name, points)
        mark = await asyncio.to_thread(measure)
        kept = Kept(number, kind, name, tuple((x, y, z) for x, y, z in points), mark)
        if any(one.number == number for one in self._kept):
            self._kept = tuple(kept if one.number == number else one for one in self._kept)
        else:
            self._kept = (*self._kept, kept)
        self._tell()

    def _find(self, number: object) -> Kept:
        for kept in self._kept:
            if kept.number == number:
                return kept
        raise UsageError("This mark is no longer there.")

    def _tell(self) -> None:
        self._desk.update(marks=[shown(kept) for kept in self._kept])


def measured(
    volume: Volume, kind: str, name: str, points: tuple[tuple[float, ...], ...]
) -> Mark:
    """What the points measure on the scan.

    Raises:
        UsageError: too few or too many points, or none that measure anything.
    """
    count, make = KINDS[kind]
    if count and len(points) != count:
        raise UsageError(f"This measurement takes {count} points.")
    drawn = make(*points, name=name)
    if isinstance(drawn, Ellipse | Polygon):
        return measure_outline(volume, drawn)
    return drawn


def shown(kept: Kept) -> dict[str, Any]:
    """A mark as the page shows it: points, and what it says."""
    mark = kept.mark
    if isinstance(mark, Distance):
        text = f"{mark.mm:.1f} mm"
    elif isinstance(mark, Angle):
        text = f"{mark.degrees:.1f}°"
    else:
        text = _values(mark.as_dict())
    return {
        "number": kept.number,
        "kind": kept.kind,
        "name": kept.name,
        "points": [list(point) for point in kept.points],
        "text": text,
    }


def _values(found: dict[str, Any]) -> str:
    mean, sd, area = (found.get(name) for name in ("mean_hu", "sd_hu", "area_mm2"))
    if mean is None:
        return "no voxel inside"
    return f"{mean:.0f} ± {sd or 0:.0f} HU, {(area or 0) / 100:.1f} cm²"
