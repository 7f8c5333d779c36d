"""A session: all the work done on a scan, to be saved in one file and opened again.

It holds settings, structures, marks and every step; no patient data, no path, no pixels of
the scan. It belongs to one scan, known by hashes of its grid and its voxels.
"""

import hashlib
from collections.abc import Callable, Hashable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from vis3d import __version__
from vis3d.errors import InputError
from vis3d.labels import Report, Structure
from vis3d.progress import Progress, silent
from vis3d.segmentation import Edit, Step
from vis3d.volume import Volume
from vis3d_viewer.listing import Listed, Note, Saved, code_of
from vis3d_viewer.measuring import Kept
from vis3d_viewer.poses import Pose
from vis3d_viewer.session_file import read_container, write_container
from vis3d_viewer.session_reading import Reader
from vis3d_viewer.settings import Settings

Thing = TypeVar("Thing", bound=Hashable)


@dataclass(frozen=True)
class ScanMark:
    """By which a scan is known again, without saying whose it is."""

    shape: tuple[int, int, int]
    grid: str
    voxels: str


@dataclass(frozen=True, eq=False)
class Session:
    """Work on a scan: what was made, and what was shown how (settings by their names)."""

    scan: ScanMark
    saved: Saved
    settings: Mapping[str, Any]
    camera: Pose | None = None


@dataclass(frozen=True)
class Summary:
    """What a session holds, as its description says."""

    scan: ScanMark
    steps: int
    structures: int
    marks: int


def scan_mark(volume: Volume) -> ScanMark:
    """Hashes of a scan's grid (to a hundred-thousandth of a mm) and of its voxels."""
    geometry = volume.geometry
    numbers = [*geometry.spacing, *geometry.origin, *np.ravel(geometry.direction)]
    grid = np.round(np.asarray(numbers, "<f8"), 5) + 0.0  # without negative zeros
    array = volume.array
    voxels = hashlib.blake2b(str(array.dtype.newbyteorder("<")).encode(), digest_size=16)
    for layer in array:
        plain = np.ascontiguousarray(layer, layer.dtype.newbyteorder("<"))
        voxels.update(plain.data)
    return ScanMark(geometry.shape, _hash(grid.tobytes()), voxels.hexdigest())


def write_session(path: Path, session: Session) -> None:
    """Write a session file.

    Raises:
        OutputError: it can't be written there.
    """
    blobs: list[bytes] = []
    write_container(path, _document(session, blobs), blobs)


def read_session(
    path: Path, volume: Volume, scan: ScanMark, *, progress: Progress = silent
) -> Session:
    """The session in a file, for the scan that is open; marks are measured anew.

    Raises:
        NothingFoundError: there is no such file.
        InputError: it is no session file, is damaged, or belongs to another scan.
    """
    document, blobs = read_container(path)
    reader = Reader(document, blobs, volume, progress)
    check_scan(_scan(reader), scan)
    return Session(scan, reader.saved(), reader.settings(), reader.camera())


def read_summary(path: Path) -> Summary:
    """What a session file says it holds, without reading it all.

    Raises:
        NothingFoundError: there is no such file.
        InputError: it is no session file, or damaged.
    """
    document, _ = read_container(path, blobs=False)
    reader = Reader(document)
    structures, marks = reader.counts()
    return Summary(_scan(reader), reader.done(), structures, marks)


def check_scan(its: ScanMark, scan: ScanMark) -> None:
    """Refuse a session of another scan.

    Raises:
        InputError: it is, and why.
    """
    if its.shape != scan.shape:
        sizes = (" x ".join(map(str, reversed(mark.shape))) for mark in (its, scan))
        its_size, size = sizes
        raise InputError(
            f"The session belongs to another scan: it has {its_size} voxels, this one {size}."
        )
    if its.grid != scan.grid:
        raise InputError(
            "The session belongs to another scan: of the same size, in another place."
        )
    if its.voxels != scan.voxels:
        raise InputError(
            "The session belongs to another scan: on the same grid, with other values (another "
            "reconstruction, or the same files opened in another way)."
        )


def settings_of(session: Session) -> dict[str, Any]:
    """The settings, those that the session doesn't know as they are by default."""
    return {**asdict(Settings()), **session.settings}


def _scan(reader: Reader) -> ScanMark:
    return ScanMark(*reader.scan())


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class _Table(list[Any]):
    """Things by number, each once."""

    def __init__(self, written: Callable[[Any], Any]) -> None:
        super().__init__()
        self._written = written
        self._numbers: dict[int, int] = {}
        self._kept: list[Any] = []

    def number(self, thing: object) -> int:
        """The number of a thing, which is put into the table if it is new."""
        if id(thing) not in self._numbers:
            self._numbers[id(thing)] = len(self)
            self._kept.append(thing)  # or another thing could get its id
            self.append(self._written(thing))
        return self._numbers[id(thing)]


def _document(session: Session, blobs: list[bytes]) -> dict[str, Any]:
    """The description of a session; packed voxels go to `blobs`."""
    saved = session.saved
    structures, marks, reports = _Table(_structure), _Table(_mark), _Table(_report)

    def lists(listed: Listed) -> dict[str, Any]:
        return {
            "structures": [structures.number(one) for one in listed.structures],
            "marks": [marks.number(one) for one in listed.marks],
            "report": reports.number(listed.report),
        }

    states = _Table(lists)

    def edit(one: Edit) -> dict[str, Any]:
        blobs.append(one.packed)
        return {"start": one.start_kji, "shape": one.shape, "blob": len(blobs) - 1}

    def step(one: Step) -> dict[str, Any]:
        note = one.note if isinstance(one.note, Note) else Note(saved.listed, saved.listed, "")
        return {
            "name": one.name,
            "edits": {key: edit(made) for key, made in one.edits.items()},
            "before": states.number(note.before),
            "after": states.number(note.after),
            "code": code_of(one),
        }

    return {
        "made_by": f"vis3d {__version__}",
        "scan": asdict(session.scan),
        "camera": None if session.camera is None else asdict(session.camera),
        "settings": {one.name: session.settings[one.name] for one in fields(Settings)},
        "masks": {str(label): edit(mask) for label, mask in saved.masks.items()},
        "steps": [step(one) for one in saved.steps],
        "done": saved.done,
        "lost": saved.lost,
        "now": states.number(saved.listed),
        "states": states,
        "structures": structures,
        "marks": marks,
        "reports": reports,
    }


def _structure(one: Structure) -> dict[str, Any]:
    code = None if one.code is None else [one.code.scheme, one.code.value, one.code.meaning]
    return {"label": one.label, "name": one.name, "color": one.color, "code": code}


def _mark(one: Kept) -> dict[str, Any]:
    return {"number": one.number, "kind": one.kind, "name": one.name, "points": one.points}


def _report(one: Report) -> dict[str, Any]:
    return {
        "checks": [[check.code, check.ok, check.message] for check in one.checks],
        "findings": [[f.code, f.severity, f.message] for f in one.findings],
        "seconds": one.seconds,
    }
