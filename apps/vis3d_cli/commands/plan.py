"""`vis3d plan`: surfaces cut, mirrored, hollowed and marked, ready for planning and print."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from vis3d.errors import UsageError
from vis3d.progress import Progress, part
from vis3d_cli import reading, say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, How, ReportFile, numbers, positive
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.meshing.planning import Box, Plane
    from vis3d.surface import Surface

WITH = Group("With another surface", sort_key=1)
CUTS = Group("Cut and mirror (points and normals in LPS mm)", sort_key=2)
WALLS = Group("Walls", sort_key=3)
TEXT = Group("Text", sort_key=4)
LEAST_TRIANGLES = 4
"""Those of a tetrahedron, the smallest closed surface."""

PLANE = "0,-20,150,0,0,1"
BOX = "-40,40,-60,20,100,180"

Step = Callable[["Surface", Progress], "Surface"]
"""One of the things to do."""


@dataclass(frozen=True, kw_only=True)
class Others:
    """Solids to join with, taken from files."""

    union: Annotated[
        Path | None, Parameter(metavar="FILE", help="Add what lies in that surface.")
    ] = None
    subtract: Annotated[
        Path | None, Parameter(metavar="FILE", help="Take away what lies in that surface.")
    ] = None
    intersect: Annotated[
        Path | None, Parameter(metavar="FILE", help="Keep only what lies in that surface too.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """Planes and boxes."""

    cut_plane: Annotated[
        str | None,
        Parameter(
            metavar="L,P,S,NL,NP,NS",
            allow_leading_hyphen=True,
            help="Cut at a point and keep the side that the normal points to.",
        ),
    ] = None
    cut_box: Annotated[
        str | None,
        Parameter(
            metavar="L0,L1,P0,P1,S0,S1",
            allow_leading_hyphen=True,
            help="Keep what lies in this box.",
        ),
    ] = None
    remove_box: Annotated[
        str | None,
        Parameter(
            metavar="L0,L1,P0,P1,S0,S1",
            allow_leading_hyphen=True,
            help="Take away what lies in this box.",
        ),
    ] = None
    mirror: Annotated[
        str | None,
        Parameter(
            metavar="L,P,S,NL,NP,NS",
            allow_leading_hyphen=True,
            help="Mirror across a plane: the healthy side as a template.",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Walls:
    """How thick."""

    offset: Annotated[
        float | None,
        Parameter(metavar="MM", help="Grow by so much, or shrink where it is negative."),
    ] = None
    hollow: Annotated[
        float | None, Parameter(metavar="MM", help="Leave only a wall of this thickness.")
    ] = None
    detail: Annotated[
        float | None,
        Parameter(metavar="MM", help="The finest detail of an offset or a hollow's inside."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Text:
    """What is cut in."""

    engrave: Annotated[
        str | None, Parameter(metavar="TEXT", help="Letters to cut in, such as LEFT.")
    ] = None
    engrave_at: Annotated[
        str | None,
        Parameter(
            metavar="L,P,S",
            allow_leading_hyphen=True,
            help="Where; without it, where the surface is flattest.",
        ),
    ] = None
    engrave_height: Annotated[
        float, Parameter(metavar="MM", help="How high the capitals are.")
    ] = 6.0
    engrave_depth: Annotated[float, Parameter(metavar="MM", help="How deep they are cut.")] = (
        0.8
    )


ALONE, UNCUT, SOLID, BLANK = Others(), Cuts(), Walls(), Text()


def plan(
    input: Annotated[Path, Parameter(help="A .stl .ply .obj .glb .3mf or .vtp file.")],
    /,
    *,
    output: Annotated[
        Path,
        Parameter(name=["--output", "-o"], help="A .stl .ply .obj .glb .3mf or .vtp file."),
    ],
    others: Annotated[Others, Parameter(name="*", group=WITH)] = ALONE,
    cuts: Annotated[Cuts, Parameter(name="*", group=CUTS)] = UNCUT,
    walls: Annotated[Walls, Parameter(name="*", group=WALLS)] = SOLID,
    text: Annotated[Text, Parameter(name="*", group=TEXT)] = BLANK,
    split: Annotated[
        Path | None,
        Parameter(metavar="DIR", help="Write each piece as a file there too, largest first."),
    ] = None,
    max_triangles: Annotated[
        int | None, Parameter(metavar="N", help="No more triangles than this in the end.")
    ] = None,
    coordinates: Annotated[
        Literal["lps", "ras"], Parameter(help="The patient axes the files are written in.")
    ] = "lps",
    report: ReportFile = None,
    how: How = PLAIN,
) -> int:
    """Cut, mirror, hollow, thicken or engrave a surface; join it with another one.

    What is asked for happens in this order: --union, --subtract, --intersect,
    --cut-plane, --cut-box, --remove-box, --mirror, --offset, --hollow, --engrave,
    --max-triangles. Closed surfaces stay closed. For research and teaching, not
    for treating anyone.

    For example: vis3d plan bones.stl -o half.stl --cut-plane 0,-20,150,0,0,1

    The left side as a template for the right one, marked:
    vis3d plan left.stl -o template.stl --mirror 0,0,0,1,0,0 --engrave R
    """
    if walls.detail is not None and walls.offset is None and walls.hollow is None:
        raise UsageError("--detail belongs to --offset or --hollow.")
    if text.engrave is None and text != BLANK:
        raise UsageError("--engrave-at, -height and -depth belong to --engrave TEXT.")
    if max_triangles is not None and max_triangles < LEAST_TRIANGLES:
        raise UsageError(f"--max-triangles takes a number from {LEAST_TRIANGLES} on.")

    from vis3d.files import SURFACE_SUFFIXES, read_surface, write_surface

    legal = tuple(suffix for suffix in SURFACE_SUFFIXES if suffix != ".dcm")
    reading.check_distinct(output, report)
    reading.check_output(
        output,
        legal,
        "surfaces",
        sources=[input, others.union, others.subtract, others.intersect],
    )
    if coordinates == "ras" and reading.suffix_of(output) == ".glb":
        raise UsageError("A .glb file has its own frame (Y up): write .stl or .ply for RAS.")
    if report is not None:
        reading.check_output(report, sources=[input])
    steps = [*_steps(others, cuts, walls, text), *_lighter(max_triangles)]
    if not steps and split is None:
        raise UsageError("Say what to do: --cut-plane, --mirror, --hollow, --split, ...")
    with watching(how) as progress:
        progress(0.0, "reading")
        surface = given = read_surface(input)
        share = 0.7 / max(1, len(steps))
        for number, step in enumerate(steps):
            start = 0.1 + number * share
            progress(start, "working")
            surface = step(surface, part(progress, start, start + share))
        progress(0.8, "measuring the surface")
        from vis3d.meshing import report_surface

        measured = report_surface(surface)
        progress(0.9, "writing")
        pieces = _write_pieces(surface, split, output, coordinates) if split else []
        write_surface(surface, output, coordinates=coordinates)
    before_ml = None if measured.volume_ml is None else given.volume_ml
    document = {**measured.as_dict(), "volume_before_ml": before_ml}
    if before_ml and measured.volume_ml is not None:
        document["volume_change_percent"] = 100 * (measured.volume_ml / before_ml - 1)
    if split is not None:
        document["files"] = pieces
    if report is not None:
        say.write_json(document, report)
    say.answer(document, _lines(surface, document, output), how)
    return DONE


def _steps(others: Others, cuts: Cuts, walls: Walls, text: Text) -> list[Step]:
    """What to do one after another; bad numbers are refused before any work."""
    return [*_joins(others), *_cuts(cuts), *_walls(walls), *_letters(text)]


def _joins(others: Others) -> Iterator[Step]:
    from vis3d.files import read_surface
    from vis3d.meshing import planning

    def joined(path: Path, join: Callable[..., "Surface"]) -> Step:
        return lambda surface, _: join(surface, read_surface(path))

    if others.union is not None:
        yield joined(others.union, planning.union)
    if others.subtract is not None:
        yield joined(others.subtract, planning.subtracted)
    if others.intersect is not None:
        yield joined(others.intersect, planning.intersection)


def _cuts(cuts: Cuts) -> Iterator[Step]:
    from vis3d.meshing import planning

    if cuts.cut_plane is not None:
        plane = _plane(cuts.cut_plane, "--cut-plane")
        yield lambda surface, _: planning.cut_by_plane(surface, plane)
    if cuts.cut_box is not None:
        inside = _box(cuts.cut_box, "--cut-box")
        yield lambda surface, _: planning.cut_by_box(surface, inside)
    if cuts.remove_box is not None:
        outside = _box(cuts.remove_box, "--remove-box")
        yield lambda surface, _: planning.cut_by_box(surface, outside, keep="outside")
    if cuts.mirror is not None:
        mirror = _plane(cuts.mirror, "--mirror")
        yield lambda surface, _: planning.mirrored(surface, mirror)


def _walls(walls: Walls) -> Iterator[Step]:
    from vis3d.meshing import planning

    detail = walls.detail
    if detail is not None:
        positive((detail,), "--detail")
    if walls.offset is not None:
        mm = walls.offset
        if not math.isfinite(mm):
            raise UsageError("--offset takes a length in mm.")
        yield lambda one, tell: planning.offset(one, mm, detail_mm=detail, progress=tell)
    if walls.hollow is not None:
        (wall,) = positive((walls.hollow,), "--hollow")
        yield lambda one, tell: planning.hollowed(one, wall, detail_mm=detail, progress=tell)


def _letters(text: Text) -> Iterator[Step]:
    from vis3d.meshing import planning

    if text.engrave is not None:
        positive((text.engrave_height,), "--engrave-height")
        positive((text.engrave_depth,), "--engrave-depth")
        words = planning.Inscription(text.engrave, text.engrave_height, text.engrave_depth)
        at = _point(text.engrave_at)
        yield lambda surface, _: planning.engraved(surface, words, at_lps=at)


def _lighter(max_triangles: int | None) -> Iterator[Step]:
    from vis3d.meshing import decimated

    if max_triangles is not None:
        yield lambda one, tell: decimated(one, max_triangles=max_triangles, progress=tell)


def _plane(text: str, option: str) -> "Plane":
    from vis3d.meshing.planning import Plane

    a, b, c, x, y, z = numbers(text, option, PLANE, 6)
    return Plane((a, b, c), (x, y, z))


def _box(text: str, option: str) -> "Box":
    from vis3d.meshing.planning import Box

    l0, l1, p0, p1, s0, s1 = numbers(text, option, BOX, 6)
    if not (l0 < l1 and p0 < p1 and s0 < s1):
        raise UsageError(f"{option} takes the smaller number first, such as {BOX}.")
    center = ((l0 + l1) / 2, (p0 + p1) / 2, (s0 + s1) / 2)
    return Box(center, (l1 - l0, p1 - p0, s1 - s0))


def _point(text: str | None) -> tuple[float, float, float] | None:
    if text is None:
        return None
    x, y, z = numbers(text, "--engrave-at", "10,-50,120", 3)
    return x, y, z


def _write_pieces(
    surface: "Surface", folder: Path, output: Path, coordinates: Literal["lps", "ras"]
) -> list[str]:
    """A file for each piece, in the format of OUT; their names."""
    from vis3d.files import write_surface
    from vis3d.meshing.planning import split

    pieces = split(surface)
    reading.make_folder(folder)
    width = max(2, len(str(len(pieces))))
    names = []
    for number, piece in enumerate(pieces, start=1):
        path = folder / f"piece-{number:0{width}d}{reading.suffix_of(output)}"
        write_surface(piece, path, coordinates=coordinates)
        names.append(str(path))
    return names


def _lines(surface: "Surface", document: dict[str, Any], output: Path) -> Iterator[object]:
    low, high = surface.bounds_mm
    width, depth, height = high - low
    yield f"size: {width:.1f} x {depth:.1f} x {height:.1f} mm (left-right, front-back, up)"
    before, now = document["volume_before_ml"], document["volume_ml"]
    if now is not None:  # an open surface has none
        yield f"volume: {now:.3f} ml; before: {before:.3f} ml"
    yield f"pieces: {document['pieces']}"
    yield f"triangles: {document['triangles']:,}"
    yield f"closed: {'yes' if document['closed'] else 'no'}"
    if "files" in document:
        yield f"{len(document['files'])} files of pieces: written"
    yield f"{output}: written"
