"""What a session file says, judged word by word: it may come from a stranger."""

import re
from collections.abc import Mapping, Sequence
from math import inf, prod
from typing import Any, Literal, cast

import numpy as np

from vis3d.errors import InputError, UsageError
from vis3d.labels import Check, Code, Report, Structure, normal_name
from vis3d.progress import Progress, silent
from vis3d.segmentation import Edit, Step
from vis3d.volume import Finding, Severity, Volume
from vis3d_viewer.asked import MAX_MM, finite, points_of
from vis3d_viewer.listing import MAX_STRUCTURES, Listed, Note, Saved, sound_name
from vis3d_viewer.measuring import KINDS, MAX_MARKS, MAX_POINTS, Kept, kept_mark
from vis3d_viewer.poses import Pose
from vis3d_viewer.script_checks import is_ours
from vis3d_viewer.session_file import damaged, inflated
from vis3d_viewer.settings import accept

MAX_STEPS = 20_000
MAX_TABLE = 5_000
MAX_TEXT = 2_000
HASH = re.compile(r"[0-9a-f]{32}")
SEVERITIES: tuple[Severity, ...] = ("note", "warning", "error")


class Reader:
    """Reads one session: its description, and packed voxels on the grid of a volume.

    All methods raise InputError where something isn't as it should be.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        blobs: Sequence[bytes] = (),
        volume: Volume | None = None,
        progress: Progress = silent,
    ) -> None:
        self._document = document
        self._blobs = blobs
        self._volume = volume
        self._progress = progress
        self._voxels: dict[tuple[int, int], int] = {}

    def scan(self) -> tuple[tuple[int, int, int], str, str]:
        """Shape and hashes of the scan to which the session belongs."""
        said = _table(self._document.get("scan"))
        shape = _list(said.get("shape"), 3, "a scan's shape")
        nk, nj, ni = (_int(n, 1, 1 << 20, "a scan's shape") for n in _exactly(shape, 3))
        return (nk, nj, ni), _hash(said.get("grid")), _hash(said.get("voxels"))

    def counts(self) -> tuple[int, int]:
        """How many structures and marks are listed."""
        states = _list(self._document.get("states"), 2 * MAX_STEPS + 2, "lists")
        now = _table(_at(states, self._document.get("now")))
        structures = _list(now.get("structures"), MAX_STRUCTURES, "structures")
        return len(structures), len(_list(now.get("marks"), MAX_MARKS, "marks"))

    def done(self) -> int:
        """How many steps stand."""
        return _int(self._document.get("done"), 0, MAX_STEPS, "steps")

    def settings(self) -> dict[str, Any]:
        """The settings that this vis3d knows."""
        said, kept = _table(self._document.get("settings")), {}
        for name, value in said.items():
            try:
                kept[name] = accept(name, value)
            except (ValueError, TypeError):
                continue  # of another vis3d: what is shown how is no loss
        return kept

    def camera(self) -> Pose | None:
        """Where the 3D view was seen from, if that was kept and makes sense."""
        said = self._document.get("camera")
        if not isinstance(said, dict):
            return None
        try:
            ends = [said.get(name) for name in ("position_lps", "focus_lps", "up_lps")]
            position, focus, up = points_of(ends, 3)
            scale = finite(said.get("scale_mm"), 1e-3, MAX_MM, "A scale in mm")
        except UsageError:
            return None  # what is shown how is no loss
        across = np.cross(np.subtract(focus, position), up)
        return Pose(position, focus, up, scale_mm=scale) if across.any() else None

    def saved(self) -> Saved:
        """What was made, with the steps that lead back."""
        structures = [_structure(one) for one in self._many("structures", MAX_TABLE)]
        reports = [_report(one) for one in self._many("reports", MAX_TABLE)]
        marks = self._marks()
        states = [
            _listed(_table(one), structures, marks, reports)
            for one in self._many("states", 2 * MAX_STEPS + 2)
        ]
        now: Listed = _at(states, self._document.get("now"))
        steps = tuple(self._steps(states))
        done = self.done()
        if done > len(steps):
            raise damaged("more steps stand than there are")
        masks = {
            _label(key): self._edit(_table(one), "saved")
            for key, one in _table(self._document.get("masks")).items()
        }
        if set(masks) != {structure.label for structure in now.structures}:
            raise damaged("voxels and structures don't fit each other")
        lost = self._document.get("lost")
        return Saved(now, masks, steps, done, _code(lost))

    def _many(self, name: str, most: int) -> list[Any]:
        return _list(self._document.get(name), most, name)

    def _marks(self) -> list[Kept]:
        """The marks, measured on the scan that is open."""
        if self._volume is None:
            raise damaged("no scan is open")
        said, marks = self._many("marks", MAX_TABLE), []
        for n, one in enumerate(map(_table, said)):
            self._progress(0.5 * n / len(said), "Measuring again")
            number = _int(one.get("number"), 1, 1 << 30, "a mark's number")
            kind = _text(one.get("kind"))
            if kind not in KINDS:
                raise damaged("an unknown kind of mark")
            try:
                points = points_of(one.get("points"), MAX_POINTS)
                name = sound_name(_text(one.get("name")))
                marks.append(kept_mark(self._volume, number, kind, name, points))
            except UsageError as error:
                raise damaged("a mark that measures nothing") from error
        return marks

    def _steps(self, states: list[Listed]) -> list[Step]:
        said, steps = self._many("steps", MAX_STEPS), []
        for n, one in enumerate(map(_table, said)):
            self._progress(0.5 + 0.5 * n / len(said), "Reading the steps")
            name = _text(one.get("name"))
            edits = {
                str(_label(key)): self._edit(_table(edit), name)
                for key, edit in _table(one.get("edits")).items()
            }
            before, after = (_at(states, one.get(key)) for key in ("before", "after"))
            steps.append(Step(name, edits, Note(before, after, _code(one.get("code")))))
        return steps

    def _edit(self, said: Mapping[str, Any], name: str) -> Edit:
        """An edit inside the grid whose voxels are all there."""
        if self._volume is None:
            raise damaged("no scan is open")
        grid = self._volume.geometry.shape
        start, shape = (
            _exactly(_list(said.get(key), 3, "a box"), 3) for key in ("start", "shape")
        )
        sizes = [_int(n, 0, most, "a box") for n, most in zip(shape, grid, strict=True)]
        starts = [
            _int(n, 0, most - size, "a box")
            for n, most, size in zip(start, grid, sizes, strict=True)
        ]
        number = _int(said.get("blob"), 0, len(self._blobs) - 1, "packed voxels")
        voxels = self._count(number, prod(sizes))
        (k, j, i), (nk, nj, ni) = starts, sizes
        return Edit(name, (k, j, i), (nk, nj, ni), self._blobs[number], voxels)

    def _count(self, number: int, bits: int) -> int:
        """How many voxels a blob changes; each is unpacked once, whoever names it again."""
        if (number, bits) not in self._voxels:
            if len(self._voxels) >= len(self._blobs):
                raise damaged("packed voxels that are used twice")
            packed = np.frombuffer(inflated(self._blobs[number], (bits + 7) // 8), np.uint8)
            self._voxels[number, bits] = int(np.unpackbits(packed, count=bits).sum())
        return self._voxels[number, bits]


def _structure(value: object) -> Structure:
    one = _table(value)
    color = _exactly(_list(one.get("color"), 3, "a colour"), 3)
    red, green, blue = (_int(part, 0, 255, "a colour") for part in color)
    try:
        name = sound_name(_text(one.get("name")))
    except UsageError as error:
        raise damaged("a structure without a sound name") from error
    code = one.get("code")
    if code is not None:
        code = Code(*map(_text, _exactly(_list(code, 3, "a code"), 3)))
    return Structure(_int(one.get("label"), 1, 255, "a label"), name, (red, green, blue), code)


def _report(value: object) -> Report:
    one = _table(value)
    checks, findings = [], []
    for row in _list(one.get("checks"), MAX_TABLE, "checks"):
        code, ok, message = _exactly(_list(row, 3, "a check"), 3)
        checks.append(Check(_text(code), ok is True, _text(message)))
    for row in _list(one.get("findings"), MAX_TABLE, "findings"):
        code, severity, message = _exactly(_list(row, 3, "a finding"), 3)
        if _text(severity) not in SEVERITIES:
            raise damaged("an unknown kind of finding")
        grave = cast("Literal['note', 'warning', 'error']", severity)
        findings.append(Finding(_text(code), grave, _text(message)))
    seconds = one.get("seconds")
    if not isinstance(seconds, int | float) or not 0 <= seconds < inf:
        raise damaged("a report without its seconds")
    return Report(tuple(checks), tuple(findings), float(seconds))


def _listed(
    said: Mapping[str, Any],
    structures: list[Structure],
    marks: list[Kept],
    reports: list[Report],
) -> Listed:
    """A list in which each label, name and number is there once."""
    numbers = _list(said.get("structures"), MAX_STRUCTURES, "structures")
    ours = tuple(_at(structures, n) for n in numbers)
    drawn = tuple(_at(marks, n) for n in _list(said.get("marks"), MAX_MARKS, "marks"))
    labels, names = {one.label for one in ours}, {normal_name(one.name) for one in ours}
    if len(labels) < len(ours) or len(names) < len(ours):
        raise damaged("structures that are there twice")
    if len({one.number for one in drawn}) < len(drawn):
        raise damaged("marks that are there twice")
    return Listed(ours, _at(reports, said.get("report")), drawn)


def _table(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise damaged("a part of its description is missing")
    return value


def _list(value: object, most: int, what: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise damaged(f"no list of {what}, or one that is too long")
    return value


def _exactly(value: list[Any], count: int) -> list[Any]:
    if len(value) != count:
        raise damaged("a list is too short")
    return value


def _at(things: Sequence[Any], number: object) -> Any:
    return things[_int(number, 0, len(things) - 1, "a number in a list")]


def _int(value: object, low: int, high: int, what: str) -> int:
    if type(value) is not int or not low <= value <= high:
        raise damaged(f"{what} that makes no sense")
    return value


def _label(key: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,2}", key, re.ASCII):
        raise damaged("a label that makes no sense")
    return _int(int(key), 1, 255, "a label")


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise damaged("a text is missing or too long")
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


def _hash(value: object) -> str:
    if not isinstance(value, str) or not HASH.fullmatch(value):
        raise damaged("it doesn't say to which scan it belongs")
    return value


def _code(value: object) -> str:
    if not isinstance(value, str) or not all(map(is_ours, value.split("\n"))):
        raise InputError(
            "The session file is refused: its steps hold Python that vis3d doesn't write."
        )
    return value
