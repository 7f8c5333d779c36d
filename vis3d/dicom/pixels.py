"""Stored pixels -> stored values, one frame at a time, in any transfer syntax."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.dicom.codecs import NATIVE, decode, frame_payload
from vis3d.dicom.frames import Frame, PixelFormat
from vis3d.dicom.scan import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from vis3d.dicom.sources import DiskFile
from vis3d.errors import InputError, TruncatedError

_NATIVE_BITS = 16
_LITTLE_NATIVE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE) if sys.byteorder == "little" else ()


def stored_values(frame: Frame, into: NDArray[np.int16] | None = None) -> NDArray[Any]:
    """The frame's stored values (rows, columns), signed as the header says, or floating-point.

    Bits above BitsStored are masked: they may hold overlays or dirt (PS3.5 section 8.1.1).
    Where the pixels allow it they are read or decoded straight into `into`, of which the
    answer is then a view (unsigned values as their bits).

    Raises:
        TruncatedError: the file ends before its pixels do.
        InputError: compressed data that don't decode to this frame.
        RequirementError: no decoder is there.
    """
    form = frame.format
    if form.floating:
        return _native(frame).view(f"=f{form.allocated // 8}")
    if form.allocated == 1:
        return _single_bits(frame)
    room = into if into is not None and form.allocated == _NATIVE_BITS else None
    if frame.header.transfer_syntax not in NATIVE:
        syntax, name = frame.header.transfer_syntax, frame.name
        words = None if room is None else room.view(np.uint16)
        return _masked(decode(frame_payload(frame), syntax, form, name, words), form)
    if room is not None and _read_native_into(room, frame):
        return _masked(room, form)
    return _masked(_native(frame), form)


def same_pixels(one: Frame, other: Frame) -> bool:
    """Whether two frames hold the same measured values."""
    if (one.slope, one.intercept) != (other.slope, other.intercept):
        return False
    if one.lookup is not other.lookup:
        return False
    try:
        values = stored_values(one), stored_values(other)
        return bool(np.array_equal(*values, equal_nan=one.format.floating))
    except InputError:
        return False


def _read_native_into(target: NDArray[np.int16], frame: Frame) -> bool:
    """Read an uncompressed 16-bit frame from disk into `target`; False for all others."""
    source = frame.header.source
    if not isinstance(source, DiskFile):
        return False
    if frame.header.transfer_syntax not in _LITTLE_NATIVE:
        return False
    start = frame.header.elements.pixel_start
    assert start is not None
    size = frame.format.frame_bytes
    target_bytes = target.reshape(-1).view(np.uint8).data
    _check_count(source.read_into(start + frame.number * size, target_bytes), size, frame)
    return True


def _native(frame: Frame) -> NDArray[Any]:
    """Uncompressed values of any kind and source."""
    form = frame.format
    values = native_samples(frame, form.frame_bytes)
    return values.reshape(form.rows, form.columns)


def native_samples(frame: Frame, frame_bytes: int) -> NDArray[Any]:
    """The samples of an uncompressed frame one after another, unsigned, in native order.

    Raises:
        TruncatedError: the file ends before its pixels do.
    """
    bytes_each = frame.format.allocated // 8
    big = frame.header.transfer_syntax == EXPLICIT_BIG
    start = frame.number * frame_bytes
    if big and bytes_each == 1 and frame.header.elements.pixel_words:
        # Big-endian words of two 8-bit pixels each hold the second one first.
        first = start // 2 * 2
        data = _pixel_bytes(frame, first, start - first + frame_bytes + frame_bytes % 2)
        words = np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2")
        data = words.tobytes()[start - first :][:frame_bytes]
    else:
        data = _pixel_bytes(frame, start, frame_bytes)
    _check_count(len(data), frame_bytes, frame)
    values = np.frombuffer(data, f"{'>' if big else '<'}u{bytes_each}")
    return values.astype(f"=u{bytes_each}")


def _single_bits(frame: Frame) -> NDArray[np.uint8]:
    """Pixels of one bit, the lowest of a byte first, frame after frame (PS3.5 section 8.1.1).

    A frame may begin within a byte; big-endian words hold the second byte first.
    """
    form = frame.format
    count = form.rows * form.columns
    first, skipped = divmod(frame.number * count, 8)
    turned = first % 2 and frame.header.transfer_syntax == EXPLICIT_BIG
    first, skipped = (first - 1, skipped + 8) if turned else (first, skipped)
    length = -(-(skipped + count) // 8)
    if frame.header.transfer_syntax == EXPLICIT_BIG and frame.header.elements.pixel_words:
        data = _pixel_bytes(frame, first, length + length % 2)
        packed = np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").view(np.uint8)
    else:
        packed = np.frombuffer(_pixel_bytes(frame, first, length), np.uint8)
    _check_count(len(packed), length, frame)
    bits = np.unpackbits(packed, bitorder="little")[skipped : skipped + count]
    return bits.reshape(form.rows, form.columns)


def _pixel_bytes(frame: Frame, offset: int, length: int) -> bytes:
    """Bytes from an offset in the pixel data on."""
    start = frame.header.elements.pixel_start
    assert start is not None
    return frame.header.source.read(start + offset, length)


def _check_count(count: int, expected: int, frame: Frame) -> None:
    if count < expected:
        raise TruncatedError(
            f"{frame.name} ends {expected - count} bytes before its pixels do."
        )


def _masked(values: NDArray[Any], form: PixelFormat) -> NDArray[Any]:
    """The values of the stored bits alone, with their sign, in place (as a view)."""
    bits = values.dtype.itemsize * 8
    unsigned, signed = values.view(f"u{bits // 8}"), values.view(f"i{bits // 8}")
    below, above = form.high_bit - form.stored + 1, bits - 1 - form.high_bit
    if above < 0 or values.shape != (form.rows, form.columns):
        raise InputError("decodes to another format than its header says")
    if form.signed:
        if above:
            np.left_shift(signed, above, out=signed)
        if above + below:
            np.right_shift(signed, above + below, out=signed)
        return signed
    if above:
        np.bitwise_and(unsigned, (1 << (form.high_bit + 1)) - 1, out=unsigned)
    if below:
        np.right_shift(unsigned, below, out=unsigned)
    return unsigned
