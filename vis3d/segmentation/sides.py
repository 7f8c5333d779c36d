"""Left lung and right lung: which part is which, and the cut where they touch."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from vis3d.segmentation.frame import Bools, Floats, Labels, Spacing
from vis3d.segmentation.morphology import closed, components, distance_mm, filled, sizes, sums

Sides: TypeAlias = NDArray[np.uint8]
"""1 left, 2 right, 0 neither."""
LEFT, RIGHT = 1, 2
LIMITS_MM = ((60.0, 80.0), (35.0, 25.0))
"""How far apart two lungs lie at least, and how far from the middle what lies between them.

Parts that lie less far apart are tried second: they must lie about the middle itself.
"""
WEAR_MM = (0.0, 1.0, 2.5, 4.0, 6.0, 8.0, 11.0, 15.0, 20.0, 26.0)
"""How deep both lungs are worn down until they part."""
VESSELS_MM = 5.0
MIN_SHARE, MIN_ML = 0.03, 4.0
"""The least a lung beside another holds of both."""
ACROSS_MM, MAX_ACROSS = 25.0, 0.08
"""How much of a lung may lie how far beyond the middle."""
NEAR_MIDDLE_MM = 15.0
SAMPLES = 2000


def split_sides(airy: Bools, spacing_kji: Spacing, left_mm: Floats) -> tuple[Sides, bool]:
    """Each voxel's side, and whether the lungs had to be cut apart.

    `left_mm` is how far to the left of the body's middle each voxel lies. Where the lungs
    touch, they are worn down until two parts lie far apart, and grown again from those, the
    deepest first: the cut runs where the junction is thinnest, half way between both.
    """
    pieces = components(airy)
    pair = _pair(pieces, left_mm, spacing_kji, LIMITS_MM[0], strict=True)
    if pair is not None:
        return _with_the_rest(_marked(pieces, pair), airy, spacing_kji, left_mm), False
    depth = _depth_mm(airy, spacing_kji)
    for limits_mm, strict in (
        (LIMITS_MM[0], True),
        (LIMITS_MM[0], False),
        (LIMITS_MM[1], False),
    ):
        for radius_mm in WEAR_MM:
            cores = components(depth > radius_mm) if radius_mm else pieces
            pair = _pair(cores, left_mm, spacing_kji, limits_mm, strict=strict)
            if pair is None:
                continue
            markers = _marked(cores, pair)
            if not radius_mm:
                return _with_the_rest(markers, airy, spacing_kji, left_mm), False
            sides = _grown_again(markers, depth, airy)
            return _with_the_rest(sides, airy, spacing_kji, left_mm), True
    return _one_sided(pieces, left_mm), False


def _depth_mm(airy: Bools, spacing_kji: Spacing) -> Floats:
    """How deep each voxel lies in the lungs, as if they had no vessels."""
    solid = filled(closed(airy, VESSELS_MM, spacing_kji))
    return distance_mm(solid, spacing_kji)


def _grown_again(markers: Sides, depth: Floats, airy: Bools) -> Sides:
    # by steps of depth: within a step both sides advance alike, whatever the noise of depth
    step = np.searchsorted(WEAR_MM[1:], depth).astype(np.int16)
    sides = watershed(-step, markers.astype(np.int32), mask=(depth > 0) | airy)
    return np.where(airy, sides, 0).astype(np.uint8)


def _marked(pieces: Labels, pair: tuple[int, int]) -> Sides:
    side_of: Sides = np.zeros(int(pieces.max()) + 1, np.uint8)
    side_of[pair[0]], side_of[pair[1]] = LEFT, RIGHT
    return np.asarray(side_of[pieces])


def _pair(
    pieces: Labels,
    left_mm: Floats,
    spacing_kji: Spacing,
    limits_mm: tuple[float, float],
    *,
    strict: bool,
) -> tuple[int, int] | None:
    """The left and the right one of two large pieces on either side of the middle.

    Strictly, neither may reach far beyond it: a piece that does holds parts of both lungs.
    """
    voxels = sizes(pieces, 2)
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    big = np.flatnonzero(voxels >= max(MIN_SHARE * voxels.sum(), MIN_ML / voxel_ml, 1))
    if len(big) < 2:
        return None
    big = big[np.argsort(-voxels[big])][:6]
    center = sums(pieces, left_mm, len(voxels)) / np.maximum(voxels, 1)
    beyond = [sums(pieces, sign * left_mm > ACROSS_MM, len(voxels)) for sign in (1, -1)]
    fits = [
        (int(min(voxels[a], voxels[b])), int(a), int(b))
        for a in big
        for b in big
        if center[a] - center[b] >= limits_mm[0]
        and abs(center[a] + center[b]) / 2 <= limits_mm[1]
        and not (strict and beyond[1][a] > MAX_ACROSS * voxels[a])
        and not (strict and beyond[0][b] > MAX_ACROSS * voxels[b])
    ]
    return max(fits)[1:] if fits else None


def _with_the_rest(sides: Sides, airy: Bools, spacing_kji: Spacing, left_mm: Floats) -> Sides:
    """The sides, and each fragment on the side that is nearer to its middle."""
    rest = components(airy & (sides == 0))
    voxels = sizes(rest)
    if len(voxels) < 2:
        return sides
    places = np.nonzero(rest)
    of = rest[places]
    middle = [
        np.bincount(of, axis, len(voxels)) / np.maximum(voxels, 1) * mm
        for axis, mm in zip(places, spacing_kji, strict=True)
    ]
    nearest = [
        _distance_to(sides == side, spacing_kji, np.stack(middle, -1)) for side in (1, 2)
    ]
    side_of = np.where(nearest[0] <= nearest[1], LEFT, RIGHT).astype(np.uint8)
    side_of[0] = 0
    return sides + side_of[rest]


def _distance_to(
    side: Bools, spacing_kji: Spacing, points_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How far each point is from a sample of the side's voxels."""
    where = np.flatnonzero(side)
    chosen = where[:: max(1, len(where) // SAMPLES)]
    sample = np.stack(np.unravel_index(chosen, side.shape), -1) * np.array(spacing_kji)
    answer = np.empty(len(points_mm))
    for first in range(0, len(points_mm), 500):
        part = slice(first, first + 500)
        away = points_mm[part, None, :] - sample
        answer[part] = np.sqrt((away * away).sum(axis=-1)).min(axis=1, initial=np.inf)
    return answer


def _one_sided(pieces: Labels, left_mm: Floats) -> Sides:
    """A single lung and scraps of the other, each on the side of the middle where it lies."""
    voxels = sizes(pieces, 2)
    center = sums(pieces, left_mm, len(voxels)) / np.maximum(voxels, 1)
    largest = int(voxels.argmax())
    left = center > 0
    doubtful = np.abs(center) < NEAR_MIDDLE_MM
    side_of = np.where(np.where(doubtful, left[largest], left), LEFT, RIGHT).astype(np.uint8)
    side_of[0] = 0
    return np.asarray(side_of[pieces])
