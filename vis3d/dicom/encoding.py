"""Stored values -> compressed pixel data without loss, for files that are written."""

from collections.abc import Callable, Iterable
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

from vis3d.errors import UnsupportedError, UsageError

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


def compression_of(transfer_syntax: str) -> Compression | None:
    """The lossless compression of a transfer syntax's kind; None for uncompressed ones."""
    return _KINDS.get(transfer_syntax)


def colors_of(compress: Compression | None) -> str:
    """PhotometricInterpretation of colours: HTJ2K's encoder mixes them (ISO 15444-1 RCT)."""
    return "YBR_RCT" if compress == "htj2k" else "RGB"


def add_pixels(image: Dataset, stored: NDArray[Any], compress: Compression | None) -> None:
    """Put 16-bit stored values (rows, columns) into a data set."""
    if compress is None:
        image.PixelData = stored.astype("<i2" if stored.dtype.kind == "i" else "<u2").tobytes()
        image["PixelData"].VR = "OW"
        return
    put_frames(image, [compressed(stored, compress, 16)])


def put_frames(image: Dataset, streams: Iterable[bytes]) -> None:
    """Put compressed frames into a data set."""
    image.PixelData = encapsulate(list(streams))
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = True


def compressed(stored: NDArray[Any], compress: Compression, bits: int) -> bytes:
    """One frame, values (rows, columns) or 8-bit RGB (rows, columns, 3), without loss.

    `bits` are the stored ones; JPEG-LS and HTJ2K streams have all of the values' type.

    Raises:
        UnsupportedError: values of 32 bits, which RLE alone takes.
    """
    if stored.dtype.itemsize > 2 and compress != "rle":
        raise UnsupportedError(
            f"holds values of 32 bits, which {compress} doesn't take: use rle"
        )
    return _ENCODERS[compress][1](np.ascontiguousarray(stored), bits)


def keeps_bits(compress: Compression) -> bool:
    """Whether a stream can say that it has fewer bits than its values' type."""
    return compress not in ("jpeg-ls", "htj2k")


def _words(stored: NDArray[Any], bits: int | None = None) -> NDArray[Any]:
    """The bits of signed values, which JPEG and JPEG-LS know no sign for."""
    words = stored.view(f"u{stored.dtype.itemsize}")
    return words if bits is None else words & words.dtype.type((1 << bits) - 1)


def _rle(stored: NDArray[Any], bits: int) -> bytes:
    """A segment a byte of each sample, high bytes first, rows packed alone (PS3.5 annex G)."""
    size = stored.dtype.itemsize
    samples = stored.reshape(*stored.shape[:2], -1)
    planes = _words(samples).astype(f">u{size}").view(np.uint8)
    segments = [
        b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in planes[..., n])
        for n in range(planes.shape[2])
    ]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    header = np.zeros(16, "<u4")
    header[0] = len(segments)
    ends = np.cumsum([64, *map(len, segments)])
    header[1 : 1 + len(segments)] = ends[:-1]
    return header.tobytes() + b"".join(segments)


def _jpeg_lossless(stored: NDArray[Any], bits: int) -> bytes:
    space: dict[str, Any] = (
        {"colorspace": "RGB", "outcolorspace": "RGB"} if stored.ndim == 3 else {}
    )
    encoded = imagecodecs.jpeg8_encode(
        _words(stored, bits), lossless=True, predictor=1, bitspersample=bits, **space
    )
    return bytes(encoded)


def _jpeg_ls(stored: NDArray[Any], bits: int) -> bytes:
    return bytes(imagecodecs.jpegls_encode(_words(stored)))


def _jpeg_2000(stored: NDArray[Any], bits: int) -> bytes:
    encoded = imagecodecs.jpeg2k_encode(
        stored, codecformat="J2K", reversible=True, level=0, mct=False, bitspersample=bits
    )
    return bytes(encoded)


def _htj2k(stored: NDArray[Any], bits: int) -> bytes:
    return bytes(imagecodecs.htj2k_encode(stored, reversible=True))


_ENCODERS: dict[Compression, tuple[str, Callable[[NDArray[Any], int], bytes]]] = {
    "rle": (str(RLELossless), _rle),
    "jpeg-lossless": (str(JPEGLosslessSV1), _jpeg_lossless),
    "jpeg-ls": (str(JPEGLSLossless), _jpeg_ls),
    "jpeg-2000": (str(JPEG2000Lossless), _jpeg_2000),
    "htj2k": (str(HTJ2KLossless), _htj2k),
}

_JPEG = "1.2.840.10008.1.2.4."
_KINDS: dict[str, Compression] = {
    str(RLELossless): "rle",
    **dict.fromkeys(
        (_JPEG + end for end in ("50", "51", "53", "55", "57", "70")), "jpeg-lossless"
    ),
    **dict.fromkeys((_JPEG + end for end in ("80", "81")), "jpeg-ls"),
    **dict.fromkeys((_JPEG + end for end in ("90", "91")), "jpeg-2000"),
    **dict.fromkeys((_JPEG + end for end in ("201", "202", "203")), "htj2k"),
}
