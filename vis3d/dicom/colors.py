"""Stored colours -> RGB: palettes, YBR, planes, and the compressed kinds of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut, convert_color_space

from vis3d.dicom.codecs import JPEG_SYNTAXES, NATIVE, decode_colors, frame_payload
from vis3d.dicom.datasets import header_dataset
from vis3d.dicom.frames import Frame, PixelFormat, safe_word
from vis3d.dicom.pixels import native_samples, stored_values
from vis3d.dicom.streams import names_colors
from vis3d.errors import InputError, UnsupportedError

SUBSAMPLED = "YBR_FULL_422"
_RGB_WHEN_DECODED = ("RGB", "YBR_RCT", "YBR_ICT")


def size_of(form: PixelFormat, frames: int) -> int:
    """The bytes of uncompressed frames; subsampled colours take two for three."""
    whole = form.bytes_of(frames)
    return whole * 2 // 3 if form.photometric == SUBSAMPLED else whole


def rgb_values(frame: Frame) -> NDArray[np.uint8]:
    """A colour frame as (rows, columns, 3), cut to 8 bits a channel.

    Raises:
        TruncatedError: the file ends before its pixels do.
        InputError: a palette or compressed data that can't be used.
        UnsupportedError: a colour space that isn't read.
    """
    if frame.format.photometric == "PALETTE COLOR":
        return _from_palette(frame)
    native = frame.header.transfer_syntax in NATIVE
    colors, space = _native(frame) if native else _decompressed(frame)
    if colors.dtype != np.uint8:
        colors = (colors >> max(0, frame.format.stored - 8)).astype(np.uint8)
    if space == "RGB":
        return colors
    rgb: NDArray[np.uint8] = convert_color_space(colors, "YBR_FULL", "RGB")
    return rgb


def _native(frame: Frame) -> tuple[NDArray[Any], str]:
    """Uncompressed colours (rows, columns, 3), and their colour space."""
    form = frame.format
    values = native_samples(frame, size_of(form, 1))
    if form.photometric == SUBSAMPLED:
        return _unfolded(values, form), "YBR_FULL"
    if form.photometric not in ("RGB", "YBR_FULL"):
        raise UnsupportedError(f"has {safe_word(form.photometric)} colours, which aren't read")
    return _in_pixels(values, form, frame.header.integer("PlanarConfiguration", 0)), (
        form.photometric
    )


def _in_pixels(values: NDArray[Any], form: PixelFormat, planar: int) -> NDArray[Any]:
    if planar not in (0, 1):
        raise InputError(f"has PlanarConfiguration {planar}; 0 and 1 exist")
    if planar:
        return np.moveaxis(values.reshape(3, form.rows, form.columns), 0, 2)
    return values.reshape(form.rows, form.columns, 3)


def _unfolded(values: NDArray[Any], form: PixelFormat) -> NDArray[Any]:
    """Y Y B R for every two pixels (PS3.3 section C.7.6.3.1.2) -> Y B R each."""
    if form.columns % 2:
        raise InputError(f"has {form.columns} columns of colours that come in pairs")
    fours = values.reshape(form.rows, form.columns // 2, 4)
    colors = np.empty((form.rows, form.columns, 3), values.dtype)
    colors[:, 0::2, 0], colors[:, 1::2, 0] = fours[..., 0], fours[..., 1]
    for channel in (1, 2):
        colors[..., channel] = np.repeat(fours[..., channel + 1], 2, axis=1)
    return colors


def _decompressed(frame: Frame) -> tuple[NDArray[Any], str]:
    form, syntax = frame.format, frame.header.transfer_syntax
    payload = frame_payload(frame)
    space: str | None = None
    if syntax in JPEG_SYNTAXES and form.photometric == "RGB":
        space = None if names_colors(payload) else "RGB"
    colors = decode_colors(payload, syntax, form, frame.name, space)
    decoder_converts = syntax in JPEG_SYNTAXES or form.photometric in _RGB_WHEN_DECODED
    return colors, "RGB" if decoder_converts else "YBR_FULL"


def _from_palette(frame: Frame) -> NDArray[np.uint8]:
    """Numbers of colours looked up in the file's palette (PS3.3 section C.7.9)."""
    dataset = header_dataset(frame.header)
    numbers = stored_values(frame)
    try:
        _check_palette(dataset)
        colors = np.asarray(apply_color_lut(numbers, dataset))[..., :3]
    except InputError:
        raise
    except Exception as error:  # pydicom raises a dozen kinds on damage
        raise InputError("has a palette that can't be read") from error
    if colors.dtype == np.uint8:
        return colors
    return (colors >> 8).astype(np.uint8)


def _check_palette(dataset: Any) -> None:
    """Refuse tables shorter than they say: every index must have its colour."""
    for name in ("Red", "Green", "Blue"):
        count = int(dataset[f"{name}PaletteColorLookupTableDescriptor"].value[0]) or 1 << 16
        table = dataset.get(f"{name}PaletteColorLookupTableData")
        if table is not None and len(table) < count:
            raise InputError(f"has a palette of {len(table)} bytes for {count} colours")
        if table is None and f"Segmented{name}PaletteColorLookupTableData" not in dataset:
            raise InputError("has no palette")
