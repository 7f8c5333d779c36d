"""Surfaces for the screen: made in a moment, light enough to turn on a CPU.

Files get `meshing.extract_surface`, which follows the scan's values with every triangle.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from vtkmodules.vtkFiltersCore import vtkBinnedDecimation, vtkFlyingEdges3D

from vis3d.geometry import Geometry
from vis3d.labels import LabelMap, Structure
from vis3d.surface import Surface
from vis3d.volume import Volume
from vis3d.vtk_data import surface_from_vtk, to_vtk

BLOCK_MM = 1.6
"""Voxels finer than that are put together: the screen shows no more."""

FULL = 240
"""The value of a block wholly inside; the surface lies where half of a block is."""

SOFTEN_BLOCKS = 0.7
"""Blurs the steps of single voxels, which the scan itself doesn't have."""

VIEW_TRIANGLES = 300_000
"""What a CPU can turn, a structure."""


def light_surface(
    labels: LabelMap, structure: Structure, max_triangles: int = VIEW_TRIANGLES
) -> Surface:
    """The surface of a structure within half a block of its voxels, LPS mm, closed.

    With more than `max_triangles` it is clustered, and may then not be a manifold.
    """
    mask = labels.mask(structure.name).array
    if not mask.any():
        return Surface(np.zeros((0, 3)), np.zeros((0, 3), int), structure.name, structure.color)
    fraction = _fraction_of_blocks(mask, labels.geometry)
    edges = vtkFlyingEdges3D()  # honours the direction matrix, unlike vtkContourFilter
    edges.SetInputData(to_vtk(fraction))
    edges.SetValue(0, FULL / 2)
    edges.ComputeNormalsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    surface = surface_from_vtk(edges.GetOutput(), name=structure.name, color=structure.color)
    return clustered(surface, max_triangles)


def clustered(surface: Surface, max_triangles: int = VIEW_TRIANGLES) -> Surface:
    """The surface with points put together until about `max_triangles` are left."""
    if len(surface.triangles) <= max_triangles:
        return surface
    # A surface cut by cubes of side s has about 2 triangles for each s x s of its area.
    side_mm = np.sqrt(2 * surface.area_mm2 / max_triangles)
    cubes = np.ceil(np.ptp(surface.bounds_mm, axis=0) / side_mm).astype(int)
    clustering = vtkBinnedDecimation()
    clustering.SetInputData(to_vtk(surface))
    clustering.AutoAdjustNumberOfDivisionsOff()
    clustering.SetNumberOfDivisions(*np.maximum(cubes, 1).tolist())
    clustering.Update()
    return surface_from_vtk(clustering.GetOutput(), name=surface.name, color=surface.color)


def _fraction_of_blocks(mask: NDArray[np.bool_], geometry: Geometry) -> Volume:
    """How much of each block of voxels is inside, 0 to `FULL`, with empty blocks around."""
    factors = [max(1, round(BLOCK_MM / mm)) for mm in geometry.spacing_kji]
    cropped, start = _cropped(mask, factors)
    nk, nj, ni = (n // f for n, f in zip(cropped.shape, factors, strict=True))
    fk, fj, fi = factors
    total = np.zeros((nk, nj, ni), np.uint16)
    for k, j, i in product(range(fk), range(fj), range(fi)):
        total += cropped[k::fk, j::fj, i::fi]
    part = total.astype(np.float32) * np.float32(FULL / (fk * fj * fi))
    part = gaussian_filter(part, SOFTEN_BLOCKS)
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
