"""Stored pixels -> stored values, one frame at a time, in any transfer syntax."""

import numpy as np
from numpy.typing import NDArray

from vis3d.dicom.codecs import NATIVE, decode, frame_payload
from vis3d.dicom.frames import Frame, PixelFormat
from vis3d.dicom.scan import EXPLICIT_BIG
from vis3d.dicom.sources import DiskFile
from vis3d.errors import InputError, TruncatedError


def stored_values(frame: Frame) -> NDArray[np.generic]:
    """The frame's stored values (rows, columns), signed as the header says.

    Bits above BitsStored are masked: they may hold overlays or dirt (PS3.5 section 8.1.1).

    Raises:
        TruncatedError: the file ends before its pixels do.
        InputError: compressed data that don't decode to this frame.
        RequirementError: no decoder is there.
    """
    form = frame.format
    if frame.header.transfer_syntax in NATIVE:
        return _masked(_native(frame), form)
    decoded = decode(frame_payload(frame), frame.header.transfer_syntax, form, frame.name)
    return _masked(decoded, form)


def same_pixels(one: Frame, other: Frame) -> bool:
    """Whether two frames hold the same measured values."""
    if (one.slope, one.intercept) != (other.slope, other.intercept):
        return False
    try:
        return bool(np.array_equal(stored_values(one), stored_values(other)))
    except InputError:
        return False


def _native(frame: Frame) -> NDArray[np.generic]:
    """Uncompressed values, read straight from where they lie in the file."""
    form, elements = frame.format, frame.header.elements
    assert elements.pixel_start is not None
    dtype = np.dtype(
        f"{'>' if elements.transfer_syntax == EXPLICIT_BIG else '<'}u{form.allocated // 8}"
    )
    start = elements.pixel_start + frame.number * form.frame_bytes
    source = frame.header.source
    if isinstance(source, DiskFile):
        values = np.empty((form.rows, form.columns), dtype)
        count = source.read_into(start, memoryview(values.reshape(-1).view(np.uint8)))
    else:
        data = source.read(start, form.frame_bytes)
        count = len(data)
        if count == form.frame_bytes:
            values = np.frombuffer(bytearray(data), dtype).reshape(form.rows, form.columns)
    if count < form.frame_bytes:
        raise TruncatedError(
            f"{frame.name} ends {form.frame_bytes - count} bytes before its pixels do."
        )
    return values.astype(dtype.newbyteorder("="), copy=False)


def _masked(values: NDArray[np.generic], form: PixelFormat) -> NDArray[np.generic]:
    """The values of the stored bits alone, with their sign, in place where possible."""
    bits = values.dtype.itemsize * 8
    unsigned = values.view(f"u{bits // 8}")
    unused_below = form.high_bit - form.stored + 1
    unused_above = bits - 1 - form.high_bit
    if unused_above < 0 or values.shape != (form.rows, form.columns):
        raise InputError("The decoded pixels have another format than the header says.")
    signed = unsigned.view(f"i{bits // 8}")
    if form.signed:
        if unused_above:
            signed = np.left_shift(signed, unused_above)
        if unused_above + unused_below:
            signed = np.right_shift(signed, unused_above + unused_below)
        return signed
    if unused_above:
        unsigned = np.bitwise_and(unsigned, (1 << (form.high_bit + 1)) - 1)
    return np.right_shift(unsigned, unused_below) if unused_below else unsigned
