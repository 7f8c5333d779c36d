"""What discovery found: series that can become volumes, and the files that cannot."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pydicom
from pydicom.uid import UID

from vis3d.dicom.frames import Frame
from vis3d.dicom.stacking import Stack
from vis3d.errors import InputError
from vis3d.geometry import Geometry
from vis3d.volume import Finding


@dataclass(frozen=True)
class Skipped:
    """A file that is in no series, its name as shown to a person, and why."""

    path: str
    reason: str


@dataclass(frozen=True, eq=False)
class Series:
    """Files that together are one volume (or one picture), told from their headers.

    `index` counts from 1. `files` are names relative to the INPUT. `geometry` is the grid
    that loading yields (after repairs), None where there is no place in the patient;
    `shape` is (nk, nj, ni) of that grid. `findings` say what loading will repair, trim or
    refuse. A series that isn't `loadable` is refused unless an option repairs it.
    """

    index: int
    uid: str
    modality: str
    description: str
    files: tuple[str, ...]
    geometry: Geometry | None
    shape: tuple[int, int, int]
    unit: str
    transfer_syntaxes: tuple[str, ...]
    loadable: bool
    findings: tuple[Finding, ...]
    frames: tuple[Frame, ...] = field(default=(), repr=False)
    stack: Stack | None = field(default=None, repr=False)

    def source_datasets(self) -> Iterator[Any]:
        """The whole headers (pydicom datasets) of the files, in slice order, each once.

        They identify the patient: they are for DICOM objects made from this series, which
        inherit them, and for nothing else.

        Raises:
            InputError: a file can't be read (any more).
        """
        seen: set[int] = set()
        for frame in self.frames:
            if id(frame.header) not in seen:
                seen.add(id(frame.header))
                yield header_dataset(frame)

    def __repr__(self) -> str:
        nk, nj, ni = self.shape
        size = f"{ni} x {nj} x {nk}"
        if self.geometry is not None:
            size += ", " + " x ".join(f"{mm:.2f}" for mm in self.geometry.spacing) + " mm"
        what = " ".join(part for part in (self.modality, self.description) if part)
        said = "".join(f", {finding.code}" for finding in self.findings)
        refused = "" if self.loadable else ", refused"
        return f"Series {self.index}({what or 'no description'}, {size}{said}{refused})"


@dataclass(frozen=True)
class Discovery:
    """The series found at a path, and the files that are in none."""

    series: tuple[Series, ...]
    skipped: tuple[Skipped, ...]


def header_dataset(frame: Frame) -> Any:
    """The whole header of a frame's file as a pydicom dataset, without pixels.

    Raises:
        InputError: pydicom can't read it.
    """
    header = frame.header
    elements = header.elements
    end = elements.pixel_start or header.source.size
    data = header.source.read(0, end)
    try:
        if header.start == 0 and not data.startswith(b"\0" * 128):
            dataset = _headless(data, elements.transfer_syntax)
        else:
            dataset = pydicom.dcmread(BytesIO(data), stop_before_pixels=True, force=True)
        dataset.remove_private_tags  # noqa: B018  (forces nothing; kept lazily parsed)
    except Exception as error:  # pydicom raises a dozen kinds on damage
        raise InputError(f"{header.name} has a header that can't be read.") from error
    return dataset


def _headless(data: bytes, transfer_syntax: str) -> Any:
    uid = UID(transfer_syntax)
    return pydicom.filereader.read_dataset(
        BytesIO(data), uid.is_implicit_VR, uid.is_little_endian, stop_when=_at_pixels
    )


def _at_pixels(tag: Any, vr: str | None, length: int) -> bool:
    return int(tag) >= 0x7FE00008
