"""What `vis3d mesh` reports of a file: of each structure, and of all together."""

from collections.abc import Sequence
from typing import Any

Document = dict[str, Any]


def together(structures: Sequence[Document]) -> Document:
    """The report of a file, with each structure's own under `structures`.

    Of several, triangles, pieces, genus, volume and area are sums, the bounds those of all,
    and deviation, change of volume and quality those of the worst structure.
    """
    first = structures[0]
    if len(structures) == 1:
        alone = {key: value for key, value in first.items() if key not in ("name", "color")}
        return {**alone, "structures": list(structures)}
    return {
        **{key: _sum(structures, key) for key in ("triangles", "pieces", "genus")},
        **{key: all(one[key] for one in structures) for key in ("closed", "manifold")},
        **{key: _sum(structures, key) for key in ("volume_ml", "area_mm2")},
        "bounds_mm": _bounds([one["bounds_mm"] for one in structures]),
        "volume_change_percent": _largest([one["volume_change_percent"] for one in structures]),
        "deviation_mm": _worst(structures, "deviation_mm", max),
        "triangle_quality": _worst(structures, "triangle_quality", min),
        "findings": _all_findings(structures),
        "structures": list(structures),
    }


def _sum(structures: Sequence[Document], key: str) -> Any:
    """None where one of them is unknown."""
    values = [one[key] for one in structures]
    return None if None in values else sum(values)


def _largest(changes: Sequence[float | None]) -> float | None:
    """The one furthest from 0; None where one of them is unknown."""
    known = [change for change in changes if change is not None]
    return max(known, key=abs) if len(known) == len(changes) else None


def _bounds(boxes: Sequence[Any]) -> list[list[float]]:
    low = [min(box[0][axis] for box in boxes) for axis in range(3)]
    high = [max(box[1][axis] for box in boxes) for axis in range(3)]
    return [low, high]


def _worst(structures: Sequence[Document], key: str, worst: Any) -> Document | None:
    known = [one[key] for one in structures]
    if None in known:
        return None
    return {word: worst(one[word] for one in known) for word in known[0]}


def _all_findings(structures: Sequence[Document]) -> list[Document]:
    """Each once, in the order in which they were met."""
    listed = [finding for one in structures for finding in one["findings"]]
    return [one for number, one in enumerate(listed) if one not in listed[:number]]
