"""Any bytes at all, given to the header and the pixel layer: one sentence or a value."""

import struct
from collections.abc import Callable
from contextlib import suppress

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.pixels.encoders import RLELosslessEncoder

from tests.hostile.bad_files import GOOD, META_END
from vis3d.dicom.codecs import _DECODERS, decode
from vis3d.dicom.frames import PixelFormat
from vis3d.dicom.headers import read_header
from vis3d.dicom.scan import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from vis3d.dicom.sources import MemoryFile
from vis3d.errors import InputError

SIXTEEN_BITS = PixelFormat(16, 16, 1, 16, 16, 15, False, "MONOCHROME2")
quick = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
vrs = st.sampled_from([b"SQ", b"UN", b"OB", b"US", b"DS", b"UI", b"ZZ", b"\0\0"])
CODE, ROWS, PIXELS, UNKNOWN = (0x00080005, 0x00280010, 0x7FE00010, 0x52009230)
ITEM, ITEM_END, SEQUENCE_END = (0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD)
tags = st.sampled_from(
    [
        struct.pack("<HH", tag >> 16, tag & 0xFFFF)
        for tag in (CODE, ROWS, PIXELS, UNKNOWN, ITEM, ITEM_END, SEQUENCE_END)
    ]
)
lengths = st.sampled_from([b"\0\0", b"\x04\0", b"\xff\xff", b"\0\0\xff\xff\xff\xff"])
elements = st.lists(st.tuples(tags, vrs, lengths, st.binary(max_size=9)), max_size=30)


@quick
@given(
    elements,
    st.sampled_from([IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG]),
)
def test_any_elements_make_a_header_or_a_sentence(
    parts: list[tuple[bytes, ...]], syntax: str
) -> None:
    meta = GOOD[:META_END].replace(b"1.2.840.10008.1.2.1\0", syntax.encode().ljust(20, b"\0"))
    data = meta + b"".join(b"".join(part) for part in parts)
    with suppress(InputError):
        header = read_header(MemoryFile("made", len(data), data))
        assert header.elements.pixel_start is None or header.elements.pixel_start <= len(data)


@quick
@given(st.sampled_from(sorted(_DECODERS)), st.binary(max_size=300))
def test_any_bytes_decode_to_the_right_size_or_are_refused(syntax: str, data: bytes) -> None:
    with suppress(InputError):
        values = decode(data, syntax, SIXTEEN_BITS, "made")
        assert values.shape == (16, 16)
        assert values.dtype.itemsize == 2


def _rle(values: np.ndarray) -> bytes:
    encoder = RLELosslessEncoder.encode(
        values,
        encoding_plugin="pydicom",
        rows=64,
        columns=64,
        samples_per_pixel=1,
        bits_allocated=16,
        bits_stored=16,
        photometric_interpretation="MONOCHROME2",
        pixel_representation=0,
        number_of_frames=1,
    )
    return bytes(encoder)


ENCODERS: dict[str, Callable[[np.ndarray], bytes]] = {
    "1.2.840.10008.1.2.5": _rle,
    "1.2.840.10008.1.2.4.50": lambda a: bytes(imagecodecs.jpeg8_encode(a.astype(np.uint8))),
    "1.2.840.10008.1.2.4.57": lambda a: bytes(imagecodecs.ljpeg_encode(a, bitspersample=12)),
    "1.2.840.10008.1.2.4.70": lambda a: bytes(imagecodecs.ljpeg_encode(a, bitspersample=12)),
    "1.2.840.10008.1.2.4.80": lambda a: bytes(imagecodecs.jpegls_encode(a)),
    "1.2.840.10008.1.2.4.90": lambda a: bytes(imagecodecs.jpeg2k_encode(a, level=0)),
    "1.2.840.10008.1.2.4.201": lambda a: bytes(imagecodecs.htj2k_encode(a)),
}


@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
@pytest.mark.parametrize("syntax", ENCODERS)
def test_what_a_cut_stream_lacks_is_never_made_up(syntax: str, share: float) -> None:
    form = PixelFormat(64, 64, 1, 16, 12, 11, False, "MONOCHROME2")
    values = np.random.default_rng(2).integers(0, 4000, (64, 64), np.uint16)
    whole = ENCODERS[syntax](values)
    lossy = syntax.endswith(".50")
    room = np.empty((64, 64), np.uint16)
    assert lossy or np.array_equal(decode(whole, syntax, form, "made", room), values)
    for into in (room, None):
        with pytest.raises(InputError, match="made has compressed pixels"):
            decode(whole[: int(len(whole) * share)], syntax, form, "made", into)


def _overwritten(data: bytes) -> bytes:
    return data[:2000] + bytes(300) + data[2300:]


def _shortened(data: bytes) -> bytes:
    return data[:2000] + data[2300:]


@pytest.mark.parametrize("damage", [_overwritten, _shortened])
@pytest.mark.parametrize("syntax", ["5", "4.57", "4.70", "4.80"])
def test_damage_within_a_stream_is_found(syntax: str, damage: Callable[[bytes], bytes]) -> None:
    form = PixelFormat(64, 64, 1, 16, 12, 11, False, "MONOCHROME2")
    values = np.random.default_rng(2).integers(0, 4000, (64, 64), np.uint16)
    uid = f"1.2.840.10008.1.2.{syntax}"
    with pytest.raises(InputError, match="made has compressed pixels"):
        decode(damage(ENCODERS[uid](values)), uid, form, "made")


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_no_whole_stream_is_called_damaged(predictor: int, bits: int) -> None:
    form = PixelFormat(31, 45, 1, 16, bits, bits - 1, False, "MONOCHROME2")
    values = np.random.default_rng(bits).integers(0, 1 << bits, (31, 45), np.uint16)
    values[10:20, 10:30] = 0
    dtype = np.uint8 if bits == 8 else np.uint16
    for encoded in (
        imagecodecs.jpeg8_encode(
            values.astype(dtype), lossless=True, predictor=predictor, bitspersample=bits
        ),
        imagecodecs.ljpeg_encode(values.astype(dtype), bitspersample=bits),
    ):
        decoded = decode(bytes(encoded), "1.2.840.10008.1.2.4.57", form, "made")
        np.testing.assert_array_equal(decoded, values)


def test_the_good_file_is_good() -> None:
    header = read_header(MemoryFile("good", len(GOOD), GOOD))
    assert header.integer("Rows") == 64
    assert np.frombuffer(GOOD[header.elements.pixel_start :], np.uint16).size == 64 * 64
