"""Whole headers for people to read: as trees, searched, and in a few words.

They identify the patient: asking for them is consent.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.uid import UID_dictionary

from vis3d.dicom.archives import archive_kind, archive_members
from vis3d.dicom.elements import Coding, Element, is_explicit, read_elements
from vis3d.dicom.headers import FIRST_BYTES, read_header
from vis3d.dicom.scan import DEFLATED_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE, dataset_start
from vis3d.dicom.sentences import named_error, reason_of
from vis3d.dicom.series import Skipped
from vis3d.dicom.sources import (
    DiskFile,
    Source,
    StoredMember,
    Unreadable,
    disk_file,
    folder_files,
    in_memory,
    shown_name,
)
from vis3d.errors import InputError, NotDicomError, NothingFoundError, TooLargeError
from vis3d.progress import Progress, silent

MAX_INFLATED_BYTES = 512 << 20
"""Compressed members of archives are read whole, so that no reading starts anew."""

_META_START = 132


@dataclass(frozen=True)
class TagTree:
    """The elements of one file: its File Meta Information and its data set.

    `name` is the file's as shown to a person; `damage` says what ended the reading early
    where that was allowed, else "".
    """

    name: str
    transfer_syntax: str
    meta: tuple[Element, ...]
    elements: tuple[Element, ...]
    damage: str = ""

    def __repr__(self) -> str:
        return f"TagTree({self.name}, {len(self.elements)} elements)"


def read_tags(path: str | os.PathLike[str], *, force: bool = False) -> TagTree:
    """The header of one DICOM file, a DICOMDIR included, without bulk data.

    `force` reads files without preamble and meta information, and of damaged ones what lies
    before the damage.

    Raises:
        NothingFoundError: there is no such file.
        InputError: it isn't DICOM, or is damaged.
    """
    path = Path(path)
    if not path.exists():
        raise NothingFoundError(f"There is no file or folder {path}.")
    file = disk_file(str(path), shown_name(path.name))
    try:
        return _tree_of(file, force=force)
    except InputError as error:
        hint = _hint(error, file, force=force)
        reason = reason_of(file.name, error)
        raise named_error(file.name, type(error)(f"{reason}{hint}")) from error


def is_one_file(path: str | os.PathLike[str]) -> bool:
    """Whether a path is read by `read_tags`: no folder and no archive."""
    path = Path(path)
    return not path.is_dir() and not (path.is_file() and archive_kind(path))


def each_tags(
    path: str | os.PathLike[str], *, force: bool = False, progress: Progress | None = None
) -> Iterator[TagTree | Skipped]:
    """The headers of all DICOM files in a folder or archive, in the order of their names.

    Raises:
        InputError: the archive is damaged.
    """
    path, say = Path(path), progress or silent
    kind = None if path.is_dir() else archive_kind(path)
    files = archive_members(path, kind) if kind else folder_files(path)
    for count, file in enumerate(files):
        say(count / (count + 500), f"reading headers ({count} files)")
        try:
            yield _tree_of(file, force=force)
        except InputError as error:
            yield Skipped(file.name, reason_of(file.name, error))
    say(1.0, "reading headers")


def _tree_of(file: Source | Unreadable, *, force: bool) -> TagTree:
    if isinstance(file, Unreadable):
        raise InputError(file.reason)
    head = file.read(0, FIRST_BYTES)
    if not head:
        raise NotDicomError("an empty file")
    try:
        start, syntax = dataset_start(head, force=force)
    except NotDicomError:
        read_header(file, force=force)  # knows what else it may be
        raise
    source = _quick(file)
    meta_start = _META_START if head[128:132] == b"DICM" else 0
    meta = read_elements(source, meta_start, start, Coding(explicit=True)) if start else ()
    if syntax == DEFLATED_LITTLE:
        inflated = read_header(file, force=force)
        source, start = in_memory(inflated.source), inflated.start
    first = source.read(start, 8)
    explicit = is_explicit(first, expected=syntax != IMPLICIT_LITTLE)
    coding = Coding(explicit, ">" if syntax == EXPLICIT_BIG else "<")
    found: list[Element] = []
    damage = ""
    try:
        read_elements(source, start, source.size, coding, keep=found)
    except InputError as error:
        if not force or not found:
            raise
        damage = str(error)
    return TagTree(file.name, syntax, meta, tuple(found), damage)


def _quick(file: Source) -> Source:
    """The same bytes where reading at any place costs little."""
    if isinstance(file, (DiskFile, StoredMember)):
        return file
    if file.size > MAX_INFLATED_BYTES:
        raise TooLargeError("too large to read inside its archive: unpack it")
    return in_memory(file)


def _hint(error: InputError, file: Source | Unreadable, *, force: bool) -> str:
    if force or isinstance(error, (NotDicomError, TooLargeError)) or "force" in str(error):
        return ""
    return " (use force, --force, to read what lies before)"


# What to look at.


def without_private(elements: Iterable[Element]) -> tuple[Element, ...]:
    """The elements whose meaning the standard gives."""
    return tuple(
        replace(one, items=tuple(map(without_private, one.items))) if one.items else one
        for one in elements
        if not one.is_private
    )


def matching(elements: Iterable[Element], text: str) -> tuple[Element, ...]:
    """The elements with `text` in keyword, name, tag or value, in the sequences they are in.

    Capitals don't count; a tag may be written (0028,0030), 0028,0030 or 00280030.
    """
    wanted = text.casefold().strip()
    found = []
    for one in elements:
        if wanted in _searched(one):
            found.append(one)
        elif one.items:
            items = tuple(kept for item in one.items if (kept := matching(item, text)))
            if items:
                found.append(replace(one, items=items))
    return tuple(found)


def _searched(one: Element) -> str:
    values = (f"{value}\n{uid_name(value)}" for value in one.values)
    words = (one.keyword, one.name, one.private_creator, one.tag_text, f"{one.tag:08X}")
    return "\n".join((*words, *values)).casefold()


def uid_name(value: object) -> str:
    """What a well-known UID stands for; "" for others."""
    entry = UID_dictionary.get(value) if isinstance(value, str) else None
    return str(entry[0]) if entry else ""


def first_values(elements: Iterable[Element], keyword: str) -> tuple[object, ...]:
    """The values of the first element of that keyword at any depth; () where there is none."""
    for one in elements:
        if one.keyword == keyword and one.values:
            return one.values
        for item in one.items:
            inside = first_values(item, keyword)
            if inside:
                return inside
    return ()


def tag_summary(tree: TagTree) -> dict[str, str]:
    """The file in a few words: kind, size, spacing, date; what isn't said is left out."""
    top = {one.keyword: one for one in tree.elements}

    def said(keyword: str) -> str:
        return "\\".join(str(value) for value in top[keyword].values) if keyword in top else ""

    kind = said("SOPClassUID")
    size = " x ".join(filter(None, (said("Columns"), said("Rows"))))
    frames = said("NumberOfFrames")
    spacing = _pixel_spacing(tree.elements)
    date = next(filter(None, map(said, ("AcquisitionDate", "ContentDate", "StudyDate"))), "")
    words = {
        "kind": uid_name(kind) or kind,
        "modality": said("Modality"),
        "size": f"{size} pixels" if size else "",
        "frames": f"{frames} frames" if frames not in ("", "1") else "",
        "spacing": spacing,
        "date": f"{date[:4]}-{date[4:6]}-{date[6:]}" if date.isdigit() else date,
        "transfer_syntax": uid_name(tree.transfer_syntax) or tree.transfer_syntax,
    }
    return {key: word for key, word in words.items() if word}


def _pixel_spacing(elements: tuple[Element, ...]) -> str:
    """Rows' and columns' distance, in the patient or at the detector."""
    for keyword, where in (
        ("PixelSpacing", "mm"),
        ("ImagerPixelSpacing", "mm at the detector"),
        ("NominalScannedPixelSpacing", "mm as scanned"),
    ):
        spacing = first_values(elements, keyword)
        if spacing:
            return " x ".join(str(value) for value in spacing) + f" {where}"
    return ""
