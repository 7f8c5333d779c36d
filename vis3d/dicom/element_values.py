"""What an element means by the dictionaries, and its bytes as values."""

import struct
from functools import lru_cache
from typing import TypeAlias

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import (
    dictionary_description,
    dictionary_has_tag,
    dictionary_keyword,
    dictionary_VR,
    private_dictionary_description,
    private_dictionary_VR,
)

Value: TypeAlias = str | int | float

NUMBERS = {
    **{"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q"},
    **{"FL": "f", "FD": "d"},
}
_WORD_BYTES = {"OW": 2, "OL": 4, "OF": 4, "OD": 8, "OV": 8}
_IN_CHARACTER_SET = frozenset("LO LT PN SH ST UC UT".split())  # noqa: SIM905
_ONE_VALUE = frozenset(("LT", "ST", "UT", "UR"))


@lru_cache(maxsize=16384)
def meaning(tag: int, creator: str) -> tuple[str, str, str]:
    """Keyword, name and VR by the standard's dictionary, or the vendor's where known."""
    if tag & 0xFFFF == 0:
        return "", "Group Length", "UL"
    if not tag >> 16 & 1:
        if dictionary_has_tag(tag) or tag >> 24 in (0x50, 0x60):  # groups that repeat
            try:
                return dictionary_keyword(tag), dictionary_description(tag), dictionary_VR(tag)
            except KeyError:
                pass
        return "", "", "UN"
    if is_creator(tag):
        return "", "Private Creator", "LO"
    try:
        name = str(private_dictionary_description(tag, creator))
        return "", name, private_dictionary_VR(tag, creator)
    except KeyError:
        return "", "", "UN"


def is_creator(tag: int) -> bool:
    """Whether the element claims a private block for a vendor."""
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF


def creator_tag(tag: int) -> int:
    """The element that claims the block of a private one (PS3.5 section 7.8.1)."""
    return tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8


def settled_vr(vr: str, signed: bool) -> str:
    """The one VR of an element that isn't written with it (PS3.5 section A.1)."""
    if vr == "US or SS":
        return "SS" if signed else "US"
    if len(vr) > 2:
        return "OW" if "OW" in vr else "UN"
    return vr


def text_values(raw: bytes, vr: str, encodings: tuple[str, ...]) -> tuple[str, ...]:
    """The values of a text, without padding; backslashes part them except in free text."""
    raw = raw.rstrip(b"\0 ")
    if not raw:
        return ()
    if raw.isascii() and b"\x1b" not in raw:
        text = raw.decode("ascii")
    else:
        text = _decoded(raw, encodings if vr in _IN_CHARACTER_SET else ("latin-1",), vr)
    if vr in _ONE_VALUE:
        return (text.rstrip("\0 "),)
    return tuple(value.strip("\0 ") for value in text.split("\\"))


def _decoded(raw: bytes, encodings: tuple[str, ...], vr: str) -> str:
    try:
        if len(encodings) == 1 and b"\x1b" not in raw:
            return raw.decode(encodings[0], "replace")
        delimiters = {0x5C, 0x5E, 0x3D} if vr == "PN" else {0x5C, 0x0A, 0x0C, 0x0D, 0x09}
        return str(decode_bytes(raw, encodings, delimiters))
    except Exception:  # noqa: BLE001  (a bad character set must not cost the header)
        return raw.decode("latin-1")


@lru_cache(maxsize=64)
def encodings_of(character_sets: tuple[str, ...]) -> tuple[str, ...]:
    """Python's encodings for a SpecificCharacterSet; Latin 1 where it is no such thing."""
    try:
        return tuple(convert_encodings(list(character_sets)))
    except Exception:  # noqa: BLE001
        return ("latin-1",)


def number_values(raw: bytes, vr: str, order: str) -> tuple[Value, ...] | None:
    """The numbers of a binary VR; None for others, and where bytes are missing."""
    if vr == "AT" and len(raw) % 4 == 0:
        halves = struct.unpack(f"{order}{len(raw) // 2}H", raw)
        pairs = zip(halves[::2], halves[1::2], strict=True)
        return tuple(f"{group:04X}{number:04X}" for group, number in pairs)
    code = NUMBERS.get(vr)
    if code is None or len(raw) % struct.calcsize(code):
        return None
    return struct.unpack(f"{order}{len(raw) // struct.calcsize(code)}{code}", raw)


def little_endian(raw: bytes, vr: str) -> bytes:
    """Big-endian words of a binary VR as little-endian ones."""
    word = _WORD_BYTES.get(vr, 1)
    if word == 1 or len(raw) % word:
        return raw
    return b"".join(raw[i : i + word][::-1] for i in range(0, len(raw), word))
