"""The airways: from the trachea down, branch by branch, as far as the walls hold."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from vis3d.progress import Progress, silent
from vis3d.segmentation.lungs.airway_tree import AirwayTree
from vis3d.segmentation.lungs.wall import wall_mm
from vis3d.segmentation.voxels.frame import AIR_HU, Bools, Spacing, Values
from vis3d.segmentation.voxels.grids import Box, Factors, fine_box, spread
from vis3d.segmentation.voxels.morphology import bounding_box, indices, kji_of
from vis3d.segmentation.voxels.runs import Places, Runs

LUMEN_HU = -850
ABOVE_LUMEN_HU = (30, 45, 60, 75, 90, 105, 120, 140, 160, 180, 200, 225, 250)
"""The levels that are tried, above the air in the trachea: small branches share their voxels
with their walls."""
WALL_HU = -500
"""Half way between the air in a wide airway and its wall."""
MIN_JUDGED_MM3 = 40.0
"""What is smaller than this can't be told from a branch, and is taken for one."""
SHELL_SHARE, SHELL_SHARE_OF_AIR = 0.58, 0.73
"""How dense what lies round a branch is at most, as a share of the HU of lung: walls and
vessels are denser than lung, and where the front leaks there is lung. The second is for a piece
as dark as the air in the trachea, which lung isn't: the walls of small branches are thin."""
MAX_PIECE_CALIBERS = 6.0
"""No piece holds more than this many times the cube of the trachea's width."""
SEGMENT_MM = 5.0
"""About how long the parts of a leaking piece are that are judged for themselves."""
SHELL_WALLS = 2.25
"""How far round a branch its wall and its vessel are looked for, beside how far off the air in
the trachea the wall there is half reached."""
MAX_CUT_MM3 = 15.0
MAX_FLOODING, FLOOD_ML = 3, 1.0
"""At how many levels more than so much may leak before the tree is done. Beside such leaks as
much that seems sound is lung, too, and what is too small to be judged may be."""
WIDE_AIRY = 0.5
"""What holds as much is darker than half way from lung to the air in the trachea: only small
branches share their voxels with their walls."""
OPEN, TREE, CLOSED, JUDGED, BEYOND = range(5)
"""What a voxel can be while the tree grows; the last is the rim round all others."""
NOISY_HU, APART_MM = 18.0, 0.8
"""Noise in the trachea from which on a voxel is read together with its neighbours, and how far
off they are."""


def grow_airways(
    hu: Values,
    trachea: Bools,
    lung_hu: float,
    factors: Factors,
    spacing_kji: Spacing,
    box: Box,
    progress: Progress = silent,
) -> AirwayTree:
    """The tree that hangs on the trachea (on the coarse grid of `factors`).

    A front runs from the trachea through voxels below a level, and the level rises. What a
    higher level adds is judged piece by piece: round a branch lie its wall and its vessel,
    round a leak lies lung, of about `lung_hu`. A piece that leaks is closed for all higher
    levels; the others grow on. Nothing grows beyond `box`, of the coarse grid.
    """
    fine = fine_box(box, factors, hu.shape)
    seeds = _seeds(hu[fine], trachea[box], factors)
    if not len(seeds):
        return AirwayTree(np.zeros(0, np.int64), hu.shape)
    off_mm = wall_mm(hu[fine], seeds, ABOVE_LUMEN_HU[0], spacing_kji)
    wide, inner = _with_room(hu, fine, max(_steps(SHELL_WALLS * off_mm, spacing_kji)))
    growth = _Growth(wide, inner, seeds, spacing_kji, off_mm, lung_hu)
    level, leaks = growth.lumen_hu, 0
    for number, above in enumerate(ABOVE_LUMEN_HU):
        progress(number / len(ABOVE_LUMEN_HU), "Following the airways")
        level = growth.lumen_hu + above
        leaks += growth.rise(level)
        if growth.flooding == MAX_FLOODING:
            break
    places = growth.with_rim()
    if wide is not hu:
        kji = zip(kji_of(places, wide.shape), fine, inner, strict=True)
        there = tuple(at + part.start - own.start for at, part, own in kji)
        places = np.asarray(np.ravel_multi_index(there, hu.shape), np.int64)
    return AirwayTree(places, hu.shape, level, leaks)


def _seeds(hu: Values, trachea: Bools, factors: Factors) -> Places:
    """The voxels [n, (k, j, i)] of the trachea that hold air."""
    box = bounding_box(trachea)
    if box is None:
        return np.zeros((0, 3), np.int64)
    fine = fine_box(box, factors, hu.shape)
    wide = spread(trachea[box], factors, hu[fine].shape)
    inside = indices(wide & (hu[fine] < LUMEN_HU))
    return np.asarray(inside + [part.start for part in fine], np.int64)


def _with_room(hu: Values, box: Box, room: int) -> tuple[Values, Box]:
    """The scan, or a copy of the box that has room round it, and where in that the box is."""
    sides = zip(box[1:], hu.shape[1:], strict=True)
    if all(side.start >= room and side.stop <= n - room for side, n in sides):
        return hu, box
    k, j, i = (slice(room, room + part.stop - part.start) for part in box)
    return np.pad(hu[box], room), (k, j, i)


class _Growth:
    """The tree while it grows in a box: which voxels it holds and which are closed to it.

    The slices go on round the box. Voxels are numbered through the whole array.
    """

    def __init__(
        self,
        hu: Values,
        box: Box,
        seeds_kji: Places,
        spacing_kji: Spacing,
        off_mm: float,
        lung_hu: float,
    ) -> None:
        """The tree has the voxels `seeds_kji` of the box, (n, 3).

        Its wall is half reached `off_mm` off its lumen, and round it lies lung of `lung_hu`.
        """
        self._hu = hu.reshape(-1)
        self._voxel_mm3 = float(np.prod(spacing_kji))
        self._steps = (hu.shape[1] * hu.shape[2], hu.shape[2], 1)
        self._ways = np.array([[sign * step] for step in self._steps for sign in (1, -1)])
        self._rim = _rings(self._ways, _steps(off_mm, spacing_kji))
        self._shell = _rings(self._ways, _steps(SHELL_WALLS * off_mm, spacing_kji))
        apart = _steps(APART_MM, spacing_kji)
        self._apart = (apart[1] * self._steps[1], apart[2] * self._steps[2])
        self._segment_steps = max(1, round(SEGMENT_MM / np.mean(spacing_kji[1:])))
        self._state = _room(hu.shape, box).reshape(-1)
        start_kji = [part.start for part in box]
        self.seeds: Places = np.ravel_multi_index(tuple((seeds_kji + start_kji).T), hu.shape)
        self._state[self.seeds] = TREE
        self._pieces = [self.seeds]
        height = len(np.unique(seeds_kji[:, 0]))
        self._face_mm2 = self._voxel_mm3 / np.array(spacing_kji)
        self._section_mm2 = len(seeds_kji) / height * self._face_mm2[0]
        self._most = MAX_PIECE_CALIBERS * self._section_mm2**1.5 / self._voxel_mm3
        self._much = 1000 * FLOOD_ML / self._voxel_mm3
        self._edge = self.seeds
        self._smooth = self._noise(self.seeds) > NOISY_HU
        self._lung_hu = lung_hu
        self.flooding = 0
        self.lumen_hu = float(np.median(self.values(self.seeds)))

    def values(self, places: Places) -> NDArray[np.float32]:
        """The HU there, in a noisy scan with that of the neighbours in the slice."""
        values = self._hu_at(places).astype(np.float32)
        if not self._smooth:
            return values
        for step in self._apart:
            values += self._hu_at(places + step)
            values += self._hu_at(places - step)
        return values / np.float32(5)

    def _hu_at(self, places: Places) -> Values:
        return np.maximum(self._hu.take(places), AIR_HU)  # padding may be lower

    def rise(self, level: float) -> int:
        """Take in what a higher level adds without leaking; how many pieces leaked."""
        new, step = self._flooded(level)
        leaks = lost = 0
        small, pieces = self._pieces_of(new, MIN_JUDGED_MM3 / self._voxel_mm3)
        self._state[new[small]] = OPEN
        grown = [new[:0]]
        for piece in pieces:
            if self._is_sound(new[piece]):
                grown.append(self._taken(new[piece]))
                continue
            leaks += 1
            lost += len(piece)
            grown += self._sound_segments(new[piece], step[piece])
        if lost <= self._much:
            grown.append(self._taken(new[small & ~self._beside(new, CLOSED)]))
        else:
            self.flooding += 1
            main_bronchi = len(self._pieces) == 1  # the first level brings them
            if sum(map(len, grown)) > self._much and not main_bronchi:
                self._state[np.concatenate(grown)] = CLOSED
                return leaks
        self._pieces += grown
        # what lies deeper in the tree has long been without an open neighbour
        edge = np.concatenate([self._edge, *grown])
        self._edge = edge[self._beside(edge, OPEN)]
        return leaks

    def _flooded(self, level: float) -> tuple[Places, Places]:
        """What the front reaches below a level, in order of place, and in which step."""
        front = self._edge
        fronts = [front[:0]]
        room = 2 * self._most
        while len(front) and room > 0:
            near = self._around(front)
            near = near[self._state.take(near) == OPEN]
            front = _each_once(near[self.values(near) < level])
            self._state[front] = JUDGED
            room -= len(front)
            fronts.append(front)
        new = np.concatenate(fronts)
        step = np.repeat(np.arange(len(fronts)), [len(front) for front in fronts])
        order = np.argsort(new)
        return new[order], step[order]

    def _sound_segments(self, piece: Places, step: Places) -> list[Places]:
        """The part of a piece before its leaks: cut across the front's way and judged anew."""
        self._state[piece] = CLOSED
        if self._voxel_mm3 > MAX_CUT_MM3:
            return []
        band = step // self._segment_steps
        sound = [piece[:0]]
        for number in range(int(band.min()), int(band.max()) + 1):
            within = piece[band == number]
            count = len(sound)
            for segment in self._pieces_of(within, 0)[1]:
                voxels = within[segment]
                hangs_on = self._state.take(self._around(voxels)) == TREE
                if hangs_on.any() and self._is_sound(voxels):
                    sound.append(self._taken(voxels))
            if len(sound) == count:
                break
        return sound

    def _beside(self, places: Places, state: int) -> Bools:
        """Which of them have a face neighbour in that state."""
        beside = np.zeros(len(places), bool)
        for step in self._steps:
            for there in (places - step, places + step):
                beside |= self._state.take(there) == state
        return beside

    def _taken(self, places: Places) -> Places:
        self._state[places] = TREE
        return places

    def with_rim(self) -> Places:
        """The tree and the voxels of its rim that share air with the wall, in order.

        The levels lie inside the lumen.
        """
        tree = np.concatenate(self._pieces)
        for ways in self._rim:
            in_slice = ways[np.abs(ways[:, 0]) < self._steps[0]]
            rim = _each_once(self._around(tree, in_slice))
            rim = rim[(self._state[rim] != TREE) & (self._state[rim] != BEYOND)]
            rim = rim[self._hu[rim] < WALL_HU]
            self._state[rim] = TREE
            tree = np.concatenate([tree, rim])
        return np.sort(tree)

    def _around(self, places: Places, ways: Places | None = None) -> Places:
        """The face neighbours, some of them more than once; along k, then j, then i."""
        ways = self._ways if ways is None else ways
        return np.asarray((places + ways).reshape(-1))

    def _pieces_of(self, new: Places, least: float) -> tuple[Bools, list[Places]]:
        """The connected pieces of sorted voxels, as indices.

        First which voxels are in pieces smaller than `least`, then the other pieces.
        """
        if not len(new):
            return np.zeros(0, bool), []
        runs = Runs.of(new)
        joined = [runs.moved_onto(step) for step in self._steps[:2]]
        row, column = np.concatenate(joined, axis=1)
        count = len(runs.start)
        graph = coo_array((np.ones(len(row)), (row, column)), shape=(count, count))
        _, labels = connected_components(graph, directed=False)
        small = (np.bincount(labels, runs.length) < least)[labels]
        large = np.flatnonzero(~small)
        large = large[np.argsort(labels[large], kind="stable")]
        ends = np.cumsum(runs.length[large])
        cuts = ends[np.flatnonzero(np.diff(labels[large]))]
        pieces = np.split(runs.places_of(large), cuts) if len(large) else []
        return np.repeat(small, runs.length), pieces

    def _is_sound(self, piece: Places) -> bool:
        """Whether walls and vessels lie round a piece, and not lung.

        What the scan cuts off is taken for lung, and no branch is cut wider than the trachea.
        """
        around = self._around(piece)
        cut_kji = (self._state.take(around) == BEYOND).reshape(3, -1).sum(axis=1)
        airy = self._airy(piece)
        most = self._much if airy < WIDE_AIRY else self._most
        if len(piece) > most or cut_kji @ self._face_mm2 > self._section_mm2:
            return False
        cut = int(cut_kji.sum())
        share = float(np.interp(airy, (0, 1), (SHELL_SHARE, SHELL_SHARE_OF_AIR)))
        least_hu = share * self._lung_hu
        rings, before = [piece], [self._state[piece]]
        self._state[piece] = JUDGED
        sound = False
        for ways in self._shell:
            ring = _each_once(self._unjudged(self._around(np.concatenate(rings), ways)))
            rings.append(ring)
            before.append(self._state[ring])
            self._state[ring] = JUDGED
            sum_hu = float(self._hu_at(ring).sum(dtype=np.float64)) + cut * self._lung_hu
            sound = sum_hu >= least_hu * (len(ring) + cut)  # nothing but tree may lie round it
            if sound:
                break
        self._state[np.concatenate(rings)] = np.concatenate(before)
        return sound

    def _airy(self, piece: Places) -> float:
        """How dark a piece is: 0 as lung, 1 as the air in the trachea."""
        above_air = self._lung_hu - self.lumen_hu
        return (self._lung_hu - float(self.values(piece).mean())) / max(1.0, above_air)

    def _unjudged(self, places: Places) -> Places:
        state = self._state.take(places)
        return np.asarray(places[(state == OPEN) | (state == CLOSED)])

    def _noise(self, seeds: Places) -> float:
        """How much neighbours in the air of the trachea differ."""
        ways = [sign * step for step in self._apart for sign in (1, -1)]
        inner = seeds[np.all([self._state.take(seeds + way) == TREE for way in ways], axis=0)]
        if len(inner) < 20:
            return 0.0
        differ = self._hu_at(inner).astype(np.float32) - self._hu_at(inner + self._apart[1])
        # not the median: scanners and sharp kernels cut the noise of air off at the lowest HU
        return float(np.percentile(np.abs(differ), 75)) / 1.627


def _steps(wide_mm: float, spacing_kji: Spacing) -> list[int]:
    """How many voxels of each axis that is, and at least one."""
    return [max(1, round(wide_mm / mm)) for mm in spacing_kji]


def _rings(ways: Places, steps: list[int]) -> list[Places]:
    """Along which ways each of the rings goes, so that the axes keep pace."""
    most = max(steps)
    return [
        ways[np.repeat([(n + 1) * count // most > n * count // most for count in steps], 2)]
        for n in range(most)
    ]


def _room(shape: tuple[int, ...], box: Box) -> NDArray[np.uint8]:
    """A slice more than the shape has, `OPEN` in the box and `BEYOND` on all its sides.

    The box touches no side of the slices; what lies below the first slice is, counted from
    the end, the one behind the last.
    """
    state = np.zeros((shape[0] + 1, *shape[1:]), np.uint8)
    k, j, i = box
    state[[k.start - 1, k.stop], j, i] = BEYOND
    inner = state[k]
    inner[:, [j.start - 1, j.stop], i] = BEYOND
    inner[:, j, i.start - 1] = BEYOND
    inner[:, j, i.stop] = BEYOND
    return state


def _each_once(places: Places) -> Places:
    """Sorted (in place) and without repeats: for so few faster than np.unique's hashes."""
    places.sort()
    first = np.ones(len(places), bool)
    np.not_equal(places[1:], places[:-1], out=first[1:])
    return np.asarray(places[first])
