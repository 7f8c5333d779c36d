"""Series and volumes as JSON documents, and as a table for people."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vis3d_cli.say import plain, table

if TYPE_CHECKING:
    from vis3d.dicom import Series, Skipped
    from vis3d.volume import Volume

TRANSFER_SYNTAXES = {
    "1.2.840.10008.1.2": "implicit LE",
    "1.2.840.10008.1.2.1": "explicit LE",
    "1.2.840.10008.1.2.1.99": "deflated",
    "1.2.840.10008.1.2.2": "explicit BE",
    "1.2.840.10008.1.2.4.50": "JPEG baseline",
    "1.2.840.10008.1.2.4.51": "JPEG extended",
    "1.2.840.10008.1.2.4.57": "JPEG lossless",
    "1.2.840.10008.1.2.4.70": "JPEG lossless",
    "1.2.840.10008.1.2.4.80": "JPEG-LS lossless",
    "1.2.840.10008.1.2.4.81": "JPEG-LS",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
    "1.2.840.10008.1.2.4.201": "HTJ2K lossless",
    "1.2.840.10008.1.2.4.202": "HTJ2K lossless RPCL",
    "1.2.840.10008.1.2.4.203": "HTJ2K",
    "1.2.840.10008.1.2.5": "RLE",
}
"""Short words for people; in JSON the UIDs stand as they are."""

COLUMNS = ("#", "modality", "description", "files", "voxels", "spacing mm", "axes", "unit")


def discovery_document(
    series: Iterable["Series"], skipped: Iterable["Skipped"]
) -> dict[str, object]:
    """What `info --json` prints."""
    return {
        "series": [series_document(one) for one in series],
        "skipped": [{"path": file.path, "reason": file.reason} for file in skipped],
    }


def series_document(series: "Series") -> dict[str, object]:
    """One series with the keys that `info` promises; null where a header doesn't say."""
    grid = series.geometry
    return {
        "index": series.index,
        "uid": series.uid,
        "modality": series.modality,
        "description": series.description,
        "files": len(series.files),
        "shape": list(series.shape),
        "spacing_mm": list(grid.spacing) if grid else None,
        "origin_mm": list(grid.origin) if grid else None,
        "direction": grid.direction.ravel().tolist() if grid else None,
        "unit": series.unit,
        "transfer_syntaxes": list(series.transfer_syntaxes),
        "loadable": series.loadable,
        "findings": [finding.as_dict() for finding in series.findings],
    }


def written_document(output: Path, volume: "Volume") -> dict[str, object]:
    """What `convert --json` prints: what was written, on which grid, and what to know of it."""
    return {
        "output": str(output),
        "shape": list(volume.geometry.shape),
        "spacing_mm": list(volume.geometry.spacing),
        "findings": [finding.as_dict() for finding in volume.findings],
    }


def series_table(series: Iterable["Series"]) -> object:
    """A row a series."""
    columns = (*COLUMNS, "stored as", "loadable")
    return table(columns, [_row(one) for one in series], right=("#", "files"))


def finding_lines(series: Iterable["Series"]) -> Iterator[str]:
    """What to know of each series, a line a finding."""
    for one in series:
        for finding in one.findings:
            yield f"series {one.index}: {finding.severity}: {finding.message}"


def skipped_lines(skipped: Sequence["Skipped"], limit: int | None = 10) -> Iterator[str]:
    """The files that hold no series and why, the first `limit` of them."""
    for file in skipped[:limit]:
        yield f"skipped {plain(file.path)}: {plain(file.reason)}"
    if limit is not None and len(skipped) > limit:
        yield f"... and {len(skipped) - limit} more files skipped (--verbose lists them)."


def _row(series: "Series") -> tuple[object, ...]:
    grid = series.geometry
    return (
        series.index,
        series.modality,
        series.description,
        len(series.files),
        " x ".join(str(n) for n in reversed(series.shape)),
        " x ".join(f"{mm:.3g}" for mm in grid.spacing) if grid else "",
        "".join(grid.axis_letters) if grid else "",
        series.unit,
        ", ".join(TRANSFER_SYNTAXES.get(uid, uid) for uid in series.transfer_syntaxes),
        "yes" if series.loadable else "no",
    )
