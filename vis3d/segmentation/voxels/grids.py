"""Coarse grids to decide on, and the way back to full resolution at the border."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.allocator import give_back_memory
from vis3d.progress import Progress, silent
from vis3d.segmentation.voxels.frame import AIR_HU, Bools, Floats, Spacing, T, Values, Whole
from vis3d.segmentation.voxels.morphology import bounding_box, fringed, trimmed
from vis3d.segmentation.voxels.slabs import SLAB, each_slab

Factors = tuple[int, int, int]
Box = tuple[slice, slice, slice]
MUCH_COARSER = 8
"""From as many voxels in one of a grid on, work on it takes little beside the scan."""
MIN_SHARED = 4_000_000
"""Fewer voxels than that are not worth a second thread."""
DRAWN = 8
"""How many slices of the scan are drawn at a time."""


def factors_for(spacing_kji: Sequence[float], wanted_mm: float) -> Factors:
    """How many voxels along k, j, i make one of about `wanted_mm`."""
    k, j, i = (max(1, round(wanted_mm / mm)) for mm in spacing_kji)
    return (k, j, i)


def coarse_spacing(spacing_kji: Spacing, factors: Factors) -> Spacing:
    """The spacing of the grid whose voxels are blocks of `factors`."""
    k, j, i = (mm * f for mm, f in zip(spacing_kji, factors, strict=True))
    return (k, j, i)


def every(factors: Factors) -> Box:
    """An index for one voxel of each block of `factors` voxels."""
    k, j, i = (slice(None, None, factor) for factor in factors)
    return (k, j, i)


def give_back_much(factors: Factors) -> None:
    """Give free memory back where work on the grid of such voxels takes much of it.

    Elsewhere it is kept: what is taken anew costs time.
    """
    if math.prod(factors) < MUCH_COARSER:
        give_back_memory()


def pooled(
    array: Values, factors: Factors, progress: Progress = silent, *, lowest: float | None = None
) -> Floats:
    """The mean of each block of `factors` voxels; blocks cut by the end hold fewer.

    Values below `lowest` are read as that.
    """
    return _pooled(array, factors, progress, lowest, np.dtype(np.float32), np.asarray)


def pooled_hu(
    array: Values, factors: Factors, progress: Progress = silent, *, lowest: float | None = None
) -> Whole:
    """The same in whole numbers, in half the memory: finer than a HU no scan is."""
    return _pooled(array, factors, progress, lowest, np.dtype(np.int16), np.rint)


def _pooled(
    array: Values,
    factors: Factors,
    progress: Progress,
    lowest: float | None,
    kind: np.dtype[T],
    kept_as: Callable[[Floats], NDArray[Any]],
) -> NDArray[T]:
    fk, fj, fi = factors
    shape = [-(-n // f) for n, f in zip(array.shape, factors, strict=True)]
    result = np.empty(shape, kind)
    weights = _weights(array.shape[1], fj)[:, None] * _weights(array.shape[2], fi)

    def pool(start: int, stop: int) -> None:
        for k in range(start, stop):
            block = array[k * fk : (k + 1) * fk]
            if lowest is not None:
                block = np.maximum(block, block.dtype.type(lowest))
            total = _rows_summed(_stacked(block, fj), fj)
            if total.dtype.kind != "f":
                total = total.astype(np.int32, copy=False)
            total = _columns_summed(total, fi)
            result[k] = kept_as(total * (weights / np.float32(len(block))))

    what = "Looking at the scan coarsely"
    each_slab(pool, shape[0], SLAB, progress, what, shared=array.size >= MIN_SHARED)
    return result


def _weights(count: int, factor: int) -> Floats:
    """One over how many of `count` rows each block of `factor` holds; the last has the rest."""
    starts = np.arange(0, count, factor)
    return np.asarray(1 / np.minimum(factor, count - starts), np.float32)


def shares(mask: Bools, factors: Factors) -> Floats:
    """With how much of itself each block of `factors` voxels lies in the mask.

    A mask that shows one slice for all (see `PatientFrame`) does so in the answer.
    """
    if mask.strides[0]:
        return pooled(mask, factors)
    one = pooled(mask[:1], (1, *factors[1:]))
    return np.broadcast_to(one, (-(-len(mask) // factors[0]), *one.shape[1:]))


def mostly(mask: Bools, factors: Factors, share: float = 0.5) -> Bools:
    """Which blocks of `factors` voxels lie in the mask with more than a share of themselves.

    A mask that shows one slice for all does so in the answer.
    """
    if not mask.strides[0]:
        found = shares(mask, factors)
        return np.broadcast_to(found[:1] > share, found.shape)
    kind = np.dtype(np.bool_)
    return _pooled(mask, factors, silent, None, kind, lambda mean: mean > share)


def leave_out_unmeasured(means_hu: NDArray[T], share: Floats) -> NDArray[T]:
    """The means of blocks, changed in place to those of what the scan measured of them.

    `share` of each block is read as air instead. Where the edge of a scan runs along the
    voxels, all of them mixed with tissue would be as light as air, and lead from lung to room.
    Blocks that weren't measured for the most part are air.
    """
    for means, out in zip(means_hu, share, strict=True):
        part = np.flatnonzero(out)
        much = out.reshape(-1)[part]
        mixed = means.reshape(-1)[part].astype(np.float32)
        left = (mixed - much * AIR_HU) / np.maximum(1 - much, 0.5)
        means.reshape(-1)[part] = np.rint(np.where(much > 0.5, AIR_HU, left))
    return means_hu


def _stacked(block: Values, rows: int) -> Values:
    """The sum of the slices, in a type that holds it and so many rows."""
    most = np.iinfo(np.int16).max // (len(block) * rows)
    if block.dtype.kind == "f":
        kind: type[np.generic] = np.float32
    elif block.dtype == bool and len(block) * rows <= np.iinfo(np.uint8).max:
        block, kind = block.view(np.uint8), np.uint8
    elif block.dtype == np.int16 and -most <= block.min() and block.max() <= most:
        kind = np.int16
    else:
        kind = np.int32
    total: Values = block[0].astype(kind, copy=len(block) > 1)
    for plane in block[1:]:
        total += plane
    return total


def _rows_summed(plane: Values, factor: int) -> Values:
    """The sum of every `factor` rows; the last sum may have fewer."""
    if factor == 1:
        return plane
    whole = len(plane) // factor * factor
    summed: Values = np.empty((-(-len(plane) // factor), *plane.shape[1:]), plane.dtype)
    sums = summed[: whole // factor]
    np.add(plane[0:whole:factor], plane[1:whole:factor], out=sums)
    for offset in range(2, factor):
        sums += plane[offset:whole:factor]
    if whole < len(plane):
        np.add.reduce(plane[whole:], axis=0, out=summed[-1])
    return summed


def _columns_summed(plane: Values, factor: int) -> Values:
    """The same along the rows, of which each is summed from every place and then thinned out.

    All rows as one are much faster than places apart: what comes in from the next row isn't
    kept.
    """
    if factor == 1:
        return plane
    summed = np.empty_like(plane)
    flat, sums = plane.reshape(-1), summed.reshape(-1)
    np.add(flat[:-1], flat[1:], out=sums[:-1])
    for offset in range(2, factor):
        sums[:-offset] += flat[offset:]
    whole = plane.shape[1] // factor * factor
    if whole < plane.shape[1]:
        np.add.reduce(plane[:, whole:], axis=1, out=summed[:, whole])
    return summed[:, ::factor]


def spread(coarse: NDArray[T], factors: Factors, shape: Sequence[int]) -> NDArray[T]:
    """Each coarse voxel's value in all the voxels it stands for."""
    for axis in (2, 1, 0):  # rows first: they are then repeated as a whole
        if factors[axis] > 1:
            coarse = np.repeat(coarse, factors[axis], axis=axis)
    return coarse[: shape[0], : shape[1], : shape[2]]


def refined(
    coarse: Bools,
    certain: Bools,
    *,
    hu: Values,
    range_hu: tuple[float, float],
    factors: Factors,
    progress: Progress = silent,
) -> Bools:
    """A coarse mask at full resolution; see `refine`."""
    result = np.zeros(hu.shape, bool)

    def keep(part: Box, inside: Bools) -> None:
        result[part] = inside

    refine(coarse, certain, keep, hu=hu, range_hu=range_hu, factors=factors, progress=progress)
    return result


def refine(
    coarse: Bools,
    certain: Bools,
    take: Callable[[Box, Bools], None],
    *,
    hu: Values,
    range_hu: tuple[float, float],
    factors: Factors,
    progress: Progress = silent,
) -> None:
    """Draw a coarse mask at full resolution: the border by HU, the rest as decided.

    Within one coarse voxel of the border of `coarse` a voxel is inside if its own value
    lies between the ends of `range_hu`; `certain` ones stay inside whatever their values.
    `take(part, inside)` gets the voxels of a few coarse slices at a time, from several threads.
    """
    state = fringed(coarse).view(np.uint8)
    np.copyto(state, np.uint8(2), where=trimmed(coarse) | certain)
    box = bounding_box(state > 0)
    if box is None:
        return
    fine = fine_box(box, factors, hu.shape)

    def draw(start: int, stop: int) -> None:
        k = slice(box[0].start + start, box[0].start + stop)
        slab = slice(k.start * factors[0], min(k.stop * factors[0], hu.shape[0]))
        block = hu[slab, fine[1], fine[2]]
        wide = spread(state[k, box[1], box[2]], factors, block.shape)
        inside = (block > range_hu[0]) if np.isfinite(range_hu[0]) else block < range_hu[1]
        if np.isfinite(range_hu).all():
            inside &= block < range_hu[1]
        inside |= wide == 2
        inside &= wide != 0
        take((slab, fine[1], fine[2]), inside)

    what = "Drawing the border at full resolution"
    step = max(1, DRAWN // factors[0])
    each_slab(draw, box[0].stop - box[0].start, step, progress, what)


def fine_box(
    box: tuple[slice, slice, slice], factors: Factors, shape: Sequence[int]
) -> tuple[slice, slice, slice]:
    """The voxels that a box of coarse ones stands for."""
    k, j, i = (
        slice(part.start * factor, min(n, part.stop * factor))
        for part, factor, n in zip(box, factors, shape, strict=True)
    )
    return (k, j, i)
