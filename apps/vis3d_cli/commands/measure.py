"""`vis3d measure`: the lungs and bones in numbers."""

from collections.abc import Iterator
from csv import DictWriter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from vis3d.progress import Progress, part
from vis3d.whole_file import whole_file
from vis3d_cli import reading, say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, How, Input, Which
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.labels import LabelMap
    from vis3d.volume import Volume

STRUCTURES = ("lungs", "airways", "bones")
BONES = "bones"
SHOWN = {
    "volume_ml": "ml",
    "mean_hu": "mean HU",
    "sd_hu": "SD HU",
    "mass_g": "g",
    "laa950_percent": "LAA-950 %",
    "perc15_hu": "Perc15 HU",
}


def measure(
    input: Input,
    /,
    *,
    segmentation: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="A label map of this scan, instead of segmenting."),
    ] = None,
    csv: Annotated[
        Path | None, Parameter(metavar="FILE", help="Write the numbers as CSV too.")
    ] = None,
    which: Which = THE_ONLY_ONE,
    how: How = PLAIN,
) -> int:
    """Measure volume, density and emphysema of the lungs, and the bones.

    For example: vis3d measure scans/chest --csv lungs.csv
    """
    if csv is not None:
        reading.check_output(csv)
    with watching(how) as progress:
        volume = reading.load(input, which, how, part(progress, 0.0, 0.2))
        labels = _labels(volume, segmentation, part(progress, 0.2, 0.9))
        progress(0.9, "measuring")
        document = measurement_document(volume, labels)
    if csv is not None:
        _write_csv(document["regions"], csv)
    say.answer(document, _lines(document), how)
    return DONE


def measurement_document(volume: "Volume", labels: "LabelMap") -> dict[str, Any]:
    """The lungs' regions, and the bones where the label map has them."""
    from vis3d.labels import normal_name
    from vis3d.measurement import measure_lungs, measure_mask

    document = measure_lungs(volume, labels).as_dict()
    if BONES in map(normal_name, labels.names):
        document["regions"].append(measure_mask(volume, labels.mask(BONES)).as_dict())
    document["findings"] = [
        *(finding.as_dict() for finding in volume.findings),
        *document["findings"],
    ]
    return document


def _labels(volume: "Volume", segmentation: Path | None, progress: Progress) -> "LabelMap":
    if segmentation is not None:
        return reading.label_map_for(volume, segmentation)
    from vis3d.segmentation import segment

    return segment(volume, STRUCTURES, progress=progress)


def _write_csv(regions: list[dict[str, Any]], path: Path) -> None:
    with whole_file(path) as unfinished, unfinished.open("w", newline="") as stream:
        writer = DictWriter(stream, list(regions[0]))
        writer.writeheader()
        writer.writerows(regions)


def _lines(document: dict[str, Any]) -> Iterator[object]:
    rows = [
        (region["name"], *(_short(region[key]) for key in SHOWN))
        for region in document["regions"]
    ]
    columns = ("region", *SHOWN.values())
    yield say.table(columns, rows, right=columns[1:])
    for name, value in document["conditions"].items():
        if value is not None:
            yield f"{name}: {value}"
    for finding in document["findings"]:
        if finding["severity"] != "note":
            yield f"{finding['severity']}: {finding['message']}"


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:,.1f}"
