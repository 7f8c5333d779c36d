"""`vis3d histogram`: how many voxels have each value."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from vis3d.errors import UsageError
from vis3d.progress import part
from vis3d_cli import reading, say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, How, Input, Which
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.imaging import Histogram

CSV = ".csv"


def histogram(
    input: Input,
    /,
    *,
    output: Annotated[
        Path | None,
        Parameter(
            name=["--output", "-o"],
            metavar="FILE",
            help="A .png .svg .jpg .tif or .webp picture, or .csv; a sketch without it.",
        ),
    ] = None,
    structure: Annotated[
        str | None,
        Parameter(metavar="NAME", help="Only this structure, segmented or of the file."),
    ] = None,
    segmentation: Annotated[
        Path | None, Parameter(metavar="FILE", help="A label map of this scan.")
    ] = None,
    bin: Annotated[
        float | None, Parameter(metavar="HU", help="The bins' width; 1 HU by default.")
    ] = None,
    scale: Annotated[
        Literal["log", "linear"], Parameter(help="How the picture shows counts.")
    ] = "log",
    which: Which = THE_ONLY_ONE,
    how: How = PLAIN,
) -> int:
    """Count the voxels of a scan, or of a structure in it, by HU.

    The CSV has the columns low_hu, high_hu, count: low <= value < high. Every
    voxel is counted there, padding too; pictures and shares leave padding out.

    For example: vis3d histogram scans/chest -o histogram.png --structure lungs
    """
    _check(output, structure, segmentation, bin)

    from vis3d.imaging import histogram as counted

    with watching(how) as progress:
        volume = reading.load(input, which, how, part(progress, 0.0, 0.4))
        mask = None
        if structure is not None:
            finding = part(progress, 0.4, 0.9)
            mask = reading.mask_for(volume, structure, segmentation, finding)
            reading.say_doubts(mask.findings, volume, how)
        found = counted(volume, mask, bin_width=bin, progress=part(progress, 0.9, 1.0))
    if output is not None:
        _write(found, output, logarithmic=scale == "log")
    say.answer(histogram_document(found), (), how)
    if not how.json:
        say.rows(_lines(found, output), how)
    return DONE


def histogram_document(found: "Histogram") -> dict[str, Any]:
    """What `histogram --json` prints."""
    return {
        "structure": found.name or None,
        "unit": found.unit,
        "voxels": found.voxels,
        "padding_voxels": found.padding,
        "median": found.percentile(50),
        "tissues": [
            {
                "name": tissue.name,
                "low_hu": tissue.low_hu,  # null: without end
                "high_hu": tissue.high_hu,
                "voxels": voxels,
                "percent": percent,
            }
            for tissue, voxels, percent in _shares(found)
        ],
        "bins": {
            "first_low": found.low,
            "width": found.width,
            "counts": found.counts,
            "not_numbers": found.not_numbers,
        },
    }


def _check(
    output: Path | None, structure: str | None, segmentation: Path | None, width: float | None
) -> None:
    if segmentation is not None and structure is None:
        raise UsageError("Say which structure of the file: --structure NAME.")
    reading.check_structure(structure, segmentation)
    if width is not None and not 0 < width < float("inf"):
        raise UsageError("--bin takes a width above 0.")
    if output is not None:
        from vis3d.imaging import CHART_SUFFIXES

        reading.check_output(output, (CSV, *CHART_SUFFIXES), "histograms")


def _write(found: "Histogram", output: Path, *, logarithmic: bool) -> None:
    from vis3d.imaging import write_histogram_csv, write_histogram_picture

    if reading.suffix_of(output) == CSV:
        write_histogram_csv(found, output)
    else:
        write_histogram_picture(found, output, logarithmic=logarithmic)


def _lines(found: "Histogram", output: Path | None) -> Iterator[str]:
    what = f"{say.plain(found.name)}: " if found.name else ""
    rest = f", {found.padding:,} of them padding" if found.padding else ""
    yield f"{what}{found.voxels:,} voxels{rest}"
    if output is not None:
        yield f"{say.plain(output)} written"
        return
    from vis3d.imaging import sketch

    yield sketch(found, ascii_only=not _takes_blocks())
    for tissue, voxels, percent in _shares(found):
        low, high = tissue.low_hu, tissue.high_hu
        limits = f"{low:g} to {high:g} HU"
        if low == -float("inf"):
            limits = f"below {high:g} HU"
        elif high == float("inf"):
            limits = f"from {low:g} HU on"
        yield f"{tissue.name[0]}  {tissue.name:12} {limits:18} {percent:5.1f} % {voxels:15,}"


def _shares(found: "Histogram") -> Iterator[tuple[Any, int, float]]:
    measured = max(1, found.voxels - found.padding)
    for tissue, voxels in found.tissues():
        yield tissue, voxels, 100 * voxels / measured


def _takes_blocks() -> bool:
    try:
        "▁█─".encode(sys.stdout.encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True
