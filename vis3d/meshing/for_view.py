"""Surfaces for the screen: made in a moment, light enough to turn on a CPU.

Files get `extract_surface`, which follows the scan's values with every triangle.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

from vis3d.geometry import Geometry
from vis3d.meshing.decimation import decimated_for_view
from vis3d.meshing.extract import Color
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume
from vis3d.vtk_data import surface_from_vtk, to_vtk

BLOCK_MM = 1.6
"""Voxels finer than that are put together: the screen shows no more."""

FULL = 240
"""The value of a block wholly inside; the surface lies where half of a block is."""

SOFTEN_BLOCKS = 0.7
"""Blurs the steps of single voxels, which the scan itself doesn't have."""

GRAY: Color = (214, 214, 214)

VIEW_TRIANGLES = 300_000
"""What a CPU can turn, a structure."""


def surface_for_view(
    mask: Mask, *, color: Color = GRAY, max_triangles: int = VIEW_TRIANGLES
) -> Surface:
    """The surface of a structure within half a block of its voxels, LPS mm.

    Closed, but drawn in a little where it is thin: for the screen alone. Of an empty mask
    it is empty.
    """
    if not mask.array.any():
        return Surface(np.zeros((0, 3)), np.zeros((0, 3), int), mask.name, color)
    for block_mm, soften in ((BLOCK_MM, SOFTEN_BLOCKS), (0.0, SOFTEN_BLOCKS), (0.0, 0.0)):
        fraction = _fraction_of_blocks(mask.array, mask.geometry, block_mm, soften)
        surface = _surface_of(fraction, mask.name, color)
        if len(surface.triangles):  # else it is so small that it melted away
            break
    return decimated_for_view(surface, max_triangles)


def isosurface_for_view(volume: Volume, level: float, *, color: Color = GRAY) -> Surface:
    """Where the values cross `level`, LPS mm, closed where the scan ends; for the screen.

    Inside is value >= level; padding lies outside. Of a level that nothing reaches it is
    empty. `isosurface` promises more and takes longer.
    """
    values = np.asarray(volume.array, np.float32)
    outside = np.isnan(values)
    if volume.padding is not None:
        outside |= values == np.float32(volume.padding)
    least = min(float(values.min(initial=level, where=~outside)), level) - 1
    closed = np.pad(np.where(outside, np.float32(least), values), 1, constant_values=least)
    nk, nj, ni = closed.shape
    grid = volume.geometry.cropped((-1, -1, -1), (nk, nj, ni))
    return _surface_of(Volume(closed, grid, ""), "level", color, level)


def _surface_of(field: Volume, name: str, color: Color, level: float = FULL / 2) -> Surface:
    edges = vtkFlyingEdges3D()  # honours the direction matrix, unlike vtkContourFilter
    edges.SetInputData(to_vtk(field))
    edges.SetValue(0, level)
    edges.ComputeNormalsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    return surface_from_vtk(edges.GetOutput(), name=name, color=color)


def _fraction_of_blocks(
    mask: NDArray[np.bool_], geometry: Geometry, block_mm: float, soften: float
) -> Volume:
    """How much of each block of voxels is inside, 0 to `FULL`, with empty blocks around."""
    factors = [max(1, round(block_mm / mm)) for mm in geometry.spacing_kji]
    cropped, start = _cropped(mask, factors)
    nk, nj, ni = (n // f for n, f in zip(cropped.shape, factors, strict=True))
    fk, fj, fi = factors
    total = np.zeros((nk, nj, ni), np.uint16)
    for k, j, i in product(range(fk), range(fj), range(fi)):
        total += cropped[k::fk, j::fj, i::fi]
    part = total.astype(np.float32) * np.float32(FULL / (fk * fj * fi))
    part = gaussian_filter(part, soften)
    i_mm, j_mm, k_mm = geometry.spacing
    middle = [at + (f - 1) / 2 for at, f in zip(start, factors, strict=True)]
    x, y, z = geometry.to_lps(middle[::-1]).tolist()
    spacing = (i_mm * fi, j_mm * fj, k_mm * fk)
    return Volume(part, Geometry(part.shape, spacing, (x, y, z), geometry.direction), "")


def _cropped(
    mask: NDArray[np.bool_], factors: list[int]
) -> tuple[NDArray[np.bool_], tuple[int, ...]]:
    """The part that holds something, a block of nothing on each side, and where it starts."""
    start, pads, slices = [], [], []
    for axis, factor in enumerate(factors):
        others = tuple(n for n in range(3) if n != axis)
        filled = np.nonzero(mask.any(axis=others))[0]
        first, count = int(filled[0]), int(filled[-1] - filled[0] + 1)
        slices.append(slice(first, first + count))
        pads.append((factor, factor + (-count) % factor))
        start.append(first - factor)
    return np.pad(mask[tuple(slices)], pads), tuple(start)
