"""Coarse grids to decide on, and the way back to full resolution at the border."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vis3d.progress import Progress, silent
from vis3d.segmentation.frame import Bools, Floats, Spacing, T, Values
from vis3d.segmentation.morphology import fringed, trimmed

Factors = tuple[int, int, int]


def factors_for(spacing_kji: Sequence[float], wanted_mm: float) -> Factors:
    """How many voxels along k, j, i make one of about `wanted_mm`."""
    k, j, i = (max(1, round(wanted_mm / mm)) for mm in spacing_kji)
    return (k, j, i)


def coarse_spacing(spacing_kji: Spacing, factors: Factors) -> Spacing:
    """The spacing of the grid whose voxels are blocks of `factors`."""
    k, j, i = (mm * f for mm, f in zip(spacing_kji, factors, strict=True))
    return (k, j, i)


def pooled(array: Values, factors: Factors, progress: Progress = silent) -> Floats:
    """The mean of each block of `factors` voxels; blocks cut by the end hold fewer."""
    fk, fj, fi = factors
    nk = -(-array.shape[0] // fk)
    planes = []
    for k in range(nk):
        block = array[k * fk : (k + 1) * fk]
        plane = block.mean(axis=0, dtype=np.float32) if fk > 1 else block[0].astype(np.float32)
        planes.append(_pooled_rows(_pooled_rows(plane, fj).T, fi).T)
        progress(k / nk, "Looking at the scan coarsely")
    return np.ascontiguousarray(np.stack(planes))


def _pooled_rows(plane: Floats, factor: int) -> Floats:
    if factor == 1:
        return plane
    whole = plane.shape[0] // factor * factor
    pooled_plane = plane[0:whole:factor].copy()
    for offset in range(1, factor):
        pooled_plane += plane[offset:whole:factor]
    pooled_plane /= np.float32(factor)
    if whole < plane.shape[0]:
        rest = plane[whole:].mean(axis=0, dtype=np.float32)
        pooled_plane = np.concatenate([pooled_plane, rest[None]])
    return np.ascontiguousarray(pooled_plane)


def spread(coarse: NDArray[T], factors: Factors, shape: Sequence[int]) -> NDArray[T]:
    """Each coarse voxel's value in all the voxels it stands for."""
    for axis, factor in enumerate(factors):
        coarse = np.repeat(coarse, factor, axis=axis) if factor > 1 else coarse
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
    """A coarse mask at full resolution: the border by HU, the rest as decided.

    Within one coarse voxel of the border of `coarse` a voxel is inside if its own value
    lies between the ends of `range_hu`; `certain` ones stay inside whatever their values.
    """
    state: NDArray[np.uint8] = np.zeros(coarse.shape, np.uint8)
    state[fringed(coarse)] = 1
    state[trimmed(coarse)] = 2
    state[certain] = 2
    result = np.zeros(hu.shape, bool)
    fk = factors[0]
    for k in range(state.shape[0]):
        progress(k / state.shape[0], "Drawing the border at full resolution")
        if not state[k].any():
            continue
        block = hu[k * fk : (k + 1) * fk]
        wide = spread(state[k : k + 1], (1, factors[1], factors[2]), block.shape)
        inside = (block > range_hu[0]) & (block < range_hu[1])
        result[k * fk : (k + 1) * fk] = (wide == 2) | ((wide == 1) & inside)
    return result
