"""The airways: from the trachea down, branch by branch, as far as the walls hold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from vis3d.progress import Progress, silent
from vis3d.segmentation.frame import Bools, Spacing, Values
from vis3d.segmentation.grids import Factors, fine_box, spread
from vis3d.segmentation.morphology import bounding_box

Places = NDArray[np.int64]
"""Voxels by their number in the flattened scan."""
LUMEN_HU = -850
ABOVE_LUMEN_HU = (30, 45, 60, 75, 90, 105, 120, 140, 160, 180, 200, 225, 250)
"""The levels that are tried, above the air in the trachea: small branches share their voxels
with their walls."""
WALL_HU = -500
"""Half way between the air in a wide airway and its wall."""
MIN_JUDGED_MM3 = 40.0
"""What is smaller than this can't be told from a branch, and does no harm."""
SHELL_SHARE = 0.58
"""How dense what lies round a branch is at most, as a share of the HU of lung: walls and
vessels are denser than lung, and where the front leaks there is lung."""
MAX_PIECE_CALIBERS = 6.0
"""No piece holds more than this many times the cube of the trachea's width."""
SEGMENT_STEPS = 6
MIN_SEGMENT_MM3, MAX_CUT_MM3 = 6.0, 15.0
MAX_LEAKING_LEVELS = 3
OPEN, TREE, CLOSED, JUDGED = 0, 1, 2, 3
"""What a voxel can be while the tree grows."""
NOISY_HU = 25.0
"""Noise in the trachea from which on a voxel is read together with its neighbours."""


@dataclass(frozen=True, eq=False)
class AirwayTree:
    """The lumen at full resolution, the level it was grown to, and whether branches leaked.

    The voxels stand in a list: they are less than a hundredth of a scan.
    """

    places: Places
    shape: tuple[int, ...]
    level_hu: float = 0.0
    leaks: int = 0

    @property
    def mask(self) -> Bools:
        """The lumen, [k, j, i] (made anew each time)."""
        mask = np.zeros(self.shape, bool)
        mask.reshape(-1)[self.places] = True
        return mask

    def share(self, factors: Factors, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """How much of each coarse voxel is lumen."""
        ijk = np.unravel_index(self.places, self.shape)
        coarse = tuple(p // f for p, f in zip(ijk, factors, strict=True))
        places, counts = np.unique(np.ravel_multi_index(coarse, shape), return_counts=True)
        share = np.zeros(shape, np.float32)
        share.reshape(-1)[places] = counts / np.prod(factors)
        return share


def grow_airways(
    hu: Values,
    trachea: Bools,
    lung_hu: float,
    factors: Factors,
    spacing_kji: Spacing,
    progress: Progress = silent,
) -> AirwayTree:
    """The tree that hangs on the trachea (on the coarse grid of `factors`).

    A front runs from the trachea through voxels below a level, and the level rises. What a
    higher level adds is judged piece by piece: round a branch lie its wall and its vessel,
    round a leak lies lung, of about `lung_hu`. A piece that leaks is closed for all higher
    levels; the others grow on.
    """
    seeds = _seeds(hu, trachea, factors)
    if not len(seeds):
        return AirwayTree(seeds, hu.shape)
    growth = _Growth(hu, seeds, spacing_kji)
    lumen_hu = float(np.median(growth.values(seeds)))
    level, leaks, leaking = lumen_hu, 0, 0
    for number, above in enumerate(ABOVE_LUMEN_HU):
        progress(number / len(ABOVE_LUMEN_HU), "Following the airways")
        level = lumen_hu + above
        leaked = growth.rise(level, SHELL_SHARE * lung_hu)
        leaks, leaking = leaks + leaked, leaking + (leaked > 0)
        if leaking == MAX_LEAKING_LEVELS:
            break
    return AirwayTree(np.sort(growth.with_rim()), hu.shape, level, leaks)


def _seeds(hu: Values, trachea: Bools, factors: Factors) -> Places:
    box = bounding_box(trachea)
    if box is None:
        return np.zeros(0, np.int64)
    fine = fine_box(box, factors, hu.shape)
    wide = spread(trachea[box], factors, hu[fine].shape)
    inside = np.nonzero(wide & (hu[fine] < LUMEN_HU))
    whole = [p + part.start for p, part in zip(inside, fine, strict=True)]
    return np.asarray(np.ravel_multi_index(whole, hu.shape), np.int64)


class _Growth:
    """The tree while it grows: which voxels it holds and which are closed to it."""

    def __init__(self, hu: Values, seeds: Places, spacing_kji: Spacing) -> None:
        self._hu, self._voxel_mm3 = hu.reshape(-1), float(np.prod(spacing_kji))
        pixel_mm2 = spacing_kji[1] * spacing_kji[2]
        self._steps = (hu.shape[1] * hu.shape[2], hu.shape[2], 1)
        self._state = np.zeros(hu.size, np.uint8)
        self._state[seeds] = TREE
        self._pieces = [seeds]
        height = len(np.unique(seeds // self._steps[0]))
        section_mm2 = len(seeds) / height * pixel_mm2
        self._most = MAX_PIECE_CALIBERS * section_mm2**1.5 / self._voxel_mm3
        self._edge = seeds
        self._smooth = self._noise(seeds) > NOISY_HU

    def values(self, places: Places) -> NDArray[np.float32]:
        """The HU there, in a noisy scan with that of the neighbours in the slice."""
        values = self._hu[places].astype(np.float32)
        if not self._smooth:
            return values
        for step in (self._steps[1], self._steps[2]):
            values += self._hu[places + step]
            values += self._hu[places - step]
        return values / np.float32(5)

    def rise(self, level: float, least_shell_hu: float) -> int:
        """Take in what a higher level adds without leaking; how many pieces leaked."""
        new, step = self._flooded(level)
        leaks = 0
        small, pieces = self._pieces_of(new, MIN_JUDGED_MM3 / self._voxel_mm3)
        grown = [new[small & ~self._beside(new, CLOSED)]]
        self._state[new[small]] = OPEN
        self._state[grown[0]] = TREE
        for piece in pieces:
            if self._is_sound(new[piece], least_shell_hu):
                grown.append(self._taken(new[piece]))
                continue
            leaks += 1
            grown += self._sound_segments(new[piece], step[piece], least_shell_hu)
        if sum(map(len, grown)) > 2 * self._most:
            return MAX_LEAKING_LEVELS
        self._pieces += grown
        self._edge = self._rim_of(np.concatenate(self._pieces))
        return leaks

    def _flooded(self, level: float) -> tuple[Places, Places]:
        """What the front reaches below a level, in order of place, and in which step."""
        front = self._edge
        fronts = [front[:0]]
        room = 2 * self._most
        while len(front) and room > 0:
            near = self._around(front)
            near = near[self._state[near] == OPEN]
            front = near[self.values(near) < level]
            front = front[self._off_sides(front)]
            self._state[front] = JUDGED
            room -= len(front)
            fronts.append(front)
        new = np.concatenate(fronts)
        step = np.repeat(np.arange(len(fronts)), [len(front) for front in fronts])
        order = np.argsort(new)
        return new[order], step[order]

    def _sound_segments(
        self, piece: Places, step: Places, least_shell_hu: float
    ) -> list[Places]:
        """The part of a piece before its leaks: cut across the front's way and judged anew."""
        self._state[piece] = CLOSED
        if self._voxel_mm3 > MAX_CUT_MM3:
            return []
        band = step // SEGMENT_STEPS
        _, segments = self._pieces_of(piece, MIN_SEGMENT_MM3 / self._voxel_mm3, band)
        sound = []
        for segment in sorted(segments, key=lambda s: int(band[s[0]])):
            voxels = piece[segment]
            hangs_on = self._state[self._around(voxels)] == TREE
            if hangs_on.any() and self._is_sound(voxels, least_shell_hu):
                sound.append(self._taken(voxels))
        return sound

    def _beside(self, places: Places, state: int) -> Bools:
        """Which of them have a face neighbour in that state."""
        beside = np.zeros(len(places), bool)
        for step in self._steps:
            for there in (places - step, places + step):
                beside |= self._state[np.clip(there, 0, len(self._state) - 1)] == state
        return beside

    def _taken(self, places: Places) -> Places:
        self._state[places] = TREE
        return places

    def with_rim(self) -> Places:
        """The tree and the voxels of its rim that share air with the wall.

        The levels lie inside the lumen.
        """
        tree = np.concatenate(self._pieces)
        rim = self._around(tree, axes=(1, 2))
        rim = rim[(self._state[rim] != TREE) & (self._hu[rim] < WALL_HU)]
        return np.concatenate([tree, rim])

    def _around(self, places: Places, axes: tuple[int, ...] = (0, 1, 2)) -> Places:
        """The face neighbours, each once, in order."""
        found = [places + sign * self._steps[axis] for axis in axes for sign in (1, -1)]
        near = np.sort(np.concatenate(found))  # faster here than the hashes of np.unique
        first, last = np.searchsorted(near, (0, len(self._state)))
        near = near[first:last]
        return np.asarray(near[np.append(True, near[1:] != near[:-1])] if len(near) else near)

    def _off_sides(self, places: Places) -> Bools:
        """Which lie off the sides of the slices; beyond a side the numbering goes on."""
        slice_size, row = self._steps[:2]
        in_slice, in_row = places % slice_size, places % row
        inner = (in_row > 0) & (in_row < row - 1)
        return np.asarray(inner & (in_slice >= row) & (in_slice < slice_size - row))

    def _rim_of(self, tree: Places) -> Places:
        """The voxels of the tree with an open neighbour."""
        return np.asarray(tree[self._beside(tree, OPEN)])

    def _pieces_of(
        self, new: Places, least: float, kind: Places | None = None
    ) -> tuple[Bools, list[Places]]:
        """The connected pieces of sorted voxels (of one kind), as indices.

        First which voxels are in pieces smaller than `least`, then the other pieces.
        """
        if not len(new):
            return np.zeros(0, bool), []
        rows, columns = [], []
        for step in self._steps:
            at = np.minimum(np.searchsorted(new, new + step), len(new) - 1)
            hit = new[at] == new + step
            if kind is not None:
                hit &= kind[at] == kind
            rows.append(np.flatnonzero(hit))
            columns.append(at[hit])
        row, column = np.concatenate(rows), np.concatenate(columns)
        graph = coo_array((np.ones(len(row), bool), (row, column)), shape=(len(new), len(new)))
        _, labels = connected_components(graph, directed=False)
        small = (np.bincount(labels) < least)[labels]
        large = np.flatnonzero(~small)
        order = large[np.argsort(labels[large], kind="stable")]
        cuts = np.flatnonzero(np.diff(labels[order])) + 1
        return small, np.split(order, cuts) if len(order) else []

    def _is_sound(self, piece: Places, least_shell_hu: float) -> bool:
        """Whether walls and vessels lie round a piece, and not lung."""
        if len(piece) > self._most:
            return False
        first = self._around(piece)
        first = first[(self._state[first] == OPEN) | (self._state[first] == CLOSED)]
        second = self._around(first)
        second = np.setdiff1d(second[self._state[second] != TREE], first)
        shell = self._hu[second[self._state[second] != JUDGED]]
        return len(shell) == 0 or float(shell.mean()) > least_shell_hu

    def _noise(self, seeds: Places) -> float:
        """How much neighbours in the air of the trachea differ."""
        inner = seeds[np.isin(seeds + self._steps[1], seeds) & np.isin(seeds + 1, seeds)]
        if len(inner) < 20:
            return 0.0
        differ = self._hu[inner].astype(np.float32) - self._hu[inner + 1]
        return float(np.median(np.abs(differ))) / 0.954
