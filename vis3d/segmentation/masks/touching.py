"""Where parts of a mask touch: a watershed, coarse first, fine only at the cuts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from vis3d.progress import Progress
from vis3d.segmentation.voxels import grids, morphology
from vis3d.segmentation.voxels.frame import Bools, Floats, Spacing

COARSE_VOXELS = 700_000
"""About how many voxels the coarse grid has at most."""

Index = tuple[int, int, int]
Parts = NDArray[np.int32]
NO_PART = np.iinfo(np.int32).max


def parts_that_touch(
    mask: Bools,
    spacing_kji: Spacing,
    seeds: Sequence[Index],
    neck_mm: float,
    progress: Progress,
) -> Parts:
    """A label from 1 on for each part of the mask; see `islands.split_touching`.

    Coarse voxels decide which part is where. Within two of them of a cut the cut is drawn
    at full resolution, and so is everything too thin for them.
    """
    factors = _factors(mask.shape, spacing_kji)
    coarse = np.asarray(grids.pooled(mask.astype(np.uint8), factors) >= 0.5)
    places = [_coarse_index(seed, factors) for seed in seeds]
    for place in places:
        coarse[place] = True
    progress(0.2, "Looking for parts that touch")
    depth = _depth(coarse, grids.coarse_spacing(spacing_kji, factors))
    markers = np.zeros(coarse.shape, np.int32)
    for number, place in enumerate(places, start=1):
        markers[place] = number
    if not places:
        markers = _thick_places(depth, coarse, neck_mm)
    progress(0.5, "Cutting parts that touch")
    parts: Parts = watershed(-depth, markers, mask=coarse)
    progress(0.7, "Drawing the cuts at full resolution")
    return _refined(parts, mask, spacing_kji, factors, keep_rest=not places)


def _factors(shape: tuple[int, ...], spacing_kji: Spacing) -> grids.Factors:
    """Blocks of about equal sides in mm, so that few enough of them fill the box."""
    box_mm3 = float(np.prod(shape)) * float(np.prod(spacing_kji))
    return grids.factors_for(spacing_kji, (box_mm3 / COARSE_VOXELS) ** (1 / 3))


def _coarse_index(seed: Index, factors: grids.Factors) -> Index:
    k, j, i = (n // factor for n, factor in zip(seed, factors, strict=True))
    return k, j, i


def _depth(mask: Bools, spacing_kji: Spacing) -> Floats:
    """How deep in the mask each voxel lies; the box's end is an end of the mask too."""
    padded = morphology.distance_mm(np.pad(mask, 1), spacing_kji)
    return np.ascontiguousarray(padded[1:-1, 1:-1, 1:-1])


def _thick_places(depth: Floats, mask: Bools, neck_mm: float) -> Parts:
    """Where the mask is thickest, by more than `neck_mm` than on any way to a thicker place.

    The regional maxima that stay once the depth is lowered by that much and grown back
    under itself; a piece too thin for any is one part as it is.
    """
    lowered = reconstruction(np.maximum(depth - max(neck_mm, 0.01), 0), depth)
    tops = np.asarray(local_maxima(lowered), bool) & (lowered > 0)
    markers = morphology.components(tops, 26).astype(np.int32)
    pieces = morphology.components(mask)
    found = np.zeros(int(pieces.max()) + 1, bool)
    found[pieces[tops]] = True
    thin = mask & ~found[pieces]
    markers[thin] = pieces[thin].astype(np.int32) + int(markers.max())
    return markers


def _refined(
    parts: Parts,
    mask: Bools,
    spacing_kji: Spacing,
    factors: grids.Factors,
    *,
    keep_rest: bool,
) -> Parts:
    """The coarse parts at full resolution, flooded anew near cuts and borders."""
    highest = maximum_filter(parts, 3)
    lowest = minimum_filter(np.where(parts > 0, parts, NO_PART), 3)
    settled = np.where(lowest == highest, parts, 0)
    fine = np.where(mask, grids.spread(settled, factors, mask.shape), 0)
    open_ = mask & (fine == 0)
    rim = mask & morphology.fringed(open_)  # the rest needs no flooding
    flooded = watershed(-_depth(mask, spacing_kji), np.where(rim, fine, 0), mask=rim)
    fine = np.where(open_, flooded, fine).astype(np.int32)
    if keep_rest:
        rest = mask & (fine == 0)
        pieces = morphology.components(rest)
        fine[rest] = pieces[rest].astype(np.int32) + int(fine.max())
    return fine
