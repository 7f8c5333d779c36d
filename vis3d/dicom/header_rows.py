"""A series' headers as rows for a screen, without what could tell who the patient is."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.multival import MultiValue

from vis3d.dicom.datasets import header_dataset
from vis3d.dicom.deidentify import Policy, deidentified
from vis3d.dicom.headers import Header
from vis3d.dicom.quiet import quietly
from vis3d.dicom.series import Series
from vis3d.errors import UsageError

MAX_ROWS = 20_000
MAX_VALUE = 200
"""Characters of a value that are shown."""


@dataclass(frozen=True)
class HeaderRow:
    """One element: where it lies, what it is called, what it holds.

    `depth` counts the sequences round it. The value of a `hidden` one is left out.
    """

    tag: str
    name: str
    vr: str
    value: str
    depth: int = 0
    hidden: bool = False


def header_count(series: Series) -> int:
    """How many files have headers."""
    return len(_headers(series))


def header_rows(
    series: Series, number: int, *, show_patient: bool = False
) -> tuple[HeaderRow, ...]:
    """The header of one of a series' files (from 1 on, in slice order), bulk data left out.

    Unless `show_patient`, no value is in it that de-identification (PS3.15's basic profile)
    would change or remove: names, dates, UIDs, free text, private elements.

    Raises:
        UsageError: there is no such file.
        InputError: it can't be read (any more).
    """
    headers = _headers(series)
    if not 1 <= number <= len(headers):
        raise UsageError(f"The series has the files 1 to {len(headers)}.")
    with quietly():
        dataset = header_dataset(headers[number - 1])
        clean = dataset if show_patient else deidentified(dataset, Policy())
        return tuple(islice(_rows(dataset, clean, 0), MAX_ROWS))


def _headers(series: Series) -> list[Header]:
    return list({id(frame.header): frame.header for frame in series.frames}.values())


def _rows(dataset: Any, clean: Any, depth: int) -> Iterator[HeaderRow]:
    """The elements; those that `clean` hasn't got as they are, are hidden."""
    for tag in dataset.keys():  # noqa: SIM118  (a Dataset's iterator reads each value)
        if not tag.element:
            continue  # the length of a group: retired, and of no use to people
        name = keyword_for_tag(tag) or ("private" if tag.is_private else "unknown")
        where = f"({tag.group:04X},{tag.element:04X})"
        try:
            element = dataset[tag]
            value, vr = _text(element), element.VR
            kept = clean is not None and tag in clean and _text(clean[tag]) == value
        except Exception:  # noqa: BLE001  (pydicom raises a dozen kinds on damage)
            yield HeaderRow(where, name, "", "can't be read", depth, hidden=True)
            continue
        if vr != "SQ":
            yield HeaderRow(where, name, vr, value if kept else "", depth, hidden=not kept)
            continue
        yield HeaderRow(where, name, vr, f"{len(element.value)} items", depth)
        items = list(clean[tag].value) if clean is not None and tag in clean else []
        whole = len(items) == len(element.value)  # else nobody knows which is which
        for n, item in enumerate(element.value):
            yield from _rows(item, items[n] if whole else None, depth + 1)


def _text(element: Any) -> str:
    """A value on one line; bytes by their number."""
    value = element.value
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if value is None:
        return ""
    many = list(value) if isinstance(value, (list, tuple, MultiValue)) else [value]
    text = "\\".join(str(one) for one in many[:MAX_VALUE])
    plain = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return plain if len(plain) <= MAX_VALUE else plain[:MAX_VALUE] + " …"
