"""Lossless JPEG: whether a stream holds exactly the bits that its picture takes.

Decoders carry on over damage and make up pixels. Where those take other bits than there are,
damage shows without decoding twice: lost and overwritten stretches do, but single bits that
change a few pixels don't.
"""

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.dicom.streams import SCAN, segments

MOST_LEFT_OVER = 63
"""Bits that writers may leave behind the last pixel, to fill a byte or some words."""

_TABLES, _LOSSLESS_FRAME, _RESTARTS = 0xC4, 0xC3, 0xDD
_WIDEST = 16
_IMPOSSIBLE = 255


@dataclass(frozen=True)
class _Scan:
    """What is needed to count the bits of one picture's only scan (ITU-T T.81 annex H)."""

    start: int
    bits_by_category: NDArray[np.uint8]
    predictor: int
    point_transform: int
    precision: int


def is_damaged(payload: bytes, values: NDArray[Any]) -> bool:
    """Whether a lossless JPEG stream holds other bits than the `values` decoded from it take.

    False where that can't be told: several scans, or restarts.
    """
    scan = _scan_of(payload)
    if scan is None:
        return False
    end = payload.rfind(b"\xff\xd9")
    there = 8 * (end - scan.start - payload.count(b"\xff\x00", scan.start, end))
    differences = _differences(values >> scan.point_transform, scan)
    taken = int(_costs(scan.bits_by_category.tobytes()).take(differences).sum())
    return not 0 <= there - taken <= MOST_LEFT_OVER


def _scan_of(payload: bytes) -> _Scan | None:
    tables: dict[int, NDArray[np.uint8]] = {}
    precision = 0
    for marker, at in segments(payload):
        length = struct.unpack_from(">H", payload, at)[0]
        body = payload[at + 2 : at + length]
        if marker == _TABLES:
            tables |= _huffman_tables(body)
        elif marker == _LOSSLESS_FRAME and body[5] == 1:
            precision = body[0]
        elif marker == _RESTARTS and any(body):
            return None
        elif marker == SCAN and precision and body[0] == 1:
            table, predictor, low = tables.get(body[2] >> 4), body[3], body[5] & 15
            if table is None or not 1 <= predictor <= 7:
                return None
            return _Scan(at + length, table, predictor, low, precision)
    return None


def _huffman_tables(body: bytes) -> dict[int, NDArray[np.uint8]]:
    """Bits by category, code and what follows it, of each table of a segment."""
    tables: dict[int, NDArray[np.uint8]] = {}
    while len(body) > 17:
        counts, symbols = body[1:17], body[17 : 17 + sum(body[1:17])]
        bits = np.full(_WIDEST + 1, _IMPOSSIBLE, np.uint8)
        lengths = np.repeat(np.arange(1, 17), list(counts))
        for symbol, length in zip(symbols, lengths, strict=False):
            if symbol <= _WIDEST:
                bits[symbol] = length + symbol % _WIDEST  # 16 has no bits of its own
        tables[body[0] & 15] = bits
        body = body[17 + len(symbols) :]
    return tables


_SIGNED = np.arange(1 << 16).astype(np.uint16).view(np.int16).astype(np.int32)
_CATEGORIES = np.frexp(np.abs(_SIGNED))[1]
"""How many bits a difference (modulo 2^16) takes behind its code."""


@lru_cache(maxsize=8)
def _costs(bits_by_category: bytes) -> NDArray[np.uint8]:
    """All bits by difference (modulo 2^16)."""
    return np.frombuffer(bits_by_category, np.uint8)[_CATEGORIES]


def _differences(values: NDArray[Any], scan: _Scan) -> NDArray[np.uint16]:
    """What the stream holds for each pixel: its difference from what is predicted."""
    v = values.astype(np.uint16, copy=False)
    found = np.empty_like(v)
    middle = 1 << (scan.precision - scan.point_transform - 1)
    found[0, 0] = (int(v[0, 0]) - middle) & 0xFFFF
    np.subtract(v[0, 1:], v[0, :-1], out=found[0, 1:])
    np.subtract(v[1:, 0], v[:-1, 0], out=found[1:, 0])
    np.subtract(v[1:, 1:], _predicted(v, scan), out=found[1:, 1:])
    return found


def _predicted(values: NDArray[np.uint16], scan: _Scan) -> NDArray[np.uint16]:
    """The prediction for all but the first row and column (T.81 table H.1)."""
    # Up to 15 bits the halves below fit signed words, which is several times as fast.
    v = values.astype(np.int32) if scan.precision > 15 else values.view(np.int16)
    left, above, corner = v[1:, :-1], v[:-1, 1:], v[:-1, :-1]
    if scan.predictor <= 3:
        predicted = (left, above, corner)[scan.predictor - 1]
    elif scan.predictor == 4:
        predicted = left + above - corner
    elif scan.predictor == 7:
        predicted = left + ((above - left) >> 1)
    else:
        near, far = (left, above) if scan.predictor == 5 else (above, left)
        predicted = far - corner
        predicted >>= 1
        predicted += near
    return predicted.astype(np.uint16)
