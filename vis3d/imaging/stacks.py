"""Stacks of parallel planes through a scan, along its grid or turned; slabs of them.

A plane shows what lies in it, or the mean, greatest or least value of a slab around it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vis3d.errors import UsageError
from vis3d.geometry import FloatArray, Geometry
from vis3d.imaging.cuts import Cut, Plane, cut, slice_count
from vis3d.labels import LabelMap
from vis3d.threads import in_threads
from vis3d.volume import Volume

Blend: TypeAlias = Literal["mean", "mip", "minip"]

MAX_PIXELS = 1024
"""A turned picture has at most so many rows and columns."""

BLOCK_ROWS = 32
"""Rows sampled at a time: all that belongs to them stays in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Where the pixels of all slices of a plane lie, in LPS mm.

    `first_lps` is the first pixel of slice 0; the steps lead to the next column (to the
    right), row (down) and slice, at right angles. `turned` stacks don't follow the grid.
    """

    plane: Plane
    first_lps: FloatArray
    column_step_lps: FloatArray
    row_step_lps: FloatArray
    slice_step_lps: FloatArray
    columns: int
    rows: int
    count: int
    turned: bool = False

    @property
    def step_mm(self) -> float:
        """The distance between slices in mm."""
        return float(np.linalg.norm(self.slice_step_lps))

    def sheet(self, index: float, array: NDArray[Any]) -> Cut:
        """Pixels at a (fractional) slice, with their place."""
        first = self.first_lps + index * self.slice_step_lps
        steps = (self.row_step_lps, self.column_step_lps)
        return Cut(array, self.plane, round(index), first, *steps)


def stack(geometry: Geometry, plane: Plane, turn: ArrayLike | None = None) -> Stack:
    """The slices of a plane: those of the grid, or turned by a rotation (3x3, in LPS).

    A turned stack covers the whole grid with square pixels as fine as its finest spacing.

    Raises:
        UsageError: no such plane, or `turn` is no rotation.
    """
    straight = _along_the_grid(geometry, plane)
    if turn is None or np.allclose(turn, np.eye(3), atol=1e-9):
        return straight
    rotation = np.asarray(turn, float)
    if rotation.shape != (3, 3) or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6):
        raise UsageError("A plane is turned by a rotation: three rows of three numbers.")
    right, down, across = (
        rotation @ (step / np.linalg.norm(step))
        for step in (
            straight.column_step_lps,
            straight.row_step_lps,
            straight.slice_step_lps,
        )
    )
    offsets = geometry.corners_lps - geometry.center_lps
    width, height, depth = (float(np.ptp(offsets @ axis)) for axis in (right, down, across))
    pixel_mm = max(min(geometry.spacing), max(width, height) / (MAX_PIXELS - 1))
    step_mm = float(np.linalg.norm((across @ geometry.direction) * geometry.spacing))
    columns, rows, count = (
        int(np.ceil(size / mm - 1e-6)) + 1
        for size, mm in ((width, pixel_mm), (height, pixel_mm), (depth, step_mm))
    )
    steps = (right * pixel_mm, down * pixel_mm, across * step_mm)
    first = geometry.center_lps - sum(
        step * (n - 1) / 2 for step, n in zip(steps, (columns, rows, count), strict=True)
    )
    return Stack(plane, first, *steps, columns, rows, count, turned=True)


def shown(
    volume: Volume,
    where: Stack,
    index: int,
    *,
    blend: Blend | None = None,
    thickness_mm: float = 0.0,
) -> Cut:
    """What slice `index` of a stack shows; of a slab `thickness_mm` thick if `blend` is given.

    A slab takes the slices whose centres lie within half its thickness; padding takes no
    part in it. Turned slices are interpolated linearly; what lies outside is not-a-number.

    Raises:
        UsageError: no such slice.
    """
    if not 0 <= index < where.count:
        raise UsageError(
            f"There is no {where.plane} slice {index}: they go from 0 to {where.count - 1}."
        )
    around = _around(where, index, thickness_mm if blend else 0.0)
    if not where.turned and len(around) == 1:
        return cut(volume, where.plane, index)
    sheets = (_values(volume, where, n) for n in around)
    return where.sheet(index, next(sheets) if blend is None else _blended(sheets, blend))


def labels_shown(labels: LabelMap, where: Stack, index: int) -> NDArray[Any]:
    """The labels (rows, columns) in slice `index`: on a turned plane the nearest ones."""
    if not where.turned:
        return cut(labels, where.plane, index).array
    return _sampled(labels.geometry, where, index, _nearest(labels.array))


def _along_the_grid(geometry: Geometry, plane: Plane) -> Stack:
    # An array that has no memory of its own: only its places are asked for.
    empty = Volume(np.broadcast_to(np.uint8(0), geometry.shape), geometry)
    count = slice_count(geometry, plane)
    first = cut(empty, plane, 0)
    if count > 1:
        step = cut(empty, plane, 1).first_lps - first.first_lps
    else:  # any step across will do: there is no other slice to go to
        step = np.cross(first.column_step_lps, first.row_step_lps)
        step = step / np.linalg.norm(step)
    rows, columns = first.array.shape
    steps = (first.column_step_lps, first.row_step_lps, step)
    return Stack(plane, first.first_lps, *steps, columns, rows, count)


def _around(where: Stack, index: int, thickness_mm: float) -> range:
    half = int(thickness_mm / where.step_mm / 2 + 1e-6)
    return range(max(0, index - half), min(where.count, index + half + 1))


def _blended(sheets: Iterator[NDArray[np.float32]], blend: Blend) -> NDArray[np.float32]:
    """One sheet of many; not-a-number takes no part, and stays where there is nothing else."""
    total = np.array(next(sheets))
    if blend == "mean":
        counts = (~np.isnan(total)).astype(np.float32)
        np.nan_to_num(total, copy=False)
        for sheet in sheets:
            measured = ~np.isnan(sheet)
            counts += measured
            np.add(total, sheet, out=total, where=measured)
        return np.where(counts > 0, total / np.maximum(counts, 1), np.float32(np.nan))
    better = np.fmax if blend == "mip" else np.fmin
    for sheet in sheets:
        better(total, sheet, out=total)
    return total


def _values(volume: Volume, where: Stack, index: int) -> NDArray[np.float32]:
    """The values of one slice, padding as not-a-number."""
    if where.turned:
        sample = _linear(volume.array, volume.padding)
        return _sampled(volume.geometry, where, index, sample)
    values = cut(volume, where.plane, index).array.astype(np.float32)
    if volume.padding is not None:
        values[values == np.float32(volume.padding)] = np.nan
    return values


Sample: TypeAlias = Callable[[list[NDArray[np.float32]]], NDArray[Any]]


def _sampled(geometry: Geometry, where: Stack, index: float, sample: Sample) -> NDArray[Any]:
    """`sample` at every pixel of a slice, on all cores; it is given indices i, j and k."""
    first = geometry.to_ijk(where.first_lps + index * where.slice_step_lps)
    origin = geometry.to_ijk(where.first_lps)
    down = geometry.to_ijk(where.first_lps + where.row_step_lps) - origin
    right = geometry.to_ijk(where.first_lps + where.column_step_lps) - origin
    columns = np.arange(where.columns, dtype=np.float32)

    def block(start: int) -> NDArray[Any]:
        rows = np.arange(start, min(start + BLOCK_ROWS, where.rows), dtype=np.float32)[:, None]
        return sample(
            [
                np.float32(first[axis])
                + np.float32(down[axis]) * rows
                + np.float32(right[axis]) * columns
                for axis in range(3)
            ]
        )

    return np.concatenate(in_threads(block, range(0, where.rows, BLOCK_ROWS)))


def _nearest(array: NDArray[Any]) -> Sample:
    """The value of the nearest voxel; 0 outside."""

    def sample(ijk: list[NDArray[np.float32]]) -> NDArray[Any]:
        inside = _inside(ijk, array.shape)
        places = tuple(
            np.clip(np.rint(ijk[2 - axis]), 0, size - 1).astype(np.intp)
            for axis, size in enumerate(array.shape)
        )
        return np.where(inside, array[places], 0)

    return sample


def _linear(array: NDArray[Any], padding: float | None) -> Sample:
    """Linear values from the voxels that were measured; not-a-number where most weren't."""
    flat = array.reshape(-1)

    def sample(ijk: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        inside = _inside(ijk, array.shape)
        places, parts, steps = np.zeros(inside.shape, np.intp), [], []
        stride = array.size
        for axis, size in enumerate(array.shape):
            stride //= size
            index = np.clip(ijk[2 - axis], 0, size - 1)
            below = np.minimum(index.astype(np.intp), max(size - 2, 0))
            places += below * stride
            parts.append(index - below.astype(np.float32))
            steps.append(stride if size > 1 else 0)
        total = np.zeros(inside.shape, np.float32)
        weights = np.zeros(inside.shape, np.float32)
        for corner in np.ndindex(2, 2, 2):
            weight = _weight(parts, corner)
            offset = sum(step for step, far in zip(steps, corner, strict=True) if far)
            values = flat.take(places + offset, mode="clip").astype(np.float32, copy=False)
            missing = np.isnan(values)
            if padding is not None:
                missing |= values == np.float32(padding)
            weight[missing] = 0
            total += weight * np.where(missing, 0, values)
            weights += weight
        good = inside & (weights >= 0.5)
        return np.where(good, total / np.where(good, weights, 1), np.float32(np.nan))

    return sample


def _weight(parts: list[NDArray[np.float32]], corner: tuple[int, ...]) -> NDArray[np.float32]:
    weight = np.ones_like(parts[0])
    for part, far in zip(parts, corner, strict=True):
        weight *= part if far else 1 - part
    return weight


def _inside(ijk: list[NDArray[np.float32]], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A voxel reaches half a voxel from its centre; there the scan ends."""
    inside = np.ones(np.broadcast_shapes(*(part.shape for part in ijk)), bool)
    for axis, size in enumerate(shape):
        inside &= (ijk[2 - axis] >= -0.5) & (ijk[2 - axis] <= size - 0.5)
    return inside
