"""Measurements as CSV and JSON files."""

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from csv import DictWriter
from typing import Any

from vis3d.measurement.measure import Measurements
from vis3d.measurement.outlines import NUMBERS, OutlineStatistics
from vis3d.measurement.points import Angle, Distance
from vis3d.whole_file import whole_file

Marks = Sequence[Distance | Angle | OutlineStatistics]
"""What a person measured in the pictures, in the order of the list."""

_AXES = ("l", "p", "s")


def write_regions_csv(found: Measurements, path: str | os.PathLike[str]) -> None:
    """A row a region with its numbers, the conditions they were taken under, and the doubts.

    Raises:
        OutputError: the file can't be written there.
    """
    beside = {**found.conditions, "doubts": " ".join(found.doubts)}
    write_csv((_flat({**r.as_dict(), **beside}) for r in found.regions), path)


def write_histograms_csv(found: Measurements, path: str | os.PathLike[str]) -> None:
    """name, low_hu, high_hu, count: low <= value < high, a row a bin, of lungs.

    Raises:
        OutputError: the file can't be written there.
    """
    rows = (
        {"name": one.name, "low_hu": low, "high_hu": low + one.width_hu, "count": count}
        for one in found.histograms
        for n, count in enumerate(one.counts)
        for low in (one.low_hu + n * one.width_hu,)
    )
    write_csv(rows, path, columns=("name", "low_hu", "high_hu", "count"))


def write_clusters_csv(found: Measurements, path: str | os.PathLike[str]) -> None:
    """name, voxels, volume_ml, clusters: how many clusters of emphysema have that size.

    Raises:
        OutputError: the file can't be written there.
    """
    rows = (
        {
            "name": one.name,
            "voxels": voxels,
            "volume_ml": voxels * one.voxel_ml,
            "clusters": count,
        }
        for one in found.clusters
        for voxels, count in sorted(one.sizes.items())
    )
    write_csv(rows, path, columns=("name", "voxels", "volume_ml", "clusters"))


def write_marks_csv(marks: Marks, path: str | os.PathLike[str]) -> None:
    """Distances, angles and outlines: a row each, with their points in LPS mm.

    Raises:
        OutputError: the file can't be written there.
    """
    columns = ("kind", "name", "mm", "degrees", "area_mm2", *NUMBERS, "points_lps")
    rows = []
    for mark in marks:
        row = mark.as_dict()
        row["points_lps"] = "; ".join(
            "({:.4f} {:.4f} {:.4f})".format(*point) for point in row["points_lps"]
        )
        rows.append(row)
    write_csv(rows, path, columns=columns)


def write_marks_json(marks: Marks, path: str | os.PathLike[str]) -> None:
    """Distances, angles and outlines as {"frame": "LPS mm", "measurements": [...]}.

    Raises:
        OutputError: the file can't be written there.
    """
    document = {"frame": "LPS mm", "measurements": [mark.as_dict() for mark in marks]}
    with whole_file(path) as unfinished:
        unfinished.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", "utf-8")


def write_csv(
    rows: Iterable[Mapping[str, Any]],
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
) -> None:
    """Rows as a CSV file: None is an empty cell, and no text is taken for a formula.

    Raises:
        OutputError: the file can't be written there.
    """
    kept = list(rows)
    names = columns or (list(kept[0]) if kept else [])
    with (
        whole_file(path) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = DictWriter(stream, names)
        writer.writeheader()
        for row in kept:
            writer.writerow({name: _cell(value) for name, value in row.items()})


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same without points: a box becomes six columns, the ends of diameters go."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name == "box_lps_mm":
            flat.update(_box(value))
        elif not name.endswith("_ends_lps"):
            flat[name] = value
    return flat


def _box(corners: Sequence[Sequence[float]] | None) -> Iterator[tuple[str, float | None]]:
    for number, end in enumerate(("min", "max")):
        for axis, letter in enumerate(_AXES):
            yield (
                f"box_{end}_{letter}_mm",
                None if corners is None else corners[number][axis],
            )


def _cell(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):  # spreadsheets run what begins like a formula
        plain = " ".join(value.split())
        return f"'{plain}" if plain[:1] in ("=", "+", "-", "@") else plain
    return value
