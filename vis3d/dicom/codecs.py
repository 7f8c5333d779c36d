"""Compressed pixel data: fragments -> one frame's bytes -> stored values."""

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.config import IGNORE
from pydicom.uid import UID

from vis3d.dicom.frames import Frame, PixelFormat, frame_count, safe_word
from vis3d.dicom.headers import Header
from vis3d.dicom.huffman import is_damaged
from vis3d.dicom.scan import DEFLATED_LITTLE, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from vis3d.dicom.streams import Size, ends_whole, jpeg2000_size, jpeg_size
from vis3d.errors import InputError, RequirementError, TruncatedError, UnsupportedError

NATIVE = frozenset((IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED_LITTLE))
_JPEG = "1.2.840.10008.1.2.4."
JPEG_SYNTAXES = frozenset(_JPEG + end for end in ("50", "51", "53", "55", "57", "70"))
LOSSY_TRANSFER_SYNTAXES = frozenset(_JPEG + end for end in ("50", "51", "53", "55", "81"))
"""Those that always lose something; of others the header tells."""
_ITEM, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_IMAGE_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")
RLE_EXPANSION = 64
"""Two bytes of RLE make 128 at most."""
MAX_RLE_SURPLUS = 2
"""Bytes that padding to an even length may add to a segment."""
MAX_FRAGMENTS = 1_000_000


def is_supported(transfer_syntax: str) -> bool:
    """Whether vis3d knows how to read pixels in this transfer syntax."""
    return transfer_syntax in NATIVE or transfer_syntax in _DECODERS


def syntax_name(transfer_syntax: str) -> str:
    """A transfer syntax in words, safe to show."""
    uid = UID(safe_word(transfer_syntax, 64), validation_mode=IGNORE)
    name = f"{uid.name} ({uid})" if uid.name != uid else str(uid)
    return f"the transfer syntax {name}"


@lru_cache(maxsize=8)
def fragments(header: Header) -> list[tuple[int, int]]:
    """(start, length) of each fragment after the offset table (PS3.5 section A.4).

    Only item headers are read.

    Raises:
        TruncatedError: the file ends before the sequence of fragments does.
        InputError: bytes that are no fragment.
    """
    source, start = header.source, header.elements.pixel_start
    assert start is not None
    found: list[tuple[int, int]] = []
    while len(found) <= MAX_FRAGMENTS:
        head = source.read(start, 8)
        if len(head) < 8:
            raise TruncatedError(f"{header.name} ends before its compressed pixels do.")
        length = struct.unpack_from("<I", head, 4)[0]
        if head[:4] == _SEQUENCE_END:
            return found[1:]
        if head[:4] != _ITEM or start + 8 + length > source.size:
            raise TruncatedError(f"{header.name} has a cut or damaged fragment of pixels.")
        found.append((start + 8, length))
        start += 8 + length
    raise InputError(f"{header.name} has more than {MAX_FRAGMENTS} fragments.")


def frame_payload(frame: Frame) -> bytes:
    """The compressed bytes of one frame.

    Raises:
        InputError: fragments that can't be told apart by frame.
    """
    header = frame.header
    found = fragments(header)
    count = frame_count(header)
    if not found or len(found) < count:
        raise InputError(f"{header.name} has {len(found)} fragments for {count} frames.")
    if len(found) > count and _image_starts(frame, found) > count:
        raise InputError(f"{header.name} has more compressed images than its {count} frames.")
    if count == 1:
        mine = found
    elif len(found) == count:
        mine = found[frame.number : frame.number + 1]
    else:
        mine = _by_frame(header, found, count)[frame.number]
    return b"".join(header.source.read(start, length) for start, length in mine)


def decode(
    payload: bytes,
    transfer_syntax: str,
    form: PixelFormat,
    name: str,
    into: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """The stored values (rows, columns) of one compressed frame.

    The size written in the compressed stream is compared with Rows and Columns first, so
    that no decoder allocates more than the header says. Where the codec can, it decodes
    straight into `into`, and that is the answer.

    Raises:
        UnsupportedError: a transfer syntax that isn't read.
        RequirementError: its decoder is missing.
        InputError: data that don't decode, or to another size.
    """
    values = _checked(_decoded, payload, transfer_syntax, form, name, into)
    if values.shape != (form.rows, form.columns):
        raise InputError(f"{name} decodes to another size than its header says.")
    return _widened(values, form)


def decode_colors(
    payload: bytes, transfer_syntax: str, form: PixelFormat, name: str, space: str | None
) -> NDArray[Any]:
    """The colours (rows, columns, 3) of one compressed frame.

    JPEG is turned into RGB by what its markers say, where `space` doesn't say it.

    Raises:
        UnsupportedError: a transfer syntax that isn't read.
        RequirementError: its decoder is missing.
        InputError: data that don't decode, or to another size.
    """

    def decoded(decoder: _Decode, *_: object) -> NDArray[Any]:
        if transfer_syntax in JPEG_SYNTAXES:
            return np.asarray(imagecodecs.jpeg8_decode(_whole(payload), colorspace=space))
        values = decoder(payload, form, None)
        return np.moveaxis(values, 0, -1) if decoder is _decode_rle else values

    values = _checked(decoded, payload, transfer_syntax, form, name, None)
    if values.shape != (form.rows, form.columns, 3):
        raise InputError(f"{name} decodes to another size than its header says.")
    return values


def _checked(
    work: Callable[..., NDArray[Any]],
    payload: bytes,
    transfer_syntax: str,
    form: PixelFormat,
    name: str,
    into: NDArray[Any] | None,
) -> NDArray[Any]:
    """What `work` decodes, once the stream's own size is the header's; errors in a sentence."""
    if transfer_syntax not in _DECODERS:
        raise UnsupportedError(f"{name} has {syntax_name(transfer_syntax)}, which isn't read.")
    size_in, decoder = _DECODERS[transfer_syntax]
    if size_in is not None:
        _check_size(size_in(payload), form, name)
    try:
        return work(decoder, payload, form, into)
    except imagecodecs.DelayedImportError as error:
        raise RequirementError(
            f"{name} needs a decoder that this imagecodecs lacks: pip install -U imagecodecs"
        ) from error
    except Exception as error:  # each codec raises its own kind
        raise InputError(f"{name} has compressed pixels that can't be decoded.") from error


def _check_size(size: Size | None, form: PixelFormat, name: str) -> None:
    """Compare the size in a stream with the header's before a decoder allocates it."""
    if size is None:
        raise InputError(
            f"{name} has compressed pixels that can't be decoded: no size in them."
        )
    rows, columns, samples = size
    if (rows, columns) != (form.rows, form.columns):
        raise InputError(
            f"{name} holds a compressed image of {columns} x {rows} pixels; its header says "
            f"{form.columns} x {form.rows}."
        )
    if samples != form.samples:
        raise InputError(
            f"{name} holds a compressed image of {samples} samples per pixel; its header says "
            f"{form.samples}."
        )


def _decoded(
    decoder: "_Decode", payload: bytes, form: PixelFormat, into: NDArray[Any] | None
) -> NDArray[Any]:
    if into is not None:
        try:
            return decoder(payload, form, into)
        except imagecodecs.DelayedImportError:
            raise
        except Exception:  # noqa: BLE001  (of another type than `into`, or bad: see below)
            pass
    return decoder(payload, form, None)


def _image_starts(frame: Frame, found: list[tuple[int, int]]) -> int:
    """How many fragments begin an image; in RLE that shows only when it is decoded."""
    source = frame.header.source
    return sum(source.read(at, 4).startswith(_IMAGE_STARTS) for at, _ in found)


def _by_frame(
    header: Header, found: list[tuple[int, int]], count: int
) -> list[list[tuple[int, int]]]:
    """Fragments by frame: after the Basic Offset Table, else where images begin."""
    source, start = header.source, header.elements.pixel_start
    assert start is not None
    length = struct.unpack("<I", source.read(start + 4, 4))[0]
    base = start + 8 + length
    if length == 4 * count:
        offsets = struct.unpack(f"<{count}I", source.read(start + 8, length))
        firsts = [base + 8 + offset for offset in offsets]
    else:
        firsts = [at for at, _ in found if source.read(at, 4).startswith(_IMAGE_STARTS)]
    ends = [*firsts[1:], source.size]
    parts = [
        [piece for piece in found if first <= piece[0] < end]
        for first, end in zip(firsts, ends, strict=True)
    ]
    if len(parts) != count or not all(parts) or sum(map(len, parts)) != len(found):
        raise InputError(f"{header.name} doesn't say which fragments belong to which frame.")
    return parts


def _widened(values: NDArray[Any], form: PixelFormat) -> NDArray[Any]:
    """The values in as many bytes as BitsAllocated has; a sign is kept by its bits."""
    if values.dtype.itemsize * 8 == form.allocated:
        return values
    return values.astype(f"{values.dtype.kind}{form.allocated // 8}")


_Out = NDArray[Any] | None


def _decode_rle(payload: bytes, form: PixelFormat, into: _Out) -> NDArray[Any]:
    """Segments of bytes, the highest of each sample first (PS3.5 annex G)."""
    if form.frame_bytes > RLE_EXPANSION * len(payload):
        raise InputError(f"{len(payload)} bytes of RLE can't hold {form.frame_bytes}")
    count, *offsets = struct.unpack_from("<16I", payload)
    size, width = form.rows * form.columns, form.allocated // 8
    if count != form.samples * width:
        raise InputError(f"has {count} segments of RLE for {form.samples * width}")
    starts, ends = offsets[:count], [*offsets[1:count], len(payload)]
    decoded = np.empty((form.samples, size, width), np.uint8)
    for n, (start, end) in enumerate(zip(starts, ends, strict=True)):
        segment = np.frombuffer(imagecodecs.packbits_decode(payload[start:end]), np.uint8)
        if not size <= len(segment) <= size + MAX_RLE_SURPLUS:
            raise InputError(
                f"has a segment of RLE that holds {len(segment)} bytes, not {size}"
            )
        decoded[n // width, :, width - 1 - n % width] = segment[:size]
    values = decoded.view(f"<u{width}").reshape(form.samples, form.rows, form.columns)
    return values if form.samples > 1 else values[0]


def _decode_jpeg(payload: bytes, form: PixelFormat, into: _Out) -> NDArray[Any]:
    return np.asarray(imagecodecs.jpeg8_decode(_whole(payload), out=into))


def _whole(payload: bytes) -> bytes:
    """The JPEG stream, refused where it is cut: libjpeg makes up what is missing, silently."""
    if not ends_whole(payload):
        raise InputError("the JPEG stream is cut")
    return payload


def _decode_jpeg_lossless(payload: bytes, form: PixelFormat, into: _Out) -> NDArray[Any]:
    if ends_whole(payload):
        try:
            return _undamaged(payload, imagecodecs.jpeg8_decode(payload, out=into))
        except imagecodecs.Jpeg8Error:  # libjpeg-turbo knows fewer variants, but is faster
            pass
    # It refuses cut streams.
    return _undamaged(payload, imagecodecs.ljpeg_decode(payload, out=into))


def _undamaged(payload: bytes, decoded: object) -> NDArray[Any]:
    """What was decoded of a lossless JPEG stream, refused where the stream holds other bits."""
    values = np.asarray(decoded)
    if is_damaged(payload, values):
        raise InputError("the JPEG stream is damaged")
    return values


def _decode_jpegls(payload: bytes, form: PixelFormat, into: _Out) -> NDArray[Any]:
    return np.asarray(imagecodecs.jpegls_decode(payload, out=into))


def _decode_jpeg2000(payload: bytes, form: PixelFormat, into: _Out) -> NDArray[Any]:
    # HTJ2K too: imagecodecs.htj2k_decode (2026.3) answers cut streams with leftover memory.
    return np.asarray(imagecodecs.jpeg2k_decode(payload, numthreads=1))


_Decode = Callable[[bytes, PixelFormat, NDArray[Any] | None], NDArray[Any]]
_Decoder = tuple[Callable[[bytes], Size | None] | None, _Decode]
"""What reads the size in a stream (RLE carries none), and what decodes it."""

_DECODERS: dict[str, _Decoder] = {
    "1.2.840.10008.1.2.5": (None, _decode_rle),
    _JPEG + "50": (jpeg_size, _decode_jpeg),
    _JPEG + "51": (jpeg_size, _decode_jpeg),
    _JPEG + "53": (jpeg_size, _decode_jpeg),
    _JPEG + "55": (jpeg_size, _decode_jpeg),
    _JPEG + "57": (jpeg_size, _decode_jpeg_lossless),
    _JPEG + "70": (jpeg_size, _decode_jpeg_lossless),
    _JPEG + "80": (jpeg_size, _decode_jpegls),
    _JPEG + "81": (jpeg_size, _decode_jpegls),
    _JPEG + "90": (jpeg2000_size, _decode_jpeg2000),
    _JPEG + "91": (jpeg2000_size, _decode_jpeg2000),
    _JPEG + "201": (jpeg2000_size, _decode_jpeg2000),
    _JPEG + "202": (jpeg2000_size, _decode_jpeg2000),
    _JPEG + "203": (jpeg2000_size, _decode_jpeg2000),
}
