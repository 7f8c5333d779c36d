"""`vis3d measure`: the lungs, the bones, and any structure in numbers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from vis3d.progress import Progress, part
from vis3d_cli import reading, say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, How, Input, Which
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.labels import LabelMap
    from vis3d.measurement import Measurements
    from vis3d.surface import Surface
    from vis3d.volume import Volume

STRUCTURES = ("lungs", "airways", "bones")
SHOWN = {
    "volume_ml": "ml",
    "mean_hu": "mean HU",
    "sd_hu": "SD HU",
    "mass_g": "g",
    "laa950_percent": "LAA-950 %",
    "perc15_hu": "Perc15 HU",
    "diameter_mm": "diameter mm",
}
AREA = "area_mm2"


def measure(
    input: Input,
    /,
    *,
    segmentation: Annotated[
        Path | None,
        Parameter(
            metavar="FILE",
            help="A label map of this scan, instead of segmenting: whatever structures it "
            "holds are measured.",
        ),
    ] = None,
    csv: Annotated[
        Path | None, Parameter(metavar="FILE", help="Write the numbers as CSV too.")
    ] = None,
    histograms: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="Write the lungs' densities, counted, as CSV."),
    ] = None,
    clusters: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="Write how large the emphysema's clusters are, as CSV."),
    ] = None,
    html: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="Write a lung report: a page with pictures, to print."),
    ] = None,
    area: Annotated[
        bool, Parameter(help="Measure the area of each structure's surface too (slow).")
    ] = False,
    which: Which = THE_ONLY_ONE,
    how: How = PLAIN,
) -> int:
    """Measure volume, density, size and emphysema of the lungs and other structures.

    Lungs: each, both, and thirds by height. For research, not for diagnosis.

    For example: vis3d measure scans/chest --csv lungs.csv --html report.html
    """
    reading.check_distinct(csv, histograms, clusters, html)
    for output in (csv, histograms, clusters, html):
        if output is not None:
            reading.check_output(output, sources=[input, segmentation])
    with watching(how) as progress:
        volume = reading.load(input, which, how, part(progress, 0.0, 0.2))
        maps = _label_maps(volume, segmentation, part(progress, 0.2, 0.7))
        surfaces = _surfaces(volume, maps, part(progress, 0.7, 0.9)) if area else {}
        found = _measured(volume, maps, surfaces, part(progress, 0.9, 1.0))
    if html is not None:  # first: without lungs it is refused, and nothing is written
        _write_report(volume, maps, found, html)
    _write_tables(found, csv, histograms, clusters)
    say.answer(found.as_dict(), _lines(found, area=area), how)
    return DONE


def _label_maps(
    volume: "Volume", segmentation: Path | None, progress: Progress
) -> "tuple[LabelMap, ...]":
    if segmentation is not None:
        from vis3d.files import read_labelmaps_on

        return read_labelmaps_on(volume, segmentation, progress=progress)
    from vis3d.segmentation import segment

    return (segment(volume, STRUCTURES, progress=progress),)


def _surfaces(
    volume: "Volume", maps: "tuple[LabelMap, ...]", progress: Progress
) -> "dict[str, Surface]":
    """The surface of each structure that is there, as `vis3d mesh` makes it."""
    from vis3d.meshing import extract_surface

    there = [
        (labels, name) for labels in maps for name in labels.names if labels.volume_ml(name) > 0
    ]
    surfaces = {}
    for number, (labels, name) in enumerate(there):
        step = part(progress, number / len(there), (number + 1) / len(there))
        surfaces[name] = extract_surface(labels.mask(name), volume, progress=step)
    return surfaces


def _measured(
    volume: "Volume",
    maps: "tuple[LabelMap, ...]",
    surfaces: "dict[str, Surface]",
    progress: Progress,
) -> "Measurements":
    from vis3d.measurement import measure_structures

    found = measure_structures(volume, maps, surfaces=surfaces, progress=progress)
    return replace(found, findings=tuple(dict.fromkeys((*volume.findings, *found.findings))))


def _write_tables(
    found: "Measurements", csv: Path | None, histograms: Path | None, clusters: Path | None
) -> None:
    from vis3d import measurement

    for path, write in (
        (csv, measurement.write_regions_csv),
        (histograms, measurement.write_histograms_csv),
        (clusters, measurement.write_clusters_csv),
    ):
        if path is not None:
            write(found, path)


def _write_report(
    volume: "Volume", maps: "tuple[LabelMap, ...]", found: "Measurements", path: Path
) -> None:
    from vis3d.labels import GROUPS
    from vis3d.lung_report import write_lung_report

    sides = set(GROUPS["lungs"])
    lungs = [labels for labels in maps if sides & set(labels.names)]
    write_lung_report(volume, (lungs or maps)[0], found, path)


def _lines(found: "Measurements", *, area: bool) -> Iterator[object]:
    shown = {**SHOWN, AREA: "mm2"} if area else SHOWN
    rows = []
    for region in found.regions:
        numbers: dict[str, Any] = region.as_dict()
        rows.append((region.name, *(_short(numbers[key]) for key in shown)))
    columns = ("region", *shown.values())
    yield say.table(columns, rows, right=columns[1:])
    for clusters in found.clusters:
        if clusters.largest:
            share = f"{clusters.largest[0].volume_ml:,.1f} ml"
            exponent = "" if clusters.exponent is None else f", D = {clusters.exponent:.2f}"
            count = f"{clusters.count:,} cluster{'' if clusters.count == 1 else 's'}"
            yield (
                f"{clusters.name}: {count} below {clusters.level_hu:g} HU, the largest "
                f"{share}{exponent}"
            )
    for name, value in found.conditions.items():
        if value is not None:
            yield f"{name}: {value}"
    for doubt in found.doubts:
        yield f"warning: {doubt}"


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:,.1f}"
