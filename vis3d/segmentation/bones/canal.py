"""The canal of the spine: a path through soft tissue that bone surrounds in every slice."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_opening,
    label,
    maximum_filter,
    maximum_filter1d,
    uniform_filter,
    uniform_filter1d,
)
from skimage.filters import apply_hysteresis_threshold

from vis3d.segmentation.voxels.enclosure import IN_SLICE, open_directions
from vis3d.segmentation.voxels.frame import Bools, Floats, Spacing, Whole
from vis3d.segmentation.voxels.grids import Box
from vis3d.segmentation.voxels.morphology import (
    components_in_slices,
    fringed,
    keep,
    sizes,
    sums,
)
from vis3d.segmentation.voxels.slabs import each_part, mean_of_three

TISSUE_HU = (-20.0, 90.0)
"""Cord, fluid and the fat between them, averaged in their slice."""
REACH_MM = 20.0
STEEPEST = 1.2
"""How far a spine may lean, its sacrum most: as many mm to the side for each mm upwards."""
HALF_WIDTH_MM, OFF_MIDDLE = 60.0, 0.3
"""What lies as far as this from the middle of the bones loses as much as an open back."""
STRETCH_MM = 40.0
MIN_SCORE = 0.6
SURE, MIN_BESIDE = 0.7, 0.5
"""Where a canal is sure it goes on through slices in which less bone surrounds it: above and
below the arches of vertebrae that lie slanting."""
ASIDE_MM = 40.0
"""What lies as far aside of where a canal is surest is the marrow of a hip or a leg."""
RADIUS_MM = 13.0
"""Of the widest canals, in the neck and in the loins."""
SHAFT_MM, HOLE_MM2 = 40.0, 1200.0
"""The marrow of a long bone is closed all round for as long; from a canal nerves lead out
between any two vertebrae (18 mm at most were closed in six real spines)."""
WIDE_MM2, ROUND_HIP_MM = (800.0, 5000.0), 45.0
"""Or it is wider than any canal, as in the head, neck and trochanters of a thigh bone; but not
as wide as a skull, and no farther aside."""
THICK_MM, OFF_MARROW_MM, MIN_FILL = 5.0, 5.0, 0.64
"""Slices thicker than the first don't show where, nor do finer ones made of them; and a
vertebra lies before its canal, or fills less than that of the box round it with its arches
(0.62 at most in seven real spines); a long bone lies evenly round its marrow and fills more."""
DENSE_HU = 130.0
THICK_BONE_MM = 16.0
SPINE_WIDTH_MM, MIN_SPINE_MM2, SPINE_BESIDE_MM = 40.0, 100.0, 30.0
"""The spine is told from other bones by its thickness, in a window of its width."""


def spinal_canal(hu: Whole, bone: Bools, spacing_kji: Spacing) -> Bools:
    """The spinal canal on a coarse grid [k, j, i], inferior to superior; empty without spine.

    Of all ways from slice to slice the one that bone surrounds best, found by dynamic
    programming; it counts where stretches of `STRETCH_MM` are surrounded on the whole.
    """
    score = _surrounded(hu, bone, spacing_kji)
    path, along = _best_path(score, STEEPEST * spacing_kji[0] / spacing_kji[1])
    del score
    window = max(1, round(STRETCH_MM / spacing_kji[0]))
    on_the_whole = uniform_filter1d(along, window, mode="nearest")
    there = on_the_whole > MIN_SCORE
    there |= apply_hysteresis_threshold(on_the_whole, MIN_BESIDE, SURE)
    there &= ~_in_shaft(path, bone, spacing_kji)
    there &= _below_or_above(on_the_whole * there, path[:, 1] * spacing_kji[2])
    canal = np.zeros(bone.shape, bool)
    near = _round_path(path, bone.shape, spacing_kji, RADIUS_MM)
    disc = _discs(path, near, spacing_kji)
    disc &= ~bone[near] & there[:, None, None]
    holes = components_in_slices(disc)
    at_path = holes[np.arange(len(path)), *(path - [near[1].start, near[2].start]).T]
    wanted = np.zeros(int(holes.max()) + 1, bool)
    wanted[at_path] = True
    canal[near] = keep(holes, wanted)
    return canal


def _surrounded(hu: Whole, bone: Bools, spacing_kji: Spacing) -> Floats:
    """For soft tissue the share of directions in its slice that bone blocks."""
    opened = open_directions(bone, REACH_MM, spacing_kji, IN_SLICE)
    amount = np.cumsum(bone.sum(axis=(0, 1)))
    middle = int(np.searchsorted(amount, amount[-1] / 2))
    aside_mm = np.abs(np.arange(bone.shape[2], dtype=np.float32) - middle) * spacing_kji[2]
    penalty = OFF_MIDDLE * np.minimum(aside_mm / HALF_WIDTH_MM, 3)
    score = np.empty(hu.shape, np.float32)

    def work(here: slice, _: slice, __: slice) -> None:
        mean = _mean_of_nine(hu[here].astype(np.float32))
        tissue = ~bone[here] & (mean > TISSUE_HU[0]) & (mean < TISSUE_HU[1])
        blocked = tissue * (1 - opened[here] * np.float32(1 / len(IN_SLICE)))
        score[here] = _mean_of_nine(blocked) - penalty

    each_part(work, len(hu), 0)
    return score


def _mean_of_nine(values: Floats) -> Floats:
    return mean_of_three(mean_of_three(values, 1), 2)


def _best_path(best: Floats, steepest: float) -> tuple[NDArray[np.intp], Floats]:
    """The (j, i) of each slice on the path of the highest sum that leans no more than that.

    It is in voxels a slice, spread evenly over slices. And the scores along the path; those
    given are made into sums.
    """
    reaches = np.diff(np.rint(steepest * np.arange(len(best)))).astype(int).tolist()
    for k, reach in enumerate(reaches, 1):
        best[k] += maximum_filter(best[k - 1], 2 * reach + 1)
    path = np.zeros((len(best), 2), np.intp)
    j, i = np.unravel_index(best[-1].argmax(), best[-1].shape)
    path[-1] = j, i
    for k in range(len(best) - 2, -1, -1):
        reach = reaches[k]
        first_j, first_i = max(0, j - reach), max(0, i - reach)
        window = best[k, first_j : j + reach + 1, first_i : i + reach + 1]
        dj, di = np.unravel_index(window.argmax(), window.shape)
        j, i = first_j + dj, first_i + di
        path[k] = j, i
    sums = best[np.arange(len(best)), path[:, 0], path[:, 1]]
    return path, np.diff(sums, prepend=np.float32(0))


def _below_or_above(sure: Floats, aside_mm: NDArray[np.floating[Any]]) -> Bools:
    """Which slices' points lie in the surest stretch, or below or above it, not aside."""
    stretches = label(sure > 0)[0]
    surest = stretches == stretches[sure.argmax()]
    return np.asarray(surest | (np.abs(aside_mm - np.median(aside_mm[surest])) < ASIDE_MM))


def _in_shaft(path: NDArray[np.intp], bone: Bools, spacing_kji: Spacing) -> NDArray[np.bool_]:
    """In which slices the path leads through the marrow of a long bone."""
    if spacing_kji[0] > THICK_MM:
        return np.zeros(len(path), bool)
    box = _round_path(path, bone.shape, spacing_kji, ROUND_HIP_MM)
    bony = bone[box]
    holes, pieces = components_in_slices(~bony), components_in_slices(bony)
    mm2 = sizes(holes) * spacing_kji[1] * spacing_kji[2]
    closed = mm2 < WIDE_MM2[1]
    for edge in (holes[:, [0, -1]], holes[:, :, [0, -1]]):
        closed[np.unique(edge)] = False
    at_path = holes[np.arange(len(path)), *(path - [box[1].start, box[2].start]).T]
    wide = closed[at_path] & (mm2[at_path] > WIDE_MM2[0])
    chosen = np.zeros(len(closed), bool)
    chosen[at_path] = closed[at_path] & (mm2[at_path] < HOLE_MM2)
    marrow = keep(holes, chosen)
    round_it = keep(pieces, sums(pieces, fringed(marrow, (1, 2))) > 0)
    off_mm = np.hypot(*(_centers_mm(round_it, spacing_kji) - _centers_mm(marrow, spacing_kji)))
    even = (off_mm < OFF_MARROW_MM) & (_fill(round_it | marrow) > MIN_FILL)
    least = round(SHAFT_MM / spacing_kji[0])
    shaft = binary_opening(even | wide, np.ones(least, bool))
    # where the scan cuts the bone askew it lies no more evenly round its marrow
    return np.asarray(maximum_filter1d(shaft, 2 * least + 1))


def _centers_mm(mask: Bools, spacing_kji: Spacing) -> NDArray[np.float64]:
    """The middle of each slice's voxels along j and i."""
    count = np.maximum(mask.sum(axis=(1, 2)), 1)
    middles = [
        mask.sum(axis=other) @ np.arange(n) * mm / count
        for other, n, mm in zip((2, 1), mask.shape[1:], spacing_kji[1:], strict=True)
    ]
    return np.array(middles)


def _fill(mask: Bools) -> NDArray[np.float64]:
    """How much of the box round it the mask fills in each slice."""
    sides = []
    for axis in (1, 2):
        lines: Bools = np.asarray(mask.any(axis=axis))
        sides.append(lines.shape[1] - lines.argmax(axis=1) - lines[:, ::-1].argmax(axis=1))
    return np.asarray(mask.sum(axis=(1, 2)) / (sides[0] * sides[1]))


def _round_path(
    path: NDArray[np.intp], shape: tuple[int, ...], spacing_kji: Spacing, mm: float
) -> Box:
    """What of the grid lies within some mm of the path in the slices."""
    sides = []
    for points, n, step in zip(path.T.tolist(), shape[1:], spacing_kji[1:], strict=True):
        reach = int(mm / step) + 1
        sides.append(slice(max(0, min(points) - reach), min(n, max(points) + reach + 1)))
    return (slice(0, len(path)), sides[0], sides[1])


def _discs(path: NDArray[np.intp], box: Box, spacing_kji: Spacing) -> Bools:
    """Discs of `RADIUS_MM` round each slice's point, in a box."""
    _, j_mm, i_mm = spacing_kji
    discs = np.empty([part.stop - part.start for part in box], bool)
    for disc, (middle_j, middle_i) in zip(discs, path, strict=True):
        j = (np.arange(box[1].start, box[1].stop) - middle_j) * j_mm
        i = (np.arange(box[2].start, box[2].stop) - middle_i) * i_mm
        disc[...] = (j**2)[:, None] + i**2 <= RADIUS_MM**2
    return discs


@dataclass(frozen=True)
class ThickBone:
    """Where the spine seems to lie, how far to the left, and how much of it a slice shows."""

    left_mm: float
    mm2: float


def thick_bone(
    hu: Whole, body: Bools, lungs: Bools, left_mm: Whole, spacing_kji: Spacing
) -> ThickBone | None:
    """Where most of the thick bone behind the lungs' middle lies, on the scale of `left_mm`.

    None where there is too little of it. Ribs and shoulder blades are thinner than a vertebra;
    the heads of the arms are not, but mostly lie farther aside than a spine from the lungs.
    """
    heights, rows = (np.flatnonzero(lungs.any(axis=axes)) for axes in ((1, 2), (0, 2)))
    if not len(heights):
        return None
    behind = (slice(heights[0], heights[-1] + 1), slice((rows[0] + rows[-1]) // 2, None))
    dense = body[behind] & (hu[behind] > DENSE_HU)
    window = [max(1, round(THICK_BONE_MM / mm)) for mm in spacing_kji]
    around = uniform_filter(dense.astype(np.float32), window, mode="nearest")
    thick = dense & (around > 0.4)
    at, of_lungs = left_mm[behind], left_mm[lungs]
    thick &= at > of_lungs.min() - SPINE_BESIDE_MM
    thick &= at < of_lungs.max() + SPINE_BESIDE_MM
    if not thick.any():
        return None
    places = at[thick]
    start = float(places.min())
    counts = np.bincount(((places - start) / SPINE_WIDTH_MM * 4).astype(int))
    together = np.convolve(counts, np.ones(4))
    # the window that ends with bin n begins with bin n - 3
    middle_mm = start + (int(together.argmax()) - 1) * SPINE_WIDTH_MM / 4
    mm2 = int(together.max()) * spacing_kji[1] * spacing_kji[2] / len(heights)
    return ThickBone(middle_mm, mm2) if mm2 > MIN_SPINE_MM2 else None
