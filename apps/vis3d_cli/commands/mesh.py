"""`vis3d mesh`: a surface, to look at, to compute with, to print."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from vis3d.errors import InputError, UsageError
from vis3d.progress import Progress, part
from vis3d_cli import reading, say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.given import ALL
from vis3d_cli.mesh_limits import LEAST_TRIANGLES, Limits, least_triangles
from vis3d_cli.mesh_parts import Part, What, check_choice, parts_of
from vis3d_cli.mesh_report import together
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, How, Input, ReportFile, Which
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.meshing import SurfaceReport
    from vis3d.surface import Surface
    from vis3d.volume import Volume

WHAT = Group("What", sort_key=1)
SHAPING = Group("How fine", sort_key=2)
DICOM_SUFFIX = ".dcm"
COLORED = (".ply", ".glb", ".vtp")
SEVERAL = (".glb", ".3mf", ".obj", ".vtp")
NO_DEVIATION = {"mean": 0.0, "p95": 0.0, "max": 0.0}
"""Of a surface that was neither smoothed nor made smaller."""


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

    Say what: --structure NAME, or --structures NAME,... for several in one .glb,
    .3mf, .obj or .vtp, or --level HU, or --segmentation FILE with --label N or
    names of that file.

    For example: vis3d mesh scans/chest --structure bones -o bones.stl --smooth 1
    """
    check_choice(what)
    _check_numbers(shaping)

    from vis3d.files import SURFACE_SUFFIXES, write_surfaces

    # VTK takes half a second to load, in which the scan can be read.
    Thread(target=import_module, args=("vis3d.meshing",), daemon=True).start()
    reading.check_distinct(output, report)
    reading.check_output(
        output, SURFACE_SUFFIXES, "surfaces", sources=[input, what.segmentation]
    )
    _check_format(output, what, shaping, coordinates)
    if report is not None:
        reading.check_output(report, sources=[input, what.segmentation])
    measure = shaping.measure(reported=how.json or report is not None)
    with watching(how) as progress:
        source = None
        if reading.suffix_of(output) == DICOM_SUFFIX:
            tell = part(progress, 0.0, 0.05)
            source = reading.source_series(
                input, which, tell, what="surface as DICOM", instead=".stl"
            )
        volume = reading.load(input, which, how, part(progress, 0.05, 0.2))
        options = {**shaping.as_options(), "measure": measure}
        made = _made(volume, what, options, part(progress, 0.2, 0.95))
        progress(0.95, "writing")
        surfaces = tuple(surface for surface, _ in made)
        write_surfaces(surfaces, output, coordinates=coordinates, series=source)
    document = together([_told(*one, shaping) for one in made])
    said = dict.fromkeys(one for _, measured in made for one in measured.findings)
    say.findings([one for one in said if one not in volume.findings], how)
    if report is not None:
        say.write_json(document, report)
    say.answer(document, _lines(document, output), how)
    return DONE


def _made(
    volume: "Volume", what: What, options: dict[str, Any], progress: Progress
) -> "list[tuple[Surface, SurfaceReport]]":
    """Each surface wanted, and what it is like."""
    from vis3d.meshing import isosurface, report_surface

    if what.level is not None:
        surface = isosurface(volume, what.level, **options, progress=part(progress, 0.0, 0.9))
        return [(surface, report_surface(surface))]
    parts = parts_of(volume, what, part(progress, 0.0, 0.5))
    if not parts:
        raise InputError(f"{what.segmentation} marks nothing in this scan.")
    most = options.pop("max_triangles")
    tell = part(progress, 0.5, 1.0)
    try:
        return _limited(volume, parts, options, Limits(parts, most), tell)
    except InputError as error:
        if most is None or len(parts) == 1 or "smallest possible" not in str(error):
            raise
    least = [least_triangles(one, volume, options) for one in parts]
    return _limited(volume, parts, options, Limits(parts, most, least), tell)


def _limited(
    volume: "Volume",
    parts: Sequence[Part],
    options: dict[str, Any],
    limits: Limits,
    progress: Progress,
) -> "list[tuple[Surface, SurfaceReport]]":
    """Each part's surface within its limit, the smallest first."""
    from vis3d.meshing import extract_surface, report_surface

    made = {}
    for step, number in enumerate(limits.order):
        here = part(progress, step / len(parts), (step + 1) / len(parts))
        mask = parts[number].mask()
        surface = extract_surface(
            mask,
            volume,
            **options,
            max_triangles=limits.of(number),
            color=parts[number].color,
            progress=part(here, 0.0, 0.8),
        )
        limits.used(number, len(surface.triangles))
        here(0.8, "measuring the surface")
        made[number] = surface, report_surface(surface, mask=mask)
    return [made[number] for number in range(len(parts))]


def _told(surface: "Surface", measured: "SurfaceReport", shaping: Shaping) -> dict[str, Any]:
    document = {"name": surface.name, "color": list(surface.color), **measured.as_dict()}
    if not shaping.changes_points:
        document["deviation_mm"] = NO_DEVIATION
    return document


def _check_format(
    output: Path, what: What, shaping: Shaping, coordinates: Literal["lps", "ras"]
) -> None:
    """Whether the format can hold what is asked for."""
    suffix = reading.suffix_of(output)
    if coordinates == "ras" and suffix == ".glb":
        raise UsageError("A .glb file has its own frame (Y up): write .stl or .ply for RAS.")
    if coordinates == "ras" and suffix == DICOM_SUFFIX:
        raise UsageError("A DICOM file is in the patient's LPS: write .stl or .ply for RAS.")
    if shaping.color_deviation and suffix not in COLORED:
        raise UsageError(f"--color-deviation needs a format of colours: {', '.join(COLORED)}.")
    several = len(what.names) > 1 or what.names == (ALL,)
    if several and suffix not in SEVERAL:
        raise UsageError(
            f"A {suffix} file holds one surface: write several structures as "
            f"{', '.join(SEVERAL)}, or one a file; `vis3d plan --union` joins them."
        )
    if several and shaping.color_deviation:
        raise UsageError("--color-deviation colours one structure: give --structure NAME.")


def _check_numbers(shaping: Shaping) -> None:
    if not 0 <= shaping.smooth < math.inf:
        raise UsageError("--smooth takes a length in mm from 0 on.")
    if shaping.max_triangles is not None and shaping.max_triangles < LEAST_TRIANGLES:
        raise UsageError(f"--max-triangles takes a number from {LEAST_TRIANGLES} on.")
    if shaping.max_deviation is not None and not 0 < shaping.max_deviation < math.inf:
        raise UsageError("--max-deviation takes a length in mm above 0.")
    if not 0 <= shaping.min_piece < math.inf:
        raise UsageError("--min-piece takes a volume in ml from 0 on.")


def _lines(document: dict[str, Any], output: Path) -> Iterator[object]:
    low, high = document["bounds_mm"]
    width, depth, height = (b - a for a, b in zip(low, high, strict=True))
    if len(document["structures"]) > 1:
        columns = ("structure", "ml", "pieces", "triangles", "closed")
        rows = [
            (
                one["name"],
                "-" if one["volume_ml"] is None else f"{one['volume_ml']:,.1f}",
                one["pieces"],
                f"{one['triangles']:,}",
                "yes" if one["closed"] else "no",
            )
            for one in document["structures"]
        ]
        yield say.table(columns, rows, right=columns[1:4])
    yield f"size: {width:.1f} x {depth:.1f} x {height:.1f} mm (left-right, front-back, up)"
    yield f"pieces: {document['pieces']}"
    yield f"triangles: {document['triangles']:,}"
    yield f"closed: {'yes' if document['closed'] else 'no'}"
    if "deviation_colors_mm" in document:
        yield f"colours: blue 0 mm, red {document['deviation_colors_mm']:.3g} mm moved"
    yield f"{output}: written"
