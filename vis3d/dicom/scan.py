"""The bytes of a DICOM header -> the elements that vis3d needs.

A reader of its own instead of pydicom's, for two reasons: a folder of thousands of files
is listed several times as fast, and every length is checked against the file before
anything is allocated or nested, so hostile headers end in a sentence.
"""

import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

from vis3d.errors import InputError, NotDicomError, TruncatedError, UnsupportedError

PREAMBLE = 128
PIXEL_DATA = 0x7FE00010
FLOAT_PIXELS = {0x7FE00008: 32, 0x7FE00009: 64}
"""The bits of each value in pixels that are stored as floating-point numbers."""

UNDEFINED = 0xFFFFFFFF
MAX_NESTING = 64
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

_TRANSFER_SYNTAX = 0x00020010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_FORM = frozenset(
    vr.encode()
    for vr in "OB OD OF OL OV OW SQ SV UC UN UR UT UV".split()  # noqa: SIM905
)
_SHORT_FORM = frozenset(
    vr.encode()
    for vr in "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()  # noqa: SIM905
)
_SHORT_CODES = frozenset(int.from_bytes(vr, "little") for vr in _SHORT_FORM)
_SHORT_ELEMENT = struct.Struct("<IHH").unpack_from


class NeedMoreError(Exception):
    """The header goes on behind the bytes given, and the file has more of them."""


@dataclass(frozen=True, slots=True)
class Elements:
    """The raw values of one file's top-level elements, and where its pixels start.

    `pixel_start` is the offset of the pixel data's value (None where the file has none),
    `pixel_length` its length as declared: None for the undefined length of compressed
    data. For a deflated file both count inflated bytes. `float_bits`: how many bits a
    floating-point pixel takes, 0 where pixels are whole numbers. `pixel_words`: they are
    written as words of 16 bits (OW), which big-endian files turn, 8-bit pixels too.
    """

    values: dict[int, bytes]
    transfer_syntax: str
    pixel_start: int | None
    pixel_length: int | None
    float_bits: int = 0
    pixel_words: bool = False

    @property
    def big_endian(self) -> bool:
        """Whether numbers in `values` have their high byte first."""
        return self.transfer_syntax == EXPLICIT_BIG


def dataset_start(head: bytes, *, force: bool = False) -> tuple[int, str]:
    """Where the data set starts, and in which transfer syntax (PS3.10 section 7.1).

    Without preamble and File Meta Information the transfer syntax is guessed from the
    first element, which only `force` allows.

    Raises:
        NotDicomError: neither preamble nor, with `force`, a data element.
        TruncatedError: the File Meta Information is cut off.
        UnsupportedError: it names no transfer syntax.
    """
    if head[PREAMBLE : PREAMBLE + 4] == b"DICM":
        start, syntax = _after_meta(head, PREAMBLE + 4)
        if not syntax and not force:
            raise UnsupportedError("names no transfer syntax: use force (--force) to guess it")
        return start, syntax or _guessed_syntax(head[start:])
    if not force:
        raise NotDicomError("not DICOM")
    if head[:2] == b"\x02\x00" and head[4:6] in _SHORT_FORM | _LONG_FORM:
        start, syntax = _after_meta(head, 0)
        return start, syntax or _guessed_syntax(head[start:])
    return 0, _guessed_syntax(head)


def looks_headless(head: bytes) -> bool:
    """Whether this may be DICOM without preamble and meta, which `force` reads."""
    return head[:2] in (b"\x08\x00", b"\x02\x00") and head[2:4] < b"\x20\x00"


def scan(
    data: bytes, start: int, size: int, transfer_syntax: str, wanted: Collection[int]
) -> Elements:
    """The wanted top-level elements up to the pixel data.

    `data` is the file's beginning; `size` the length of the whole.

    Raises:
        NeedMoreError: the header goes on behind `data`.
        TruncatedError: an element goes on behind the file's end.
        InputError: bytes that are no element, or nesting without end.
    """
    explicit = _is_explicit(data, start, transfer_syntax)
    order = ">" if transfer_syntax == EXPLICIT_BIG else "<"
    read = element_reader(data, size, explicit=explicit, order=order)
    values: dict[int, bytes] = {}
    position, end = start, len(data)
    keys = _keys(frozenset(wanted))
    while position < size:
        if explicit and order == "<":
            position = _skimmed(data, position, keys, values)
            if position >= size:
                break
        if position + 8 > end:
            _need(position + 8, data, size)
        tag, vr, length, value = read(position)
        if tag == PIXEL_DATA or tag in FLOAT_PIXELS:
            declared = None if length == UNDEFINED else length
            float_bits = FLOAT_PIXELS.get(tag, 0)
            words = vr == b"OW"
            return Elements(values, transfer_syntax, value, declared, float_bits, words)
        if length == UNDEFINED:
            within_explicit = explicit and vr != b"UN"
            position = after_sequence(data, value, size, within_explicit, order)
            if tag in wanted:
                values[tag] = b""
            continue
        position = value + length
        if tag in wanted:
            if position > end:
                _need(position, data, size)
            values[tag] = data[value:position]
    if position > size:
        raise TruncatedError(f"ends {position - size} bytes before its header does")
    return Elements(values, transfer_syntax, None, None)


@lru_cache(maxsize=8)
def _keys(wanted: frozenset[int]) -> dict[int, int]:
    """Tags by their four bytes read as one number; 0 stands for those that end a skim."""
    tags = {tag: tag for tag in wanted} | dict.fromkeys((PIXEL_DATA, *FLOAT_PIXELS), 0)
    return {(tag & 0xFFFF) << 16 | tag >> 16: meant for tag, meant in tags.items()}


def _skimmed(data: bytes, start: int, keys: dict[int, int], values: dict[int, bytes]) -> int:
    """Take wanted short elements of explicit little endian; where the first other one is.

    Most elements are such, and this loop is where listing a folder spends its time.
    """
    position, end = start, len(data)
    while position <= end - 8:
        key, vr, length = _SHORT_ELEMENT(data, position)
        if vr not in _SHORT_CODES:
            break
        stop = position + 8 + length
        if key in keys:
            tag = keys[key]
            if not tag or stop > end:
                break
            values[tag] = data[position + 8 : stop]
        position = stop
    return position


def _is_explicit(data: bytes, start: int, transfer_syntax: str) -> bool:
    """Whether elements carry their VR: some writers name the wrong transfer syntax."""
    vr = data[start + 4 : start + 6]
    if vr in _SHORT_FORM:
        return True
    return transfer_syntax != IMPLICIT_LITTLE and (
        vr in _LONG_FORM or len(vr) < 2 or vr.isalpha()
    )


def _after_meta(head: bytes, start: int) -> tuple[int, str]:
    """The end of the File Meta Information (explicit little endian), and the syntax or ""."""
    position, syntax = start, ""
    while position + 8 <= len(head) and head[position : position + 2] == b"\x02\x00":
        element, vr, length = struct.unpack_from("<H2sH", head, position + 2)
        value = position + 8
        if vr in _LONG_FORM:
            if position + 12 > len(head):
                break
            length = struct.unpack_from("<I", head, position + 8)[0]
            value = position + 12
        elif vr not in _SHORT_FORM:
            raise InputError("has damaged File Meta Information")
        position = value + length
        if element == 0x0010:
            syntax = head[value:position].strip(b"\0 ").decode("ascii", "replace")
    if position + 8 > len(head):
        raise TruncatedError("ends inside its File Meta Information")
    return position, syntax


def _guessed_syntax(head: bytes) -> str:
    if len(head) < 8:
        raise NotDicomError("not DICOM")
    group_little, element_little = struct.unpack_from("<HH", head)
    group_big = struct.unpack_from(">H", head)[0]
    explicit = head[4:6] in _SHORT_FORM | _LONG_FORM
    if explicit and group_big == 0x0008:
        return EXPLICIT_BIG
    if group_little not in (0x0008, 0x0010) or element_little > 0x2000:
        raise NotDicomError("not DICOM")
    return EXPLICIT_LITTLE if explicit else IMPLICIT_LITTLE


def element_reader(
    data: bytes, size: int, *, explicit: bool, order: str
) -> Callable[[int], tuple[int, bytes, int, int]]:
    """A function offset -> (tag, VR, length, offset of the value).

    `data` is the file's beginning; `size` the length of the whole. The function raises what
    `scan` does.
    """
    short = struct.Struct(order + "HH2sH").unpack_from
    long = struct.Struct(order + "I").unpack_from
    implicit = struct.Struct(order + "HHI").unpack_from
    end = len(data)

    def read_explicit(position: int) -> tuple[int, bytes, int, int]:
        group, element, vr, length = short(data, position)
        if vr in _SHORT_FORM:
            return group << 16 | element, vr, length, position + 8
        if vr in _LONG_FORM or (vr.isalpha() and vr.isupper()):  # new VRs take the long form
            if position + 12 > end:
                _need(position + 12, data, size)
            return group << 16 | element, vr, long(data, position + 8)[0], position + 12
        if group == 0xFFFE:
            return group << 16 | element, b"", long(data, position + 4)[0], position + 8
        raise InputError(f"holds no DICOM element at byte {position}")

    def read_implicit(position: int) -> tuple[int, bytes, int, int]:
        group, element, length = implicit(data, position)
        return group << 16 | element, b"", length, position + 8

    return read_explicit if explicit else read_implicit


def after_sequence(data: bytes, start: int, size: int, explicit: bool, order: str) -> int:
    """The offset behind a sequence of undefined length that starts at `start`."""
    read = element_reader(data, size, explicit=explicit, order=order)
    position = start
    open_ends = [_SEQUENCE_END]
    while open_ends:
        if position + 8 > size:
            raise TruncatedError("ends inside a sequence that is never closed")
        if position + 8 > len(data):
            _need(position + 8, data, size)
        tag, vr, length, value = read(position)
        position = value
        if tag == open_ends[-1]:
            open_ends.pop()
        elif length == UNDEFINED and vr == b"UN":
            position = after_sequence(data, value, size, False, order)
        elif length == UNDEFINED:
            open_ends.append(_ITEM_END if tag == _ITEM else _SEQUENCE_END)
            if len(open_ends) > MAX_NESTING:
                raise InputError("has sequences that are nested too deep")
        else:
            position += length
    return position


def _need(end: int, data: bytes, size: int) -> None:
    """Ask for more of the file, or say that it has no more."""
    if end > size:
        raise TruncatedError(f"ends {end - size} bytes before its header does")
    raise NeedMoreError
