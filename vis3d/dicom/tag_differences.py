"""What the headers of several files have in common, and in what they differ."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from vis3d.dicom.element_values import meaning
from vis3d.dicom.elements import Element

Address: TypeAlias = tuple[tuple[int, int], ...]
"""(tag, number of the item) down to an element; the last number is 0."""
Key: TypeAlias = tuple[object, ...]


@dataclass(frozen=True)
class Difference:
    """An element whose value isn't the same in all files.

    `path` names the sequences round it; `values` counts the files by value, in the order
    in which they came; `missing` files haven't got the element.
    """

    path: tuple[str, ...]
    element: Element
    values: tuple[tuple[Element, int], ...]
    missing: int


@dataclass(frozen=True)
class Comparison:
    """What several files have in common, and in what they differ."""

    files: int
    common: tuple[Element, ...]
    differences: tuple[Difference, ...]


def compare_tags(headers: Iterable[tuple[Element, ...]]) -> Comparison:
    """Compare headers element by element, those in sequences too.

    Bulk data are compared by their lengths alone.
    """
    seen: dict[Address, dict[Key, tuple[Element, int]]] = {}
    first: tuple[Element, ...] = ()
    files = 0
    for elements in headers:
        first = elements if files == 0 else first
        files += 1
        for path, element in _leaves(elements):
            values = seen.setdefault(path, {})
            key = element.values, element.binary, element.length if element.bulk else 0
            example, count = values.get(key, (element, 0))
            values[key] = example, count + 1
    same = {
        path
        for path, values in seen.items()
        if len(values) == 1 and next(iter(values.values()))[1] == files
    }
    differences = tuple(
        _difference(path, tuple(seen[path].values()), files)
        for path in sorted(seen.keys() - same)
    )
    return Comparison(files, _kept(first, same), differences)


def _difference(
    path: Address, values: tuple[tuple[Element, int], ...], files: int
) -> Difference:
    above = tuple(f"{meaning(tag, '')[0] or f'{tag:08X}'}[{item}]" for tag, item in path[:-1])
    missing = files - sum(count for _, count in values)
    return Difference(above, values[0][0], values, missing)


def _leaves(
    elements: Iterable[Element], above: Address = ()
) -> Iterator[tuple[Address, Element]]:
    for one in elements:
        if not one.items:
            yield (*above, (one.tag, 0)), one
        for number, item in enumerate(one.items, 1):
            yield from _leaves(item, (*above, (one.tag, number)))


def _kept(
    elements: Iterable[Element], same: set[Address], above: Address = ()
) -> tuple[Element, ...]:
    kept = []
    for one in elements:
        if not one.items:
            if (*above, (one.tag, 0)) in same:
                kept.append(one)
            continue
        items = tuple(
            _kept(item, same, (*above, (one.tag, number)))
            for number, item in enumerate(one.items, 1)
        )
        if any(items):
            kept.append(replace(one, items=items))
    return tuple(kept)
