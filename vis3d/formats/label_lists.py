"""Names of labels in a file beside the voxels, as some tools write them."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from vis3d.formats.structures import structure
from vis3d.labels import Structure

LONGEST = 1 << 22
"""Bytes; the longest list of names known has a thousandth."""

_NUMBER = r"(\d{1,5})"
_COLOR = r"(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})"
_ITK_SNAP = re.compile(rf'\s*{_NUMBER}\s+{_COLOR}\s+[\d.]+\s+[01]\s+[01]\s+"([^"]*)"\s*')
_SLICER = re.compile(rf"\s*{_NUMBER}\s+(\S+)\s+{_COLOR}\s+\d{{1,3}}\s*")
_HEX = re.compile(r"#?([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


def structures_beside(path: Path) -> tuple[Structure, ...]:
    """The names in `NAME.json`, `NAME.tsv`, `dataset.json`, ... beside a label map.

    Taken are the "labels" of nnU-Net and MONAI (name to number or number to name), a plain
    object of numbers and names, the tables of BIDS (columns index, name, color), the label
    descriptions of ITK-SNAP and the colour tables of 3D Slicer.
    """
    stem = path.name
    for suffix in (".gz", ".nii", ".nrrd", ".seg", ".mha", ".mhd", ".vti"):
        stem = stem.removesuffix(suffix)
    for name, reader in (
        (f"{stem}.json", _json),
        (f"{stem}.tsv", _tsv),
        (f"{stem}.txt", _lines),
        (f"{stem}.label", _lines),
        (f"{stem}.ctbl", _lines),
        (f"{stem}_ColorTable.ctbl", _lines),
        ("dataset.json", _json),
    ):
        found = {one.label: one for one in reader(_text(path.with_name(name)))}
        if found:
            return tuple(found.values())
    return ()


def _text(path: Path) -> str:
    try:
        if path.is_file() and path.stat().st_size <= LONGEST:
            return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        pass
    return ""


def _json(text: str) -> Iterator[Structure]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return
    if not isinstance(content, Mapping):
        return
    labels = content.get("labels")
    if isinstance(labels, Mapping):
        yield from _from_pairs(labels)
        yield from _from_pairs({name: key for key, name in labels.items() if _is_number(name)})
    else:
        yield from _from_pairs(content)


def _from_pairs(pairs: Mapping[object, object]) -> Iterator[Structure]:
    """Number -> name; everything else is passed over."""
    for key, name in pairs.items():
        if _is_number(key) and isinstance(name, str):
            yield from _structure(int(str(key)), name, None)


def _tsv(text: str) -> Iterator[Structure]:
    for row in csv.DictReader(text.splitlines(), delimiter="\t"):
        index, name = row.get("index") or "", row.get("name") or ""
        match = _HEX.fullmatch(row.get("color") or "")
        color = tuple(int(part, 16) for part in match.groups()) if match else None
        if _is_number(index):
            yield from _structure(int(index), name, color)


def _lines(text: str) -> Iterator[Structure]:
    """Label descriptions of ITK-SNAP, or a colour table of 3D Slicer (`_` for a space)."""
    for line in text.splitlines():
        if match := _ITK_SNAP.fullmatch(line):
            label, r, g, b, name = match.groups()
        elif match := _SLICER.fullmatch(line):
            label, name, r, g, b = match.groups()
            name = name.replace("_", " ")
        else:
            continue
        color = (int(r), int(g), int(b))
        yield from _structure(int(label), name, color if max(color) <= 255 else None)


def _structure(label: int, name: str, color: tuple[int, ...] | None) -> Iterator[Structure]:
    words = " ".join(name.split())[:200]
    if 0 < label <= 65535 and words:
        fits = (color[0], color[1], color[2]) if color else None
        yield structure(label, words, fits)


def _is_number(value: object) -> bool:
    return not isinstance(value, bool) and re.fullmatch(r"\d{1,5}", str(value)) is not None
