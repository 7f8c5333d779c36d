"""What a compressed stream says of itself: its size, its markers, whether it is whole."""

import struct
from collections.abc import Iterator
from typing import TypeAlias

MAX_TAIL = 64
"""Bytes that writers may leave after the end of a compressed image."""
_FRAME_HEADERS = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), 0xF7))
LEAST_MARKER = 14
_OF_COLORS = ((0xE0, b"JFIF\0"), (0xEE, b"Adobe"))
SCAN = 0xDA
"""The marker after which pixels follow."""


Size: TypeAlias = tuple[int, int, int]
"""(rows, columns, samples a pixel)."""


def jpeg_size(payload: bytes) -> Size | None:
    """The size in the frame header of a JPEG or JPEG-LS stream; None where none is found."""
    for marker, start in segments(payload):
        if marker in _FRAME_HEADERS and start + 8 <= len(payload):
            rows, columns, samples = struct.unpack_from(">HHB", payload, start + 3)
            return rows, columns, samples
    return None


def names_colors(payload: bytes) -> bool:
    """Whether a JPEG stream says if it is YBR: by JFIF's marker, or a whole one of Adobe's."""
    for marker, start in segments(payload):
        length, *_ = struct.unpack_from(">H", payload, start)
        if (marker, payload[start + 2 : start + 7]) in _OF_COLORS and length >= LEAST_MARKER:
            return True
    return False


def jpeg2000_size(payload: bytes) -> Size | None:
    """The size in the SIZ marker of a JPEG 2000 code stream; None where none is found."""
    at = payload.find(b"\xff\x4f\xff\x51", 0, 4096)
    if at < 0 or len(payload) < at + 42:
        return None
    width, height, left, top = struct.unpack_from(">IIII", payload, at + 8)
    return height - top, width - left, struct.unpack_from(">H", payload, at + 40)[0]


def ends_whole(payload: bytes) -> bool:
    """Whether a JPEG stream has its end marker."""
    return payload.rfind(b"\xff\xd9", max(0, len(payload) - MAX_TAIL)) >= 0


def segments(payload: bytes) -> Iterator[tuple[int, int]]:
    """(marker, where its length stands) of each segment up to the first scan."""
    position = 2
    while position + 4 <= len(payload) and payload[position] == 0xFF:
        marker = payload[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        yield marker, position + 2
        if marker == SCAN:
            return
        position += 2 + struct.unpack_from(">H", payload, position + 2)[0]
