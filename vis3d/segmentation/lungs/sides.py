"""Left lung and right lung: which part is which, and the cut where they touch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from vis3d.segmentation.lungs.thinnest import thinnest_cut
from vis3d.segmentation.voxels.frame import Bools, Floats, Labels, Spacing, Whole
from vis3d.segmentation.voxels.grids import (
    Box,
    Factors,
    coarse_spacing,
    factors_for,
    pooled,
    spread,
)
from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    closed,
    components,
    distance_mm,
    filled,
    fringed,
    keep,
    kji_of,
    looked_up,
    sizes,
    sums,
)

Sides: TypeAlias = NDArray[np.uint8]
"""1 left, 2 right, 0 neither."""
LEFT, RIGHT = 1, 2
LEAST_APART_MM, MOST_ASIDE_MM = 60.0, 80.0
"""How far apart two lungs lie at least, and how far from the middle what lies between them."""
HALF_MM = 40.0
"""How far from the body's middle each half of lungs that never part lies at least in the mean.

It is 49 mm and more of two lungs joined as widely as can be, and up to 32 mm of what of a
single lung lies beyond the middle.
"""
WEAR_MM = (0.0, 1.0, 2.5, 4.0, 6.0, 8.0, 11.0, 15.0, 20.0, 26.0, 32.0)
"""How deep both lungs are worn down until they part."""
VESSELS_MM = 5.0
CUT_MM = 4.0
"""Where lungs that touch are cut apart; the cut is then drawn at full resolution."""
LEAST_SHARE = 0.4
MIN_SHARE, MIN_ML = 0.03, 4.0
"""The least a lung beside another holds of both."""
ACROSS_MM, MAX_ACROSS = 25.0, 0.08
"""How much of a lung may lie how far beyond the middle."""
NEAR_MIDDLE_MM = 15.0
SAMPLES = 2000


@dataclass(frozen=True, eq=False)
class LeftMm:
    """How far to the patient's left the voxels of a grid lie: for each k, each j, each i."""

    k: Floats
    j: Floats
    i: Floats

    @classmethod
    def of(cls, shape: tuple[int, ...], steps_mm: NDArray[np.float32]) -> "LeftMm":
        """Of a grid whose steps along k, j and i lead so far to the left."""
        counts = zip(shape, steps_mm, strict=True)
        return cls(*(np.arange(n, dtype=np.float32) * mm for n, mm in counts))

    def within(self, box: Box, middle_mm: float = 0.0) -> "LeftMm":
        """The same in a box, from another middle."""
        return LeftMm(self.k[box[0]] - np.float32(middle_mm), self.j[box[1]], self.i[box[2]])

    @property
    def array(self) -> Whole:
        """In whole mm for every voxel [k, j, i]."""
        left_mm = np.empty((len(self.k), len(self.j), len(self.i)), np.int16)
        for plane, k_mm in zip(left_mm, self.k, strict=True):
            plane[...] = np.rint((k_mm + self.j)[:, None] + self.i)
        return left_mm


def mean_mm(mask: Bools, steps_mm: NDArray[np.float32]) -> float:
    """How far the voxels of a mask lie in the mean, by what one step along each axis leads."""
    along = np.zeros(mask.shape[1:], np.uint32)
    for plane in mask:
        along += plane
    counts = ([np.count_nonzero(p) for p in mask], along.sum(axis=1), along.sum(axis=0))
    mean_kji = [np.average(np.arange(len(c)), weights=c) for c in counts]
    return float(steps_mm @ mean_kji)


def split_sides(
    airy: Bools,
    spacing_kji: Spacing,
    left_mm: Whole | Floats,
    left_of_middle_mm: Callable[[], Floats],
) -> tuple[Sides, bool]:
    """Each voxel's side, and whether the lungs had to be cut apart.

    `left_mm` is how far to the left of the body's middle each voxel lies, by coordinates.
    Where the lungs touch, they are worn down until two parts lie far apart, and cut between
    those where the junction has the least area. If they never part, what lies on either side
    of the plane that parts this body into like halves is cut apart there; only where a cut
    may be needed it is asked how far to the left of that plane each voxel lies.
    """
    pieces = components(airy)
    pair = _pair(pieces, left_mm, spacing_kji)
    if pair is not None:
        marked = _marked(pieces, pair)
        pieces[marked > 0] = 0
        return _with_the_rest(marked, pieces, spacing_kji), False
    factors = factors_for(spacing_kji, CUT_MM)
    wide_mm = coarse_spacing(spacing_kji, factors)
    share = pooled(airy.view(np.uint8), factors)
    share[share < LEAST_SHARE] = 0
    wide_left_mm = pooled(left_mm, factors)
    markers, apart = _cores(share > 0, wide_mm, wide_left_mm)
    if not apart:
        off_middle_mm = pooled(left_of_middle_mm(), factors)
        if not markers.any():
            markers = _halves(share > 0, off_middle_mm)
        if not markers.any():
            return _one_sided(pieces, left_mm), False
        first = thinnest_cut(markers, share, off_middle_mm, wide_mm)
        markers = np.where(first, LEFT, RIGHT).astype(np.uint8) * _joined(share > 0, markers)
    fine = _drawn(markers, airy, factors)
    rest = components(airy & (fine == 0))
    return _with_the_rest(fine, rest, spacing_kji), _touch(fine)


def _cores(airy: Bools, spacing_kji: Spacing, left_mm: Whole | Floats) -> tuple[Sides, bool]:
    """Parts deep in each lung, none if they never part; and whether they lie apart unworn."""
    pieces, depth = components(airy), _depth_mm(airy, spacing_kji)
    for radius_mm in WEAR_MM:
        cores = components(airy & (depth > radius_mm)) if radius_mm else pieces
        markers = _one_sided_cores(cores, left_mm, spacing_kji)
        if markers.any():
            return markers, radius_mm == 0
    return np.zeros(airy.shape, np.uint8), False


def _one_sided_cores(cores: Labels, left_mm: Whole | Floats, spacing_kji: Spacing) -> Sides:
    """The side of each large core, if none reaches far to the other and both sides have some.

    A lung may be worn down to several.
    """
    voxels = sizes(cores, 2)
    big = voxels >= max(MIN_SHARE * voxels.sum(), _least_voxels(spacing_kji))
    center = sums(cores, left_mm, len(voxels)) / np.maximum(voxels, 1)
    side_of: Sides = np.where(center > 0, LEFT, RIGHT).astype(np.uint8) * big
    for side, sign in ((LEFT, 1), (RIGHT, -1)):
        of_side = side_of == side
        beyond = sums(cores, sign * left_mm < -ACROSS_MM, len(voxels))
        weight = float(voxels[of_side].sum())
        if (beyond[of_side] > MAX_ACROSS * voxels[of_side]).any() or not weight:
            return np.zeros(cores.shape, np.uint8)
    mean = [
        float(np.average(center[side_of == s], weights=voxels[side_of == s])) for s in (1, 2)
    ]
    if mean[0] - mean[1] < LEAST_APART_MM:
        return np.zeros(cores.shape, np.uint8)
    return np.asarray(side_of[cores])


def _halves(airy: Bools, off_middle_mm: Floats) -> Sides:
    """What of the largest piece lies far to either side of the middle; none if it is one lung.

    Where the other one is gone, a lung may reach beyond the middle, but not far.
    """
    pieces = components(airy)
    whole = pieces == 1 + sizes(pieces, 2)[1:].argmax()
    left_mm = off_middle_mm[whole]
    halves_mm = (left_mm[left_mm > 0], -left_mm[left_mm < 0])
    if any(half_mm.sum() <= HALF_MM * len(half_mm) for half_mm in halves_mm):
        return np.zeros(airy.shape, np.uint8)
    far = whole & (np.abs(off_middle_mm) > ACROSS_MM)
    return np.asarray(np.where(off_middle_mm > 0, LEFT, RIGHT).astype(np.uint8) * far)


def _least_voxels(spacing_kji: Spacing) -> float:
    return max(MIN_ML * 1000 / float(np.prod(spacing_kji)), 1)


def _joined(airy: Bools, markers: Sides) -> Bools:
    """The pieces that hold a marker."""
    pieces = components(airy)
    marked = np.zeros(int(pieces.max()) + 1, bool)
    marked[pieces[markers > 0]] = True
    return keep(pieces, marked)


def _depth_mm(airy: Bools, spacing_kji: Spacing) -> Floats:
    """How deep each voxel lies in the lungs, as if they had no vessels."""
    solid = filled(closed(airy, VESSELS_MM, spacing_kji))
    return distance_mm(solid, spacing_kji)


def _drawn(coarse: Sides, airy: Bools, factors: Factors) -> Sides:
    """The sides at full resolution: where coarse voxels of both lie close, by what touches."""
    left, right = fringed(coarse == LEFT), fringed(coarse == RIGHT)
    settled = np.where(left & ~right, LEFT, 0) + np.where(right & ~left, RIGHT, 0)
    sides = spread(settled.astype(np.uint8), factors, airy.shape) * airy
    open_ = airy & (sides == 0)
    box = bounding_box(open_, 1.0)
    if box is None:
        return sides
    near = fringed(open_[box]) & airy[box]
    # from all markers at once, voxel by voxel: each goes to the side that reaches it first
    flat = np.zeros(near.shape, np.uint8)
    reached = watershed(flat, sides[box] * near, mask=near)
    sides[box] = np.where(near, reached, sides[box])
    return sides


def _touch(sides: Sides) -> bool:
    """Whether a voxel of one side lies face to face with one of the other."""
    for axis in range(3):
        along = np.moveaxis(sides, axis, 0)
        if ((along[1:] | along[:-1]) == LEFT | RIGHT)[(along[1:] != along[:-1])].any():
            return True
    return False


def _marked(pieces: Labels, pair: tuple[int, int]) -> Sides:
    side_of: Sides = np.zeros(int(pieces.max()) + 1, np.uint8)
    side_of[pair[0]], side_of[pair[1]] = LEFT, RIGHT
    return looked_up(pieces, side_of)


def _pair(
    pieces: Labels, left_mm: Whole | Floats, spacing_kji: Spacing
) -> tuple[int, int] | None:
    """The left and the right one of two large pieces on either side of the middle.

    Neither may reach far beyond it: a piece that does holds parts of both lungs.
    """
    places = np.flatnonzero(pieces != 0)
    of, mm = pieces.reshape(-1)[places], left_mm.reshape(-1)[places]
    voxels = np.bincount(of, minlength=2)
    big = np.flatnonzero(voxels >= max(MIN_SHARE * voxels.sum(), _least_voxels(spacing_kji)))
    if len(big) < 2:
        return None
    big = big[np.argsort(-voxels[big])][:6]
    center = np.bincount(of, mm, len(voxels)) / np.maximum(voxels, 1)
    beyond = [np.bincount(of[s * mm > ACROSS_MM], minlength=len(voxels)) for s in (1, -1)]
    fits = [
        (int(min(voxels[a], voxels[b])), int(a), int(b))
        for a in big
        for b in big
        if center[a] - center[b] >= LEAST_APART_MM
        and abs(center[a] + center[b]) / 2 <= MOST_ASIDE_MM
        and beyond[1][a] <= MAX_ACROSS * voxels[a]
        and beyond[0][b] <= MAX_ACROSS * voxels[b]
    ]
    return max(fits)[1:] if fits else None


def _with_the_rest(sides: Sides, rest: Labels, spacing_kji: Spacing) -> Sides:
    """The sides, and each piece of the rest on the side that is nearer to its middle."""
    voxels = sizes(rest)
    if len(voxels) < 2:
        return sides
    inside = np.flatnonzero(rest != 0)
    of, places = rest.reshape(-1)[inside], kji_of(inside, rest.shape)
    middle = [
        np.bincount(of, axis, len(voxels)) / np.maximum(voxels, 1) * mm
        for axis, mm in zip(places, spacing_kji, strict=True)
    ]
    nearest = [
        _distance_to(sides == side, spacing_kji, np.stack(middle, -1)) for side in (1, 2)
    ]
    side_of = np.where(nearest[0] <= nearest[1], LEFT, RIGHT).astype(np.uint8)
    side_of[0] = 0
    whole = sides.copy()
    whole[places] = side_of[of]
    return whole


def _distance_to(
    side: Bools, spacing_kji: Spacing, points_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How far each point is from a sample of the side's voxels."""
    where = np.flatnonzero(side)
    chosen = where[:: max(1, len(where) // SAMPLES)]
    sample = np.stack(kji_of(chosen, side.shape), -1) * np.array(spacing_kji)
    answer = np.empty(len(points_mm))
    for first in range(0, len(points_mm), 500):
        part = slice(first, first + 500)
        away = points_mm[part, None, :] - sample
        answer[part] = np.sqrt((away * away).sum(axis=-1)).min(axis=1, initial=np.inf)
    return answer


def _one_sided(pieces: Labels, left_mm: Whole | Floats) -> Sides:
    """A single lung and scraps of the other, each on the side of the middle where it lies."""
    voxels = sizes(pieces, 2)
    center = sums(pieces, left_mm, len(voxels)) / np.maximum(voxels, 1)
    largest = int(voxels.argmax())
    left = center > 0
    doubtful = np.abs(center) < NEAR_MIDDLE_MM
    side_of = np.where(np.where(doubtful, left[largest], left), LEFT, RIGHT).astype(np.uint8)
    side_of[0] = 0
    return np.asarray(side_of[pieces])
