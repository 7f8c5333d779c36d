"""`vis3d mesh`: a surface, to look at, to compute with, to print."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from vis3d.errors import UsageError
from vis3d.progress import Progress, part
from vis3d_cli import reading, say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, How, Input, ReportFile, Which
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.labels import LabelMap
    from vis3d.meshing import SurfaceReport
    from vis3d.surface import Surface
    from vis3d.volume import Finding, Mask, Volume

NO_DEVIATION = {"mean": 0.0, "p95": 0.0, "max": 0.0}
"""Of a surface that was neither smoothed nor made smaller."""


def mesh(
    input: Input,
    /,
    *,
    output: Annotated[
        Path,
        Parameter(name=["--output", "-o"], help="A .stl .ply .obj .glb .3mf or .vtp file."),
    ],
    structure: Annotated[
        str | None, Parameter(metavar="NAME", help="The structure to segment, or of the file.")
    ] = None,
    level: Annotated[
        float | None,
        Parameter(metavar="HU", help="Everything of this value or more, nothing removed."),
    ] = None,
    segmentation: Annotated[
        Path | None, Parameter(metavar="FILE", help="A label map of this scan.")
    ] = None,
    label: Annotated[int | None, Parameter(metavar="N", help="The label in that file.")] = None,
    smooth: Annotated[float, Parameter(metavar="MM", help="Smooth over this length.")] = 0.0,
    max_triangles: Annotated[
        int | None, Parameter(metavar="N", help="No more triangles than this.")
    ] = None,
    max_deviation: Annotated[
        float | None,
        Parameter(metavar="MM", help="Decimate as far as no point moves more than this."),
    ] = None,
    open_ends: Annotated[
        bool, Parameter(help="Leave the surface open where the scan ends.")
    ] = False,
    coordinates: Annotated[
        Literal["lps", "ras"], Parameter(help="The patient axes the file is written in.")
    ] = "lps",
    report: ReportFile = None,
    which: Which = THE_ONLY_ONE,
    how: How = PLAIN,
) -> int:
    """Write the surface of a structure as STL, PLY, OBJ, glTF, 3MF or VTP.

    Say what: --structure NAME, or --level HU, or --segmentation FILE --label N.

    For example: vis3d mesh scans/chest --structure bones -o bones.stl --smooth 1
    """
    _check_choice(structure, level, segmentation, label)
    _check_numbers(level, smooth, max_triangles, max_deviation)

    from vis3d.files import SURFACE_SUFFIXES, write_surface
    from vis3d.meshing import extract_surface, isosurface, report_surface

    reading.check_output(output, SURFACE_SUFFIXES, "surfaces")
    if report is not None:
        reading.check_output(report)
    shaping: dict[str, Any] = {
        "smooth_mm": smooth,
        "max_triangles": max_triangles,
        "max_deviation_mm": max_deviation,
        "open_ends": open_ends,
    }
    with watching(how) as progress:
        volume = reading.load(input, which, how, part(progress, 0.0, 0.2))
        shaped = part(progress, 0.5, 0.85)
        found: tuple[Finding, ...] = ()
        mask = None
        if level is not None:
            surface = isosurface(volume, level, **shaping, progress=shaped)
        else:
            segmenting = part(progress, 0.2, 0.5)
            mask, found = _mask(volume, structure, segmentation, label, segmenting)
            surface = extract_surface(mask, volume, **shaping, progress=shaped)
        progress(0.85, "measuring the surface")
        measured = report_surface(surface, mask=mask)
        progress(0.95, "writing")
        write_surface(surface, output, coordinates=coordinates)
    say.findings(found, how)
    reshaped = smooth > 0 or max_triangles is not None or max_deviation is not None
    document = _document(measured, (*volume.findings, *found), reshaped=reshaped)
    if report is not None:
        say.write_json(document, report)
    say.answer(document, _lines(surface, document, output), how)
    return DONE


def _document(
    measured: "SurfaceReport", found: "Iterable[Finding]", *, reshaped: bool
) -> dict[str, Any]:
    """The report with what loading and segmenting found; each finding once."""
    document = measured.as_dict()
    if not reshaped:
        document["deviation_mm"] = NO_DEVIATION
    everything = dict.fromkeys((*found, *measured.findings))
    document["findings"] = [finding.as_dict() for finding in everything]
    return document


def _check_choice(
    structure: str | None, level: float | None, segmentation: Path | None, label: int | None
) -> None:
    if level is None and segmentation is None and structure is None:
        from vis3d.labels import GROUPS, STRUCTURES

        names = ", ".join((*GROUPS, *(one.name.replace(" ", "-") for one in STRUCTURES)))
        raise UsageError(
            f"Say what to mesh: --structure NAME (one of {names}), --level HU (such as 300), "
            "or --segmentation FILE --label N."
        )
    if level is not None and (structure or segmentation or label is not None):
        raise UsageError("--level goes without --structure, --segmentation and --label.")
    if label is not None and segmentation is None:
        raise UsageError("--label N names a label of a file: give --segmentation FILE too.")
    if label is not None and structure is not None:
        raise UsageError("Give --structure or --label, not both.")
    if structure is not None and segmentation is None:
        from vis3d.labels import structure_labels

        structure_labels([structure])


def _check_numbers(
    level: float | None, smooth: float, max_triangles: int | None, max_deviation: float | None
) -> None:
    if level is not None and not math.isfinite(level):
        raise UsageError("--level takes a number.")
    if not 0 <= smooth < float("inf"):
        raise UsageError("--smooth takes a length in mm from 0 on.")
    if max_triangles is not None and max_triangles < 4:
        raise UsageError("--max-triangles takes a number from 4 on.")
    if max_deviation is not None and not 0 < max_deviation < float("inf"):
        raise UsageError("--max-deviation takes a length in mm above 0.")


def _mask(
    volume: "Volume",
    structure: str | None,
    segmentation: Path | None,
    label: int | None,
    progress: Progress,
) -> "tuple[Mask, tuple[Finding, ...]]":
    """The structure's voxels, and what the segmentation has to say of itself."""
    if segmentation is None:
        from vis3d.segmentation import segment

        labels = segment(volume, [str(structure)], progress=progress)
    else:
        labels = reading.label_map_for(volume, segmentation)
    if structure is not None:
        return labels.mask(structure), labels.report.findings
    return _labelled(volume, labels, label), labels.report.findings


def _labelled(volume: "Volume", labels: "LabelMap", label: int | None) -> "Mask":
    if label is None:
        raise UsageError(f"Say which label of the file: --label N, one of {_present(labels)}.")
    name = next((one.name for one in labels.structures if one.label == label), f"label {label}")
    mask = volume.mask(labels.array == label, name)
    if not mask.array.any():
        raise UsageError(f"No voxel has label {label}; there are {_present(labels)}.")
    return mask


def _present(labels: "LabelMap") -> str:
    import numpy as np

    names = {one.label: one.name for one in labels.structures}
    present = [int(value) for value in np.flatnonzero(np.bincount(labels.array.reshape(-1)))]
    words = [f"{n} ({names[n]})" if n in names else str(n) for n in present if n]
    return ", ".join(words) or "none at all"


def _lines(surface: "Surface", document: dict[str, Any], output: Path) -> Iterator[object]:
    low, high = surface.bounds_mm
    width, depth, height = high - low
    yield f"size: {width:.1f} x {depth:.1f} x {height:.1f} mm (left-right, front-back, up)"
    yield f"pieces: {document['pieces']}"
    yield f"triangles: {document['triangles']:,}"
    yield f"closed: {'yes' if document['closed'] else 'no'}"
    yield f"{output}: written"
