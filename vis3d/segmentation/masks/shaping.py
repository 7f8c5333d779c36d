"""Masks made smoother, larger, smaller, without gaps or holes: sizes in mm, mm2 and ml.

Each function takes a `Mask` and gives a new one on the same grid. What lies beyond the grid
counts as more of the same, so a structure that the scan cuts doesn't shrink at the cut.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from vis3d.errors import UsageError
from vis3d.progress import Progress, part, silent
from vis3d.segmentation.masks.selecting import not_negative
from vis3d.segmentation.voxels import morphology
from vis3d.segmentation.voxels.frame import Bools, Floats, Spacing
from vis3d.volume import Mask, require_mask

Plane: TypeAlias = Literal["axial", "coronal", "sagittal"]

MOST_SIGMA_MM = 50.0
"""A wider blur leaves no border of any structure, and takes hours."""
SLAB_VOXELS = 3_000_000
"""How many voxels a step of the work takes, so that it can be stopped."""


def add_margin(mask: Mask, margin_mm: float, *, progress: Progress | None = None) -> Mask:
    """The mask grown by a margin, or shrunk by a negative one.

    A voxel is in the margin if its centre lies that near to the centre of one in the mask.
    """
    require_mask(mask)
    grow = morphology.grown if margin_mm >= 0 else morphology.shrunk
    return _like(mask, _stepwise(grow, mask, abs(_finite(margin_mm)), progress or silent))


def close(mask: Mask, radius_mm: float, *, progress: Progress | None = None) -> Mask:
    """The mask and its gaps thinner than twice the radius."""
    wide = add_margin(mask, _size(radius_mm), progress=part(progress, 0.0, 0.5))
    back = add_margin(wide, -radius_mm, progress=part(progress, 0.5, 1.0))
    return _like(mask, back.array | mask.array)


def open_up(mask: Mask, radius_mm: float, *, progress: Progress | None = None) -> Mask:
    """The mask without its parts thinner than twice the radius."""
    core = add_margin(mask, -_size(radius_mm), progress=part(progress, 0.0, 0.5))
    return add_margin(core, radius_mm, progress=part(progress, 0.5, 1.0))


def fill(mask: Mask, *, up_to_ml: float = np.inf) -> Mask:
    """The mask with its cavities, those that no path leads out of, up to a size each."""
    require_mask(mask)
    box = morphology.bounding_box(mask.array)
    if box is None:
        return mask
    inside = mask.array[box]
    holes = morphology.filled(inside) & ~inside
    if np.isfinite(not_negative(up_to_ml)):
        labels = morphology.components(holes)
        small = morphology.sizes(labels) * mask.geometry.voxel_ml <= up_to_ml
        holes = morphology.keep(labels, small)
    return _with_part(mask, box, inside | holes)


def fill_in_slices(mask: Mask, plane: Plane = "axial", *, up_to_mm2: float = np.inf) -> Mask:
    """The mask with the holes of each slice that it surrounds there, up to a size each.

    Tubes are filled too, which `fill` leaves open. On an oblique grid the slices are those
    of the array nearest to the plane.
    """
    require_mask(mask)
    box = morphology.bounding_box(mask.array)
    if box is None:
        return mask
    axis = _axis_across(mask, plane)
    turned = np.ascontiguousarray(np.moveaxis(mask.array[box], axis, 0))
    pixel_mm2 = mask.geometry.voxel_ml * 1000 / mask.geometry.spacing_kji[axis]
    filled = morphology.filled_in_slices(turned, not_negative(up_to_mm2), pixel_mm2)
    return _with_part(mask, box, np.moveaxis(filled, 0, axis))


def smooth(
    mask: Mask,
    sigma_mm: float,
    *,
    keep_volume: bool = True,
    progress: Progress | None = None,
) -> Mask:
    """The mask with a smoother border: blurred by a Gaussian of `sigma_mm` and cut.

    It is cut where the volume stays the same; without `keep_volume` at a half, which takes
    from what is convex: a ball of radius r loses about sigma^2 / r of it.

    Raises:
        UsageError: `sigma_mm` is negative or above 50.
    """
    require_mask(mask)
    if sigma_mm > MOST_SIGMA_MM:
        raise UsageError(f"Smoothing takes up to {MOST_SIGMA_MM:g} mm, not {sigma_mm:g}.")
    box = morphology.bounding_box(mask.array, 4 * _size(sigma_mm), mask.geometry.spacing_kji)
    if box is None or sigma_mm == 0:
        return mask
    inside = mask.array[box]
    blurred = inside.astype(np.float32)
    for axis, step_mm in enumerate(mask.geometry.spacing_kji):
        say = part(progress, axis * 0.3, axis * 0.3 + 0.3)
        blurred = _blurred(blurred, sigma_mm / step_mm, axis, say)
    part(progress, 0.9, 1.0)(0.0, "Smoothing")
    level = _level_of_volume(blurred, int(np.count_nonzero(inside))) if keep_volume else 0.5
    return _with_part(mask, box, blurred > level)


def _level_of_volume(blurred: Floats, voxels: int) -> float:
    """The level above which (about) so many voxels lie."""
    bins = 1 << 16
    counts = np.bincount((blurred * (bins - 1)).astype(np.uint16).reshape(-1), minlength=bins)
    above = counts.sum() - np.cumsum(counts)  # of each bin: the voxels in higher ones
    best = int(np.abs(above - voxels).argmin())
    return (best + 1) / (bins - 1) - 1e-9


def _blurred(values: Floats, sigma: float, axis: int, progress: Progress) -> Floats:
    """Blurred along one axis, slab by slab of another one."""
    other = 1 if axis == 0 else 0
    result = np.empty_like(values)
    for number, where in enumerate(_slabs(values.shape, other)):
        progress(number * where.stop / values.shape[other] / (number + 1), "Smoothing")
        index = (slice(None), where) if other == 1 else (where,)
        gaussian_filter1d(values[index], sigma, axis, output=result[index], mode="nearest")
    return result


def _slabs(shape: tuple[int, ...], axis: int) -> list[slice]:
    """The length of an axis in pieces of about `SLAB_VOXELS` voxels."""
    thick = max(1, SLAB_VOXELS * shape[axis] // max(1, int(np.prod(shape))))
    return [slice(n, min(n + thick, shape[axis])) for n in range(0, shape[axis], thick)]


def _stepwise(
    operation: Callable[[Bools, float, Spacing], Bools],
    mask: Mask,
    radius_mm: float,
    progress: Progress,
) -> Bools:
    """An operation that reaches as far as a radius, done slab by slab.

    Each slab is worked on with as much beside it as the radius reaches.
    """
    spacing = mask.geometry.spacing_kji
    result = np.zeros(mask.array.shape, bool)
    box = morphology.bounding_box(mask.array, radius_mm + max(spacing), spacing)
    if box is None:
        return result
    inside, into = mask.array[box], result[box]
    reach = int(np.ceil(radius_mm / spacing[0])) + 1
    thick = max(2 * reach, _slabs(inside.shape, 0)[0].stop)
    for start in range(0, len(inside), thick):
        progress(start / len(inside), "Reshaping")
        low, stop = max(0, start - reach), min(start + thick, len(inside))
        wide = operation(inside[low : stop + reach], radius_mm, spacing)
        into[start:stop] = wide[start - low : stop - low]
    return result


def _axis_across(mask: Mask, plane: Plane) -> int:
    """The array's axis (0 for k) across the slices nearest to a plane."""
    planes = ("sagittal", "coronal", "axial")
    if plane not in planes:
        raise UsageError(f"A plane is one of axial, coronal, sagittal, not {plane!r}.")
    return 2 - mask.geometry.patient_axes[planes.index(plane)]


def _size(mm: float) -> float:
    if not 0 <= mm < np.inf:
        raise UsageError(f"A size in mm isn't negative: {mm:g} was given.")
    return mm


def _finite(mm: float) -> float:
    if not np.isfinite(mm):
        raise UsageError("A margin is a number of mm.")
    return mm


def _with_part(mask: Mask, box: tuple[slice, slice, slice], inside: NDArray[np.bool_]) -> Mask:
    array = np.zeros(mask.array.shape, bool)
    array[box] = inside
    return _like(mask, array)


def _like(mask: Mask, array: Bools) -> Mask:
    return replace(mask, array=np.asarray(array, bool))
