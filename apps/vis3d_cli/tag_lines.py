"""Headers as lines for people."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from vis3d_cli.say import plain

if TYPE_CHECKING:
    from vis3d.dicom import Comparison, Difference, Element, TagTree

VALUE_WIDTH = 72
FEW = 3
"""So many different values are shown one by one, more by their range."""

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$", re.ASCII)


def tree_lines(elements: "Iterable[Element]", depth: int = 0) -> Iterator[str]:
    """A line an element; what is in a sequence stands further in."""
    for one in elements:
        margin = "  " * depth
        name = one.keyword or plain(_named(one))
        start = f"{margin}{one.tag_text} {one.vr:2} {name:{max(1, 36 - 2 * depth)}}"
        yield f"{start} {value_text(one)}".rstrip()
        for number, item in enumerate(one.items, 1):
            if len(one.items) > 1:
                yield f"{margin}  item {number} of {len(one.items)}"
            yield from tree_lines(item, depth + 1)


def heading(tree: "TagTree") -> str:
    """The file in one line."""
    from vis3d.dicom import tag_summary

    return plain(f"{tree.name}: " + ", ".join(tag_summary(tree).values()))


def comparison_lines(found: "Comparison") -> Iterator[str]:
    """What differs between files, a line an element."""
    if not found.differences:
        yield f"Nothing differs between {found.files} files."
        return
    yield f"What differs between {found.files} files ({len(found.differences)} elements):"
    for one in found.differences:
        name = "/".join((*one.path, one.element.keyword or plain(_named(one.element))))
        yield f"{one.element.tag_text} {one.element.vr:2} {name:36} {spread_text(one)}"


def value_text(one: "Element") -> str:
    """A value on one short line; bulk data and sequences by their size."""
    if one.bulk:
        pieces = "" if one.fragments is None else f" in {one.fragments} compressed fragments"
        return f"<{one.length:,} bytes{pieces}>"
    if one.vr == "SQ":
        return "<empty>" if not one.items else f"<{_count(len(one.items), 'item')}>"
    if one.binary is not None:
        return _short(_binary_text(one.binary))
    return _short(_with_name("\\".join(_plain_value(value) for value in one.values)))


def spread_text(one: "Difference") -> str:
    """The values of one element in many files: each, or from where to where."""
    values = [example for example, _ in one.values]
    if len(values) <= FEW:
        counted = list(one.values)
        if len(_number_columns(values)) == 1:
            counted.sort(key=lambda pair: float(pair[0].values[0]))
        shown = [f"{value_text(value) or '<empty>'} ({n})" for value, n in counted]
    else:
        shown = [_range_text(values)]
    if one.missing:
        shown.append(f"missing ({one.missing})")
    return "; ".join(shown)


def _range_text(values: "list[Element]") -> str:
    count = f"({len(values)} values)"
    columns = _number_columns(values)
    if columns:
        spans = [
            min(column, key=float)
            if len(set(map(float, column))) == 1
            else f"{min(column, key=float)} .. {max(column, key=float)}"
            for column in columns
        ]
        return (
            f"{'; '.join(spans)} {count}"
            if len(spans) == 1
            else f"[{' | '.join(spans)}] {count}"
        )
    texts = [value_text(value) for value in values]
    return f"{_short(texts[0], 40)} .. {_short(texts[-1], 40)} {count}"


def _number_columns(values: "list[Element]") -> list[list[str]]:
    """The first, second ... numbers of all values; [] unless all are as many numbers."""
    rows = [[str(value) for value in element.values] for element in values]
    lengths = {len(row) for row in rows}
    if len(lengths) != 1 or values[0].vr in ("UI", "DA", "TM", "DT"):
        return []
    if not all(_NUMBER.match(text) for row in rows for text in row):
        return []
    return [list(column) for column in zip(*rows, strict=True)]


def _named(one: "Element") -> str:
    if not one.is_private:
        return one.name or "unknown"
    name = one.name or "unknown"
    return f"{name} [{one.private_creator}]" if one.private_creator else name


def _with_name(text: str) -> str:
    from vis3d.dicom import uid_name

    name = uid_name(text)
    return f"{text} ({name})" if name else text


def _plain_value(value: object) -> str:
    return f"{value:.8g}" if isinstance(value, float) else plain(str(value)[: 4 * VALUE_WIDTH])


def _binary_text(raw: bytes) -> str:
    """Bytes as text where they are text, else the first of them in hexadecimal."""
    text = raw.rstrip(b"\0 ")
    if len(text) > 1 and text.isascii() and text.decode("ascii").isprintable():
        return text.decode("ascii")
    return f"<{_count(len(raw), 'byte')}: {raw[:16].hex(' ')}{' ...' if len(raw) > 16 else ''}>"


def _short(text: str, width: int = VALUE_WIDTH) -> str:
    return text if len(text) <= width else text[: width - 3].rstrip() + "..."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
