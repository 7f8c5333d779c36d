"""`vis3d mesh`: a surface, to look at, to compute with, to print."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from vis3d.errors import UsageError
from vis3d.progress import Progress, part
from vis3d_cli import reading, say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, How, Input, ReportFile, Which
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.labels import LabelMap
    from vis3d.surface import Surface
    from vis3d.volume import Finding, Mask, Volume

WHAT = Group("What", sort_key=1)
SHAPING = Group("How fine", sort_key=2)
DICOM_SUFFIX = ".dcm"
COLORED = (".ply", ".glb", ".vtp")
LEAST_TRIANGLES = 4
"""Those of a tetrahedron, the smallest closed surface."""

NO_DEVIATION = {"mean": 0.0, "p95": 0.0, "max": 0.0}
"""Of a surface that was neither smoothed nor made smaller."""


@dataclass(frozen=True, kw_only=True)
class What:
    """What becomes a surface: a structure, a level, or a label of a file."""

    structure: Annotated[
        str | None, Parameter(metavar="NAME", help="The structure to segment, or of the file.")
    ] = None
    level: Annotated[
        float | None,
        Parameter(metavar="HU", help="Everything of this value or more, nothing removed."),
    ] = None
    segmentation: Annotated[
        Path | None, Parameter(metavar="FILE", help="A label map of this scan.")
    ] = None
    label: Annotated[int | None, Parameter(metavar="N", help="The label in that file.")] = None


@dataclass(frozen=True, kw_only=True)
class Shaping:
    """What the surface may lose."""

    smooth: Annotated[float, Parameter(metavar="MM", help="Smooth over this length.")] = 0.0
    max_triangles: Annotated[
        int | None, Parameter(metavar="N", help="No more triangles than this.")
    ] = None
    max_deviation: Annotated[
        float | None,
        Parameter(metavar="MM", help="Decimate as far as no point moves more than this."),
    ] = None
    open_ends: Annotated[
        bool, Parameter(help="Leave the surface open where the scan ends.")
    ] = False

    min_piece: Annotated[
        float, Parameter(metavar="ML", help="Leave out pieces smaller than this.")
    ] = 0.0
    fill_cavities: Annotated[
        bool, Parameter(help="Fill cavities, with whatever floats in them.")
    ] = False
    color_deviation: Annotated[
        bool,
        Parameter(help="Colour the points by how far smoothing and decimation moved them."),
    ] = False

    @property
    def changes_points(self) -> bool:
        """Whether the surface is another one than the voxels give."""
        return (self.smooth, self.max_triangles, self.max_deviation) != (0, None, None)

    def as_options(self) -> dict[str, Any]:
        """The same in the library's words."""
        return {
            "smooth_mm": self.smooth,
            "max_triangles": self.max_triangles,
            "max_deviation_mm": self.max_deviation,
            "open_ends": self.open_ends,
            "min_piece_ml": self.min_piece,
            "fill_cavities": self.fill_cavities,
        }

    def measure(self, *, reported: bool) -> str:
        """What the library is to measure: it takes time that only a reader is worth."""
        if self.color_deviation:
            return "deviation at points"
        return "deviation" if reported else "nothing"


NOTHING = What()
AS_IT_IS = Shaping()


def mesh(
    input: Input,
    /,
    *,
    output: Annotated[
        Path,
        Parameter(name=["--output", "-o"], help="A .stl .ply .obj .glb .3mf .vtp .dcm file."),
    ],
    what: Annotated[What, Parameter(name="*", group=WHAT)] = NOTHING,
    shaping: Annotated[Shaping, Parameter(name="*", group=SHAPING)] = AS_IT_IS,
    coordinates: Annotated[
        Literal["lps", "ras"], Parameter(help="The patient axes the file is written in.")
    ] = "lps",
    report: ReportFile = None,
    which: Which = THE_ONLY_ONE,
    how: How = PLAIN,
) -> int:
    """Write the surface of a structure as STL, PLY, OBJ, glTF, 3MF, VTP or DICOM.

    Say what: --structure NAME, or --level HU, or --segmentation FILE --label N.

    For example: vis3d mesh scans/chest --structure bones -o bones.stl --smooth 1
    """
    _check_choice(what)
    _check_numbers(what, shaping)

    from vis3d.files import SURFACE_SUFFIXES, write_surface

    # VTK takes half a second to load, in which the scan can be read.
    Thread(target=import_module, args=("vis3d.meshing",), daemon=True).start()
    reading.check_output(output, SURFACE_SUFFIXES, "surfaces")
    if coordinates == "ras" and reading.suffix_of(output) == ".glb":
        raise UsageError("A .glb file has its own frame (Y up): write .stl or .ply for RAS.")
    if coordinates == "ras" and reading.suffix_of(output) == DICOM_SUFFIX:
        raise UsageError("A DICOM file is in the patient's LPS: write .stl or .ply for RAS.")
    if report is not None:
        reading.check_output(report)
    if shaping.color_deviation and reading.suffix_of(output) not in COLORED:
        raise UsageError(f"--color-deviation needs a format of colours: {', '.join(COLORED)}.")
    measure = shaping.measure(reported=how.json or report is not None)
    with watching(how) as progress:
        source = None
        if reading.suffix_of(output) == DICOM_SUFFIX:
            tell = part(progress, 0.0, 0.05)
            source = reading.source_series(
                input, which, tell, what="surface as DICOM", instead=".stl"
            )
        volume = reading.load(input, which, how, part(progress, 0.05, 0.2))
        surface, mask, found = _surface(
            volume,
            what,
            {**shaping.as_options(), "measure": measure},
            part(progress, 0.2, 0.85),
        )
        from vis3d.meshing import report_surface

        progress(0.85, "measuring the surface")
        measured = report_surface(surface, mask=mask)
        everything = dict.fromkeys((*volume.findings, *found, *measured.findings))
        told = {**surface.metadata, "findings": tuple(everything)}
        surface = replace(surface, metadata=told)
        progress(0.95, "writing")
        write_surface(surface, output, coordinates=coordinates, series=source)
    say.findings([one for one in everything if one not in volume.findings], how)
    document = measured.as_dict()
    document["findings"] = [finding.as_dict() for finding in everything]
    if not shaping.changes_points:
        document["deviation_mm"] = NO_DEVIATION
    if report is not None:
        say.write_json(document, report)
    say.answer(document, _lines(surface, document, output), how)
    return DONE


def _surface(
    volume: "Volume", what: What, wanted: dict[str, Any], progress: Progress
) -> "tuple[Surface, Mask | None, tuple[Finding, ...]]":
    """The surface, the mask it was made of, and what the segmentation has to say."""
    from vis3d.meshing import extract_surface, isosurface

    if what.level is not None:
        return isosurface(volume, what.level, **wanted, progress=progress), None, ()
    mask, found = _mask(volume, what, part(progress, 0.0, 0.5))
    surface = extract_surface(mask, volume, **wanted, progress=part(progress, 0.5, 1.0))
    return surface, mask, found


def _check_choice(what: What) -> None:
    if what == NOTHING:
        from vis3d.labels import GROUPS, STRUCTURES

        names = ", ".join((*GROUPS, *(one.name.replace(" ", "-") for one in STRUCTURES)))
        raise UsageError(
            f"Say what to mesh: --structure NAME (one of {names}), --level HU (such as 300), "
            "or --segmentation FILE --label N."
        )
    if what.level is not None and what != What(level=what.level):
        raise UsageError("--level goes without --structure, --segmentation and --label.")
    if what.label is not None and what.segmentation is None:
        raise UsageError("--label N names a label of a file: give --segmentation FILE too.")
    if what.label is not None and what.structure is not None:
        raise UsageError("Give --structure or --label, not both.")
    if what.structure is not None and what.segmentation is None:
        from vis3d.labels import structure_labels

        structure_labels([what.structure])


def _check_numbers(what: What, shaping: Shaping) -> None:
    if what.level is not None and not math.isfinite(what.level):
        raise UsageError("--level takes a number.")
    if not 0 <= shaping.smooth < math.inf:
        raise UsageError("--smooth takes a length in mm from 0 on.")
    if shaping.max_triangles is not None and shaping.max_triangles < LEAST_TRIANGLES:
        raise UsageError(f"--max-triangles takes a number from {LEAST_TRIANGLES} on.")
    if shaping.max_deviation is not None and not 0 < shaping.max_deviation < math.inf:
        raise UsageError("--max-deviation takes a length in mm above 0.")
    if not 0 <= shaping.min_piece < math.inf:
        raise UsageError("--min-piece takes a volume in ml from 0 on.")


def _mask(
    volume: "Volume", what: What, progress: Progress
) -> "tuple[Mask, tuple[Finding, ...]]":
    if what.segmentation is None:
        from vis3d.segmentation import segment

        labels = segment(volume, [str(what.structure)], progress=progress)
    else:
        labels = reading.label_map_for(
            volume, what.segmentation, progress, structure=what.structure, label=what.label
        )
    if what.structure is not None:
        return labels.mask(what.structure), labels.report.findings
    return _labelled(volume, labels, what.label), labels.report.findings


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
    if "deviation_colors_mm" in document:
        yield f"colours: blue 0 mm, red {document['deviation_colors_mm']:.3g} mm moved"
    yield f"{output}: written"
