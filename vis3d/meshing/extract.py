"""From voxels to surfaces: a structure's border, or where a scan has one value."""

import numpy as np

from vis3d.errors import InputError
from vis3d.geometry import FloatArray, Geometry
from vis3d.labels import STRUCTURES
from vis3d.meshing.level import level_between
from vis3d.meshing.topology import Crossings, Flags, crossings_of
from vis3d.progress import Progress, silent
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume

Color = tuple[int, int, int]

NEAREST = 0.004
"""How near (in voxels) a vertex may come to a voxel's centre: far enough that vertices stay
apart when they are rounded to float32 hundreds of millimetres from the origin."""


def extract_surface(
    mask: Mask,
    volume: Volume | None = None,
    *,
    smooth_mm: float = 0.0,
    max_triangles: int | None = None,
    max_deviation_mm: float | None = None,
    open_ends: bool = False,
    color: Color | None = None,
    progress: Progress | None = None,
) -> Surface:
    """The surface of one structure, LPS mm, closed, 2-manifold, normals outwards.

    Its topology is the mask's: every piece and every cavity. With the scan it was made
    from, each vertex lies where the values cross the level that separates the two sides of
    the mask's border; without, the border is fair and keeps the volume.

    Raises:
        InputError: the mask is empty, or it isn't on the volume's grid.
    """
    progress = progress or silent
    progress(0.0, "Reading the border")
    if not mask.array.any():
        raise InputError(f"The mask {mask.name or 'given'} is empty: there is no surface.")
    crossings = crossings_of(mask.array, open_ends=open_ends)
    progress(0.3, "Placing the surface")
    fraction = np.full(len(crossings.step), 0.5)
    if volume is not None:
        _check_same_grid(mask, volume)
        inner, outer, exists = _values(crossings, volume)
        level = level_between(inner[exists], outer[exists])
        fraction = _fractions(inner, outer, exists, level.value)
    return _surface(crossings, fraction, mask.geometry, mask.name, color)


def isosurface(
    volume: Volume,
    level: float,
    *,
    smooth_mm: float = 0.0,
    max_triangles: int | None = None,
    max_deviation_mm: float | None = None,
    open_ends: bool = False,
    color: Color | None = None,
    progress: Progress | None = None,
) -> Surface:
    """Where the scan has the value `level`; inside is `value >= level`, all pieces stay.

    Voxels outside the scan (`Volume.padding`) are outside the surface.

    Raises:
        InputError: no voxel reaches the level.
    """
    progress = progress or silent
    progress(0.0, "Comparing with the level")
    inside = np.greater_equal(volume.array, level) & volume.inside_scan()
    if not inside.any():
        raise InputError(
            f"No voxel reaches {level:g} {volume.unit}".rstrip()
            + f": the highest is {volume.array.max():g}. Choose a lower level."
        )
    crossings = crossings_of(inside, open_ends=open_ends)
    progress(0.3, "Placing the surface")
    inner, outer, exists = _values(crossings, volume)
    fraction = _fractions(inner, outer, exists, level)
    return _surface(crossings, fraction, volume.geometry, f"level {level:g}", color)


def _check_same_grid(mask: Mask, volume: Volume) -> None:
    if not mask.geometry.matches(volume.geometry):
        raise InputError(
            f"The mask lies on {mask.geometry!r} and the volume on {volume.geometry!r}: "
            "resample one of them first."
        )


def _values(crossings: Crossings, volume: Volume) -> tuple[FloatArray, FloatArray, Flags]:
    inner, outer, exists = crossings.values(volume.array)
    if volume.padding is not None:
        exists &= (inner != volume.padding) & (outer != volume.padding)
    return inner.astype(float), outer.astype(float), exists


def _fractions(inner: FloatArray, outer: FloatArray, exists: Flags, level: float) -> FloatArray:
    """How far from its inner voxel each edge reaches the level; half-way without values."""
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = (inner - level) / (inner - outer)
    fraction[~exists | ~np.isfinite(fraction)] = 0.5
    return np.clip(fraction, NEAREST, 1 - NEAREST)


def _surface(
    crossings: Crossings,
    fraction: FloatArray,
    geometry: Geometry,
    name: str,
    color: Color | None,
) -> Surface:
    points = geometry.to_lps(crossings.points_ijk(fraction)).astype(np.float32)
    return Surface(points, crossings.triangles, name, color or _color_of(name))


def _color_of(name: str) -> Color:
    for structure in STRUCTURES:
        if structure.name == name:
            return structure.color
    return (214, 214, 214)
