"""The operations a person does on masks by hand: each one verb, with sizes in mm and ml.

Every one takes a `Mask` (or a `Volume`) and gives a new `Mask` on the same grid. What lies
beyond the grid counts as more of the same, so a structure that the scan cuts doesn't shrink
at the cut.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.filters import threshold_otsu

from vis3d.errors import UsageError
from vis3d.segmentation import morphology
from vis3d.segmentation.frame import Bools, Values
from vis3d.volume import Mask, Volume

Connectivity = Literal[6, 18, 26]
"""Voxels touch by faces (6), also by edges (18), also by corners (26)."""


def threshold(
    volume: Volume, low: float = -np.inf, high: float = np.inf, *, name: str = "threshold"
) -> Mask:
    """Every voxel of value `low` to `high`, both included; padding never."""
    values: Values = volume.array
    inside = (values >= low) & (values <= high) & volume.inside_scan()
    return volume.mask(inside, name)


def otsu_level(volume: Volume, within: Mask | None = None) -> float:
    """The value that best parts the voxels into two classes (Otsu 1979); padding left out.

    Raises:
        UsageError: there are no two different values to part.
    """
    inside = volume.inside_scan() if within is None else volume.inside_scan() & within.array
    values = volume.array[inside]
    if not values.size or values.min() == values.max():
        raise UsageError("Otsu's method needs voxels of at least two different values.")
    return float(threshold_otsu(values))


def region_growing(
    volume: Volume,
    seed_lps: Sequence[float],
    *,
    tolerance: float,
    connectivity: Connectivity = 6,
    name: str = "region",
) -> Mask:
    """The voxels around a point whose values differ from the point's by up to `tolerance`.

    Raises:
        UsageError: the point (LPS mm) lies outside the scan.
    """
    i, j, k = np.floor(volume.geometry.to_ijk(seed_lps) + 0.5).astype(int).tolist()
    if not all(0 <= n < size for n, size in zip((k, j, i), volume.array.shape, strict=True)):
        raise UsageError(f"The point {tuple(seed_lps)} (LPS mm) lies outside the scan.")
    value = float(volume.array[k, j, i])
    alike = threshold(volume, value - tolerance, value + tolerance).array
    labels = morphology.components(alike, connectivity)
    return volume.mask((labels == labels[k, j, i]) & alike, name)


def largest_components(mask: Mask, count: int = 1, *, connectivity: Connectivity = 6) -> Mask:
    """The `count` largest connected pieces."""
    labels = morphology.components(mask.array, connectivity)
    voxels = morphology.sizes(labels)
    voxels[0] = 0
    largest = np.argsort(-voxels, kind="stable")[:count]
    wanted = np.zeros(len(voxels), bool)
    wanted[largest[voxels[largest] > 0]] = True
    return _like(mask, morphology.keep(labels, wanted))


def remove_islands(mask: Mask, *, below_ml: float, connectivity: Connectivity = 6) -> Mask:
    """The mask without its connected pieces smaller than `below_ml`."""
    labels = morphology.components(mask.array, connectivity)
    large = morphology.sizes(labels) * mask.geometry.voxel_ml >= below_ml
    return _like(mask, morphology.keep(labels, large))


def split_islands(
    mask: Mask, *, at_least_ml: float = 0.0, connectivity: Connectivity = 6
) -> tuple[Mask, ...]:
    """Each connected piece of at least that size as a mask of its own, the largest first."""
    labels = morphology.components(mask.array, connectivity)
    voxels = morphology.sizes(labels)
    voxels[0] = 0
    order = [n for n in np.argsort(-voxels, kind="stable").tolist() if voxels[n]]
    wanted = [n for n in order if voxels[n] * mask.geometry.voxel_ml >= at_least_ml]
    return tuple(
        Mask(labels == n, mask.geometry, f"{mask.name} {place}".strip())
        for place, n in enumerate(wanted, start=1)
    )


def keep_island(mask: Mask, point_lps: Sequence[float]) -> Mask:
    """The connected piece nearest to a point in LPS mm.

    Raises:
        UsageError: the mask is empty.
    """
    places = np.argwhere(mask.array)
    if not len(places):
        raise UsageError("There is no piece to keep: the mask is empty.")
    offsets_mm = (places - mask.geometry.to_ijk(point_lps)[::-1]) * mask.geometry.spacing_kji
    nearest = tuple(places[int((offsets_mm**2).sum(axis=1).argmin())])
    labels = morphology.components(mask.array)
    return _like(mask, np.asarray(labels == labels[nearest]))


def add_margin(mask: Mask, margin_mm: float) -> Mask:
    """The mask grown by a margin, or shrunk by a negative one."""
    spacing = mask.geometry.spacing_kji
    if margin_mm >= 0:
        return _like(mask, morphology.grown(mask.array, margin_mm, spacing))
    return _like(mask, morphology.shrunk(mask.array, -margin_mm, spacing))


def close(mask: Mask, radius_mm: float) -> Mask:
    """The mask and its gaps thinner than twice the radius."""
    return _like(mask, morphology.closed(mask.array, radius_mm, mask.geometry.spacing_kji))


def open_up(mask: Mask, radius_mm: float) -> Mask:
    """The mask without its parts thinner than twice the radius."""
    return _like(mask, morphology.opened(mask.array, radius_mm, mask.geometry.spacing_kji))


def fill(mask: Mask, *, up_to_ml: float = np.inf) -> Mask:
    """The mask with its cavities, those that no path leads out of, up to a size."""
    holes = morphology.filled(mask.array) & ~mask.array
    if np.isfinite(up_to_ml):
        labels = morphology.components(holes)
        small = morphology.sizes(labels) * mask.geometry.voxel_ml <= up_to_ml
        holes = morphology.keep(labels, small)
    return _like(mask, mask.array | holes)


def smooth(mask: Mask, sigma_mm: float) -> Mask:
    """The mask with a smoother border: blurred by a Gaussian and cut at a half."""
    sigma = [sigma_mm / mm for mm in mask.geometry.spacing_kji]
    blurred = gaussian_filter(mask.array.astype(np.float32), sigma, mode="nearest")
    return _like(mask, blurred > 0.5)


def _like(mask: Mask, array: Bools) -> Mask:
    return Mask(np.asarray(array, bool), mask.geometry, mask.name)
