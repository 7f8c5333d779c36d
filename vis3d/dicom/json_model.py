"""Headers in the DICOM JSON Model (PS3.18 annex F)."""

import math
from base64 import b64encode
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from vis3d.dicom.element_values import NUMBERS, Value
from vis3d.dicom.elements import Element

_BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
_PARTS = ("Alphabetic", "Ideographic", "Phonetic")
_CHARACTER_SET = 0x00080005


def dicom_json(elements: Iterable[Element], file_name: str) -> dict[str, Any]:
    """The elements of a data set (without File Meta Information) as a JSON object.

    Bulk data stay in the file: a BulkDataURI `name?offset=N&length=N` says where they lie.
    JSON is Unicode, so SpecificCharacterSet becomes ISO_IR 192.
    """
    return _object(elements, quote(file_name))


def _object(elements: Iterable[Element], uri: str) -> dict[str, Any]:
    return {
        f"{one.tag:08X}": _attribute(one, uri)
        for one in sorted(elements, key=lambda one: one.tag)
        if one.tag & 0xFFFF and one.tag >> 16 != 2  # no group lengths, no File Meta
    }


def _attribute(one: Element, uri: str) -> dict[str, Any]:
    if one.bulk:
        place = f"{uri}?offset={one.offset}&length={one.length}"
        return {"vr": one.vr, "BulkDataURI": place}
    if one.items:
        return {"vr": "SQ", "Value": [_object(item, uri) for item in one.items]}
    if one.binary:
        vr = one.vr if one.vr in _BINARY else "UN"  # numbers of which bytes are missing
        return {"vr": vr, "InlineBinary": b64encode(one.binary).decode("ascii")}
    if one.tag == _CHARACTER_SET and one.values:
        return {"vr": one.vr, "Value": ["ISO_IR 192"]}
    values = [_json_value(value, one.vr) for value in one.values]
    return {"vr": one.vr, "Value": values} if values else {"vr": one.vr}


def _json_value(value: Value, vr: str) -> object:
    if value == "":
        return None
    if vr == "PN":
        parts = zip(_PARTS, str(value).split("="), strict=False)
        return {part: name for part, name in parts if name} or None
    if vr in ("DS", "IS"):
        return _number(str(value), whole=vr == "IS")
    if vr in NUMBERS and isinstance(value, float) and not math.isfinite(value):
        return str(value).replace("nan", "NaN")  # JSON has no such number
    return value


def _number(text: str, *, whole: bool) -> int | float | str:
    """A number where it is one, else the text as it stands (PS3.18 table F.2.3-1)."""
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) and text.isascii() else text
