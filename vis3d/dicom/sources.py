"""Where the bytes of a file lie: on disk, or inside a zip or tar archive.

Archives are never unpacked: a member is a stretch of the archive's file, found once and
then read straight from there. Member names are shown to people and used for nothing else.
"""

import bz2
import gzip
import lzma
import os
import tarfile
import threading
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from vis3d.errors import InputError, TooLargeError

MAX_ENTRIES = 200_000
"""More members than any study has; an archive of millions is an attack on the memory."""
MAX_DIRECTORY_BYTES = 48 << 20
LEAST_INFLATED_BYTES = 1 << 30
MAX_INFLATION = 50
"""A compressed tar may grow to this many times its size (scans reach 2 to 5)."""
MAX_NAME = 200

_COMPRESSIONS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZ": bz2.BZ2File,
    b"\xfd7": lzma.LZMAFile,
}


class Source(Protocol):
    """A file's bytes, wherever they are; reading is thread-safe."""

    @property
    def name(self) -> str:
        """As shown to a person."""

    @property
    def size(self) -> int:
        """How many bytes there are, as the file system or the archive says."""

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on: fewer than `length` where the file ends."""


@dataclass(frozen=True)
class DiskFile:
    """A file on disk."""

    name: str
    size: int
    path: str

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on."""
        return _read_range(self.path, start, min(length, self.size - start))

    def read_into(self, start: int, target: memoryview) -> int:
        """Fill `target` from `start` on without a copy; how many bytes there were."""
        with Path(self.path).open("rb", buffering=0) as file:
            file.seek(start)
            done = 0
            while done < len(target):
                count = file.readinto(target[done:])
                if not count:
                    break
                done += count
            return done


@dataclass(frozen=True)
class StoredMember:
    """A member that lies uncompressed in its archive (zip "stored", plain tar)."""

    name: str
    size: int
    path: str
    offset: int

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on."""
        return _read_range(self.path, self.offset + start, min(length, self.size - start))


@dataclass(frozen=True)
class DeflatedMember:
    """A member of a zip archive, inflated only as far as it is read."""

    name: str
    size: int
    path: str
    offset: int
    packed_size: int

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on; what lies before them is inflated and dropped."""
        length = min(length, self.size - start)
        packed_guess = self.packed_size if start + length > self.size // 2 else start + length
        packed = _read_range(self.path, self.offset, min(self.packed_size, packed_guess + 4096))
        try:
            return inflated(packed, start + length)[start:]
        except zlib.error as error:
            raise InputError("is damaged inside the archive") from error


@dataclass(frozen=True)
class StreamedMember:
    """A member of a compressed tar; cheap while members are read in the archive's order."""

    name: str
    size: int
    offset: int
    stream: "CompressedStream"

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on."""
        return self.stream.read_at(self.offset + start, min(length, self.size - start))


@dataclass(frozen=True)
class MemoryFile:
    """A file whose bytes are held in memory."""

    name: str
    size: int
    data: bytes

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on."""
        return self.data[start : start + length]


@dataclass
class CompressedStream:
    """A compressed file read at growing offsets; going back starts it anew.

    Raises:
        TooLargeError: it inflates to more than any honest archive does.
    """

    path: str
    limit: int
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _file: Any = field(default=None, repr=False)
    _raw: IO[bytes] | None = field(default=None, repr=False)
    _position: int = 0
    _last: bytes = field(default=b"", repr=False)  # tarfile looks one byte back

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path, "limit": self.limit}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def read_at(self, offset: int, length: int) -> bytes:
        """The inflated bytes from `offset` on."""
        with self._lock:
            behind = offset - self._position + len(self._last)
            if behind >= 0 and offset + length <= self._position:
                return self._last[behind : behind + length]
            if self._file is None or offset < self._position:
                self._reopen()
            while self._position < offset:
                if not self._next(min(1 << 20, offset - self._position)):
                    return b""
            return self._next(max(0, length))

    def _next(self, length: int) -> bytes:
        if self._position + length > self.limit:
            raise TooLargeError(
                f"inflates to more than {self.limit >> 20} MiB; unpack it and name the folder"
            )
        try:
            data: bytes = self._file.read(length)
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise InputError("is damaged: it can't be decompressed") from error
        self._position += len(data)
        self._last = data
        return data

    def _reopen(self) -> None:
        self.close()
        self._raw = Path(self.path).open("rb")  # noqa: SIM115  (closed by close)
        magic = self._raw.read(2)
        self._raw.seek(0)
        self._file = _COMPRESSIONS[magic](self._raw)
        self._position, self._last = 0, b""

    def close(self) -> None:
        """Give the file back; the next read opens it again."""
        if self._raw is not None:
            self._raw.close()
        self._file = self._raw = None

    def __del__(self) -> None:
        self.close()


@dataclass(frozen=True)
class Unreadable:
    """A name under which no file can be read, and why."""

    name: str
    reason: str


def in_memory(source: Source) -> Source:
    """The same file with its bytes read once."""
    data = source.read(0, source.size)
    return MemoryFile(source.name, len(data), data)


def archive_kind(path: Path) -> str | None:
    """`zip`, `tar` or `compressed tar` by the file's first bytes; None for others."""
    with path.open("rb") as file:
        head = file.read(512)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if head[257:262] == b"ustar":
        return "tar"
    return "compressed tar" if head[:2] in _COMPRESSIONS and len(head) > 20 else None


def archive_members(path: Path, kind: str) -> Iterator[Source | Unreadable]:
    """The files in an archive, in the archive's order.

    Raises:
        InputError: the archive is damaged.
        TooLargeError: it holds more members than `MAX_ENTRIES`.
    """
    if kind == "zip":
        return _zip_members(path)
    return _tar_members(path, compressed=kind != "tar")


def folder_files(folder: Path) -> Iterator[Source | Unreadable]:
    """The files below a folder, in the order of their names; links to folders stay out."""
    for parent, folders, names in os.walk(folder, onerror=None):
        folders.sort()
        for name in folders:
            if Path(parent, name).is_symlink():
                shown = os.path.relpath(os.path.join(parent, name), folder)  # noqa: PTH118
                yield Unreadable(shown_name(shown), "a link to a folder, which isn't followed")
        for name in sorted(names):
            path = os.path.join(parent, name)  # noqa: PTH118  (a million files: Path is slow)
            yield disk_file(path, shown_name(os.path.relpath(path, folder)))


def disk_file(path: str, name: str) -> Source | Unreadable:
    """The file at `path`, shown as `name`."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError as error:
        return Unreadable(name, f"cannot be read: {error.strerror}")
    if status.st_mode & 0o170000 != 0o100000:
        return Unreadable(name, "not a regular file")
    return DiskFile(name, status.st_size, path)


def shown_name(name: str) -> str:
    """A file's name as a person may safely see it: no control characters, not endless."""
    plain = name.encode("utf-8", "backslashreplace").decode("utf-8")
    plain = "".join("?" if unicodedata.category(c)[0] == "C" else c for c in plain)
    return plain if len(plain) <= MAX_NAME else "…" + plain[-MAX_NAME:]


def inflated(packed: bytes, most: int) -> bytes:
    """The first `most` bytes of a raw deflate stream: memory is bounded by what is asked."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most) if most > 0 else b""


def _read_range(path: str, start: int, length: int) -> bytes:
    if length <= 0:
        return b""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return os.pread(descriptor, length, start)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}") from error


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
    local = _read_range(str(path), info.header_offset, 30)
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
    tail = _read_range(str(path), max(0, size - 66_000), 66_000)
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
            raise
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
