"""The lungs: airy, inside the body, without trachea and gas."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vis3d.progress import Progress, part, silent
from vis3d.segmentation.lungs.nodules import REACH_MM, pleural_nodules
from vis3d.segmentation.lungs.sides import LEFT, RIGHT, LeftMm, Sides, split_sides
from vis3d.segmentation.voxels.frame import Bools, Floats, Labels, Spacing, Whole
from vis3d.segmentation.voxels.grids import Box
from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    closed,
    components,
    deep_in,
    filled,
    filled_in_slices,
    grown,
    keep,
    runs,
    sections,
    slabs,
    with_closed_ends,
)

LUNG_HU = (-960.0, -450.0)
AIRY_HU = -950
MIN_AIRY_SHARE = 0.35
LARGE_LUNG_ML = 300.0
MIN_AIRY_SHARE_OF_LARGE = 0.15
"""Severe emphysema leaves little of the usual density."""
GAS_HU = -930
MAX_GAS_SHARE = 0.25
MAX_MASS_CM2 = 15.0
DEEP_MM = 4.0
MIN_LUNG_ML = 25.0
MIN_CUT_LUNG_ML = 3.0
"""The tips of the lungs at the upper end of an abdomen, the lower end of a neck."""
MIN_FRAGMENT_ML, MAX_THIN_ML = 0.3, 5.0
FRAGMENT_REACH_MM = 15.0
TIP_MM, MUCH_CM2, HARDLY_CM2 = 5.0, 40.0, 4.0
"""Lungs taper off: within so many mm of hardly any lung there is less than much of it."""
SEVERED_MM = 30.0
"""How far below slices that sever a lung it goes on."""
CLOSING_MM = 5.0
MAX_RATIO = 3.0
"""Where one lung is larger than the other by more, a second method is tried."""
DARK_HU, MIN_DARK_SPREAD_HU = (-1005.0, -930.0), 18.0
"""Lungs that emphysema has left hardly any tissue; gas is as dark, but even."""
RIDLER_HU, THRESHOLD_RANGE_HU = (-1000, 200), (-520.0, -320.0)


@dataclass(frozen=True, eq=False)
class CoarseLungs:
    """Left and right on the coarse grid, and what happened on the way."""

    left: Bools
    right: Bools
    certain: Bools
    """What closing and filling added: vessels and nodules, inside whatever their HU."""
    merged: bool = False
    doubted_ml: float = 0.0
    """Dense tissue in hollows of the lungs that no rule could call lung or chest wall."""
    tried: int = 1
    second: bool = False
    """How many methods were tried, and whether this is the answer of the second."""

    @property
    def plausible(self) -> bool:
        """Whether there are two lungs of about one size."""
        left, right = np.count_nonzero(self.left), np.count_nonzero(self.right)
        return bool(min(left, right) * MAX_RATIO > max(left, right) > 0)

    @property
    def both(self) -> Bools:
        """Left and right together."""
        return self.left | self.right

    def placed(self, box: Box, shape: tuple[int, ...]) -> "CoarseLungs":
        """The same on a grid of which this one is a box."""
        left, right, certain = (
            _placed(part, box, shape) for part in (self.left, self.right, self.certain)
        )
        return replace(self, left=left, right=right, certain=certain)


def air_threshold(hu: Whole, body: Bools) -> int:
    """The level between lung and tissue by iterative selection (Ridler and Calvard 1978)."""
    # what lies beyond the range falls into a bin before it and one behind it
    above = np.clip(hu[body], RIDLER_HU[0] - 1, RIDLER_HU[1]) - (RIDLER_HU[0] - 1)
    counts = np.bincount(above, minlength=RIDLER_HU[1] - RIDLER_HU[0] + 2)[1:-1]
    values = np.arange(*RIDLER_HU)
    level = -400.0
    for _ in range(20):
        low, high = values < level, values >= level
        if counts[low].sum() < 50 or counts[high].sum() < 50:
            break
        new = sum(float(np.average(values[p], weights=counts[p])) for p in (low, high)) / 2
        if abs(new - level) < 1:
            break
        level = new
    return math.ceil(min(max(level, THRESHOLD_RANGE_HU[0]), THRESHOLD_RANGE_HU[1]))


@dataclass(frozen=True, eq=False)
class _Parts:
    """The connected airy parts of a scan, by label: how large, how dense, how dark."""

    labels: Labels
    ml: NDArray[np.float64]
    mean_hu: NDArray[np.float64]
    gas_share: NDArray[np.float64]
    deep: NDArray[np.float64]
    deep_airy: NDArray[np.float64]
    at_end: NDArray[np.bool_]
    middle_k: NDArray[np.float64]
    deep_mean_hu: NDArray[np.float64]
    deep_sd_hu: NDArray[np.float64]
    spacing_kji: Spacing

    def dark_lungs(self, *, even: bool) -> NDArray[np.bool_]:
        """Large parts as dark as gas, but with the vessels of a lung, or `even` ones too."""
        dark = (self.deep_mean_hu > DARK_HU[0]) & (self.deep_mean_hu < DARK_HU[1])
        uneven = self.deep_sd_hu > MIN_DARK_SPREAD_HU
        return np.asarray(dark & (uneven | even) & (self.ml >= LARGE_LUNG_ML))

    def lungs(self) -> NDArray[np.bool_]:
        """Parts large enough for a lung, with the density of lung deep inside.

        At an edge gas and tissue share voxels and look like lung; that is why a sinus or a
        bowel loop is told from lung by what lies deep in it.
        """
        least = np.where(self.ml < LARGE_LUNG_ML, MIN_AIRY_SHARE, MIN_AIRY_SHARE_OF_LARGE)
        whole = self._dense_enough() & (self.ml >= MIN_LUNG_ML) & (self.deep_airy > least)
        return whole | self._tips()

    def _tips(self) -> NDArray[np.bool_]:
        """Small parts that the upper or lower end of the scan cuts, as dense as lung."""
        large = self.ml >= MIN_CUT_LUNG_ML
        # creases between arm and trunk are thin: nothing of them lies deep
        airy = self.deep_airy > MIN_AIRY_SHARE
        return np.asarray(self.at_end & large & airy & (self.gas_share < MAX_GAS_SHARE / 2))

    def fragments(self) -> NDArray[np.bool_]:
        """Small parts that are lung if one lies beside them."""
        # gas under the skin is thin all through, but there is much of it
        thin = (self.deep < 5) & (self.ml < MAX_THIN_ML)
        judged_deep = thin | (self.deep_airy > 0.6)
        light = self.gas_share < MAX_GAS_SHARE
        return self._dense_enough() & (self.ml >= MIN_FRAGMENT_ML) & light & judged_deep

    def not_below(self, others: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """What doesn't lie below the others: bowel can be as dense as lung."""
        lowest = int(keep(self.labels, others).any(axis=(1, 2)).argmax())
        return np.asarray(self.middle_k >= lowest)

    def with_largest(self, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The largest of those wanted, and what of them doesn't lie below it.

        Where that ends bluntly, slices that show nothing sever it, and it goes on below them.
        """
        if not wanted.any():
            return wanted
        found = np.arange(len(wanted)) == np.argmax(np.where(wanted, self.ml, 0))
        while (more := wanted & self._severed_from(found) & ~found).any():
            found = np.asarray(found | more)
        return np.asarray(wanted & (found | self.not_below(found)))

    def _severed_from(self, found: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """What lies close below a blunt end of what was found."""
        gap = math.ceil(SEVERED_MM / self.spacing_kji[0])
        below = np.zeros(len(found), bool)
        for k in blunt_ends(keep(self.labels, found), self.spacing_kji)[0]:
            below[np.unique(self.labels[max(0, k - gap) : k + 1])] = True
        return below

    def _dense_enough(self) -> NDArray[np.bool_]:
        return np.asarray((self.mean_hu > LUNG_HU[0]) & (self.mean_hu < LUNG_HU[1]))


def blunt_ends(
    lung: Bools, spacing_kji: Spacing
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The slices with hardly any of a lung close below, and close above, much of it."""
    k_mm, j_mm, i_mm = spacing_kji
    cm2 = sections(lung) * (j_mm * i_mm / 100)
    apart = max(1, int(TIP_MM / k_mm))
    much_cm2 = MUCH_CM2 * max(1.0, k_mm / TIP_MM)
    lower, upper = cm2[:-apart], cm2[apart:]
    below = np.flatnonzero((lower < HARDLY_CM2) & (upper > much_cm2))
    return below, np.flatnonzero((upper < HARDLY_CM2) & (lower > much_cm2)) + apart


def _parts(hu: Whole, air: Bools, spacing_kji: Spacing) -> _Parts:
    labels, inner = components(air), deep_in(air, DEEP_MM, spacing_kji)
    totals = np.zeros((8, int(labels.max()) + 1))
    for slab in slabs(labels):
        inside = np.flatnonzero(air[slab])
        if not len(inside):
            continue
        starts, of = runs(labels[slab].reshape(-1)[inside])
        values = hu[slab].reshape(-1)[inside].astype(np.int64)
        deep = inner[slab].reshape(-1)[inside]
        airy = deep & (values > AIRY_HU)
        k = slab.start + inside // (labels.shape[1] * labels.shape[2])
        light, deep_hu = values < GAS_HU, values * deep
        ones = np.ones(len(inside), bool)
        amounts = (ones, values, light, deep, airy, deep_hu, deep_hu * deep_hu, k)
        for total, amount in zip(totals, amounts, strict=True):
            here = np.bincount(of, np.add.reduceat(amount, starts, dtype=np.int64))
            total[: len(here)] += here
    voxels, among = np.maximum(totals[0], 1), np.maximum(totals[3], 1)
    mean = totals[5] / among
    at_end = np.zeros(len(voxels), bool)
    at_end[labels[[0, -1]]] = True
    return _Parts(
        labels,
        voxels * (float(np.prod(spacing_kji)) / 1000),
        totals[1] / voxels,
        totals[2] / voxels,
        totals[3],
        totals[4] / among,
        at_end,
        totals[7] / voxels,
        mean,
        np.sqrt(np.maximum(totals[6] / among - mean * mean, 0)),
        spacing_kji,
    )


def airy_parts(hu: Whole, air: Bools, spacing_kji: Spacing) -> Bools:
    """The connected airy parts that could be lung by their size and density."""
    box = bounding_box(air, max(spacing_kji), spacing_kji)
    if box is None:
        return air
    parts = _parts(hu[box], air[box], spacing_kji)
    return _placed(keep(parts.labels, parts.lungs()), box, air.shape)


@dataclass(frozen=True, eq=False)
class Chest:
    """What the lungs are looked for in, on the coarse grid [k, j, i]."""

    hu: Whole
    air: Bools
    """Everything airy inside the body."""
    airways: Bools
    """Left out, walls and all, to find the lungs."""
    lumen: Bools
    """Left out of the lungs found: their bronchi leave no hollow round them."""
    body: Bools
    spacing_kji: Spacing
    left_mm: LeftMm
    """How far to the left of the body's middle: only this decides the sides."""
    left_of_middle_mm: Callable[[], Floats]
    """How far to the left each voxel lies of the plane that makes two halves alike."""

    def within(self, box: Box) -> "Chest":
        """The same in a box."""
        air, airways, lumen, body = (
            mask[box] for mask in (self.air, self.airways, self.lumen, self.body)
        )
        left_mm = self.left_mm.within(box)
        return replace(
            self,
            hu=self.hu[box],
            air=air,
            airways=airways,
            lumen=lumen,
            body=body,
            left_mm=left_mm,
            left_of_middle_mm=lambda: self.left_of_middle_mm()[box],
        )


def find_lungs(
    chest: Chest,
    progress: Progress = silent,
    *,
    dark: bool = False,
    even: bool = False,
) -> CoarseLungs:
    """Left and right lung on the coarse grid.

    `dark` lungs, as dark as gas, are taken as well, and with `even` those without any
    vessels.
    """
    progress(0.0, "Finding the lungs")
    main, box = _airy_lungs(chest, dark=dark, even=even)
    if box is None:
        return CoarseLungs(main, main, main)
    progress(0.2, "Telling left from right")
    there = chest.within(box)
    sides, merged = split_sides(
        main, chest.spacing_kji, there.left_mm.array, there.left_of_middle_mm
    )
    (left, doubted), (right, doubt) = _closed(sides, there, part(progress, 0.4, 1.0))
    doubted |= doubt
    left &= (sides != RIGHT) & ~there.lumen
    right &= (sides != LEFT) & ~there.lumen & ~left
    both = left | right
    doubted_ml = np.count_nonzero(doubted & ~both) * float(np.prod(chest.spacing_kji)) / 1000
    lungs = CoarseLungs(left, right, both & ~main, merged, doubted_ml)
    return lungs.placed(box, chest.hu.shape)


def _airy_lungs(chest: Chest, *, dark: bool, even: bool) -> tuple[Bools, Box | None]:
    """The airy parts that are lung, in the box round them; without any in no box."""
    spacing_kji = chest.spacing_kji
    parts = _parts(chest.hu, chest.air & ~chest.airways, spacing_kji)
    wanted = parts.lungs() | parts.dark_lungs(even=even) if dark else parts.lungs()
    wanted = parts.with_largest(wanted)
    main = keep(parts.labels, wanted)
    box = bounding_box(main, max(REACH_MM, FRAGMENT_REACH_MM) + 5, spacing_kji)
    if box is None:
        return main, None
    small = parts.fragments() & parts.not_below(wanted) & ~wanted
    small &= ~_between_lungs(main, parts.labels, small, chest.left_mm.array)
    return main[box] | _beside(main[box], parts.labels[box], small, spacing_kji), box


def _between_lungs(
    main: Bools, labels: Labels, wanted: NDArray[np.bool_], left_mm: Whole
) -> NDArray[np.bool_]:
    """Which of the parts lie between left and right lung: gas of oesophagus and bronchi."""
    left, right = main & (left_mm > 0), main & (left_mm < 0)
    first, last = right.argmax(axis=2), left.shape[2] - left[:, :, ::-1].argmax(axis=2)
    both = np.asarray(right.any(axis=2) & left.any(axis=2))
    k, j, i = np.nonzero(keep(labels, wanted))
    inside = both[k, j] & (i > first[k, j]) & (i < last[k, j])
    of = labels[k, j, i]
    return np.bincount(of, inside - 0.5, len(wanted)) > 0


def _closed(sides: Sides, chest: Chest, progress: Progress) -> list[tuple[Bools, Bools]]:
    """The left and the right lung with all they hold, each with what may be lung too."""

    def closed_over(side: int) -> tuple[Bools, Bools]:
        return _with_nodules(
            sides == side, chest.hu, chest.body, chest.spacing_kji, is_right=side == RIGHT
        )

    progress(0.0, "Closing the lungs over vessels and nodules")
    return [closed_over(LEFT), closed_over(RIGHT)]


def _placed(part: Bools, box: tuple[slice, ...], shape: tuple[int, ...]) -> Bools:
    whole = np.zeros(shape, bool)
    whole[box] = part
    return whole


def _beside(
    main: Bools, labels: Labels, wanted: NDArray[np.bool_], spacing_kji: Spacing
) -> Bools:
    """The parts wanted that lie close to the main ones."""
    small = keep(labels, wanted)
    box = bounding_box(small, FRAGMENT_REACH_MM, spacing_kji)
    if box is None:
        return small
    near = np.zeros(len(wanted), bool)
    within = small[box] & grown(main[box], FRAGMENT_REACH_MM, spacing_kji)
    near[labels[box][within]] = True
    small[box] &= keep(labels[box], near)
    return small


def _with_nodules(
    airy: Bools, hu: Whole, body: Bools, spacing_kji: Spacing, *, is_right: bool
) -> tuple[Bools, Bools]:
    """A lung with all that it holds and the nodules at its pleura, and what may be lung too."""
    lung = _whole(airy, spacing_kji)
    pockets, doubted = pleural_nodules(airy, lung, hu, body, spacing_kji, is_right=is_right)
    return lung | pockets, doubted


def _whole(lung: Bools, spacing_kji: Spacing) -> Bools:
    """The lung with its vessels, and the masses that it holds on all sides."""
    box = bounding_box(lung, CLOSING_MM + max(spacing_kji), spacing_kji)
    if box is None:
        return lung
    whole = filled(closed(lung[box], CLOSING_MM, spacing_kji))
    pixel_mm2 = spacing_kji[1] * spacing_kji[2]
    masses = filled_in_slices(whole, MAX_MASS_CM2 * 100, pixel_mm2) & ~whole
    return _placed(whole | with_closed_ends(masses, whole), box, lung.shape)
