"""A path -> the series in it and the files left out, from headers alone."""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from vis3d.dicom import directory
from vis3d.dicom.archives import archive_kind, archive_members
from vis3d.dicom.enhanced import enhanced_frames
from vis3d.dicom.frames import (
    ColorImageError,
    Frame,
    PictureError,
    frame_count,
    pixel_format,
    single_frame,
)
from vis3d.dicom.grouping import Group, groups_of
from vis3d.dicom.headers import Header, read_header
from vis3d.dicom.kinds import LocalizerError, OtherObjectError, check_kind, check_pixels
from vis3d.dicom.planning import planned_series
from vis3d.dicom.sentences import named_error, reason_of
from vis3d.dicom.series import DAMAGED_FILES, Discovery, Series, Skipped
from vis3d.dicom.sources import (
    Source,
    Unreadable,
    disk_file,
    folder_files,
    shown_name,
)
from vis3d.errors import (
    InputError,
    NotDicomError,
    NothingFoundError,
    UnsupportedError,
    Vis3dError,
)
from vis3d.progress import Progress, silent
from vis3d.volume import Finding

PROGRESS_SECONDS = 0.1
AS_PICTURE = " It can be shown as a picture: vis3d slices."


def discover(
    path: str | os.PathLike[str], *, force: bool = False, progress: Progress | None = None
) -> Discovery:
    """The series in a folder (with what is below it), file, DICOMDIR, zip or tar archive.

    File names mean nothing (but for empty files, which may have been slices) and pixels are
    read only where positions repeat. `force` reads files without preamble and meta
    information too.

    Raises:
        NothingFoundError: there is no such path.
        InputError: a file named directly is bad (inside folders and archives bad files are
            in `skipped`), or the archive is damaged.
    """
    path = Path(path)
    say = progress or silent
    try:
        alone, files = files_at(path)
    except Vis3dError:
        raise
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}.") from error
    found = _Found()
    last = 0.0
    for count, file in enumerate(files):
        now = time.monotonic()
        if now - last > PROGRESS_SECONDS:
            last = now
            say(count / (count + 500), f"reading headers ({count} files)")
        try:
            _add(file, found, force=force)
        except InputError as error:
            if alone:
                hint = AS_PICTURE if isinstance(error, PictureError) else ""
                raise type(error)(f"{named_error(file.name, error)}{hint}") from error
            foreign = isinstance(file, Unreadable) or isinstance(
                error, (NotDicomError, UnsupportedError)
            )
            reason = reason_of(file.name, error)
            found.skipped.append(Skipped(file.name, reason, damaged=not foreign))
    series = _all_series(found, say)
    say(1.0, "reading headers")
    return Discovery(series, tuple(sorted(found.skipped, key=lambda entry: entry.path)))


SeriesKey: TypeAlias = tuple[str, str]
"""(StudyInstanceUID, SeriesInstanceUID): some writers give one series UID to two studies."""


@dataclass(frozen=True)
class _Lost:
    """A file that would be a slice if it could be used; `key` is None where none is read."""

    key: SeriesKey | None
    name: str
    sentence: str


@dataclass
class _Found:
    """What the files read so far hold; `left_out` says which series lack files."""

    frames: dict[SeriesKey, list[Frame]] = field(default_factory=lambda: defaultdict(list))
    left_out: dict[SeriesKey, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    skipped: list[Skipped] = field(default_factory=list)
    lost: list[_Lost] = field(default_factory=list)


def files_at(path: Path) -> tuple[bool, Iterator[Source | Unreadable]]:
    """Whether the path is one file alone, and the files found at it.

    Raises:
        NothingFoundError: there is no such path.
        InputError: neither a file nor a folder, or a damaged archive or DICOMDIR.
    """
    if path.is_dir():
        return False, folder_files(path)
    if not path.exists():
        raise NothingFoundError(f"There is no file or folder {path}.")
    if not path.is_file():
        raise InputError(f"{path.name} is neither a file nor a folder.")
    kind = archive_kind(path)
    if kind:
        return False, archive_members(path, kind)
    if directory.is_dicomdir(path):
        return False, directory.referenced_files(path)
    return True, iter([disk_file(str(path), shown_name(path.name))])


def _add(file: Source | Unreadable, found: _Found, *, force: bool) -> None:
    """Add the pictures in one file to what was found.

    Raises:
        InputError: it holds none that a volume could be made of.
    """
    if isinstance(file, Unreadable):
        raise InputError(file.reason)
    try:
        header = read_header(file, force=force)
    except InputError as error:
        if not (file.size and isinstance(error, NotDicomError)):
            found.lost.append(_Lost(None, file.name, str(named_error(file.name, error))))
        raise
    key = header.text("StudyInstanceUID"), header.text("SeriesInstanceUID")
    try:
        frames = _frames_in(header)
    except InputError as error:
        for kind, (code, _) in _NO_SLICES.items():
            if isinstance(error, kind):
                found.left_out[key][code] += 1
                raise
        found.lost.append(_Lost(key, file.name, str(named_error(file.name, error))))
        raise
    found.frames[key] += frames
    left_out = frame_count(header) - len(frames)
    if left_out:
        found.left_out[key][_LOCALIZER_FRAMES] += left_out


def _frames_in(header: Header) -> list[Frame]:
    check_kind(header)
    count = frame_count(header)
    form = pixel_format(header)
    check_pixels(header, count, form.bytes_of(count))
    if header.has("PerFrameFunctionalGroupsSequence"):
        return enhanced_frames(header, form, count)
    if count > 1:
        raise PictureError(f"holds {count} frames without a place in the patient")
    return [single_frame(header, form)]


def _all_series(found: _Found, say: Progress) -> tuple[Series, ...]:
    keys = [key for key, frames in found.frames.items() if frames]
    series: list[Series] = []
    for key in sorted(keys, key=lambda key: (_series_number(found.frames[key][0]), key)):
        say(0.95, "sorting slices")
        left_out = tuple(_left_out_finding(*item) for item in found.left_out[key].items())
        for group in groups_of(found.frames[key], say):
            lost = _lost_finding(key, group, found.lost)
            with_left_out = replace(group, findings=(*left_out, *lost, *group.findings))
            series.append(planned_series(len(series) + 1, with_left_out))
    return tuple(series)


_NO_SLICES: dict[type[InputError], tuple[str, str]] = {
    LocalizerError: ("localizer", "localizers"),
    ColorImageError: ("color-image", "colour pictures (such as a page of doses)"),
    OtherObjectError: ("other-objects", "objects that are no slices"),
}
"""What a series may hold beside its slices, which lose nothing without it."""

_LOCALIZER_FRAMES = "localizer frames"


def _lost_finding(key: SeriesKey, group: Group, lost: list[_Lost]) -> tuple[Finding, ...]:
    """Say which files are missing among the slices; one that names no series may be any's."""
    if not lost:
        return ()
    kinds = {_kind_of_name(frame.header.name) for frame in group.frames}
    mine = [
        file.sentence
        for file in lost
        if file.key == key or (file.key is None and _kind_of_name(file.name) in kinds)
    ]
    if not mine:
        return ()
    files = "1 file" if len(mine) == 1 else f"{len(mine)} files"
    first = ":" if len(mine) == 1 else "; the first:"
    text = f"{files} among the slices can't be used{first} {mine[0]}"
    return (Finding(DAMAGED_FILES, "warning", text),)


def _kind_of_name(name: str) -> tuple[str, str]:
    """What the names of one series' files share: the folder, and an ending of letters."""
    path = PurePosixPath(name)
    return str(path.parent), path.suffix.lower() if path.suffix[1:].isalpha() else ""


def _left_out_finding(code: str, count: int) -> Finding:
    if code == _LOCALIZER_FRAMES:
        frames = "1 frame is" if count == 1 else f"{count} frames are"
        return Finding("localizer", "note", f"{frames} of a localizer, left out.")
    files = "1 file" if count == 1 else f"{count} files"
    words = dict(_NO_SLICES.values())[code]
    return Finding(code, "note", f"{files} of the series: {words}, left out.")


def _series_number(frame: Frame) -> float:
    try:
        return frame.header.numbers("SeriesNumber")[0]
    except (InputError, IndexError):
        return float("inf")
