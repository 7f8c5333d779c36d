"""DICOM images without the patient: headers built anew, pixels written anew.

Of the files given nothing is copied. Pixels are decoded and stored anew, within the bits that
hold values, so that comments in compressed streams, overlays in spare bits and bytes behind
the image stay behind as well. What was compressed is compressed again, without loss.
"""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID_dictionary

from vis3d.dicom.colors import size_of
from vis3d.dicom.datasets import header_dataset
from vis3d.dicom.deidentify import Policy, deidentified
from vis3d.dicom.discovery import discover, files_at
from vis3d.dicom.encoding import Compression, compression_of
from vis3d.dicom.frames import PixelFormat, frame_count, stored_format
from vis3d.dicom.headers import Header, read_header
from vis3d.dicom.kinds import OtherObjectError, check_pixels, check_readable
from vis3d.dicom.known_terms import is_faceless, speaks_of_head
from vis3d.dicom.loading import load_series
from vis3d.dicom.pixels_anew import add_pixels_anew
from vis3d.dicom.quiet import quietly
from vis3d.dicom.sentences import reason_of
from vis3d.dicom.series import Series, Skipped
from vis3d.dicom.sources import Source, Unreadable
from vis3d.errors import (
    InputError,
    NotDicomError,
    NothingFoundError,
    UnsupportedError,
    UsageError,
)
from vis3d.progress import Progress, part, silent
from vis3d.volume import Finding, Volume
from vis3d.whole_file import whole_folder

Packing: TypeAlias = Literal["same", "none"] | Compression
"""How pixels are stored: as the source's kind, uncompressed, or by one compression for all."""

_SHOWS_TEXT = frozenset("SC US ES XC OP OT IVUS XA RF ECG SM".split())  # noqa: SIM905
"""Modalities whose pictures often carry the patient's name in their pixels."""
_SCREENS = frozenset(("SCREEN SAVE", "SCREENSHOT", "SCREENSAVE"))
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_TOMOGRAPHY = ("CT", "MR", "PT")
LONG_MM = 800
"""A scan that reaches further along the patient goes from the legs to the head."""


@dataclass(frozen=True)
class Anonymized:
    """What was done: files written by series folder, those left out and those that failed."""

    folders: dict[str, int]
    left_out: tuple[Skipped, ...]
    failed: tuple[Skipped, ...]
    findings: tuple[Finding, ...]


@quietly()
def anonymize(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    policy: Policy | None = None,
    pixels_reviewed: bool = False,
    compress: Packing = "same",
    shows_head: Callable[[Volume], bool] | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Anonymized:
    """Write the images at `path` (as `discover` takes it) without the patient's identity.

    Each series becomes a folder in `folder`, its files numbered; no name tells anything.
    All appear at the end; until then, and when the work is stopped, none does. Images that
    say that text is burned into their pixels fail unless somebody reviewed them
    (`pixels_reviewed`). One file's failure doesn't stop the others. Pixels that were
    compressed are compressed again by the lossless kind of the same, unless `compress` says
    otherwise; what a lossy compression lost stays lost, and no more is. Faces are warned of
    where a CT, MR or PET doesn't name a body part without one; with `shows_head` CT scans are
    looked at, too, and the length of others.

    Raises:
        UsageError: `folder` is `path`, or lies in it.
        NothingFoundError: no such path, or no DICOM image in it.
        OutputError: `folder` can't be written.
    """
    source, target = Path(path), Path(folder)
    _check_apart(source, target)
    tell = progress or silent
    work = _Work(policy or Policy(), pixels_reviewed, force, compress)
    with whole_folder(target) as scratch:
        _, files = files_at(source)
        listed = list(files)
        for number, file in enumerate(listed):
            tell(0.9 * number / len(listed), "Removing identities")
            work.take(file, scratch)
        work.compare(source, scratch, part(tell, 0.9, 0.95))
        if shows_head is not None:
            work.look(scratch, shows_head, part(tell, 0.95, 1.0))
    tell(1.0, "Removing identities")
    return work.done()


@dataclass
class _Work:
    """What was written so far, and what wasn't."""

    policy: Policy
    pixels_reviewed: bool
    force: bool
    compress: Packing = "same"
    folders: Counter[str] = field(default_factory=Counter)
    left_out: list[Skipped] = field(default_factory=list)
    failed: list[Skipped] = field(default_factory=list)
    warned: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take(self, file: Source | Unreadable, scratch: Path) -> None:
        """One file: written, left out or failed."""
        if isinstance(file, Unreadable):
            self.left_out.append(Skipped(file.name, file.reason))
            return
        try:
            made = self.image(file)
        except (NotDicomError, OtherObjectError) as error:
            self.left_out.append(Skipped(file.name, reason_of(file.name, error)))
        except InputError as error:
            self.failed.append(Skipped(file.name, reason_of(file.name, error), damaged=True))
        else:
            self.write(made, scratch)

    def image(self, file: Source) -> Dataset:
        """The file's image without identity."""
        header = read_header(file, force=self.force)
        check_readable(header)
        kind = header.text("SOPClassUID")
        if kind not in UID_dictionary:
            raise OtherObjectError(
                "an object of a maker's own class, whose content isn't known"
                if kind
                else "doesn't say what it is: its SOPClassUID is missing or empty"
            )
        form, count = stored_format(header), frame_count(header)
        check_pixels(header, count, size_of(form, count))
        original = header_dataset(header)
        self.judge(original)
        try:
            made = deidentified(original, self.policy)
        except RecursionError as error:
            raise InputError("has sequences that are nested too deep") from error
        if not made.get("SOPInstanceUID") or not made.get("SeriesInstanceUID"):
            raise InputError("has no UIDs of image and series, so nothing could refer to it")
        add_pixels_anew(made, header, form, count, self.packing(header, form))
        if self.pixels_reviewed:
            made.BurnedInAnnotation = "NO"
        return made

    def packing(self, header: Header, form: PixelFormat) -> Compression | None:
        """How this image's pixels are compressed."""
        if self.compress == "none" or form.floating or form.allocated == 1:
            return None  # no codec of DICOM takes floating-point numbers or single bits
        if self.compress != "same":
            return self.compress
        kind = compression_of(header.transfer_syntax)
        return "rle" if kind and form.allocated > 16 else kind

    def judge(self, original: Any) -> None:
        """Refuse burned-in text, warn of what only a person can see.

        Raises:
            UnsupportedError: text is burned into the pixels, and nobody reviewed them.
        """
        burned = str(original.get("BurnedInAnnotation", "")).strip().upper()
        if self.pixels_reviewed:
            pass
        elif burned == "YES":
            raise UnsupportedError(
                "says that text is burned into its pixels: look at it, and if it names nobody "
                "say so (--pixels-reviewed)"
            )
        elif burned != "NO" and _may_show_text(original):
            self.warned["pixels", _PIXELS] += 1
        if str(original.get("RecognizableVisualFeatures", "")) == "YES":
            self.warned["face", _FACE] += 1
        elif str(original.get("Modality", "")) in _TOMOGRAPHY:
            if speaks_of_head(_words(original)):
                self.warned["face", _FACE] += 1
            elif not is_faceless(str(original.get("BodyPartExamined", ""))):
                self.warned["face-unknown", _FACE_UNKNOWN] += 1

    def write(self, made: Dataset, scratch: Path) -> None:
        series = self.policy.pseudonyms.word("folder", str(made.SeriesInstanceUID), 12)
        name = f"series-{series.lower()}"
        self.folders[name] += 1
        place = scratch / name
        place.mkdir(exist_ok=True)
        made.save_as(place / f"{self.folders[name]:05d}.dcm", enforce_file_format=True)

    def compare(self, source: Path, scratch: Path, tell: Progress) -> None:
        """Warn if the series can't be told apart any more as they could before."""
        if not self.folders or self.failed:
            return
        try:
            before = discover(source, force=self.force, progress=part(tell, 0.0, 0.5))
            after = discover(scratch, progress=part(tell, 0.5, 1.0))
        except InputError:  # a single picture, no series
            return
        shapes = [
            sorted(s.shape for s in found.series if s.loadable) for found in (before, after)
        ]
        if shapes[0] != shapes[1]:
            self.warned["series-changed", _CHANGED] += 1

    def look(self, scratch: Path, shows_head: Callable[[Volume], bool], tell: Progress) -> None:
        """Warn of heads that no header speaks of: seen in a CT, reached by a long MR or PET."""
        for series in _series_at(scratch, tell):
            if series.modality != "CT":
                if _height_mm(series) > LONG_MM:
                    self.warned["face-reached", _FACE_REACHED] += len(series.files)
                continue
            try:
                volume = load_series(series, gaps="interpolate", progress=tell)
            except InputError:
                continue
            if shows_head(volume):
                self.warned["face-seen", _FACE_SEEN] += len(series.files)

    def done(self) -> Anonymized:
        if not self.folders and not self.failed:
            text = "There is no DICOM image here to take an identity from"
            others = [f"{one.path}: {one.reason}" for one in self.left_out[:1]]
            raise NothingFoundError("; ".join([text, *others]) + ".")
        findings = tuple(
            Finding(code, "warning", text.format(images=_counted(count)))
            for (code, text), count in sorted(self.warned.items())
        )
        return Anonymized(
            dict(self.folders), tuple(self.left_out), tuple(self.failed), findings
        )


def _counted(images: int) -> str:
    return f"{images} image{'s' * (images != 1)}"


def _series_at(scratch: Path, tell: Progress) -> tuple[Series, ...]:
    """The scans in a folder from which a face could be made."""
    try:
        found = discover(scratch, progress=tell).series
    except InputError:  # single pictures, or nothing
        return ()
    return tuple(one for one in found if one.modality in _TOMOGRAPHY)


def _height_mm(series: Series) -> float:
    """How far a stack reaches along the patient; 0 where it has no place there."""
    grid = series.geometry
    if grid is None:
        return 0.0
    sizes_mm = np.array(grid.shape[::-1]) * grid.spacing
    return float(np.abs(grid.direction[2]) @ sizes_mm)


_PIXELS = (
    "{images} of a kind that often shows text, without saying that none is in the pixels: look "
    "at every one."
)
_FACE = (
    "{images} of what may be the head: a face could be made of it, and recognised. Remove it "
    "or restrict who gets it."
)
_FACE_SEEN = (
    "{images} with a skull or a face to be seen: a face can be made of such a scan, and "
    "recognised, whatever its header says. Remove it or restrict who gets it."
)
_FACE_REACHED = (
    f"{{images}} of scans longer than {LONG_MM} mm, which may reach the head, whatever their "
    "headers say: look for faces."
)
_FACE_UNKNOWN = "{images} whose header doesn't rule a face out: look for one."
_CHANGED = (
    "The series can't be told apart as before; times may have done that: keep their intervals "
    "(--dates shift)."
)


def _may_show_text(original: Any) -> bool:
    kinds = {str(one).strip() for one in original.get("ImageType", []) or []}
    captured = str(original.get("SOPClassUID", "")).startswith(_SECONDARY_CAPTURE)
    converted = str(original.get("ConversionType", "")) not in ("", "DI", "SYN")
    text = str(original.get("Modality", "")) in _SHOWS_TEXT
    return captured or converted or text or bool(kinds & _SCREENS)


def _words(original: Any) -> str:
    keywords = (
        "BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName",
        "RequestedProcedureDescription", "PerformedProcedureStepDescription",
    )  # fmt: skip
    return " ".join(str(original.get(keyword, "")) for keyword in keywords)


def _check_apart(source: Path, target: Path) -> None:
    """The output must neither be the input nor lie in it."""
    inside = source.resolve() if source.is_dir() else source.resolve().parent
    out = target.resolve()
    if out == inside or (source.is_dir() and inside in out.parents):
        raise UsageError(
            f"{target} lies in the input, where it would mix with what names the patient: name "
            f"a folder elsewhere."
        )
