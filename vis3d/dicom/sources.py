"""Where the bytes of a file lie: on disk, inside an archive, or in memory."""

import bz2
import gzip
import lzma
import os
import threading
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

from vis3d.errors import InputError, NothingFoundError, TooLargeError

MAX_NAME = 200

Kept = TypeVar("Kept")

COMPRESSIONS: dict[bytes, Callable[[IO[bytes]], Any]] = {
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
        return read_range(self.path, start, min(length, self.size - start))

    def read_into(self, start: int, target: memoryview) -> int:
        """Fill `target` from `start` on without a copy; how many bytes there were."""
        done = 0
        try:
            with open(self.path, "rb", buffering=0) as file:  # noqa: PTH123
                file.seek(start)
                while done < len(target) and (count := file.readinto(target[done:])):
                    done += count
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}") from error
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
        return read_range(self.path, self.offset + start, min(length, self.size - start))


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
        packed = read_range(self.path, self.offset, min(self.packed_size, packed_guess + 4096))
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
        self._file = COMPRESSIONS[magic](self._raw)
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


def at_hand(file: Kept) -> Kept | MemoryFile:
    """A file to be read again and again: one of a compressed tar is read whole."""
    if not isinstance(file, StreamedMember):
        return file
    data = file.read(0, file.size)
    return MemoryFile(file.name, len(data), data)


def named_file(path: "str | os.PathLike[str] | Source") -> Source:
    """The file on disk that a path names, or the file that was given.

    Raises:
        NothingFoundError: there is no such file.
        InputError: it isn't a file that can be read.
    """
    if not isinstance(path, (str, os.PathLike)):
        return path
    path = Path(path)
    if not path.exists():
        raise NothingFoundError(f"There is no file {path}.")
    file = disk_file(str(path), shown_name(path.name))
    if isinstance(file, Unreadable):
        raise InputError(f"{file.name}: {file.reason}.")
    return file


def folder_files(folder: Path) -> Iterator[Source | Unreadable]:
    """The files below a folder, in the order of their names; links to folders stay out."""
    top = str(folder)
    closed: list[OSError] = []
    for parent, folders, names in os.walk(top, onerror=closed.append):
        folders.sort()
        shown = parent[len(top) :].lstrip(os.sep)
        shown = f"{shown}/" if shown else ""
        for name in folders:
            if Path(parent, name).is_symlink():
                reason = "a link to a folder, which isn't followed"
                yield Unreadable(shown_name(shown + name), reason)
        for name in sorted(names):
            # Joined as strings: Path costs more than the header pass over many files.
            yield disk_file(f"{parent}{os.sep}{name}", shown_name(shown + name))
    for error in closed:
        name = os.path.relpath(error.filename, top)
        yield Unreadable(shown_name(name), f"cannot be read: {error.strerror}")


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
    if name.isascii() and name.isprintable() and len(name) <= MAX_NAME:
        return name
    plain = name.encode("utf-8", "backslashreplace").decode("utf-8")
    plain = "".join("?" if unicodedata.category(c)[0] == "C" else c for c in plain)
    return plain if len(plain) <= MAX_NAME else "…" + plain[-MAX_NAME:]


def inflated(packed: bytes, most: int) -> bytes:
    """The first `most` bytes of a raw deflate stream: memory is bounded by what is asked."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most) if most > 0 else b""


def read_range(path: str, start: int, length: int) -> bytes:
    """Bytes of a file on disk, fewer where it ends.

    Raises:
        InputError: it can't be read.
    """
    if length <= 0:
        return b""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  (Path costs as much again)
            file.seek(start)
            return file.read(length)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}") from error
