"""The trachea: a chain of round, dark spots that runs down between the lungs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.voxels.frame import Bools, Labels, Spacing, Whole
from vis3d.segmentation.voxels.grids import Box
from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    components_in_slices,
    keep,
    kji_of,
    sections,
    sizes,
)

LUMEN_HU = -650
AREA_MM2 = (30.0, 1000.0)
MAX_STEP_MM = 8.0
"""How far the middle of the lumen may move from one slice to the next, per 3 mm of height."""
MIN_LENGTH_MM, MIN_ALONE_MM = 20.0, 45.0
MAX_BODY_SHARE = 0.015
OFF_MIDDLE_MM = 35.0
"""A lung without air pulls the trachea to its side."""
MAX_LONGER_THAN_WIDE = 3.0
TUBE_TIMES, MIN_BELOW_TUBE_MM = 2.0, 5.0
"""How much larger a trachea's section is than that of the lumen of a tube in it, and how much
of it shows below the tube at least."""
MIN_LINK_MM, MAX_GAP_MM, LINK_SLOPE, MAX_ASIDE_MM = 8.0, 150.0, 0.7, 40.0
"""What goes on below a gap: how long at least, how far below, how far aside per mm of the gap
and at most."""
MAX_LINKED_ML = 40.0
"""The most that goes on below a gap: all of trachea and main bronchi hold little more. Bowel
and holes in a lung that look like chains hold more."""
FORK_MM, MAX_FORK_MM = 15.0, 70.0
"""Both main bronchi where the scan begins at their fork: how far below its end they begin, and
how far apart."""


@dataclass(frozen=True, eq=False)
class _Spots:
    """The round dark spots of all slices: which voxels (flattened), where, how large."""

    voxels: NDArray[np.int64]
    of: NDArray[np.int64]
    """The number of the spot to which each of the voxels belongs."""
    k: NDArray[np.int64]
    center_mm: NDArray[np.float64]
    area_mm2: NDArray[np.float64]

    def section_mm2(self, chain: list[int]) -> float:
        """The median section of a chain: of so few numbers faster than np.median."""
        return float(median(self.area_mm2[chain].tolist()))


@dataclass(frozen=True, eq=False)
class _Surroundings:
    """What lies round the spots: lungs in the same box, the body's section and its middle."""

    lungs: Bools
    body_mm2: float
    middle_mm: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Chains:
    """The chains as slender as a trachea in the box of everything dark."""

    box: Box
    spots: _Spots
    around: _Surroundings
    chains: list[list[int]]

    def drawn(self, chains: list[list[int]], shape: tuple[int, ...]) -> Bools:
        """A mask of those chains."""
        mask = np.zeros(shape, bool)
        wanted = np.isin(self.spots.of, [spot for chain in chains for spot in chain])
        part = np.zeros(self.around.lungs.shape, bool)
        part.reshape(-1)[self.spots.voxels[wanted]] = True
        mask[self.box] = part
        return mask


def slender_chains(
    hu: Whole,
    inside: Bools,
    beside_padding: Bools | None,
    lungs: Callable[[], Bools],
    spacing_kji: Spacing,
) -> Chains | None:
    """What may be trachea or bronchus on the 2 mm grid; None where nothing is dark.

    `lungs` answers with the large airy parts: a trachea has one on either side at its lower
    end, and most of it lies in the upper half of them or above.
    """
    dark = (hu < LUMEN_HU) & inside
    box = bounding_box(dark)
    if box is None:
        return None
    labels = components_in_slices(dark[box])
    whole = ~_cut_off(labels, box, hu.shape, beside_padding)
    spots = _round_spots(labels, whole, spacing_kji)
    around = _surroundings(lungs(), inside, box, spacing_kji)
    chains = [c for c in _chains(spots, spacing_kji) if _is_slender(c, spots, around)]
    return Chains(box, spots, around, chains)


def find_trachea(found: Chains | None, shape: tuple[int, ...], spacing_kji: Spacing) -> Bools:
    """The trachea's lumen on a coarse grid of that shape, empty where there is none."""
    if found is None:
        return np.zeros(shape, bool)
    chains = [c for c in found.chains if _is_trachea(c, found.spots, found.around, spacing_kji)]
    if not chains:
        return np.zeros(shape, bool)
    chain = _past_tube(max(chains, key=len), found, spacing_kji)
    return found.drawn(_with_those_above(chain, found, spacing_kji), shape)


def _past_tube(chain: list[int], found: Chains, spacing_kji: Spacing) -> list[int]:
    """What a chain opens into at its lower end, suddenly as much wider as a tube's lumen does.

    No bronchus is as wide beside the trachea above it. Else the chain itself.
    """
    spots, end = found.spots, chain[-1]
    for below in found.chains:
        first = below[0]
        gap_mm = (int(spots.k[end]) - int(spots.k[first])) * spacing_kji[0]
        aside_mm = float(np.hypot(*(spots.center_mm[first] - spots.center_mm[end])))
        near = 0 < gap_mm < max(MAX_STEP_MM, 1.5 * spacing_kji[0]) and aside_mm < MAX_STEP_MM
        wider = spots.section_mm2(below) > TUBE_TIMES * spots.section_mm2(chain)
        long = len(below) > 1 and len(below) * spacing_kji[0] > MIN_BELOW_TUBE_MM
        if near and wider and long:
            return below
    return chain


def _with_those_above(chain: list[int], found: Chains, spacing_kji: Spacing) -> list[list[int]]:
    """A chain that ends among the lungs at its top is a bronchus: the wider ones above, too."""
    k, section_mm2 = found.spots.k, found.spots.section_mm2
    top = int(np.flatnonzero(found.around.lungs.any(axis=(1, 2)))[-1])
    linked = [chain]
    for lowest in linked:  # grows while it is read
        for above in found.chains:
            higher = k[lowest[0]] < k[above[-1]] <= top and len(above) * spacing_kji[0] > 5
            if not higher or section_mm2(above) <= section_mm2(lowest):
                continue
            if _begins_below(above, lowest, found, spacing_kji):
                linked += [above] if above not in linked else []
    return linked


def beyond_gaps(found: Chains, trachea: Bools, spacing_kji: Spacing) -> Bools:
    """The trachea with the chains that go on below it, past mucus, a tumour or the fork.

    Where the scan begins below the fork, both main bronchi begin with it.
    """
    in_trachea = trachea[found.box].reshape(-1)[found.spots.voxels]
    of_trachea = set(found.spots.of[in_trachea].tolist())
    linked = [c for c in found.chains if not of_trachea.isdisjoint(c)]
    others = [c for c in found.chains if c not in linked]
    others = [c for c in others if len(c) * spacing_kji[0] >= MIN_LINK_MM]
    for above in linked:  # grows while it is read
        new = [
            c
            for c in others
            if _begins_below(above, c, found, spacing_kji)
            or _begins_beside(above, c, found, spacing_kji)
        ]
        linked += new
        others = [c for c in others if c not in new]
    added = found.drawn(linked, trachea.shape) & ~trachea
    much = np.count_nonzero(added) * float(np.prod(spacing_kji)) > 1000 * MAX_LINKED_ML
    return trachea if much else trachea | added


def _begins_below(
    above: list[int], chain: list[int], found: Chains, spacing_kji: Spacing
) -> bool:
    """Whether a chain begins below another, not too far aside of it."""
    k, center_mm = found.spots.k, found.spots.center_mm
    aside_mm = np.hypot(*(center_mm[chain[0]] - center_mm[above]).T)
    gap_mm = (k[above] - k[chain[0]]) * spacing_kji[0]
    reach_mm = np.minimum(MAX_STEP_MM + LINK_SLOPE * gap_mm, MAX_ASIDE_MM)
    return bool(((gap_mm > 0) & (gap_mm < MAX_GAP_MM) & (aside_mm < reach_mm)).any())


def _begins_beside(
    other: list[int], chain: list[int], found: Chains, spacing_kji: Spacing
) -> bool:
    """Whether two chains begin where the scan does, as near as main bronchi."""
    k, center_mm = found.spots.k, found.spots.center_mm
    lower = min(int(k[chain[0]]), int(k[other[0]]))
    below_end_mm = (len(found.around.lungs) - 1 - lower) * spacing_kji[0]
    apart_mm = float(np.hypot(*(center_mm[chain[0]] - center_mm[other[0]])))
    return below_end_mm < FORK_MM and apart_mm < MAX_FORK_MM


def _surroundings(
    lungs: Bools, inside: Bools, box: tuple[slice, ...], spacing_kji: Spacing
) -> _Surroundings:
    columns: Bools = np.asarray(inside.any(axis=1))
    left, right = columns.argmax(axis=1), columns.shape[1] - 1 - columns[:, ::-1].argmax(axis=1)
    middle = (left + right) / 2 - box[2].start
    section = sections(inside).max() * spacing_kji[1] * spacing_kji[2]
    return _Surroundings(lungs[box], float(section), middle[box[0]] * spacing_kji[2])


def _cut_off(
    labels: Labels, box: Box, shape: tuple[int, ...], beside_padding: Bools | None
) -> NDArray[np.bool_]:
    """Which pieces the sides of the field of view cut: a lung's rim may look round there."""
    cut = np.zeros(int(labels.max()) + 1, bool)
    for axis in (1, 2):
        if box[axis].start == 0:
            cut[labels.take(0, axis)] = True
        if box[axis].stop == shape[axis]:
            cut[labels.take(-1, axis)] = True
    if beside_padding is not None:
        cut[labels[beside_padding[box]]] = True
    return cut


def _round_spots(labels: Labels, whole: NDArray[np.bool_], spacing_kji: Spacing) -> _Spots:
    voxels = sizes(labels)
    area = voxels * spacing_kji[1] * spacing_kji[2]
    chosen = np.flatnonzero(whole & (area >= AREA_MM2[0]) & (area <= AREA_MM2[1]))
    chosen = chosen[chosen > 0]
    numbers = np.zeros(len(voxels), np.int64)
    numbers[chosen] = np.arange(1, len(chosen) + 1)
    where = np.flatnonzero(keep(labels, numbers > 0))
    of = numbers[labels.reshape(-1)[where]]
    k, j, i = kji_of(where, labels.shape)
    n = len(chosen) + 1
    count = np.maximum(np.bincount(of, minlength=n), 1)
    y, x = j * spacing_kji[1], i * spacing_kji[2]
    mean_y, mean_x = np.bincount(of, y, n) / count, np.bincount(of, x, n) / count
    yy = np.bincount(of, y * y, n) / count - mean_y**2 + spacing_kji[1] ** 2 / 12
    xx = np.bincount(of, x * x, n) / count - mean_x**2 + spacing_kji[2] ** 2 / 12
    xy = np.bincount(of, x * y, n) / count - mean_x * mean_y
    middle, spread = (yy + xx) / 2, np.sqrt(((yy - xx) / 2) ** 2 + xy**2)
    long, short = np.sqrt(middle + spread), np.sqrt(np.maximum(middle - spread, 1e-6))
    # an ellipse has area 4 pi long short: what is far larger or smaller is no spot
    compact = count * spacing_kji[1] * spacing_kji[2] / (4 * np.pi * long * short)
    fine = np.flatnonzero((long / short < MAX_LONGER_THAN_WIDE) & (compact > 0.75))
    fine = fine[fine > 0]
    height = np.bincount(of, k, n) / count
    numbers = np.full(n, -1)
    numbers[fine] = np.arange(len(fine))
    of = numbers[of]
    return _Spots(
        where[of >= 0],
        of[of >= 0],
        height[fine].round().astype(np.int64),
        np.stack([mean_y, mean_x], axis=1)[fine],
        area[chosen[fine - 1]].astype(np.float64),
    )


def _chains(spots: _Spots, spacing_kji: Spacing) -> list[list[int]]:
    """Runs of spots from the top down, each close to the one above."""
    reach_mm = max(MAX_STEP_MM, MAX_STEP_MM * spacing_kji[0] / 3)
    by_slice = {
        k: np.flatnonzero(spots.k == k) for k in range(int(spots.k.max(initial=-1)), -1, -1)
    }
    free = np.ones(len(spots.k), bool)
    chains = []
    for numbers in by_slice.values():
        for first in numbers.tolist():
            if not free[first]:
                continue
            chain = [first]
            while (below := _next(chain[-1], spots, by_slice, free, reach_mm)) is not None:
                chain.append(below)
            free[chain] = False
            chains.append(chain)
    return chains


def _next(
    above: int,
    spots: _Spots,
    by_slice: Mapping[int, NDArray[np.intp]],
    free: Bools,
    reach_mm: float,
) -> int | None:
    """The nearest spot in the slice below that is about as large and in no chain yet."""
    below = by_slice.get(int(spots.k[above]) - 1)
    if below is None or not len(below):
        return None
    ratio = spots.area_mm2[below] / spots.area_mm2[above]
    away_mm = np.hypot(*(spots.center_mm[below] - spots.center_mm[above]).T)
    away_mm[~free[below] | (ratio <= 0.4) | (ratio >= 2.5)] = np.inf
    nearest = int(np.argmin(away_mm))
    return int(below[nearest]) if away_mm[nearest] < reach_mm else None


def _is_slender(chain: list[int], spots: _Spots, around: _Surroundings) -> bool:
    """Whether the chain is as slender beside the body as a trachea; a child's lung isn't."""
    return spots.section_mm2(chain) <= MAX_BODY_SHARE * around.body_mm2


def _is_trachea(
    chain: list[int], spots: _Spots, around: _Surroundings, spacing_kji: Spacing
) -> bool:
    """Whether the chain is long enough, high enough, and ends between two lungs.

    Beside a single lung it must be longer, and lie in the middle of the body.
    """
    lungs = around.lungs
    length_mm = len(chain) * spacing_kji[0]
    if length_mm < MIN_LENGTH_MM or not lungs.any():
        return False
    heights = np.flatnonzero(lungs.any(axis=(1, 2)))
    middle = (heights[0] + heights[-1]) / 2
    if median(spots.k[chain].tolist()) < middle - 10 / spacing_kji[0]:
        return False
    last = chain[-1]
    k = int(spots.k[last])
    reach = max(1, round(20 / spacing_kji[0]))
    slab: Bools = np.asarray(lungs[max(0, k - reach) : k + 1].any(axis=0))
    y_mm, x_mm = spots.center_mm[last]
    column = round(float(x_mm) / spacing_kji[2])
    near = round(60 / spacing_kji[2])
    rows = slice(
        max(0, round((y_mm - 60) / spacing_kji[1])), round((y_mm + 60) / spacing_kji[1])
    )
    right, left = slab[rows, max(0, column - near) : column], slab[rows, column : column + near]
    if right.any() and left.any():
        return True
    off_middle = abs(float(x_mm) - around.middle_mm[k]) > OFF_MIDDLE_MM
    return bool((right.any() or left.any()) and length_mm >= MIN_ALONE_MM and not off_middle)
