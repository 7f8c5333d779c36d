"""What discovery found: series that can become volumes, and the files that cannot."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vis3d.dicom.datasets import header_dataset
from vis3d.dicom.frames import Frame
from vis3d.dicom.stacking import Stack
from vis3d.geometry import Geometry
from vis3d.volume import Finding


@dataclass(frozen=True)
class Skipped:
    """A file that is in no series, its name as shown to a person, and why.

    `damaged` files would be in one, were they whole.
    """

    path: str
    reason: str
    damaged: bool = False


DAMAGED_FILES = "damaged-files"
"""The finding that names files which would be slices if they could be read."""


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
                yield header_dataset(frame.header)

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
