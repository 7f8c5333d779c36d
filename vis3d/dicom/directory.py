"""A DICOMDIR -> the files that it names, and no others (PS3.10 section 8).

The records are read one after another as they lie in the sequence. The offsets that link
them are ignored: they may be wrong, or lead in a circle.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from vis3d.dicom.scan import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    UNDEFINED,
    after_sequence,
    dataset_start,
    element_reader,
)
from vis3d.dicom.sentences import named_error
from vis3d.dicom.sources import Source, Unreadable, disk_file, shown_name
from vis3d.errors import InputError, TooLargeError, TruncatedError

MEDIA_STORAGE_DIRECTORY = re.compile(rb"1\.2\.840\.10008\.1\.3\.10(?![.\d])")
MAX_BYTES = 256 << 20
MAX_RECORDS = 200_000
MAX_DEPTH = 8
"""Records lie in files of up to 8 levels of folders (PS3.10 section 8.2)."""


def is_dicomdir(path: Path) -> bool:
    """Whether the file is the directory of a file set, whatever its name is."""
    with path.open("rb") as file:
        head = file.read(1024)
    try:
        start, _ = dataset_start(head)
    except InputError:
        return False
    return MEDIA_STORAGE_DIRECTORY.search(head[:start]) is not None


def referenced_files(path: Path) -> Iterator[Source | Unreadable]:
    """The files named by the directory's image records, each once, in their order.

    Names that lead out of the directory's folder, or through a link, are refused.

    Raises:
        InputError: the directory is damaged.
    """
    if path.stat().st_size > MAX_BYTES:
        raise TooLargeError(f"{path.name} is larger than any DICOMDIR ({MAX_BYTES >> 20} MiB).")
    named: dict[tuple[str, ...], None] = {}
    try:
        for parts in _file_ids(path.read_bytes()):
            named[parts] = None
            if len(named) > MAX_RECORDS:
                raise TooLargeError(f"names more than {MAX_RECORDS} files")
    except InputError as error:
        raise named_error(path.name, error) from error
    return (_confined(path.parent, parts) for parts in named)


def _confined(folder: Path, parts: tuple[str, ...]) -> Source | Unreadable:
    """The file below the folder with these name components, if they are safe."""
    shown = shown_name("/".join(parts))
    if not all(_is_plain(part) for part in parts) or len(parts) > MAX_DEPTH:
        return Unreadable(shown, "refused: the name leads out of the DICOMDIR's folder")
    place = folder
    for part in parts:
        place = _child(place, part)
        if place.is_symlink():
            return Unreadable(shown, "refused: a link, which a DICOMDIR must not lead through")
    return disk_file(str(place), shown)


def _child(folder: Path, name: str) -> Path:
    """The entry of that name; media copied to disk may have changed the letters' case."""
    for candidate in (name, name.lower(), name + ".dcm", name.lower() + ".dcm"):
        if (folder / candidate).exists():
            return folder / candidate
    return folder / name


def _is_plain(part: str) -> bool:
    return part not in ("", ".", "..") and not set(part) & set('/\\:\0*?"<>|')


def _file_ids(data: bytes) -> Iterator[tuple[str, ...]]:
    """The ReferencedFileID of every record, found by walking the sequence's items.

    Raises:
        InputError: the data set isn't one.
    """
    start, syntax = dataset_start(data)
    if syntax not in (EXPLICIT_LITTLE, IMPLICIT_LITTLE):
        raise InputError("is a DICOMDIR in a transfer syntax that none may have")
    explicit = syntax == EXPLICIT_LITTLE
    read = element_reader(data, len(data), explicit=explicit, order="<")
    position = start
    while position + 8 <= len(data):
        if not any(data[position : position + 8]):
            return  # some writers fill up with zeros
        tag, vr, length, value = read(position)
        if tag in _CONTAINERS:
            position = value  # walk into it: records lie in items in a sequence
            continue
        if length == UNDEFINED:  # an icon, or a sequence of some maker
            within_explicit = explicit and vr != b"UN"
            position = after_sequence(data, value, len(data), within_explicit, "<")
            continue
        if length > len(data) - value:
            raise TruncatedError("ends inside its records")
        if tag == _REFERENCED_FILE_ID and length:
            text = data[value : value + length].decode("latin-1").rstrip("\0 ")
            yield tuple(part.strip() for part in text.split("\\"))
        position = value + length


_REFERENCED_FILE_ID = 0x00041500
_DIRECTORY_RECORDS = 0x00041220
_CONTAINERS = frozenset((_DIRECTORY_RECORDS, 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD))
