"""Growing, shrinking, closing and filling of 3D masks, by millimetres."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import cc3d
import edt
import fill_voids
import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.voxels.balls import MOST_CHORDS, ball_grown, chord_count
from vis3d.segmentation.voxels.frame import Bools, Floats, Labels, Spacing, T
from vis3d.segmentation.voxels.slabs import THREADS

SLAB = 16
PIECE, CACHED = 1 << 18, 1 << 19
"""How many labels are counted, and how many voxels of a mask grow at a time: what that takes
fits into a processor's cache."""
MOSTLY = 0.7
"""Pieces that lie in less of an array are looked for in the box that holds them."""
FEW = 2
"""So many labels are found one by one in less time than all are looked up."""
MAX_OPEN = 0.3
"""Of a closed tube's section: a mass tapers at its ends, where a few voxels stay open."""


def distance_mm(mask: Bools, spacing_kji: Spacing) -> Floats:
    """How far each voxel of the mask is from the nearest voxel outside it (centres, mm).

    What lies beyond the array counts as more of the same; without any voxel outside, the
    distance is infinite.
    """
    distance: Floats = edt.edt(
        np.ascontiguousarray(mask), anisotropy=spacing_kji, black_border=False, parallel=THREADS
    )
    return distance


def grown(mask: Bools, radius_mm: float, spacing_kji: Spacing) -> Bools:
    """The mask and everything within `radius_mm` of it."""
    box = bounding_box(mask, radius_mm, spacing_kji)
    if box is None:
        return mask
    result = np.zeros(mask.shape, bool)
    result[box] = _grown(mask[box], radius_mm, spacing_kji)
    return result


def _grown(mask: Bools, radius_mm: float, spacing_kji: Spacing) -> Bools:
    if chord_count(radius_mm, spacing_kji) <= MOST_CHORDS:
        return ball_grown(mask, radius_mm, spacing_kji)
    return np.asarray(distance_mm(~mask, spacing_kji) <= radius_mm)


def shrunk(mask: Bools, radius_mm: float, spacing_kji: Spacing) -> Bools:
    """What of the mask is farther than `radius_mm` from everything outside it."""
    box = bounding_box(mask, max(spacing_kji), spacing_kji)
    if box is None:
        return mask
    result = np.zeros(mask.shape, bool)
    result[box] = ~_grown(~mask[box], radius_mm, spacing_kji)
    return result


def bounding_box(
    mask: Bools, margin_mm: float = 0.0, spacing_kji: Spacing = (1.0, 1.0, 1.0)
) -> tuple[slice, slice, slice] | None:
    """The slices that hold the whole mask and a margin round it; None for an empty mask."""
    slices = []
    flat: Bools = np.asarray(mask.any(axis=0))
    for axis, there in enumerate((mask.any(axis=(1, 2)), flat.any(axis=1), flat.any(axis=0))):
        hit = np.flatnonzero(there)
        if not len(hit):
            return None
        margin = int(np.ceil(margin_mm / spacing_kji[axis]))
        start, stop = max(0, int(hit[0]) - margin), int(hit[-1]) + 1 + margin
        slices.append(slice(start, min(stop, mask.shape[axis])))
    return (slices[0], slices[1], slices[2])


def widened(
    box: tuple[slice, slice, slice], margins: Sequence[int]
) -> tuple[slice, slice, slice]:
    """The box with so many voxels more on either side of each axis."""
    k, j, i = (
        slice(max(0, part.start - m), part.stop + m)
        for part, m in zip(box, margins, strict=True)
    )
    return (k, j, i)


def indices(mask: Bools) -> NDArray[np.int64]:
    """Where the mask is true, (n, 3) in the order k, j, i: np.argwhere, but faster."""
    return np.stack(kji_of(np.flatnonzero(mask), mask.shape), axis=-1)


def kji_of(
    places: NDArray[np.int64], shape: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The k, j and i of places in a flattened array: np.unravel_index, but faster."""
    row = places // shape[2]
    k = row // shape[1]
    return k, row - k * shape[1], places - row * shape[2]


def sections(mask: Bools) -> NDArray[np.int64]:
    """How many voxels each slice k has: np.count_nonzero along axes, but much faster."""
    return np.array([np.count_nonzero(plane) for plane in mask], np.int64)


def fringed(mask: Bools, axes: tuple[int, ...] = (0, 1, 2)) -> Bools:
    """The mask and every voxel that touches it, if only with a corner."""
    return _slab_by_slab(mask, lambda slab: _fringed(slab, axes))


def trimmed(mask: Bools, axes: tuple[int, ...] = (0, 1, 2)) -> Bools:
    """The mask without the voxels that touch something outside it."""
    return _slab_by_slab(mask, lambda slab: ~_fringed(~slab, axes))


def _slab_by_slab(mask: Bools, work: Callable[[Bools], Bools]) -> Bools:
    """The answers for slabs, which see one slice more on either side, put together.

    Beyond what touches the mask all is empty.
    """
    result = np.zeros(mask.shape, bool)
    box = bounding_box(mask, 1.0)
    if box is None:
        return result
    mask, inside = mask[box], result[box]
    for slab in slabs(mask, max(SLAB, CACHED // mask[0].size)):
        first = max(0, slab.start - 1)
        inside[slab] = work(mask[first : slab.stop + 1])[slab.start - first :][
            : slab.stop - slab.start
        ]
    return result


def _fringed(mask: Bools, axes: tuple[int, ...]) -> Bools:
    wide = mask.copy(order="C")
    voxels = wide.reshape(-1)
    for axis in axes:
        step = math.prod(mask.shape[axis + 1 :])
        along = wide.swapaxes(0, axis)
        first, last = along[0] | along[:2][-1], along[-1] | along[-2:][0]
        # all rows as one is much faster; what comes in from the next row is put right
        pairs = voxels[:-step] | voxels[step:]
        np.logical_or(pairs[:-step], pairs[step:], out=voxels[step:-step])
        along[0], along[-1] = first, last
    return wide


def swept(mask: Bools, axis: int) -> Bools:
    """The mask and everything behind it along an axis: `accumulate`, but faster."""
    swept = mask.copy()
    planes = swept.swapaxes(0, axis)
    for before, plane in pairwise(planes):
        plane |= before
    return swept


def deep_in(mask: Bools, depth_mm: float, spacing_kji: Spacing) -> Bools:
    """What of the mask lies at least about `depth_mm` inside it along every axis.

    Cheaper than `shrunk`; an axis whose voxels are much larger than that isn't shrunk.
    """
    rest = ~mask
    for axis, step_mm in enumerate(spacing_kji):
        for _ in range(round(depth_mm / step_mm)):
            rest = fringed(rest, (axis,))
    return ~rest


def trimmed_in_slices(mask: Bools) -> Bools:
    """The mask without the voxels that touch something outside it in their slice."""
    return trimmed(mask, (1, 2))


def opened(mask: Bools, radius_mm: float, spacing_kji: Spacing) -> Bools:
    """The mask without what is thinner than twice the radius."""
    return grown(shrunk(mask, radius_mm, spacing_kji), radius_mm, spacing_kji)


def closed(mask: Bools, radius_mm: float, spacing_kji: Spacing) -> Bools:
    """The mask and the gaps in it that are thinner than twice the radius."""
    return shrunk(grown(mask, radius_mm, spacing_kji), radius_mm, spacing_kji) | mask


def components(mask: Bools, connectivity: int = 6) -> Labels:
    """The connected pieces of the mask, numbered from 1."""
    box = bounding_box(mask) if mask.ndim == 3 else None
    if box is None or MOSTLY * mask.size < mask[box].size:
        return _components(mask, connectivity)
    inside = _components(mask[box], connectivity)
    labels: Labels = np.zeros(mask.shape, inside.dtype)
    labels[box] = inside
    return labels


def _components(mask: Bools, connectivity: int) -> Labels:
    voxels = np.ascontiguousarray(mask)
    if connectivity == 26:
        # Of bools cc3d 4.1 takes one label in 2 x 2 x 2 voxels for the most there can be, and
        # fails on two voxels with one between; bytes cost no more.
        voxels = voxels.view(np.uint8)
    labels: Labels = cc3d.connected_components(
        voxels, connectivity=connectivity, out_dtype=np.uint32
    )
    return labels


def components_in_slices(mask: Bools) -> Labels:
    """The pieces of each slice k on its own, numbered through the whole stack from 1."""
    labels: Labels = np.empty(mask.shape, np.uint32)
    count = 0
    for slab in slabs(mask):
        # one picture of all slices, with an empty row below each
        part = mask[slab]
        apart = np.zeros((len(part), part.shape[1] + 1, part.shape[2]), bool)
        apart[:, :-1] = part
        picture = apart.reshape(-1, mask.shape[2])
        here = components(picture, 4).reshape(apart.shape)[:, :-1]
        np.add(here, np.uint32(count), out=labels[slab])
        labels[slab] *= here > 0
        count += int(here.max(initial=0))
    return labels


def sizes(labels: Labels, count: int = 1) -> NDArray[np.int64]:
    """How many voxels each label has, by label; 0 for label 0, which isn't counted.

    There are at least `count` labels in the answer.
    """
    total = np.zeros(max(count, int(labels.max(initial=0)) + 1), np.int64)
    for piece in slabs(labels, max(1, PIECE // max(1, math.prod(labels.shape[1:])))):
        starts, of = runs(labels[piece].reshape(-1))
        here = np.bincount(of, np.diff(starts, append=labels[piece].size))
        total[: len(here)] += here.astype(np.int64)
    total[0] = 0
    return total


def runs(labels: Labels) -> tuple[NDArray[np.int64], Labels]:
    """Where each run of one label begins in a row of them, and of which label it is."""
    starts = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    starts = np.concatenate([np.zeros(min(1, len(labels)), np.int64), starts])
    return starts, labels[starts]


def sums(labels: Labels, weights: NDArray[Any], count: int = 0) -> NDArray[np.float64]:
    """The sum of `weights` in each label, by label; of label 0 it is 0.

    There are at least `count` labels in the answer.
    """
    total = np.zeros(max(1, count, int(labels.max(initial=0)) + 1))
    for slab in slabs(labels):
        # the places first: of numbers a mask picks them three times slower
        if weights.dtype == bool:
            inside = np.flatnonzero((labels[slab] != 0) & weights[slab])
            here = np.bincount(labels[slab].reshape(-1)[inside])
        else:
            inside = np.flatnonzero(labels[slab] != 0)
            of, amounts = (array[slab].reshape(-1)[inside] for array in (labels, weights))
            here = np.bincount(of, amounts)
        total[: len(here)] += here
    return total


def slabs(array: NDArray[Any], step: int = SLAB) -> list[slice]:
    """Some slices at a time: counting and labelling takes several times what it looks at."""
    return [slice(k, min(k + step, len(array))) for k in range(0, len(array), step)]


def keep(labels: Labels, wanted: NDArray[np.bool_]) -> Bools:
    """Where a label stands for which `wanted[label]` is true; label 0 never."""
    table = np.array(wanted, bool)
    table[:1] = False
    chosen: list[int] = np.flatnonzero(table).tolist()  # NumPy's integers would be wider
    if len(chosen) > FEW:
        return looked_up(labels, table)
    kept = np.zeros(labels.shape, bool)
    for label in chosen:
        kept |= labels == label
    return kept


def looked_up(labels: Labels, table: NDArray[T]) -> NDArray[T]:
    """What the table holds for each label: `table[labels]`, in half the time."""
    found = np.empty(labels.shape, table.dtype)
    for of, here in zip(labels, found, strict=True):
        table.take(of, out=here, mode="clip")  # the only mode that writes there at once
    return found


def filled(mask: Bools) -> Bools:
    """The mask with the cavities that no path leads out of."""
    box = bounding_box(mask, 1.0)  # fill-voids 2.1 fills notches of one voxel at the edges
    whole = np.zeros(mask.shape, bool)
    if box is not None:
        whole[box] = fill_voids.fill(np.ascontiguousarray(mask[box]))
    return whole


def filled_in_slices(mask: Bools, max_mm2: float = np.inf, pixel_mm2: float = 1.0) -> Bools:
    """The mask with the holes of every slice k filled, up to `max_mm2` each."""
    whole = np.zeros(mask.shape, bool)
    box = bounding_box(mask, 1.0)
    if box is not None:
        whole[box] = _filled_in_slices(mask[box], max_mm2, pixel_mm2)
    return whole


def _filled_in_slices(mask: Bools, max_mm2: float, pixel_mm2: float) -> Bools:
    whole = np.empty(mask.shape, bool)
    for without_holes, plane in zip(whole, mask, strict=True):
        without_holes[...] = fill_voids.fill(np.ascontiguousarray(plane))
    for slab in slabs(mask if np.isfinite(max_mm2) else mask[:0]):
        holes = whole[slab] & ~mask[slab]
        box = bounding_box(holes)
        if box is not None:
            pieces = components_in_slices(holes[box])
            whole[slab][box] &= ~keep(pieces, sizes(pieces) * pixel_mm2 > max_mm2)
    return whole


def with_closed_ends(holes: Bools, solid: Bools) -> Bools:
    """The holes of slices that end, above and below, at something solid or with the array.

    `holes` are holes of the slices of `solid`. The openings at both ends together may have
    `MAX_OPEN` of the tube's mean cross-section. A mass in the lung ends so; the dome of the
    diaphragm opens below.
    """
    box = bounding_box(holes, 1.0)
    if box is None:
        return holes
    closed_ones = np.zeros(holes.shape, bool)
    closed_ones[box] = _with_closed_ends(holes[box], solid[box])
    return closed_ones


def _with_closed_ends(holes: Bools, solid: Bools) -> Bools:
    tubes, shut = components(holes), (solid | holes).reshape(-1)
    of = np.flatnonzero(tubes != 0)
    count, plane = int(tubes.max(initial=0)) + 1, tubes.shape[1] * tubes.shape[2]
    ends = np.zeros(count, np.int64)
    for step in (plane, -plane):
        inside = of[(of + step >= 0) & (of + step < tubes.size)]
        open_ = ~shut[inside + step]
        ends += np.bincount(tubes.reshape(-1)[inside[open_]], minlength=count)
    k = of // plane
    slices = np.unique(tubes.reshape(-1)[of] + k * count)
    height = np.bincount(slices % count, minlength=count)
    section = sizes(tubes) / np.maximum(height, 1)
    return keep(tubes, ends < MAX_OPEN * section)
