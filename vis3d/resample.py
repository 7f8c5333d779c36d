"""A volume or a label map on another grid."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vis3d.errors import UsageError
from vis3d.geometry import SAME_GRID_MM, FloatArray, Geometry
from vis3d.labels import LabelMap
from vis3d.memory import check_memory, fitting_share
from vis3d.progress import Progress, silent
from vis3d.threads import in_threads
from vis3d.volume import Volume

Data = TypeVar("Data", Volume, LabelMap)

SLAB_VOXELS = 1 << 20
"""Voxels that one thread makes at a time: about a tenth of a second."""

BLUR_REACH = 3
"""A Gaussian ends after so many standard deviations."""

MEANS_IN_SIGMA = 4
"""A wide Gaussian is applied to means of blocks of a quarter of its standard deviation."""

OUTSIDE_HU = -2048
"""What marks voxels outside a scan that has no padding of its own."""

HALF_VOXEL = 0.5 + 1e-6
"""A voxel reaches half a voxel from its centre; there the scan ends."""


def resample(data: Data, geometry: Geometry, *, progress: Progress | None = None) -> Data:
    """The same scan or segmentation on the grid `geometry`, wherever that lies.

    A volume is interpolated linearly, and blurred first along axes on which the new voxels
    are larger (standard deviation (factor - 1) / 2 voxels), so that nothing is left out; a
    label map takes the nearest label. Padding is never mixed into tissue: where less than
    half of what a new voxel sees was measured, it is padding. New voxels that lie outside
    the old grid altogether are padding too; those that reach into it hold its outermost
    values. In a label map all with a centre outside are 0. int16 stays int16, other types
    become float32.

    Raises:
        TooLargeError: the new grid needs more memory than there is.
    """
    if isinstance(data, LabelMap):
        return replace(data, array=_labels(data, geometry, progress), geometry=geometry)
    return _volume(data, geometry, progress)


def in_order_of(labels: LabelMap, geometry: Geometry) -> LabelMap | None:
    """The label map on exactly this grid, or None where its voxels are others.

    NIfTI files of a DICOM scan often have rows, columns or slices reversed, or other axes
    first: then each voxel of the one is a voxel of the other, and nothing is resampled.
    """
    there = np.linalg.inv(geometry.affine) @ labels.geometry.affine  # indices i, j, k
    turn = np.rint(there[:3, :3])
    if not ((np.abs(turn).sum(axis=0) == 1) & (np.abs(turn).sum(axis=1) == 1)).all():
        return None
    axes = np.abs(turn).argmax(axis=1)
    flipped = tuple(axis for axis in range(3) if turn[axis, axes[axis]] < 0)
    array: Any = np.flip(labels.array.transpose(2, 1, 0).transpose(axes), flipped).transpose(
        2, 1, 0
    )
    if array.shape != geometry.shape or not _meets(labels.geometry, geometry, turn):
        return None
    return replace(labels, array=np.ascontiguousarray(array), geometry=geometry)


def _meets(one: Geometry, other: Geometry, turn: FloatArray) -> bool:
    """Whether each corner voxel of one grid is that of the other, axes turned."""
    ends = np.array(np.meshgrid(*([0, 1],) * 3, indexing="ij")).reshape(3, -1).T
    theirs = ends * (np.array(one.shape[::-1]) - 1)
    ours = theirs @ turn.T
    ours += np.where(turn.sum(axis=1) < 0, np.array(other.shape[::-1]) - 1, 0)
    apart_mm = np.linalg.norm(one.to_lps(theirs) - other.to_lps(ours), axis=1)
    return bool(apart_mm.max() <= SAME_GRID_MM)


def isotropic_geometry(geometry: Geometry, spacing_mm: float) -> Geometry:
    """Cubic voxels over the same box; the last ones may reach beyond it.

    Raises:
        UsageError: a spacing that isn't a positive number.
    """
    if not (np.isfinite(spacing_mm) and spacing_mm > 0):
        raise UsageError(f"A spacing is a positive number of mm, not {spacing_mm}.")
    return geometry.with_spacing((spacing_mm, spacing_mm, spacing_mm))


def shaped_geometry(geometry: Geometry, shape: tuple[int, int, int]) -> Geometry:
    """Exactly `shape` (nk, nj, ni) voxels over exactly the same box.

    Its `spacing` is what results, and differs by axis where the box isn't in proportion.

    Raises:
        UsageError: a shape that isn't three positive numbers.
    """
    if len(shape) != 3 or min(shape) < 1:
        raise UsageError(f"A shape is three positive numbers NK,NJ,NI, not {shape}.")
    sizes = np.array(shape[::-1])
    lengths_mm = np.array(geometry.shape[::-1]) * geometry.spacing
    i_mm, j_mm, k_mm = (lengths_mm / sizes).tolist()
    first_face = geometry.to_lps((-0.5, -0.5, -0.5))
    half_mm = geometry.direction @ (lengths_mm / sizes / 2)
    x, y, z = (first_face + half_mm).tolist()
    return Geometry(shape, (i_mm, j_mm, k_mm), (x, y, z), geometry.direction)


def outside_value(volume: Volume) -> float:
    """The padding to write: the volume's own, else a value below all that it holds."""
    if volume.padding is not None:
        return volume.padding
    least = float(np.floor(np.min(volume.array)))
    below = min(OUTSIDE_HU, least - 1) if volume.unit == "HU" else least - 1
    return max(below, -32768.0) if volume.array.dtype == np.int16 else below


@dataclass(frozen=True, eq=False)
class _Slab:
    """A few slices of the new grid, and the part of the old array that they see.

    `matrix` and `offset` take new indices (k, j, i) within the slab to old ones within the
    part, whose first voxel is `low`.
    """

    slices: slice
    shape: tuple[int, int, int]
    matrix: FloatArray
    offset: FloatArray
    part: tuple[slice, slice, slice]
    low: NDArray[np.int64]


def _volume(volume: Volume, geometry: Geometry, progress: Progress | None) -> Volume:
    matrix, _ = _new_to_old(volume.geometry, geometry)
    factors = np.linalg.norm(matrix, axis=1)
    sigmas = np.maximum(0.0, (factors - 1) / 2)
    reach = HALF_VOXEL + factors / 2 - 1e-5
    padding = volume.padding
    if padding is not None and not (volume.array == padding).any():
        padding = None
    outside = outside_value(volume)
    dtype = np.dtype(np.int16 if volume.array.dtype == np.int16 else np.float32)
    array: NDArray[Any] = _room_for(geometry, dtype)

    def fill(slab: _Slab) -> bool:
        source = volume.array[slab.part]
        values = _interpolated(source, padding, slab, sigmas, outside)
        beyond = _beyond(slab, volume.geometry.shape, reach)
        if beyond is not None:
            values[beyond] = outside
        array[slab.slices] = np.rint(values) if dtype == np.int16 else values
        return beyond is not None and bool(beyond.any())

    slabs = _slabs(volume.geometry, geometry, sigmas)
    filled = any(in_threads(fill, slabs, progress or silent, "Resampling"))
    used = volume.padding is not None or filled
    return replace(volume, array=array, geometry=geometry, padding=outside if used else None)


def _labels(
    labelmap: LabelMap, geometry: Geometry, progress: Progress | None
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    array: NDArray[Any] = _room_for(geometry, labelmap.array.dtype)

    def fill(slab: _Slab) -> None:
        source = labelmap.array[slab.part]
        values = ndimage.affine_transform(
            source, slab.matrix, slab.offset, slab.shape, order=0, mode="nearest"
        )
        beyond = _beyond(slab, labelmap.geometry.shape, np.full(3, HALF_VOXEL))
        if beyond is not None:
            values[beyond] = 0
        array[slab.slices] = values

    slabs = _slabs(labelmap.geometry, geometry, np.zeros(3))
    in_threads(fill, slabs, progress or silent, "Resampling")
    return array


def _interpolated(
    source: NDArray[np.generic],
    padding: float | None,
    slab: _Slab,
    sigmas: FloatArray,
    outside: float,
) -> NDArray[np.float32]:
    """Linear values; with padding, the mean of what was measured, weighted alike."""
    measured = None if padding is None else source != padding
    if measured is None or measured.all():
        return _linear(source, slab, sigmas)
    weights = _linear(measured.astype(np.float32), slab, sigmas)
    sums = _linear(np.where(measured, source, 0), slab, sigmas)
    enough = weights >= 0.5
    return np.where(enough, sums / np.where(enough, weights, 1), np.float32(outside))


def _linear(source: NDArray[Any], slab: _Slab, sigmas: FloatArray) -> NDArray[np.float32]:
    matrix, offset = slab.matrix, slab.offset
    if sigmas.any():
        means, sizes = _means(source, sigmas)
        matrix = matrix / sizes[:, None]
        offset = (offset - (sizes - 1) / 2) / sizes
        source = _blurred(means, np.sqrt(sigmas**2 - (sizes**2 - 1) / 12) / sizes)
    values: NDArray[np.float32] = ndimage.affine_transform(
        source,
        matrix,
        offset,
        slab.shape,
        output=np.float32,
        order=1,
        mode="nearest",
    )
    return values


def _means(
    source: NDArray[Any], sigmas: FloatArray
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Means of blocks, and the blocks' sizes: at most a quarter of what a wide blur spans.

    A Gaussian costs as many steps as it is wide, but on means of blocks it needs few. They
    blur a little themselves, which the Gaussian then leaves out.
    """
    sizes = np.clip(sigmas // MEANS_IN_SIGMA, 1, source.shape).astype(np.int64)
    means: NDArray[np.float32] = source.astype(np.float32)
    for axis, size in enumerate(sizes.tolist()):
        if size > 1:
            short = -means.shape[axis] % size
            ends = [(0, short if other == axis else 0) for other in range(3)]
            means = np.pad(means, ends, mode="edge")
            blocks = (*means.shape[:axis], -1, size, *means.shape[axis + 1 :])
            means = means.reshape(blocks).mean(axis=axis + 1)
    return means, sizes


def _blurred(array: NDArray[np.float32], sigmas: FloatArray) -> NDArray[np.float32]:
    for axis, sigma in enumerate(sigmas.tolist()):
        if sigma > 0 and array.shape[axis] > 1:
            array = ndimage.gaussian_filter1d(
                array, sigma, axis, mode="nearest", radius=_reach(sigma)
            )
    return array


def _reach(sigma: float) -> int:
    return int(np.ceil(BLUR_REACH * sigma))


def _room_for(geometry: Geometry, dtype: np.dtype[Any]) -> NDArray[Any]:
    check_memory(geometry.shape, dtype.itemsize, advice=_what_fits(geometry, dtype))
    return np.empty(geometry.shape, dtype)


def _what_fits(geometry: Geometry, dtype: np.dtype[Any]) -> str:
    """The finest grids over the same box for which there is room, a little left over."""
    share = 0.95 * fitting_share(geometry.shape, dtype.itemsize)
    nk, nj, ni = (max(1, int(size * share)) for size in geometry.shape)
    cube_mm = float(np.prod(geometry.spacing)) ** (1 / 3) / share
    return (
        f"A grid of {nk},{nj},{ni} fits (--shape), or cubes of {cube_mm:.3g} mm (--isotropic)."
    )


def _new_to_old(old: Geometry, new: Geometry) -> tuple[FloatArray, FloatArray]:
    """The matrix and offset that take indices (k, j, i) of `new` to those of `old`."""
    ijk = np.linalg.inv(old.affine) @ new.affine
    return ijk[2::-1, 2::-1][:3, :3], ijk[2::-1, 3]


def _slabs(old: Geometry, new: Geometry, sigmas: FloatArray) -> Iterator[_Slab]:
    """The new grid a few slices at a time, with the part of the old one that they see."""
    matrix, offset = _new_to_old(old, new)
    nk, nj, ni = new.shape
    step = max(1, SLAB_VOXELS // (nj * ni))
    reach = np.array([_reach(sigma) for sigma in sigmas.tolist()]) + 2
    for start in range(0, nk, step):
        shape = (min(step, nk - start), nj, ni)
        corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(shape) - 1)
        seen = (corners + np.array([start, 0, 0])) @ matrix.T + offset
        last = np.array(old.shape) - 1
        low = np.clip(np.floor(seen.min(axis=0)) - reach, 0, last).astype(np.int64)
        high = np.clip(np.ceil(seen.max(axis=0)) + reach, 0, last).astype(np.int64)
        part = tuple(slice(a, b + 1) for a, b in zip(low.tolist(), high.tolist(), strict=True))
        in_part = offset + matrix @ [start, 0, 0] - low
        yield _Slab(
            slice(start, start + shape[0]),
            shape,
            matrix,
            in_part,
            (part[0], part[1], part[2]),
            low,
        )


def _beyond(
    slab: _Slab, old_shape: tuple[int, int, int], reach: FloatArray
) -> NDArray[np.bool_] | None:
    """Which centres lie more than `reach` old voxels outside the outermost; None: none."""
    ends = np.array(list(np.ndindex(2, 2, 2))) * (np.array(slab.shape) - 1)
    corners = ends @ slab.matrix.T + slab.offset + slab.low
    limits = np.array(old_shape) - 1 + reach
    if (corners >= -reach).all() and (corners <= limits).all():
        return None
    beyond = np.zeros(slab.shape, bool)
    for axis in range(3):
        steps = [
            np.arange(size) * slab.matrix[axis, column]
            for column, size in enumerate(slab.shape)
        ]
        index = slab.offset[axis] + slab.low[axis] + np.add.outer(steps[0], steps[1])
        index = np.add.outer(index, steps[2])
        beyond |= (index < -reach[axis]) | (index > limits[axis])
    return beyond
