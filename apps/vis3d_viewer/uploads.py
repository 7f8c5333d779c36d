"""Files that a browser sends: streamed into a private folder, never named by it."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from aiohttp import BodyPartReader, MultipartReader

from vis3d.errors import InputError, TooLargeError
from vis3d.formats import SURFACE_READERS, VOXEL_READERS
from vis3d_viewer.browsing import ARCHIVES

MAX_BYTES = 8 << 30
MAX_FILES = 20_000
SPARE_BYTES = 1 << 30
"""The disk keeps so much free."""

CHUNK = 1 << 20
NAMED = (*VOXEL_READERS, *SURFACE_READERS, *ARCHIVES)
"""What is opened for its ending; all else is looked through as a folder of DICOM files."""

VOXELS_OF_HEADERS = (".raw", ".zraw")
"""What a header file such as .mhd expects beside it."""


@dataclass
class Upload:
    """What was received so far, in a folder of its own."""

    folder: Path
    max_bytes: int = MAX_BYTES
    max_files: int = MAX_FILES
    size: int = 0
    count: int = 0
    named: list[Path] = field(default_factory=list)

    @property
    def inputs(self) -> list[Path]:
        """What is to be opened."""
        others = self.folder / "dicom"
        first = others / "0"
        if not (others / "1").exists():  # no name came twice: none needs its number
            others = first
        return ([others] if first.is_dir() else []) + self.named

    def place(self, filename: str | None) -> Path:
        """Where the next file goes: under its own last name, made harmless.

        Raises:
            TooLargeError: there are too many.
        """
        if self.count >= self.max_files:
            raise TooLargeError(
                f"More than {self.max_files:,} files: send a zip, or start vis3d on the folder."
            )
        self.count += 1
        name = safe_name(filename or "")
        known = name.lower().endswith(NAMED)
        beside = name.lower().endswith(VOXELS_OF_HEADERS)
        folder = self.folder / ("named" if known or beside else "dicom")
        path = folder / "0" / name
        turn = 0
        while path.exists():
            turn += 1
            path = folder / str(turn) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if known:
            self.named.append(path)
        return path

    def grew(self, by: int) -> None:
        """Count what came.

        Raises:
            TooLargeError: it is too much.
        """
        self.size += by
        if self.size > self.max_bytes:
            raise _too_large(self.max_bytes)


def safe_name(filename: str) -> str:
    """The last part of a file's name, of harmless characters alone, ending kept."""
    last = re.split(r"[/\\]", filename)[-1]
    plain = re.sub(r"[^A-Za-z0-9._+-]", "_", last).lstrip(".-")
    return plain[-100:].lstrip(".-") or "file"


def check_size(length: int | None, folder: Path, max_bytes: int = MAX_BYTES) -> None:
    """Refuse what is announced as too large before any of it is read.

    Raises:
        TooLargeError: more than is taken, or than the disk can hold.
    """
    if length is not None and length > max_bytes:
        raise _too_large(max_bytes)
    free = shutil.disk_usage(folder).free - SPARE_BYTES
    if (length or 0) > free:
        raise TooLargeError("There is too little room on this computer's disk for it.")


@asynccontextmanager
async def received(
    reader: MultipartReader, parent: Path, *, max_bytes: int = MAX_BYTES
) -> AsyncIterator[Upload]:
    """All files of a multipart request; the folder is removed unless all goes well.

    Raises:
        TooLargeError: too many files, or too large ones.
        InputError: no files came.
    """
    upload = Upload(Path(tempfile.mkdtemp(prefix="upload-", dir=parent)), max_bytes)
    try:
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise InputError("Files within files aren't taken.")
            await _write(part, upload)
        if not upload.count:
            raise InputError("No file came.")
        yield upload
    except BaseException:
        shutil.rmtree(upload.folder, ignore_errors=True)
        raise


async def _write(part: BodyPartReader, upload: Upload) -> None:
    path = upload.place(part.filename)
    with path.open("wb") as stream:
        buffer = bytearray()
        while chunk := await part.read_chunk(CHUNK):
            upload.grew(len(chunk))
            buffer += chunk
            if len(buffer) >= CHUNK:
                await _flush(stream, buffer, upload)
        await _flush(stream, buffer, upload)


async def _flush(stream: IO[Any], buffer: bytearray, upload: Upload) -> None:
    """Write in a worker: a slow disk mustn't hold up the slices."""
    if not buffer:
        return
    try:
        await asyncio.to_thread(stream.write, bytes(buffer))
    except OSError as error:
        raise TooLargeError(f"It couldn't be kept: {error.strerror}.") from error
    buffer.clear()
    if shutil.disk_usage(upload.folder).free < SPARE_BYTES:
        raise TooLargeError("There is too little room on this computer's disk for it.")


def discard(folder: Path) -> None:
    """Remove what was received."""
    with suppress(OSError):
        shutil.rmtree(folder)


def _too_large(max_bytes: int) -> TooLargeError:
    return TooLargeError(
        f"More than {max_bytes / (1 << 30):.0f} GiB: start vis3d on the folder instead."
    )
