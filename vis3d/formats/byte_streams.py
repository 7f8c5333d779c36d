"""Exactly as many bytes as a header promises, never more than a file can hold."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError, TooLargeError, TruncatedError
from vis3d.progress import Progress, silent
from vis3d.threads import in_threads

DEFLATE_RATIO = 1032
"""The most that deflate can shrink anything (zlib's manual)."""

LEAST_INFLATED_BYTES = 1 << 30
MAX_INFLATION = 200
"""Compressed voxels may grow to this many times their file; label maps reach 100."""

STEP = 1 << 24
DEFLATE_BLOCK = 1 << 21


def check_promise(path: Path, promised: int, stored: int, *, ratio: int = 1) -> None:
    """Refuse a header that promises more bytes than `stored` bytes can honestly hold.

    Raises:
        TruncatedError: bytes are missing.
        TooLargeError: they are there, but only blank voxels compress so well.
    """
    if promised > stored * ratio:
        raise TruncatedError(
            f"{path}: the header promises {promised:,} bytes of voxels or triangles, and the "
            f"file holds {stored:,}{' compressed' if ratio > 1 else ''}. "
            f"It is truncated or not what its name says."
        )
    if ratio > 1 and promised > max(LEAST_INFLATED_BYTES, MAX_INFLATION * stored):
        raise TooLargeError(
            f"{path} inflates from {stored:,} to {promised:,} bytes, as no scan does; inflate "
            f"it first if it is one."
        )


def read_array(
    stream: IO[bytes],
    path: Path,
    dtype: np.dtype[np.generic],
    count: int,
    progress: Progress = silent,
) -> NDArray[np.generic]:
    """`count` values from a stream, decompressed as they come, in the machine's order.

    Raises:
        TruncatedError: the stream ends early.
        InputError: the compressed bytes are damaged.
    """
    array = np.empty(count, dtype)
    target = memoryview(array.view(np.uint8).reshape(-1).data)
    done = 0
    try:
        while done < len(target):
            progress(done / len(target), f"Reading {path.name}")
            got = stream.readinto(target[done : done + STEP])  # type: ignore[attr-defined]
            if not got:
                raise EOFError
            done += got
        _read_on(stream, len(target), lambda: progress(1.0, f"Reading {path.name}"))
    except EOFError as error:
        raise TruncatedError(
            f"{path}: the voxels end after {done:,} of {len(target):,} bytes. "
            f"Copy or download the file again."
        ) from error
    except (zlib.error, gzip.BadGzipFile, lzma.LZMAError, OSError, ValueError) as error:
        raise InputError(f"{path}: the compressed voxels are damaged ({error}).") from error
    return array if array.dtype.isnative else array.astype(dtype.newbyteorder("="))


def _read_on(stream: IO[bytes], limit: int, pause: Callable[[], None]) -> None:
    """Read past the voxels: at the end of a compressed stream its checksum is compared.

    Damage can make a stream longer, so one byte more isn't enough; `limit` keeps a bomb short.
    """
    while limit > 0 and (got := len(stream.read(min(limit, STEP)))):
        limit -= got
        pause()


def inflated(stream: IO[bytes], encoding: str) -> IO[bytes]:
    """A stream of the decompressed bytes: "raw", "zlib", "gzip" or "bzip2"."""
    if encoding == "zlib":
        return io.BufferedReader(_Inflater(stream), STEP // 16)
    if encoding == "gzip":
        return gzip.open(stream)  # type: ignore[return-value]
    if encoding == "bzip2":
        return bz2.BZ2File(stream)
    return stream


def skip(stream: IO[bytes], count: int) -> None:
    """Read past `count` bytes."""
    while count > 0 and (got := len(stream.read(min(count, STEP)))):
        count -= got


def zlib_stream(array: NDArray[np.generic], progress: Progress = silent) -> bytes:
    """The array's bytes compressed on every core, as zlib (RFC 1950) frames them."""
    content = memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    end = zlib.adler32(content).to_bytes(4, "big")
    return b"".join((b"\x78\x01", *_deflated(content, progress), end))


def gzip_stream(content: memoryview | bytes, progress: Progress = silent) -> bytes:
    """Bytes compressed on every core, as gzip (RFC 1952) frames them, without time or name."""
    head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    ends = (zlib.crc32(content), len(content) & 0xFFFFFFFF)
    packed = _deflated(content, progress)
    return b"".join((head, *packed, *(n.to_bytes(4, "little") for n in ends)))


def in_blocks(
    pack: Callable[[memoryview], bytes],
    content: memoryview | bytes,
    block_bytes: int,
    progress: Progress,
) -> list[bytes]:
    """Each block packed, in order, on every core; `progress` may stop it between two."""
    view = memoryview(content)
    blocks = [view[at : at + block_bytes] for at in range(0, len(view), block_bytes)]
    return in_threads(pack, blocks, progress, "Compressing")


def _deflated(content: memoryview | bytes, progress: Progress) -> list[bytes]:
    """One deflate stream in pieces.

    Blocks are compressed apart and joined by full flushes, which the format allows; speed
    matters more than the last percent (level 1).
    """
    packed = in_blocks(_deflated_block, content, DEFLATE_BLOCK, progress)
    return [*packed, zlib.compressobj(1, zlib.DEFLATED, -15).flush()]


def _deflated_block(block: memoryview) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    return packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)


class _Inflater(io.RawIOBase):
    """A zlib or gzip stream as a file, inflated as far as it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._inflate = zlib.decompressobj(wbits=47)

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._stream.read(1 << 16)
            content = self._inflate.decompress(packed, len(target))
            if content:
                target[: len(content)] = content
                return len(content)
            if not packed:
                raise EOFError
        return 0
