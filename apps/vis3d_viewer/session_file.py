"""The container of a session file: a JSON document, then packed voxels, each with a length.

A line that names format and version, 8 bytes with the length of the document, the document
(compressed), the blobs. No archive, no names, no pickles: nothing in it can reach out.
"""

import json
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vis3d.errors import InputError, NothingFoundError, OutputError
from vis3d.whole_file import whole_file

MAGIC = b"vis3d-session "
VERSION = 1
MAX_DOCUMENT = 64 << 20
MAX_BYTES = 1 << 30
MAX_BLOBS = 100_000
MAX_VALUES = 5_000_000
"""Of the document: a small text can hold lists that fill the memory."""

_LENGTH = struct.Struct("<Q")


def write_container(path: Path, document: dict[str, Any], blobs: Sequence[bytes]) -> None:
    """Write a file that only its owner can read, whole or not at all.

    Raises:
        OutputError: it can't be written there, or is too much for one file.
    """
    text = json.dumps({**document, "blobs": [len(blob) for blob in blobs]}, allow_nan=False)
    if not _bearable(text.encode()) or sum(map(len, blobs)) > MAX_BYTES // 2:
        raise OutputError("These are more steps than a session file holds: save structures.")
    packed = zlib.compress(text.encode(), 3)
    with whole_file(path) as unfinished:
        unfinished.touch(mode=0o600)
        with unfinished.open("wb") as stream:
            stream.write(b"%s%d\n" % (MAGIC, VERSION) + _LENGTH.pack(len(packed)) + packed)
            stream.writelines(blobs)


def read_container(path: Path, *, blobs: bool = True) -> tuple[dict[str, Any], list[bytes]]:
    """The document and the blobs of a session file (none of these unless asked for).

    Raises:
        NothingFoundError: there is no such file.
        InputError: it is no session file, one of a later version, or damaged.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            _check_version(stream.readline(40))
            if size > MAX_BYTES:
                raise InputError("The session file is too large to be one.")
            document, lengths = _document(stream.read(_LENGTH.size), stream, size)
            if sum(lengths) != size - stream.tell():
                raise damaged("its length isn't what it says")
            return document, [stream.read(length) for length in lengths] if blobs else []
    except FileNotFoundError as error:
        raise NothingFoundError(f"There is no session file {path.name}.") from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "it can't be read"
        raise InputError(f"The session file can't be read: {reason}.") from error


def inflated(blob: bytes, size: int) -> bytes:
    """What is in a blob that holds exactly so many bytes.

    Raises:
        InputError: it holds fewer or more, or is damaged.
    """
    worker = zlib.decompressobj()
    try:
        data = worker.decompress(blob, size + 1)
    except zlib.error as error:
        raise damaged("packed data can't be unpacked") from error
    if len(data) != size or not worker.eof or worker.unused_data:
        raise damaged("packed data have another size than they say")
    return data


def damaged(why: str) -> InputError:
    """What is said of a session file that can't be used."""
    return InputError(f"The session file is damaged: {why}. Open another one.")


def _check_version(line: bytes) -> None:
    word = line.removeprefix(MAGIC).strip()
    if not line.startswith(MAGIC) or not line.endswith(b"\n") or not word.isdigit():
        raise InputError("This is no session file of vis3d (they are saved from the explorer).")
    if int(word) != VERSION:
        raise InputError(
            f"The session file is of version {int(word)}; this vis3d reads version {VERSION}: "
            "open it with the vis3d that saved it."
        )


def _document(head: bytes, stream: Any, size: int) -> tuple[dict[str, Any], list[int]]:
    if len(head) < _LENGTH.size:
        raise damaged("it ends too early")
    (length,) = _LENGTH.unpack(head)
    if length > size - stream.tell():
        raise damaged("it ends too early")
    worker = zlib.decompressobj()
    try:
        text = worker.decompress(stream.read(length), MAX_DOCUMENT)
        if not worker.eof or worker.unused_data:
            raise damaged("its description is cut off or too long")
        if not _bearable(text):
            raise damaged("its description is too long")
        document = json.loads(text, parse_constant=_no_number)
    except (zlib.error, ValueError, RecursionError, MemoryError) as error:
        raise error if isinstance(error, InputError) else damaged("no description") from error
    lengths = document.pop("blobs", None) if isinstance(document, dict) else None
    if not isinstance(lengths, list) or len(lengths) > MAX_BLOBS:
        raise damaged("no description")
    if not all(type(one) is int and 0 <= one <= size for one in lengths):
        raise damaged("its parts have no lengths")
    return document, lengths


def _bearable(text: bytes) -> bool:
    """Whether a document can be read without filling the memory."""
    values = sum(text.count(sign) for sign in (b"[", b"{", b","))
    return len(text) <= MAX_DOCUMENT and values <= MAX_VALUES


def _no_number(word: str) -> float:
    raise ValueError(word)
