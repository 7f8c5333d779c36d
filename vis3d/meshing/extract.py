"""From voxels to surfaces: a structure's border, or where a scan has one value."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from vis3d.errors import InputError, UsageError
from vis3d.geometry import Geometry
from vis3d.labels import STRUCTURES
from vis3d.meshing.decimation import decimated
from vis3d.meshing.deviation import NO_DEVIATION, Deviation, deviation, with_deviation
from vis3d.meshing.edges import Triangles
from vis3d.meshing.fairing import smoothed
from vis3d.meshing.manifold import sound
from vis3d.meshing.pieces import filled, without_small_pieces
from vis3d.meshing.placing import (
    HALF,
    NEAREST,
    Placed,
    placed_by_label,
    placed_by_level,
    placed_fairly,
    with_volume,
)
from vis3d.meshing.report import measures_of
from vis3d.meshing.threads import in_blocks
from vis3d.meshing.topology import Crossings, Values, crossings_of
from vis3d.progress import Progress, part, silent
from vis3d.surface import Surface
from vis3d.volume import Finding, Mask, Volume, require_mask, require_volume

Color: TypeAlias = tuple[int, int, int]
Measure: TypeAlias = Literal["nothing", "deviation", "deviation at points"]

MEASURES = get_args(Measure)

FEW = 10
"""A surface left with one triangle in so many is compared with the full one."""

KEPT = 0.9
"""The share of area and volume without which it isn't the same shape any more."""


@dataclass(frozen=True, kw_only=True)
class SurfaceOptions:
    """What is to become of a surface; by default everything stays as it is.

    `smooth_mm` smooths details below it away, keeping volume; `max_triangles` and
    `max_deviation_mm` save triangles, where both are given the first is the firm one;
    `open_ends` leaves a structure open where the scan ends; `min_piece_ml` leaves out smaller
    pieces, `fill_cavities` fills cavities with what floats in them (first, so a piece
    counts with its own). `measure` says whether the deviation from the full surface is
    measured, as a whole or at each point (see `with_deviation`).

    Raises:
        UsageError: a negative radius, volume or limit, or another measure.
    """

    smooth_mm: float = 0.0
    max_triangles: int | None = None
    max_deviation_mm: float | None = None
    open_ends: bool = False
    min_piece_ml: float = 0.0
    fill_cavities: bool = False
    measure: Measure = "deviation"
    color: Color | None = None

    @property
    def both_limits(self) -> bool:
        """Whether the triangles and the deviation are limited."""
        return self.max_triangles is not None and self.max_deviation_mm is not None

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise UsageError(f"measure is one of {MEASURES}, not {self.measure!r}.")
        if not 0 <= self.smooth_mm < np.inf:
            raise UsageError(f"smooth_mm is a radius of 0 mm or more, not {self.smooth_mm}.")
        if not 0 <= self.min_piece_ml < np.inf:
            raise UsageError(
                f"min_piece_ml is a volume of 0 ml or more, not {self.min_piece_ml}."
            )
        limits = {"triangles": self.max_triangles, "deviation_mm": self.max_deviation_mm}
        for word, limit in limits.items():
            if limit is not None and not limit > 0:
                raise UsageError(f"max_{word} must be positive, not {limit}.")


def extract_surface(
    mask: Mask,
    volume: Volume | None = None,
    *,
    progress: Progress | None = None,
    **options: Any,
) -> Surface:
    """The surface of one structure, LPS mm, closed, 2-manifold, normals outwards.

    Its topology is the mask's: every piece and every cavity stays. With the scan it was made
    from, each vertex lies where the values cross the level that separates the two sides of
    the mask's border; without, and where the scan shows no such level, the surface bends as
    little as the mask allows. It encloses the mask's volume. A structure cut by the end of
    the scan is closed by flat caps.

    Else only what `options` ask for, keywords named as `SurfaceOptions`' fields:
    `extract_surface(mask, volume, max_triangles=100_000)`. How far a smaller or smoother
    surface runs from the full one is measured into `metadata["deviation"]`, which takes a
    second for large surfaces; the findings of scan and mask are in `metadata["findings"]`.

    Raises:
        InputError: the mask is empty, or not on the volume's grid, or has no piece of
            `min_piece_ml`, or `max_triangles` can't hold all pieces, or the mask fills the
            grid and its ends are to stay open, or smoothing would take ten minutes.
        UsageError: a negative radius or limit.
        TypeError: a keyword that is no option.
    """
    chosen = SurfaceOptions(**options)
    progress = progress or silent
    require_mask(mask)
    progress(0.0, "Reading the border")
    if not mask.array.any():
        raise InputError(f"The mask {mask.name or 'given'} is empty: it has no surface.")
    if volume is not None and not mask.geometry.matches(volume.geometry):
        raise InputError(
            f"The mask lies on {mask.geometry!r}, the volume on {volume.geometry!r}: "
            "resample one of them to the other's grid first."
        )
    mask = _chosen(mask, chosen)
    crossings = _crossings(mask, chosen)
    progress(0.15, "Placing the surface")
    placed = _unknown(crossings) if volume is None else placed_by_label(crossings, volume)
    spacing = mask.geometry.spacing
    fraction = placed_fairly(crossings, placed, spacing, progress=part(progress, 0.25, 0.35))
    if not chosen.open_ends:
        progress(0.35, "Placing the surface")
        fraction = with_volume(crossings, fraction, spacing, 1000 * mask.volume_ml)
    surface = _surface(crossings, fraction, mask.geometry, mask.name, chosen.color)
    known = (*(volume.findings if volume else ()), *mask.findings)
    return _finished(surface, known, chosen, part(progress, 0.45, 1.0))


def isosurface(
    volume: Volume,
    level: float,
    *,
    progress: Progress | None = None,
    **options: Any,
) -> Surface:
    """Where the scan has the value `level`; inside is `value >= level`, all pieces stay.

    Voxels outside the scan (`Volume.padding`) are outside the surface, except in a cavity
    filled by choice. The options, and what is promised, are `extract_surface`'s.

    Raises:
        InputError: no voxel reaches the level, no piece has `min_piece_ml`,
            `max_triangles` can't hold all pieces, or every voxel reaches the level and ends
            are to stay open.
        UsageError: a negative radius or limit.
        TypeError: a keyword that is no option.
    """
    chosen = SurfaceOptions(**options)
    progress = progress or silent
    require_volume(volume)
    progress(0.0, "Comparing with the level")
    inside = np.greater_equal(volume.array, level) & volume.inside_scan()
    if not inside.any():
        raise InputError(
            f"No voxel reaches {level:g} {volume.unit}".rstrip() + ": choose a lower level."
        )
    mask = volume.mask(inside, f"level {level:g}")
    mask = _chosen(mask, chosen)
    crossings = _crossings(mask, chosen)
    progress(0.2, "Placing the surface")
    placed = placed_by_level(crossings, volume, level)
    fraction = placed_fairly(crossings, placed, volume.geometry.spacing)
    surface = _surface(crossings, fraction, volume.geometry, mask.name, chosen.color)
    return _finished(surface, volume.findings, chosen, part(progress, 0.4, 1.0))


def _chosen(mask: Mask, options: SurfaceOptions) -> Mask:
    """What of the mask the surface is to enclose."""
    if options.fill_cavities:
        mask = filled(mask)
    return without_small_pieces(mask, options.min_piece_ml) if options.min_piece_ml else mask


def _crossings(mask: Mask, options: SurfaceOptions) -> Crossings:
    """Where the border of the mask crosses the grid's edges.

    Raises:
        InputError: the mask fills the grid, and its ends are to stay open.
    """
    crossings = crossings_of(mask.array, open_ends=options.open_ends)
    if not len(crossings):
        raise InputError(
            f"{mask.name or 'The mask'} fills the whole scan: with open ends there is no "
            "surface left. Close them."
        )
    return crossings


def _unknown(crossings: Crossings) -> Placed:
    """Every vertex half-way, and none of them because the scan says so."""
    n = len(crossings)
    return Placed(np.full(n, HALF, np.float32), np.zeros(n, bool))


def _surface(
    crossings: Crossings,
    fraction: Values,
    geometry: Geometry,
    name: str,
    color: Color | None,
) -> Surface:
    along_grid = crossings.points_mm(fraction, geometry.spacing)
    points = np.empty_like(along_grid)

    def turn(rows: slice) -> None:
        points[rows] = along_grid[rows] @ geometry.direction.T + geometry.origin

    in_blocks(turn, len(points))
    points, triangles = _told_apart(points, crossings.triangles, min(geometry.spacing))
    return Surface(points, triangles, name, color or _color_of(name))


def _told_apart(points: Values, triangles: Triangles, voxel_mm: float) -> tuple[Any, Triangles]:
    """The surface sound even so far from the origin that rounding joins vertices.

    Raises:
        InputError: so far that they would lie on steps of a thirtieth of a voxel.
    """
    farthest = np.abs(points).max()
    rounded_mm = float(np.spacing(farthest))
    if rounded_mm > voxel_mm / 30:
        raise InputError(
            f"The scan lies {farthest:.3g} mm from the origin of its coordinates, where "
            f"32-bit numbers are {rounded_mm:.2g} mm apart: too far for voxels of "
            f"{voxel_mm:.2g} mm. Move its origin nearer."
        )
    if rounded_mm > NEAREST * voxel_mm / 4:
        return sound(points, triangles)
    return points, triangles


def _color_of(name: str) -> Color:
    for structure in STRUCTURES:
        if structure.name == name:
            return structure.color
    return (214, 214, 214)


def _finished(
    full: Surface, known: tuple[Finding, ...], options: SurfaceOptions, progress: Progress
) -> Surface:
    """The surface smoothed and decimated as wished, with what is known about it."""
    surface = full
    if options.smooth_mm:
        surface = _smoothed(full, options.smooth_mm, part(progress, 0.0, 0.3))
        known = (*known, *_too_small(surface, full, options.smooth_mm))
    progress(0.3, "Reducing triangles")
    surface = decimated(
        surface,
        max_triangles=options.max_triangles,
        max_deviation_mm=options.max_deviation_mm,
        progress=part(progress, 0.3, 0.9),
    )
    progress(0.9, "Measuring the deviation")
    off: Deviation | None = None
    if surface is full:
        off = NO_DEVIATION
    elif options.measure != "nothing" or options.both_limits:
        off = deviation(surface, full)
    findings = (*known, *_lost(surface, full, options), *_exceeded(surface, off, options))
    facts: dict[str, object] = {"findings": tuple(dict.fromkeys(findings))}
    surface = replace(surface, metadata={**facts, "deviation": off} if off else facts)
    if options.measure == "deviation at points":
        surface = with_deviation(surface, full, progress=part(progress, 0.9, 1.0))
    progress(1.0, "Done")
    return surface


def _smoothed(full: Surface, radius_mm: float, progress: Progress) -> Surface:
    flowed = smoothed(full.points, full.triangles, radius_mm=radius_mm, progress=progress)
    if np.array_equal(flowed, full.points):
        return full
    points, triangles = sound(flowed, full.triangles)
    return replace(full, points=points, triangles=triangles)


def _too_small(surface: Surface, full: Surface, radius_mm: float) -> Iterator[Finding]:
    """Whether every piece is so small that smoothing had to leave it as it was."""
    if surface is full:
        yield Finding(
            "not-smoothed",
            "warning",
            f"{full.name or 'The surface'} isn't smoothed: over {radius_mm:g} mm every piece "
            "would lose half its volume. Smooth over a shorter length.",
        )


def _lost(surface: Surface, full: Surface, options: SurfaceOptions) -> Iterator[Finding]:
    """Whether so few triangles are left that the surface is another shape."""
    if FEW * len(surface.triangles) > len(full.triangles):
        return
    (area, volume, _), (full_area, full_volume, _) = measures_of(surface), measures_of(full)
    kept_area = area / full_area
    kept_volume = kept_area if options.open_ends else volume / full_volume
    if min(kept_area, kept_volume) < KEPT:
        yield Finding(
            "details-lost",
            "warning",
            f"{len(surface.triangles):,} triangles keep {100 * kept_area:.0f} % of the area "
            f"and {100 * kept_volume:.0f} % of the volume of {surface.name or 'the surface'}: "
            "thin parts and details are lost. Allow more triangles.",
        )


def _exceeded(
    surface: Surface, off: Deviation | None, options: SurfaceOptions
) -> Iterator[Finding]:
    """Whether the limit of triangles cost the limit of the deviation."""
    limit_mm = options.max_deviation_mm
    if options.both_limits and off and limit_mm is not None and off.max > limit_mm:
        yield Finding(
            "deviation-exceeded",
            "warning",
            f"{len(surface.triangles):,} triangles run up to {off.max:.2g} mm beside the full "
            f"surface, more than the {limit_mm:g} mm asked for: the limit of triangles was "
            "kept. Allow more of them.",
        )
