"""Pixels of a file -> the same pixels in an image written anew, compressed or not."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from vis3d.dicom.codecs import LOSSY_TRANSFER_SYNTAXES
from vis3d.dicom.colors import rgb_values
from vis3d.dicom.encoding import (
    Compression,
    colors_of,
    compressed,
    keeps_bits,
    put_frames,
    transfer_syntax_of,
)
from vis3d.dicom.file_meta import file_meta
from vis3d.dicom.frames import Frame, PixelFormat
from vis3d.dicom.headers import Header
from vis3d.dicom.padding import stored_range
from vis3d.dicom.pixels import stored_values
from vis3d.errors import TooLargeError

MAX_PIXEL_BYTES = 2**32 - 2
_FLOATING = {32: "FloatPixelData", 64: "DoubleFloatPixelData"}


def add_pixels_anew(
    made: Dataset,
    header: Header,
    form: PixelFormat,
    count: int,
    compress: Compression | None,
) -> None:
    """The values of all frames, and what describes how they are stored."""
    size = form.rows * form.columns * 3 * count if form.is_color else form.bytes_of(count)
    if size > MAX_PIXEL_BYTES:
        raise TooLargeError(
            f"holds {size:,} bytes of pixels; an element takes {MAX_PIXEL_BYTES:,}"
        )
    frames = (_values(_bare_frame(header, form, number)) for number in range(count))
    if form.is_color:
        _describe_colors(made, compress)
    elif not form.floating:
        made.BitsStored, made.HighBit = form.stored, form.stored - 1
        made.PhotometricInterpretation = form.photometric
        if "PixelPresentation" in made:
            made.PixelPresentation = "MONOCHROME"
    for keyword in made.dir("PaletteColor"):
        del made[keyword]
    if compress is None:
        _put_plain(made, form, frames)
    else:
        if not form.is_color and not keeps_bits(compress):
            _widen(made, header, form)
        bits = int(made.BitsStored)
        put_frames(made, [compressed(values, compress, bits) for values in frames])
    if "NumberOfFrames" in made:
        made.NumberOfFrames = count
    if header.transfer_syntax in LOSSY_TRANSFER_SYNTAXES:
        made.LossyImageCompression = "01"
    syntax = transfer_syntax_of(compress)
    made.file_meta = file_meta(made.SOPClassUID, made.SOPInstanceUID, syntax)


def _put_plain(made: Dataset, form: PixelFormat, frames: Iterable[NDArray[Any]]) -> None:
    """The frames' values one after another, in the element that holds their kind."""
    if form.allocated == 1:
        bits = np.concatenate([values.ravel() for values in frames])
        pixels = np.packbits(bits, bitorder="little").tobytes()
    else:
        pixels = b"".join(values.tobytes() for values in frames)
    if form.floating:
        setattr(made, _FLOATING[form.allocated], pixels)
        return
    made.PixelData = pixels + b"\0" * (len(pixels) % 2)
    made["PixelData"].VR = "OW"


def _values(frame: Frame) -> NDArray[Any]:
    """Stored values (rows, columns) in little-endian order, or RGB (rows, columns, 3)."""
    if frame.format.is_color:
        return rgb_values(frame)
    return stored_values(frame).astype(f"<{frame.format.kind}")


def _widen(made: Dataset, header: Header, form: PixelFormat) -> None:
    """Say that all bits are stored: the stream does, and the values are the same."""
    made.BitsStored, made.HighBit = form.allocated, form.allocated - 1
    limits = stored_range(_bare_frame(header, form, 0))
    kind = "SS" if form.signed else "US"  # some write unsigned what is signed
    if limits is not None and "PixelPaddingValue" in made:
        made.add_new("PixelPaddingValue", kind, int(limits[0]))
        if "PixelPaddingRangeLimit" in made:
            made.add_new("PixelPaddingRangeLimit", kind, int(limits[1]))


def _bare_frame(header: Header, form: PixelFormat, number: int) -> Frame:
    """A frame whose place doesn't matter."""
    return Frame(header, number, form, None, None, None, 1.0, 0.0, "", None)


def _describe_colors(made: Dataset, compress: Compression | None) -> None:
    made.SamplesPerPixel, made.PhotometricInterpretation = 3, colors_of(compress)
    made.PlanarConfiguration, made.PixelRepresentation = 0, 0
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit = 7
