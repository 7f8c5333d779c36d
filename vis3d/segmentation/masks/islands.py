"""Connected pieces of a mask: keep, remove, split by size, by a point, or where they touch."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vis3d.errors import UsageError
from vis3d.geometry import FloatArray
from vis3d.progress import Progress, part
from vis3d.segmentation.masks.selecting import Connectivity, joined, not_negative
from vis3d.segmentation.masks.touching import parts_that_touch
from vis3d.segmentation.voxels import morphology
from vis3d.segmentation.voxels.frame import Bools, Labels
from vis3d.volume import Mask, require_mask

MOST_PIECES = 50
"""Each piece is a mask of the whole grid: no more than this unless asked."""


def largest_components(mask: Mask, count: int = 1, *, connectivity: Connectivity = 6) -> Mask:
    """The `count` largest connected pieces."""
    labels, box = _pieces(mask, connectivity)
    order = _by_size(labels)[: _count(count)]
    return _chosen(mask, labels, box, order)


def remove_islands(mask: Mask, *, below_ml: float, connectivity: Connectivity = 6) -> Mask:
    """The mask without its connected pieces smaller than `below_ml`."""
    labels, box = _pieces(mask, connectivity)
    large = morphology.sizes(labels) * mask.geometry.voxel_ml >= not_negative(below_ml)
    return _chosen(mask, labels, box, np.flatnonzero(large))


def split_islands(
    mask: Mask,
    *,
    at_least_ml: float = 0.0,
    most: int = MOST_PIECES,
    connectivity: Connectivity = 6,
) -> tuple[Mask, ...]:
    """Each connected piece as a mask of its own, the largest first.

    Pieces below `at_least_ml`, and those beyond the `most` largest, are left out.
    """
    labels, box = _pieces(mask, connectivity)
    voxels = morphology.sizes(labels)
    least = not_negative(at_least_ml) / mask.geometry.voxel_ml
    wanted = [n for n in _by_size(labels)[: _count(most)] if voxels[n] >= least]
    return tuple(_named(mask, labels, box, wanted))


def keep_island(mask: Mask, point_lps: ArrayLike, *, connectivity: Connectivity = 6) -> Mask:
    """The connected piece nearest to a point in LPS mm.

    Raises:
        UsageError: the mask is empty.
    """
    labels, box = _pieces(mask, connectivity)
    return _chosen(mask, labels, box, [_piece_at(mask, labels, box, point_lps)])


def remove_island(mask: Mask, point_lps: ArrayLike, *, connectivity: Connectivity = 6) -> Mask:
    """The mask without the connected piece nearest to a point in LPS mm.

    Raises:
        UsageError: the mask is empty.
    """
    labels, box = _pieces(mask, connectivity)
    wanted = np.ones(int(labels.max()) + 1, bool)
    wanted[_piece_at(mask, labels, box, point_lps)] = False
    return _chosen(mask, labels, box, np.flatnonzero(wanted))


def split_touching(
    mask: Mask,
    *,
    seeds_lps: Sequence[ArrayLike] = (),
    neck_mm: float = 2.0,
    most: int = MOST_PIECES,
    progress: Progress | None = None,
) -> tuple[Mask, ...]:
    """The parts of a mask that touch, cut apart where they are thinnest, the largest first.

    A watershed of the distance to the border (Meyer, Signal Process 1994;38:113-125). With
    `seeds_lps` there is a part for each of those points (n, 3) in LPS mm, connected pieces
    without one being left out; without them a part for each place where the mask is
    thicker, in radius, by more than `neck_mm` than at the neck to the next one.

    Raises:
        UsageError: a mask that is empty, or two seeds in one voxel.
    """
    require_mask(mask)
    box = morphology.bounding_box(mask.array)
    if box is None:
        raise UsageError("There is nothing to split: the mask is empty.")
    inside = mask.array[box]
    seeds = [_nearest(mask, inside, box, point) for point in seeds_lps]
    if len(set(seeds)) < len(seeds):
        raise UsageError("Two seeds lie in one voxel: give each part a place of its own.")
    labels = parts_that_touch(
        inside,
        mask.geometry.spacing_kji,
        seeds,
        not_negative(neck_mm),
        part(progress, 0.0, 0.9),
    )
    return tuple(_named(mask, labels, box, _by_size(labels)[: _count(most)]))


def _pieces(
    mask: Mask, connectivity: Connectivity
) -> tuple[Labels, tuple[slice, slice, slice]]:
    """The connected pieces, numbered from 1, in the box that holds the mask."""
    require_mask(mask)
    box = morphology.bounding_box(mask.array) or (slice(0, 1), slice(0, 1), slice(0, 1))
    return joined(mask.array[box], connectivity), box


def _count(pieces: int) -> int:
    if pieces < 1:
        raise UsageError(f"Ask for one piece or more, not {pieces}.")
    return pieces


def _by_size(labels: NDArray[Any]) -> list[int]:
    """The labels that occur, the most frequent first."""
    voxels = morphology.sizes(labels)
    return [n for n in np.argsort(-voxels, kind="stable").tolist() if voxels[n]]


def _chosen(
    mask: Mask, labels: Labels, box: tuple[slice, slice, slice], wanted: ArrayLike
) -> Mask:
    table = np.zeros(int(labels.max()) + 1, bool)
    table[np.asarray(wanted, np.intp)] = True
    array = np.zeros(mask.array.shape, bool)
    array[box] = morphology.keep(labels, table)
    return replace(mask, array=array)


def _named(
    mask: Mask, labels: NDArray[Any], box: tuple[slice, slice, slice], wanted: Sequence[int]
) -> Iterator[Mask]:
    for place, label in enumerate(wanted, start=1):
        array: Bools = np.zeros(mask.array.shape, bool)
        np.equal(labels, label, out=array[box])
        yield Mask(array, mask.geometry, f"{mask.name} {place}".strip())


def _piece_at(
    mask: Mask, labels: Labels, box: tuple[slice, slice, slice], point_lps: ArrayLike
) -> int:
    inside = labels > 0
    if not inside.any():
        raise UsageError("There is no piece at that point: the mask is empty.")
    return int(labels[_nearest(mask, inside, box, point_lps)])


def _nearest(
    mask: Mask, inside: Bools, box: tuple[slice, slice, slice], point_lps: ArrayLike
) -> tuple[int, int, int]:
    """The index in the box of the voxel of the mask nearest to a point in LPS mm."""
    point: FloatArray = np.asarray(point_lps, float)
    if point.shape != (3,) or not np.isfinite(point).all():
        raise UsageError("A point is three finite numbers in LPS mm.")
    at = mask.geometry.to_ijk(point)[::-1] - [where.start for where in box]
    best, found = np.inf, (0, 0, 0)
    k_mm, j_mm, i_mm = mask.geometry.spacing_kji
    for k in np.argsort(np.abs(np.arange(len(inside)) - at[0]), kind="stable").tolist():
        across = ((k - at[0]) * k_mm) ** 2
        if across >= best:
            break
        j, i = np.nonzero(inside[k])
        if len(j):
            distances = across + ((j - at[1]) * j_mm) ** 2 + ((i - at[2]) * i_mm) ** 2
            n = int(distances.argmin())
            if distances[n] < best:
                best, found = float(distances[n]), (k, int(j[n]), int(i[n]))
    return found
