"""The volume as the 3D view takes it: small enough to turn, without table and bedding."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vis3d.errors import UnsupportedError
from vis3d.geometry import Geometry
from vis3d.progress import Progress, part
from vis3d.rendering import airless_outside
from vis3d.segmentation import segment_body
from vis3d.segmentation.masks.edits import Box
from vis3d.segmentation.voxels.morphology import bounding_box
from vis3d.volume import Mask, Volume

PREPARING = "Preparing the 3D view"

VIEW_VOXELS = 24_000_000
"""More than this many are averaged together: a CPU can't turn them."""

OUTSIDE_HU = -1100.0
"""What lies outside the body becomes; less than any tissue or air."""

FIRST_VOXELS = 2_500_000
"""Enough for a first picture, which is there seconds sooner."""

SKIN_VOXELS = 2
"""So far beyond the skin the scan is kept, that its edge is the scan's own."""


@dataclass(frozen=True, eq=False)
class ViewVolume:
    """What 3D shows: of a CT the body without table and bedding, in a box round it.

    `body` holds a bit for each voxel, set in the body; None where there is no telling.
    """

    volume: Volume
    body: NDArray[np.uint8] | None


def volume_for_view(
    volume: Volume, progress: Progress, *, voxels: int = VIEW_VOXELS
) -> ViewVolume:
    """A copy to look at: at most so many `voxels`, and of a CT only what lies in the body."""

    def say(fraction: float, _what: str = "") -> None:
        progress(fraction, PREPARING)  # whatever the parts of it say

    say(0.0)
    small = reduced(volume, voxels)
    if small.unit != "HU" or min(small.geometry.shape) < 2:
        return ViewVolume(small, None)
    try:
        body = segment_body(small, progress=part(say, 0.2, 0.8)).mask("body")
    except UnsupportedError:
        return ViewVolume(small, None)
    if not body.array.any():
        return ViewVolume(small, None)
    box, grid = _box_round(body)
    keep = ndimage.binary_dilation(body.array[box], iterations=SKIN_VOXELS)
    dtype = small.array.dtype if small.array.dtype.kind != "u" else np.dtype(np.int32)
    array = np.where(keep, small.array[box], np.array(OUTSIDE_HU, dtype)).astype(dtype)
    shown = Volume(array, grid, small.unit, OUTSIDE_HU, small.metadata)
    say(0.8)
    return ViewVolume(shown, np.packbits(body.array[box]))


def inside_only(volume: Volume, body: NDArray[np.uint8]) -> Volume:
    """A view's volume for presets of air, which show none round the body."""
    return replace(airless_outside(volume, _unpacked(volume, body)), padding=None)


def small_inside(volume: Volume, body: NDArray[np.uint8], voxels: int) -> Volume:
    """The same of at most so many voxels."""
    shares = _unpacked(volume, body).array * np.int16(100)
    small = reduced(volume, voxels)
    halves = np.asarray(reduced(volume.with_array(shares), voxels).array) >= 50
    return inside_only(small, np.packbits(halves))


def _box_round(body: Mask) -> tuple[Box, Geometry]:
    """Where the body lies, and where it fades to nothing."""
    tight = bounding_box(body.array)
    assert tight is not None  # it isn't empty
    starts = [max(0, part.start - SKIN_VOXELS - 1) for part in tight]
    stops = [part.stop + SKIN_VOXELS + 1 for part in tight]
    shape = np.minimum(stops, body.array.shape) - starts
    k, j, i = (slice(start, start + n) for start, n in zip(starts, shape, strict=True))
    nk, nj, ni = shape.tolist()
    first = (k.start, j.start, i.start)
    return (k, j, i), body.geometry.cropped(first, (nk, nj, ni))


def _unpacked(volume: Volume, body: NDArray[np.uint8]) -> Mask:
    shape = volume.geometry.shape
    bits = np.unpackbits(body, count=int(np.prod(shape)))
    return volume.mask(bits.view(bool).reshape(shape), "body")


def reduced(volume: Volume, voxels: int = VIEW_VOXELS) -> Volume:
    """The volume with whole blocks of voxels averaged until `voxels` are enough.

    The axis with the finest spacing is halved first. Padding is averaged like any value.
    """
    factors = [1, 1, 1]  # along k, j, i
    spacing_kji = np.array(volume.geometry.spacing_kji)
    shape = np.array(volume.geometry.shape)
    while np.prod(shape // factors) > voxels:
        factors[
            int(np.argmin(np.where(shape // factors > 1, spacing_kji * factors, np.inf)))
        ] *= 2
    if factors == [1, 1, 1]:
        return volume
    return volume.with_array(*_averaged(volume, factors))


def _averaged(volume: Volume, factors: list[int]) -> "tuple[np.ndarray, Geometry]":
    nk, nj, ni = (n // f for n, f in zip(volume.array.shape, factors, strict=True))
    fk, fj, fi = factors
    whole = volume.array.dtype.kind in "iu"
    array = np.empty((nk, nj, ni), volume.array.dtype)
    for k in range(nk):  # slab by slab, each in a core's cache
        slab = volume.array[k * fk : (k + 1) * fk, : nj * fj, : ni * fi]
        rows = slab.sum(axis=0, dtype=np.int32 if whole else np.float32)
        lines = rows.reshape(nj, fj, -1).sum(axis=1)
        total = sum(lines[:, i::fi] for i in range(fi))
        array[k] = total // (fk * fj * fi) if whole else total / (fk * fj * fi)
    i_mm, j_mm, k_mm = volume.geometry.spacing
    x, y, z = volume.geometry.to_lps([(f - 1) / 2 for f in (fi, fj, fk)]).tolist()
    spacing = (i_mm * fi, j_mm * fj, k_mm * fk)
    return array, Geometry((nk, nj, ni), spacing, (x, y, z), volume.geometry.direction)
