"""Zip and tar archives: the files in them, without unpacking.

A member is a stretch of the archive's file, found once and then read straight from there.
Member names are shown to people and used for nothing else; archives inside archives stay
closed.
"""

import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from vis3d.dicom.sources import (
    COMPRESSIONS,
    CompressedStream,
    DeflatedMember,
    Source,
    StoredMember,
    StreamedMember,
    Unreadable,
    read_range,
    shown_name,
)
from vis3d.errors import InputError, TooLargeError

MAX_ENTRIES = 200_000
"""More members than any study has; an archive of millions is an attack on the memory."""
MAX_DIRECTORY_BYTES = 48 << 20
LEAST_INFLATED_BYTES = 1 << 30
MAX_INFLATION = 50
"""A compressed tar may grow to this many times its size (scans reach 2 to 5)."""


def archive_kind(path: Path) -> str | None:
    """`zip`, `tar` or `compressed tar` by the file's first bytes; None for all others."""
    with path.open("rb") as file:
        head = file.read(512)
    if head[128:132] == b"DICM":
        return None
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if head[257:262] == b"ustar":
        return "tar"
    return "compressed tar" if head[:2] in COMPRESSIONS and len(head) > 20 else None


def archive_members(path: Path, kind: str) -> Iterator[Source | Unreadable]:
    """The files in an archive, in the archive's order.

    Raises:
        InputError: the archive is damaged.
        TooLargeError: it holds more members than `MAX_ENTRIES`.
    """
    if kind == "zip":
        return _zip_members(path)
    return _tar_members(path, compressed=kind != "tar")


def _zip_members(path: Path) -> Iterator[Source | Unreadable]:
    _check_zip_size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except Exception as error:  # zipfile raises a dozen kinds on damage
        raise InputError(f"{path.name} is a damaged zip archive.") from error
    for info in infos:
        if not info.is_dir():
            yield _zip_member(path, info)


def _zip_member(path: Path, info: zipfile.ZipInfo) -> Source | Unreadable:
    name = shown_name(info.filename)
    if info.flag_bits & 1:
        return Unreadable(name, "encrypted inside the archive")
    file_type = info.external_attr >> 28
    if info.create_system == 3 and file_type not in (0, 0o10):
        return Unreadable(name, "a link or device inside the archive")
    local = read_range(str(path), info.header_offset, 30)
    if len(local) < 30 or local[:4] != b"PK\x03\x04":
        return Unreadable(name, "damaged inside the archive")
    lengths = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    offset = info.header_offset + 30 + lengths
    if info.compress_type == zipfile.ZIP_STORED:
        return StoredMember(name, min(info.file_size, info.compress_size), str(path), offset)
    if info.compress_type == zipfile.ZIP_DEFLATED:
        return DeflatedMember(name, info.file_size, str(path), offset, info.compress_size)
    return Unreadable(name, f"packed by a method ({info.compress_type}) that isn't read")


def _check_zip_size(path: Path) -> None:
    """Refuse a directory of millions of entries before zipfile reads it into memory."""
    size = path.stat().st_size
    tail = read_range(str(path), max(0, size - 66_000), 66_000)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise InputError(f"{path.name} is a damaged zip archive: its directory is missing.")
    entries = int.from_bytes(tail[end + 10 : end + 12], "little")
    directory_bytes = int.from_bytes(tail[end + 12 : end + 16], "little")
    end64 = tail.rfind(b"PK\x06\x06")
    if directory_bytes == 0xFFFFFFFF and end64 >= 0:
        entries = int.from_bytes(tail[end64 + 32 : end64 + 40], "little")
        directory_bytes = int.from_bytes(tail[end64 + 40 : end64 + 48], "little")
    if entries > MAX_ENTRIES or MAX_DIRECTORY_BYTES < directory_bytes < 0xFFFFFFFF:
        raise _too_many(path)


def _tar_members(path: Path, *, compressed: bool) -> Iterator[Source | Unreadable]:
    stream: CompressedStream | None = None
    if compressed:
        limit = max(LEAST_INFLATED_BYTES, MAX_INFLATION * path.stat().st_size)
        stream = CompressedStream(str(path), limit)
    count = 0
    try:
        with _tar_file(path, stream) as archive:
            while (info := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # or they pile up
                count += 1
                if count > MAX_ENTRIES:
                    raise _too_many(path)
                member = _tar_member(path, info, stream)
                if member is not None:
                    yield member
    except (tarfile.TarError, EOFError, ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise type(error)(
                f"{path.name} {str(error).removeprefix(path.name).strip()}"
            ) from error
        if compressed and not count:
            raise InputError(
                f"{path.name} is compressed, but no tar archive, or a damaged one."
            ) from error
        raise InputError(f"{path.name} is a damaged tar archive.") from error


def _tar_member(
    path: Path, info: tarfile.TarInfo, stream: CompressedStream | None
) -> Source | Unreadable | None:
    name = shown_name(info.name)
    if info.isdir():
        return None
    if not info.isreg() or info.issparse():
        return Unreadable(name, "a link or device inside the archive")
    if stream is None:
        return StoredMember(name, info.size, str(path), info.offset_data)
    return StreamedMember(name, info.size, info.offset_data, stream)


def _tar_file(path: Path, stream: CompressedStream | None) -> tarfile.TarFile:
    if stream is None:
        return tarfile.open(path, "r:")
    return tarfile.open(fileobj=_AsFile(stream), mode="r:")  # type: ignore[call-overload,no-any-return]


class _AsFile:
    """A compressed stream with the file methods that tarfile calls."""

    def __init__(self, stream: CompressedStream) -> None:
        self._stream = stream
        self._position = 0

    def read(self, length: int) -> bytes:
        data = self._stream.read_at(self._position, length)
        self._position += len(data)
        return data

    def seek(self, position: int) -> int:
        self._position = position
        return position

    def tell(self) -> int:
        return self._position


def _too_many(path: Path) -> TooLargeError:
    return TooLargeError(
        f"{path.name} holds more than {MAX_ENTRIES} members; unpack what you need of it."
    )
