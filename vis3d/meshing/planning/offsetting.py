"""Solids made thicker, thinner or hollow: level surfaces of the distance to them."""

import math
from dataclasses import replace
from time import thread_time

import edt
import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkDoubleArray
from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance
from vtkmodules.vtkImagingStencil import vtkImageStencilToImage, vtkPolyDataToImageStencil

from vis3d.errors import InputError, TooLargeError, UsageError
from vis3d.geometry import FloatArray, Geometry
from vis3d.memory import free_bytes
from vis3d.meshing.extract import isosurface
from vis3d.meshing.planning.solids import solid_of, surface_of
from vis3d.progress import Progress, part
from vis3d.surface import Surface
from vis3d.volume import Volume
from vis3d.vtk_data import to_vtk

CELLS = 8_000_000
"""About so many cells has the grid on which the distance is computed."""

FINER = 1.5
"""How many times finer the default is for walls thinner than two cells: 27 million cells."""

MOST_CELLS = 64_000_000
FEWEST_CELLS = 1000
CELL_BYTES = 32
"""What a cell takes while distances are measured: masks, two distances, their level."""

FARTHEST = 10
"""So many times a solid's longest side it may grow: there it is a ball, whatever it was."""

FINEST_MM, COARSEST_MM = 0.2, 1.5
FAR_SHARE, THIN_SHARE = 0.04, 0.3
"""Shares of the way outwards, and of the solid's thinnest side, that need no finer cells."""

CALL_S = 0.1
"""Processor seconds of distances between two calls of `progress`."""

LONGEST_S = 120.0
"""Processor seconds that all distances may take; far from a surface each one takes long."""

SAMPLE = 500
"""Distances by which the work is foreseen."""


def offset(
    surface: Surface,
    distance_mm: float,
    *,
    detail_mm: float | None = None,
    progress: Progress | None = None,
) -> Surface:
    """The surface `distance_mm` outside a solid, or inside it where that is negative.

    Outwards, edges become round as a rolling ball leaves them. Details below `detail_mm`
    may get lost; by default it is what a grid of eight million cells resolves, 0.2 to
    1.5 mm, and no more than half of the distance where 27 million cells resolve that; far
    outwards it is 4 % of the distance.

    Raises:
        InputError: nothing of the solid is as thick as that, it isn't closed, or the
            detail is too coarse to see it.
        TooLargeError: a distance of more than ten times the solid's size, or more cells than
            64 million or the free memory allow (the message names the finest detail), or
            more distances than two minutes of a processor are enough for.
        UsageError: a distance that is no number, or no detail.
    """
    if not np.isfinite(distance_mm):
        raise UsageError(f"distance_mm is a length in mm, not {distance_mm}.")
    if detail_mm is not None and not 0 < detail_mm < np.inf:
        raise UsageError(f"detail_mm is a length above 0 mm, not {detail_mm}.")
    closed = surface_of(solid_of(surface), surface, "the solid")
    _check_reach(closed, distance_mm)
    detail_mm = detail_mm or _detail_mm(closed, distance_mm)
    grid = _grid_round(closed, max(distance_mm, 0.0), detail_mm)
    depth_mm = _depths(closed, grid, -distance_mm, part(progress, 0.0, 0.8))
    if not (depth_mm >= -distance_mm).any():
        raise InputError(
            f"Nothing of {surface.name or 'the surface'} is {-2 * distance_mm:g} mm thick: "
            f"{distance_mm:g} mm leave nothing of it."
        )
    found = isosurface(
        Volume(depth_mm, grid, "mm"), -distance_mm, progress=part(progress, 0.8, 1.0)
    )
    return replace(found, name=surface.name, color=surface.color)


def hollowed(
    surface: Surface,
    wall_mm: float,
    *,
    detail_mm: float | None = None,
    progress: Progress | None = None,
) -> Surface:
    """The solid with a cavity that leaves a wall of `wall_mm`; its outside doesn't change.

    Raises:
        InputError: nothing is thicker than two walls, or the surface isn't closed.
        TooLargeError: the detail needs too many cells; the message names the finest one.
        UsageError: a wall that isn't thicker than nothing.
    """
    if not 0 < wall_mm < np.inf:
        raise UsageError(f"wall_mm is a length above 0 mm, not {wall_mm}.")
    inside = offset(surface, -wall_mm, detail_mm=detail_mm, progress=progress)
    return surface_of(solid_of(surface) - solid_of(inside), surface, "the wall")


def _check_reach(surface: Surface, distance_mm: float) -> None:
    longest_mm = float(np.ptp(surface.bounds_mm, axis=0).max())
    if distance_mm > FARTHEST * longest_mm:
        raise TooLargeError(
            f"An offset of {distance_mm:g} mm is too far for {surface.name or 'a surface'} of "
            f"{longest_mm:.3g} mm: at most {FARTHEST * longest_mm:.3g} mm. Are its numbers mm?"
        )


def _detail_mm(surface: Surface, distance_mm: float) -> float:
    size_mm = np.ptp(surface.bounds_mm, axis=0)
    outside_mm = max(distance_mm, 0.0)
    cell_mm = float(np.cbrt(np.prod(size_mm + 2 * outside_mm) / CELLS))
    # Each distance takes longer from afar, where the surface is smooth anyway.
    far_mm = min(FAR_SHARE * outside_mm, THIN_SHARE * float(size_mm.min()))
    most_mm = max(FINEST_MM, abs(distance_mm) / 2) if distance_mm else COARSEST_MM
    wanted_mm = min(max(cell_mm, FINEST_MM), most_mm, COARSEST_MM)
    return max(wanted_mm, far_mm, cell_mm / FINER)


def _grid_round(surface: Surface, outside_mm: float, cell_mm: float) -> Geometry:
    """A grid along the patient's axes with room for what is to become of the surface.

    Raises:
        TooLargeError: with the finest `cell_mm` for which there is room and time.
    """
    low, high = surface.bounds_mm
    size_mm = (high - low + 2 * outside_mm).tolist()
    free = free_bytes()
    most = MOST_CELLS if free is None else min(MOST_CELLS, free // CELL_BYTES)
    most = max(most, FEWEST_CELLS)
    if (cells := _cells(size_mm, cell_mm)) > most:
        raise TooLargeError(
            f"A detail of {cell_mm:.3g} mm needs a grid of {cells:.3g} cells; {most:.3g} are "
            f"possible here: take --detail {_finest_mm(size_mm, most):g} or more, or cut away "
            "what isn't needed first."
        )
    low, high = low - outside_mm - 2 * cell_mm, high + outside_mm + 2 * cell_mm
    ni, nj, nk = (np.ceil((high - low) / cell_mm).astype(int) + 1).tolist()
    x, y, z = low.tolist()
    return Geometry((nk, nj, ni), (cell_mm, cell_mm, cell_mm), (x, y, z))


def _cells(size_mm: list[float], cell_mm: float) -> float:
    """How many cells a grid with two more on each side has at most; a float never overflows."""
    return float(math.prod(side / cell_mm + 6 for side in size_mm))


def _finest_mm(size_mm: list[float], most: int) -> float:
    """The finest detail, of two digits, with no more than so many cells."""
    cell_mm = float(np.cbrt(math.prod(size_mm) / most))
    step_mm = 10.0 ** (math.floor(math.log10(cell_mm)) - 1)
    digits = math.ceil(cell_mm / step_mm)
    while _cells(size_mm, digits * step_mm) > most:
        digits += 1
    return digits * step_mm


def _depths(
    surface: Surface, grid: Geometry, near_mm: float, progress: Progress
) -> NDArray[np.float32]:
    """How deep each point of the grid lies in the solid, negative outside.

    Exact to the triangles around `near_mm`, elsewhere to a cell.
    """
    progress(0.0, "Measuring distances")
    inside = _inside(surface, grid)
    cell_mm = grid.spacing[0]
    if not inside.any():
        raise InputError(
            f"{surface.name or 'The surface'} is too thin for a detail of {cell_mm:.3g} mm: "
            "give a finer --detail."
        )
    depth = edt.edt(inside, anisotropy=grid.spacing_kji, black_border=False)
    depth -= edt.edt(~inside, anisotropy=grid.spacing_kji, black_border=False)
    k, j, i = np.nonzero(np.abs(depth - near_mm) < 3 * cell_mm)
    distance = vtkImplicitPolyDataDistance()
    distance.SetInput(to_vtk(surface))
    some = slice(None, None, max(1, len(k) // SAMPLE))
    some_lps = grid.to_lps(np.stack([i[some], j[some], k[some]], axis=1))
    chunk = _chunk(distance, some_lps, len(k), cell_mm)
    for start in range(0, len(k), chunk):
        progress(start / len(k), "Measuring distances")
        rows = slice(start, start + chunk)
        points = grid.to_lps(np.stack([i[rows], j[rows], k[rows]], axis=1))
        found = np.abs(_values(distance, points))
        # VTK's own sign fails beside needles of triangles.
        depth[k[rows], j[rows], i[rows]] = np.where(
            inside[k[rows], j[rows], i[rows]], found, -found
        )
    return np.asarray(depth, np.float32)


def _chunk(
    distance: vtkImplicitPolyDataDistance, some_lps: FloatArray, count: int, cell_mm: float
) -> int:
    """How many of `count` distances to measure at once, judged by some of them.

    Raises:
        TooLargeError: all of them would take too long.
    """
    started = thread_time()
    _values(distance, some_lps)
    each_s = max(thread_time() - started, 1e-9) / max(len(some_lps), 1)
    seconds = count * each_s
    if seconds > LONGEST_S:
        # The points round a surface grow with the square of their density.
        coarser_mm = 1.2 * cell_mm * math.sqrt(seconds / LONGEST_S)
        raise TooLargeError(
            f"At a detail of {cell_mm:.2g} mm, {count:,} distances would take about "
            f"{seconds / 60:.0f} minutes: take --detail {coarser_mm:.2g}, or cut away what "
            "isn't needed first."
        )
    return max(1, int(CALL_S / each_s))


def _values(function: vtkImplicitPolyDataDistance, points: FloatArray) -> FloatArray:
    values = vtkDoubleArray()
    function.FunctionValue(numpy_to_vtk(np.ascontiguousarray(points)), values)
    return np.asarray(vtk_to_numpy(values)).copy()


def _inside(surface: Surface, grid: Geometry) -> NDArray[np.bool_]:
    """The points of a grid along the axes that lie in the solid."""
    stencil = vtkPolyDataToImageStencil()
    stencil.SetInputData(to_vtk(surface))
    stencil.SetOutputOrigin(grid.origin)
    stencil.SetOutputSpacing(grid.spacing)
    nk, nj, ni = grid.shape
    stencil.SetOutputWholeExtent(0, ni - 1, 0, nj - 1, 0, nk - 1)
    image = vtkImageStencilToImage()
    image.SetInputConnection(stencil.GetOutputPort())
    image.SetOutputScalarTypeToUnsignedChar()
    image.SetInsideValue(1)
    image.SetOutsideValue(0)
    image.Update()
    values = vtk_to_numpy(image.GetOutput().GetPointData().GetScalars())
    return np.asarray(values.reshape(grid.shape), bool)
