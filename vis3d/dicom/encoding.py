"""Stored values -> compressed pixel data without loss, for files that are written."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from vis3d.errors import UsageError

Compression: TypeAlias = Literal["rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000", "htj2k"]


def transfer_syntax_of(compress: Compression | None) -> str:
    """The transfer syntax that a compression is written in.

    Raises:
        UsageError: no such compression.
    """
    if compress is None:
        return str(ExplicitVRLittleEndian)
    if compress not in _ENCODERS:
        legal = ", ".join(get_args(Compression))
        raise UsageError(f"Pixels are compressed by {legal}, not by {compress!r}.")
    return _ENCODERS[compress][0]


def add_pixels(image: Dataset, stored: NDArray[Any], compress: Compression | None) -> None:
    """Put 16-bit stored values (rows, columns) into a data set."""
    if compress is None:
        image.PixelData = stored.astype("<i2" if stored.dtype.kind == "i" else "<u2").tobytes()
        image["PixelData"].VR = "OW"
        return
    image.PixelData = encapsulate([_ENCODERS[compress][1](stored)])
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = True


def _words(stored: NDArray[Any]) -> NDArray[np.uint16]:
    """The bits of signed values, which JPEG and JPEG-LS know no sign for."""
    return np.ascontiguousarray(stored).view(np.uint16)


def _rle(stored: NDArray[Any]) -> bytes:
    """Two segments, high bytes first, each row packed alone (PS3.5 annex G)."""
    planes = _words(stored).astype(">u2").view(np.uint8).reshape(*stored.shape, 2)
    segments = [
        b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in planes[..., n])
        for n in (0, 1)
    ]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    header = np.zeros(16, "<u4")
    header[:3] = 2, 64, 64 + len(segments[0])
    return header.tobytes() + b"".join(segments)


def _jpeg_lossless(stored: NDArray[Any]) -> bytes:
    encoded = imagecodecs.jpeg8_encode(
        _words(stored), lossless=True, predictor=1, bitspersample=16
    )
    return bytes(encoded)


def _jpeg_ls(stored: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.jpegls_encode(_words(stored)))


def _jpeg_2000(stored: NDArray[Any]) -> bytes:
    encoded = imagecodecs.jpeg2k_encode(
        np.ascontiguousarray(stored), codecformat="J2K", reversible=True, level=0
    )
    return bytes(encoded)


def _htj2k(stored: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.htj2k_encode(np.ascontiguousarray(stored), reversible=True))


_ENCODERS: dict[Compression, tuple[str, Callable[[NDArray[Any]], bytes]]] = {
    "rle": (str(RLELossless), _rle),
    "jpeg-lossless": (str(JPEGLosslessSV1), _jpeg_lossless),
    "jpeg-ls": (str(JPEGLSLossless), _jpeg_ls),
    "jpeg-2000": (str(JPEG2000Lossless), _jpeg_2000),
    "htj2k": (str(HTJ2KLossless), _htj2k),
}
