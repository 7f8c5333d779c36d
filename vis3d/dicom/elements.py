"""The bytes of a DICOM file -> every element in it, as a plain tree without bulk data.

Long values are passed over, never read: only where they lie and how long they are is kept.
Every length is checked against the file before anything is read or nested.
"""

import struct
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from vis3d.dicom.element_values import (
    NUMBERS,
    Value,
    creator_tag,
    encodings_of,
    is_creator,
    little_endian,
    meaning,
    number_values,
    settled_vr,
    text_values,
)
from vis3d.dicom.sources import Source
from vis3d.errors import InputError, TooLargeError, TruncatedError

MAX_TEXT_BYTES = 64 << 10
"""Longer texts and lists of numbers are bulk data."""
MAX_BINARY_BYTES = 1 << 10
MAX_NESTING = 64
MAX_ELEMENTS = 500_000
"""An enhanced CT of 8,000 frames has as many; millions are an attack on memory and time."""

_WINDOW_BYTES = 64 << 10
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_CHARACTER_SET, _PIXEL_REPRESENTATION = 0x00080005, 0x00280103
_PIXELS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_LONG = frozenset("OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())  # noqa: SIM905
_TEXT = frozenset("AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT".split())  # noqa: SIM905
_VRS = _LONG | _TEXT | frozenset(NUMBERS) | {"AT"}


@dataclass(frozen=True, slots=True)
class Element:
    """One data element (PS3.5 section 7).

    `values` are as the file has them, numbers in text (DS, IS) as text; `items` are those
    of a sequence; `binary` holds short binary values, little-endian. A `bulk` value has none
    of these: it is `length` bytes from `offset` on (of the inflated data set where the file
    is deflated), in `fragments` pieces where it is compressed.
    """

    tag: int
    keyword: str
    name: str
    vr: str
    length: int
    offset: int
    values: tuple[Value, ...] = ()
    items: tuple[tuple["Element", ...], ...] = ()
    binary: bytes | None = None
    bulk: bool = False
    private_creator: str = ""
    fragments: int | None = None

    @property
    def is_private(self) -> bool:
        """Whether a vendor gave it its meaning (odd group, PS3.5 section 7.8)."""
        return bool(self.tag >> 16 & 1)

    @property
    def tag_text(self) -> str:
        """The tag as people write it: (0028,0030)."""
        return f"({self.tag >> 16:04X},{self.tag & 0xFFFF:04X})"


class Coding(NamedTuple):
    """How elements are written: with their VR or without, and the order of bytes."""

    explicit: bool
    order: Literal["<", ">"] = "<"


IMPLICIT = Coding(explicit=False)


def read_elements(
    source: Source, start: int, stop: int, coding: Coding, *, keep: list[Element] | None = None
) -> tuple[Element, ...]:
    """All elements between two offsets of a file.

    `keep` receives each as soon as it is read, for those who want what lies before damage.

    Raises:
        TruncatedError: an element goes on behind the end.
        InputError: bytes that are no element, or nesting without end.
        TooLargeError: more elements than any honest file has.
    """
    found = [] if keep is None else keep
    _Reader(source, coding.order).read_dataset(_Place(start, stop, coding), found)
    return tuple(found)


def is_explicit(first_bytes: bytes, *, expected: bool) -> bool:
    """Whether elements carry their VR: some writers name the wrong transfer syntax."""
    vr = first_bytes[4:6].decode("latin-1")
    return vr in _VRS or (expected and (len(vr) < 2 or vr.isalpha()))


class _Place(NamedTuple):
    """Where a data set lies; one of undefined length ends at its delimiter, before `stop`."""

    start: int
    stop: int
    coding: Coding
    delimited: bool = False
    depth: int = 0


@dataclass
class _Known:
    """What earlier elements of a data set say about how to read later ones."""

    encodings: tuple[str, ...] = ("latin-1",)
    signed: bool = False
    creators: dict[int, str] = field(default_factory=dict)

    def learn(self, element: Element) -> None:
        if element.tag == _CHARACTER_SET:
            self.encodings = encodings_of(tuple(str(value) for value in element.values))
        elif element.tag == _PIXEL_REPRESENTATION:
            self.signed = element.values[:1] == (1,)
        elif is_creator(element.tag) and element.values:
            self.creators[element.tag] = str(element.values[0])

    def within(self) -> "_Known":
        """The same for the items of a sequence, where private blocks are claimed anew."""
        return _Known(self.encodings, self.signed)


class _Reader:
    """Reads elements at any place of one file, by a window that moves over it."""

    def __init__(self, source: Source, order: Literal["<", ">"]) -> None:
        self.source = source
        self.order = order
        self.count = 0
        self.window_start, self.window = 0, b""

    def bytes_at(self, position: int, length: int, stop: int) -> bytes:
        if position + length > stop:
            raise TruncatedError(f"ends {position + length - stop} bytes too early")
        first = position - self.window_start
        if first < 0 or first + length > len(self.window):
            self.window = self.source.read(position, max(length, _WINDOW_BYTES))
            self.window_start, first = position, 0
            if len(self.window) < length:
                raise TruncatedError(f"ends {length - len(self.window)} bytes too early")
        return self.window[first : first + length]

    def count_one(self) -> None:
        """Count an element or an item of a sequence, and stop where there are too many."""
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise TooLargeError(f"holds more than {MAX_ELEMENTS} elements")

    def read_dataset(
        self, place: _Place, found: list[Element], known: _Known | None = None
    ) -> int:
        """Append the elements of a data set to `found`; where it ends."""
        if place.depth > MAX_NESTING:
            raise InputError("has sequences that are nested too deep")
        known = known or _Known()
        position = place.start
        while position < place.stop:
            if not place.delimited and place.stop - position < 8 and found:
                if any(self.bytes_at(position, place.stop - position, place.stop)):
                    raise TruncatedError("ends inside an element")
                return place.stop  # some writers fill up with zeros
            tag, vr, length, value = self.read_start(position, place)
            if tag == _ITEM_END and place.delimited:
                return value
            element, position = self.read_element(tag, vr, length, value, place, known)
            known.learn(element)
            found.append(element)
        if place.delimited:
            raise TruncatedError("ends inside a sequence that is never closed")
        return position

    def read_start(self, position: int, place: _Place) -> tuple[int, str, int, int]:
        """Tag, VR ("" where it isn't written), length, and where the value starts."""
        order, stop = place.coding.order, place.stop
        head = self.bytes_at(position, 8, stop)
        group, number = struct.unpack_from(order + "HH", head)
        tag = group << 16 | number
        if not place.coding.explicit or group == 0xFFFE:
            return tag, "", struct.unpack_from(order + "I", head, 4)[0], position + 8
        vr = head[4:6].decode("latin-1")
        if vr in _LONG or (vr not in _VRS and vr.isascii() and vr.isupper()):
            length = struct.unpack(order + "I", self.bytes_at(position + 8, 4, stop))[0]
            return tag, vr, length, position + 12
        if vr not in _VRS:
            raise InputError(f"holds no DICOM element at byte {position}")
        return tag, vr, struct.unpack_from(order + "H", head, 6)[0], position + 8

    def read_element(
        self, tag: int, vr: str, length: int, value: int, place: _Place, known: _Known
    ) -> tuple[Element, int]:
        """The element, and where the next one starts."""
        self.count_one()
        creator = "" if is_creator(tag) else known.creators.get(creator_tag(tag), "")
        keyword, name, usual_vr = meaning(tag, creator)
        coding = place.coding
        if vr == "UN":  # written by somebody who didn't know it, always implicit (PS3.5 6.2.2)
            coding = IMPLICIT
        if vr in ("", "UN"):
            vr = settled_vr(usual_vr, known.signed) if vr == "" or len(usual_vr) == 2 else vr
        if length == _UNDEFINED:
            return self.read_undefined(
                Element(tag, keyword, name, vr, 0, value, private_creator=creator),
                place._replace(start=value, coding=coding),
                known,
            )
        if value + length > place.stop:
            where = keyword or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
            raise TruncatedError(
                f"is truncated: {value + length - place.stop} bytes of {where} are missing"
            )
        if vr == "SQ" and tag >> 16 & 1 and not self.holds_items(value, length, coding):
            vr = "UN"
        made = Element(tag, keyword, name, vr, length, value, private_creator=creator)
        if vr == "SQ":
            inner = _Place(value, value + length, coding, False, place.depth + 1)
            items, _ = self.read_items(inner, known)
            return _with(made, items=items), value + length
        return self.with_value(made, coding, known), value + length

    def read_undefined(
        self, made: Element, place: _Place, known: _Known
    ) -> tuple[Element, int]:
        """A sequence that ends at its delimiter, or compressed pixels in fragments."""
        if made.tag in _PIXELS or made.vr in ("OB", "OW"):
            end, fragments = self.pass_fragments(place)
            length = end - place.start
            return _with(made, length=length, fragments=fragments, bulk=True), end
        inner = place._replace(delimited=True, depth=place.depth + 1)
        items, end = self.read_items(inner, known)
        return _with(made, vr="SQ", length=end - place.start, items=items), end

    def read_items(
        self, place: _Place, known: _Known
    ) -> tuple[tuple[tuple[Element, ...], ...], int]:
        """The items of a sequence, and where it ends."""
        items: list[tuple[Element, ...]] = []
        position = place.start
        while position < place.stop:
            tag, _, length, value = self.read_start(position, place)
            if tag == _SEQUENCE_END:
                return tuple(items), value
            if tag != _ITEM:
                raise InputError(f"holds no sequence item at byte {position}")
            self.count_one()
            undefined = length == _UNDEFINED
            if not undefined and value + length > place.stop:
                raise TruncatedError("ends inside an item of a sequence")
            stop = place.stop if undefined else value + length
            inside = _Place(value, stop, place.coding, undefined, place.depth)
            found: list[Element] = []
            position = self.read_dataset(inside, found, known.within())
            items.append(tuple(found))
        if place.delimited:
            raise TruncatedError("ends inside a sequence that is never closed")
        return tuple(items), position

    def holds_items(self, value: int, length: int, coding: Coding) -> bool:
        """Whether a value starts as sequences do: private ones may only be called so."""
        if length < 8:
            return length == 0
        group, number = struct.unpack(coding.order + "HH", self.bytes_at(value, 4, value + 4))
        return (group << 16 | number) in (_ITEM, _SEQUENCE_END)

    def pass_fragments(self, place: _Place) -> tuple[int, int]:
        """Where compressed pixels end, and how many pieces they have (PS3.5 section A.4)."""
        position, count = place.start, -1  # the first item is the offset table
        while True:
            if position + 8 > place.stop:
                raise TruncatedError("is truncated: it ends inside its compressed pixels")
            tag, _, length, value = self.read_start(position, place)
            if tag == _SEQUENCE_END:
                return value, max(count, 0)
            if tag != _ITEM or length == _UNDEFINED:
                raise InputError(f"holds no fragment of pixels at byte {position}")
            position = value + length
            count += 1

    def with_value(self, made: Element, coding: Coding, known: _Known) -> Element:
        """The element with its value, or as bulk data where that is long."""
        most = MAX_TEXT_BYTES if made.vr in _TEXT or made.vr in NUMBERS else MAX_BINARY_BYTES
        if made.length and (made.tag in _PIXELS or made.length > most):
            return _with(made, bulk=True)
        raw = self.bytes_at(made.offset, made.length, made.offset + made.length)
        if made.vr in _TEXT:
            return _with(made, values=text_values(raw, made.vr, known.encodings))
        numbers = number_values(raw, made.vr, coding.order)
        if numbers is not None:
            return _with(made, values=numbers)
        if coding.order == ">":
            raw = little_endian(raw, made.vr)
        return _with(made, binary=raw)


def _with(
    made: Element,
    *,
    vr: str | None = None,
    length: int | None = None,
    values: tuple[Value, ...] = (),
    items: tuple[tuple[Element, ...], ...] = (),
    binary: bytes | None = None,
    bulk: bool = False,
    fragments: int | None = None,
) -> Element:
    """The element with a value; several times as fast as `dataclasses.replace`."""
    return Element(
        made.tag,
        made.keyword,
        made.name,
        made.vr if vr is None else vr,
        made.length if length is None else length,
        made.offset,
        values,
        items,
        binary,
        bulk,
        made.private_creator,
        fragments,
    )
