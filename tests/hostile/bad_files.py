"""Files that are broken or built to break a reader: one generator a kind.

Each takes nothing and gives the bytes of one file. `GOOD` is what most are made from.
"""

import random
import struct
import zlib
from collections.abc import Callable
from functools import cache
from io import BytesIO

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.dicom.stacks import ct_slice

PIXELS = np.random.default_rng(1).integers(0, 2000, (64, 64), np.uint16)


def file_bytes(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


GOOD = file_bytes(ct_slice(PIXELS))
META_END = 144 + int.from_bytes(GOOD[140:144], "little")


def with_elements(**elements: object) -> Callable[[], bytes]:
    return lambda: file_bytes(ct_slice(PIXELS, **elements))


def with_raw(keyword: str, value: bytes, vr: bytes = b"DS") -> Callable[[], bytes]:
    """A value that pydicom itself would refuse to write."""
    tag = struct.pack("<HH", *_TAGS[keyword])

    def make() -> bytes:
        start = GOOD.index(tag, META_END)
        length = int.from_bytes(GOOD[start + 6 : start + 8], "little")
        padded = value + b" " * (len(value) % 2)
        element = tag + vr + struct.pack("<H", len(padded)) + padded
        return GOOD[:start] + element + GOOD[start + 8 + length :]

    return make


_TAGS = {
    "RescaleSlope": (0x0028, 0x1053),
    "PixelSpacing": (0x0028, 0x0030),
    "ImagePositionPatient": (0x0020, 0x0032),
    "ImageOrientationPatient": (0x0020, 0x0037),
    "Rows": (0x0028, 0x0010),
}


def with_length(length: int) -> bytes:
    """The pixel data declare this length; the body stays as it is."""
    at = GOOD.index(b"\xe0\x7f\x10\x00OW")
    return GOOD[: at + 8] + struct.pack("<I", length) + GOOD[at + 12 :]


def compressed(payload: bytes, syntax: str, **elements: object) -> Callable[[], bytes]:
    def make() -> bytes:
        dataset = ct_slice(PIXELS, **elements)
        dataset.PixelData = encapsulate([payload]) if payload else b"\xfe\xff\0\xe0" + bytes(4)
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        return file_bytes(dataset, syntax)

    return make


def several(
    payloads: list[bytes], syntax: str, table: bytes = b"", **elements: object
) -> Callable[[], bytes]:
    """Compressed pixels in several fragments, with any table of offsets."""
    pieces = [table, *payloads]
    padded = [piece + b"\0" * (len(piece) % 2) for piece in pieces]
    items = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(p)) + p for p in padded)

    def make() -> bytes:
        dataset = ct_slice(PIXELS, **elements)
        dataset.PixelData = items + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        return file_bytes(dataset, syntax)

    return make


def with_frames(value: bytes) -> Callable[[], bytes]:
    """A NumberOfFrames of four bytes that pydicom itself would refuse to write."""

    def make() -> bytes:
        data = file_bytes(ct_slice(PIXELS, NumberOfFrames=1234))
        return data.replace(b"IS\x04\x001234", b"IS\x04\x00" + value)

    return make


def deflate_bomb(megabytes: int) -> Callable[[], bytes]:
    """A deflated data set that inflates to a private element of zeros."""

    @cache
    def make() -> bytes:
        body = struct.pack("<HH2sHI", 0x0009, 0x0010, b"OB", 0, megabytes << 20)
        deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        parts = [deflater.compress(body)]
        parts += [deflater.compress(bytes(1 << 20)) for _ in range(megabytes)]
        parts.append(deflater.flush())
        good = file_bytes(ct_slice(PIXELS), DeflatedExplicitVRLittleEndian)
        return good[: 144 + int.from_bytes(good[140:144], "little")] + b"".join(parts)

    return make


def nested(depth: int) -> bytes:
    """Sequences of undefined length within each other."""
    opened = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    return GOOD[:META_END] + opened * depth


def unclosed() -> bytes:
    """A sequence that runs on over all that follows."""
    opened = struct.pack("<HH2sHI", 0x0008, 0x0006, b"SQ", 0, 0xFFFFFFFF)
    return GOOD[:META_END] + opened + GOOD[META_END:]


def past_the_end() -> bytes:
    return GOOD[:META_END] + struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, 1 << 30) + b"1234"


def j2k(shape: tuple[int, int]) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(np.zeros(shape, np.uint16), codecformat="J2K", level=0)
    )


def j2k_claiming(width: int, height: int) -> bytes:
    data = bytearray(j2k((64, 64)))
    at = data.index(b"\xff\x51")
    data[at + 6 : at + 14] = struct.pack(">II", width, height)
    return bytes(data)


def jpeg_claiming(encoded: bytes, frame_header: int) -> bytes:
    """A JPEG stream of 65500 x 65500 pixels that says so behind bytes of no meaning.

    Decoders pass over those, so that a reader which doesn't isn't warned.
    """
    at = encoded.index(bytes((0xFF, frame_header)))
    size = struct.pack(">HH", 65500, 65500)
    return encoded[:2] + b"\0\0" + encoded[2 : at + 5] + size + encoded[at + 9 :]


def j2k_of_components(count: int) -> bytes:
    data = bytearray(j2k((64, 64)))
    at = data.index(b"\xff\x51")
    data[at + 38 : at + 40] = struct.pack(">H", count)
    return bytes(data)


def rle_segments(count: int) -> bytes:
    return struct.pack("<16I", count, *[64] * 15) + b"\x81\x00" * 8


def truncations() -> list[int]:
    """Lengths to cut the good file at: every 7th byte of the header, and some pixels."""
    return [*range(1, len(GOOD) - PIXELS.nbytes, 7), len(GOOD) - 1000, len(GOOD) - 1]


def flipped(seed: int, flips: int = 8) -> bytes:
    """The good file with some bytes changed after its preamble."""
    generator = random.Random(seed)
    data = bytearray(GOOD)
    header = len(GOOD) - PIXELS.nbytes
    for _ in range(generator.randint(1, flips)):
        data[generator.randrange(132, header)] = generator.randrange(256)
    return bytes(data)


REFUSED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "one byte": lambda: b"D",
    "only a preamble": lambda: GOOD[:132],
    "random bytes": lambda: random.Random(3).randbytes(5000),
    "a PNG": lambda: b"\x89PNG\r\n\x1a\n" + bytes(300),
    "a PDF": lambda: b"%PDF-1.7\n" + bytes(300),
    "an ELF program": lambda: b"\x7fELF\x02\x01\x01" + bytes(500),
    "text": lambda: b"hello world\n" * 40,
    "no preamble": lambda: GOOD[META_END:],
    "deflate bomb": deflate_bomb(300),
    "deflated garbage": lambda: (
        file_bytes(ct_slice(PIXELS), DeflatedExplicitVRLittleEndian)[:360] + b"\xff" * 99
    ),
    "nested 300 deep": lambda: nested(300),
    "nested 100000 deep": lambda: nested(100_000),
    "sequence never closed": unclosed,
    "item past the end": past_the_end,
    "pixel length 0xFFFFFFF0": lambda: with_length(0xFFFFFFF0)[:-4096],
    "pixels short": lambda: with_length(100),
    "pixels odd": lambda: with_length(PIXELS.nbytes - 1)[:-1],
    "pixels empty": lambda: with_length(0)[: -PIXELS.nbytes],
    "pixels cut": lambda: GOOD[:-1001],
    "65535 x 65535": with_elements(Rows=65535, Columns=65535),
    "2147483647 frames": with_elements(NumberOfFrames=2147483647),
    "0 frames": with_elements(NumberOfFrames=0),
    "-5 frames": with_elements(NumberOfFrames=-5),
    "frames in words": with_frames(b"abc "),
    "half a frame": with_frames(b"0.5 "),
    "0 rows": with_elements(Rows=0),
    "no rows": with_elements(Rows=None),
    "rows as UL": with_raw("Rows", b"\x40\0\0\0", b"UL"),
    "1 bit": with_elements(BitsAllocated=1, BitsStored=1, HighBit=0),
    "12 bits": with_elements(BitsAllocated=12, BitsStored=12, HighBit=11),
    "64 bits": with_elements(BitsAllocated=64, BitsStored=64, HighBit=63),
    "more stored than allocated": with_elements(BitsStored=17),
    "high bit too low": with_elements(BitsStored=12, HighBit=3),
    "colour": with_elements(SamplesPerPixel=3, PhotometricInterpretation="RGB"),
    "65535 samples": with_elements(SamplesPerPixel=65535),
    "palette": with_elements(PhotometricInterpretation="PALETTE COLOR"),
    "RLE claiming much": compressed(rle_segments(2), RLELossless, Rows=30000, Columns=30000),
    "RLE with offsets past the end": compressed(
        struct.pack("<16I", 2, 64, 1 << 31, *[0] * 13) + b"\x81\x00" * 200, RLELossless
    ),
    "more JPEG 2000 images than frames": several([j2k((64, 64))] * 2, JPEG2000Lossless),
    "more RLE images than frames": several([rle_segments(2)] * 2, RLELossless),
    "frame offsets past the end": several(
        [j2k((64, 64)), b"\0\0", b"\0\0"],
        JPEG2000Lossless,
        table=struct.pack("<2I", 0, 1 << 30),
        NumberOfFrames=2,
        PerFrameFunctionalGroupsSequence=[Dataset(), Dataset()],
    ),
    "RLE of 15 segments": compressed(rle_segments(15), RLELossless),
    "JPEG 2000 claiming 60000 x 60000": compressed(
        j2k_claiming(60000, 60000), JPEG2000Lossless
    ),
    "JPEG lossless claiming 65500 x 65500": compressed(
        jpeg_claiming(bytes(imagecodecs.ljpeg_encode(PIXELS, bitspersample=12)), 0xC3),
        JPEGLosslessSV1,
    ),
    "JPEG claiming 65500 x 65500": compressed(
        jpeg_claiming(bytes(imagecodecs.jpeg8_encode(np.zeros((64, 64), np.uint8))), 0xC0),
        JPEGBaseline8Bit,
    ),
    "JPEG of three colours": compressed(
        bytes(imagecodecs.jpeg8_encode(np.zeros((64, 64, 3), np.uint8))), JPEGBaseline8Bit
    ),
    "JPEG 2000 of 16000 components": compressed(j2k_of_components(16000), JPEG2000Lossless),
    "JPEG 2000 smaller than its header says": compressed(
        j2k((64, 64)), JPEG2000Lossless, Rows=512, Columns=512
    ),
    "JPEG 2000 cut": compressed(j2k((64, 64))[:60], JPEG2000Lossless),
    "JPEG 2000 of garbage": compressed(bytes(range(200)), JPEG2000Lossless),
    "JPEG-LS of another size": compressed(
        bytes(imagecodecs.jpegls_encode(np.zeros((32, 64), np.uint16))), JPEGLSLossless
    ),
    "JPEG of another size": compressed(
        bytes(imagecodecs.ljpeg_encode(np.zeros((32, 64), np.uint16))), JPEGLosslessSV1
    ),
    "JPEG of garbage": compressed(b"\xff\xd8" + bytes(range(200)), JPEGLosslessSV1),
    "fragments under an uncompressed transfer syntax": lambda: compressed(
        PIXELS.tobytes(), JPEGLosslessSV1
    )().replace(JPEGLosslessSV1.encode(), b"1.2.840.10008.1.2.1".ljust(22, b"\0"), 1),
    "plain values under a compressed transfer syntax": lambda: GOOD.replace(
        b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0", 1
    ),
    "no fragments": compressed(b"", JPEG2000Lossless),
    "unknown transfer syntax": lambda: GOOD.replace(
        b"1.2.840.10008.1.2.1\0", b"1.2.840.99999.1.2.1\0", 1
    ),
    "private transfer syntax": lambda: GOOD.replace(
        b"1.2.840.10008.1.2.1\0", b"1.2.840.113619.5.2\0\0", 1
    ),
    "slope 0": with_raw("RescaleSlope", b"0"),
    "slope nan": with_raw("RescaleSlope", b"nan"),
    "slope inf": with_raw("RescaleSlope", b"inf"),
    "slope 1e400": with_raw("RescaleSlope", b"1e400"),
    "slope in words": with_raw("RescaleSlope", b"one"),
    "spacing 0": with_raw("PixelSpacing", b"0\\0"),
    "spacing negative": with_raw("PixelSpacing", b"-1\\-1"),
    "spacing nan": with_raw("PixelSpacing", b"nan\\nan"),
    "spacing with commas": with_raw("PixelSpacing", b"0,5\\0,5"),
    "one spacing": with_raw("PixelSpacing", b"0.5"),
    "two coordinates": with_raw("ImagePositionPatient", b"1\\2"),
    "position nan": with_raw("ImagePositionPatient", b"nan\\0\\0"),
    "position far away": with_raw("ImagePositionPatient", b"1e30\\0\\0"),
    "orientation zero": with_raw("ImageOrientationPatient", b"0\\0\\0\\0\\0\\0"),
    "orientation askew": with_raw("ImageOrientationPatient", b"1\\0\\0\\0.8\\0.6\\0"),
    "five cosines": with_raw("ImageOrientationPatient", b"1\\0\\0\\0\\1"),
}
"""Every one must be refused in one sentence, and cost a good series beside it nothing."""
