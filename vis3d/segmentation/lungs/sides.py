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
    looked_up,
    sizes,
)

Sides: TypeAlias = NDArray[np.uint8]
"""1 left, 2 right, 0 neither."""
LEFT, RIGHT = 1, 2
LEAST_APART_MM = 60.0
"""How far apart the middles of two lungs lie at least."""
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
MIN_SHARE = 0.03
"""The least a part of a lung beside another holds of both."""
ACROSS_MM, MAX_ACROSS = 25.0, 0.08
"""How much of a lung may lie how far beyond the middle."""


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
    side_of, lungs = _judged(pieces, left_mm)
    if lungs.any():
        return looked_up(pieces, side_of), False
    factors = factors_for(spacing_kji, CUT_MM)
    wide_mm = coarse_spacing(spacing_kji, factors)
    share = pooled(airy.view(np.uint8), factors)
    share[share < LEAST_SHARE] = 0
    markers = _cores(share > 0, wide_mm, pooled(left_mm, factors))
    off_middle_mm = pooled(left_of_middle_mm(), factors)
    if not markers.any():
        markers = _halves(share > 0, off_middle_mm)
    if not markers.any():
        return looked_up(pieces, side_of), False
    first = thinnest_cut(markers, share, off_middle_mm, wide_mm)
    cut = np.where(first, LEFT, RIGHT).astype(np.uint8) * _joined(share > 0, markers)
    sides = _drawn(cut, airy, factors)
    rest = components(airy & (sides == 0))
    return sides + looked_up(rest, _judged(rest, left_mm)[0]), True


def _judged(pieces: Labels, left_mm: Whole | Floats) -> tuple[Sides, NDArray[np.bool_]]:
    """The side of the middle on which each piece lies, and which of them are the two lungs.

    Those are large, a lung may lie in several, and none reaches far to the other side; if
    one does, or all lie on one side, none are.
    """
    places = np.flatnonzero(pieces != 0)
    of, mm = pieces.reshape(-1)[places], left_mm.reshape(-1)[places]
    voxels = np.bincount(of, minlength=2)
    center_mm = np.bincount(of, mm, len(voxels)) / np.maximum(voxels, 1)
    side_of = np.where(center_mm > 0, LEFT, RIGHT).astype(np.uint8)
    side_of[0] = 0
    large = (side_of > 0) & (voxels >= max(MIN_SHARE * len(places), 1))
    means_mm = []
    for side, sign in ((LEFT, 1), (RIGHT, -1)):
        lung = large & (side_of == side)
        beyond = np.bincount(of[sign * mm < -ACROSS_MM], minlength=len(voxels))
        if not lung.any() or (beyond > MAX_ACROSS * voxels)[lung].any():
            return side_of, np.zeros(len(voxels), bool)
        means_mm.append(np.average(center_mm[lung], weights=voxels[lung]))
    return side_of, large & (means_mm[0] - means_mm[1] >= LEAST_APART_MM)


def _cores(airy: Bools, spacing_kji: Spacing, left_mm: Whole | Floats) -> Sides:
    """Parts deep in each lung, none if they never part."""
    depth = _depth_mm(airy, spacing_kji)
    for radius_mm in WEAR_MM:
        cores = components(airy & (depth > radius_mm))
        side_of, lungs = _judged(cores, left_mm)
        if lungs.any():
            return looked_up(cores, side_of * lungs)
    return np.zeros(airy.shape, np.uint8)


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
