"""Where thick bone ends: half-way up the edge between it and the tissue beside it."""

import math
from dataclasses import dataclass, replace

import numpy as np

from vis3d.progress import Progress, part, silent
from vis3d.segmentation.bones.bones import DENSE_HU
from vis3d.segmentation.bones.mending import Places, drop_crumbs
from vis3d.segmentation.bones.peaks import PEAK_HU
from vis3d.segmentation.bones.thick_slices import steepness
from vis3d.segmentation.bones.walls import RISE_HU
from vis3d.segmentation.voxels.frame import Bools, Floats, Spacing, Values
from vis3d.segmentation.voxels.morphology import bounding_box, kji_of
from vis3d.segmentation.voxels.slabs import each_slab
from vis3d.segmentation.voxels.topology import take_without_holes

SHARE = 0.5
REACH_MM, REACH_WIDTHS = 1.6, 0.8
"""How far on either side of the surface an edge ends: as far as a kernel blurs, or so much of
how wide the steepest edges are. Interpolation hardly changes that, so it doesn't decide."""
WIDEST_MM = 5.0
"""Edges count as no wider: farther away lie other tissues."""
THICK_MM = 5.0
"""Bone that goes on so far behind its surface is no thin wall."""
BLURRED_MM = 3.8
"""Along an axis with wider edges than that, and than along the middle one, no wall's other side
is looked for: thick slices show most bones as if they were walls."""
LARGE_MM, WIDE_MM, CORTEX_HU = 0.95, 2.2, 400.0
"""On larger voxels with edges so wide it need not be thick beside bone as dense as that: all
cortex looks like a wall there. That no hole opens is seen voxel by voxel."""
SLAB = 48
FULL_HU = (PEAK_HU + DENSE_HU) / 2
"""What is denser lies above the middle of any edge."""
Triple = tuple[Places, Places, Places]
Steps = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Flat:
    """The values and the bones as flat arrays."""

    hu: Values
    bone: Bools
    shape: tuple[int, ...]
    spacing_kji: Spacing
    widths_mm: list[float]
    """How wide the steepest edges along each axis are."""

    @property
    def coarse(self) -> bool:
        """Whether cortex is thinner than its edges are wide, along two axes."""
        return sorted(self.spacing_kji)[1] > LARGE_MM and sorted(self.widths_mm)[1] > WIDE_MM

    @property
    def layers(self) -> int:
        """How many layers may go: as far as edges are followed."""
        reach_mm = max(REACH_MM, REACH_WIDTHS * sorted(self.widths_mm)[1])
        return math.ceil(reach_mm / sorted(self.spacing_kji)[1])

    def reach_mm(self, axis: int) -> float:
        """How far an edge is followed along an axis."""
        return max(REACH_MM, REACH_WIDTHS * self.widths_mm[axis])

    def wall_voxels(self, axis: int) -> float:
        """How far a wall's other side is looked for along an axis: as far as edges are wide.

        Large voxels count whole: between two of them values are half of the wall's own.
        """
        if self.widths_mm[axis] > max(BLURRED_MM, sorted(self.widths_mm)[1]):
            return 0
        far = max(REACH_MM, self.widths_mm[axis]) / self.spacing_kji[axis]
        return math.ceil(far) if self.coarse or self.spacing_kji[axis] > REACH_MM else far


@dataclass(frozen=True, eq=False)
class Surface:
    """Voxels of bone by their places in the flat arrays, and by k, j and i."""

    at: Places
    kji: Triple
    room: Steps
    """How many voxels lie between all of them and the ends of each axis, at least."""
    scan: Flat

    def chosen(self, which: Bools | Places) -> "Surface":
        """Some of them."""
        k, j, i = self.kji
        return replace(self, at=self.at[which], kji=(k[which], j[which], i[which]))

    def beside(self, axis: int, steps: int | Places) -> Places:
        """The places so many voxels away along an axis; past its end, the last ones."""
        own, shape = self.kji[axis], self.scan.shape
        if np.max(np.abs(steps), initial=0) > self.room[axis]:
            steps = np.clip(own + steps, 0, shape[axis] - 1) - own
        return np.asarray(self.at + steps * math.prod(shape[axis + 1 :]))


def end_half_way(
    bones: Bools, hu: Values, spacing_kji: Spacing, progress: Progress = silent
) -> None:
    """Take out of thick bones, in place, what lies outside of the middle of their edges.

    From the surface the values fall outwards to soft tissue and rise inwards to cortex; a
    voxel that is mostly bone lies in the upper half (Treece et al., Med Image Anal
    2010;14:276-290). Walls stay as they are: two voxels side by side, each less than half
    bone, may be all of one. The values are the scan's own: smoothed ones end farther out.
    Both arrays lie in memory as they are indexed.
    """
    progress(0.0, "Finding where the bones end")
    edges = steepness(hu, spacing_kji, bones)
    if edges is None:
        return
    widths_mm = [min(mm, WIDEST_MM) for mm in edges.widths_mm]
    scan = Flat(hu.reshape(-1), bones.reshape(-1), bones.shape, spacing_kji, widths_mm)
    if not scan.coarse:
        gone = _outside(bones, scan, progress)
        scan.bone[gone] = False
        drop_crumbs(gone, bones)
        return
    for layer in range(scan.layers):
        step = part(progress, layer / scan.layers, (layer + 1) / scan.layers)
        gone = _outside(bones, scan, step)
        # of a wall two voxels thick the denser one stays
        take_without_holes(bones, gone[np.argsort(scan.hu[gone], kind="stable")])
        drop_crumbs(gone, bones)


def _outside(bones: Bools, scan: Flat, progress: Progress) -> Places:
    """The places of bone that lie below the middle of an edge."""
    found: list[Places] = []

    def work(start: int, stop: int) -> None:
        surface = _surface(bones, start, stop, scan)
        for axis in range(3):
            for way in (-1, 1):
                faces = surface.chosen(~scan.bone[surface.beside(axis, way)])
                found.extend(_beyond_half(faces, axis, way))

    each_slab(work, len(bones), SLAB, progress, "Finding where the bones end")
    return np.unique(np.concatenate(found))


def _surface(bones: Bools, start: int, stop: int, scan: Flat) -> Surface:
    """The bone in some slices that touches what is none with a face, but the densest."""
    box = bounding_box(bones[start:stop])
    if box is None:
        nowhere = np.zeros(0, np.intp)
        return Surface(nowhere, (nowhere, nowhere, nowhere), (0, 0, 0), scan)
    below, count = min(1, start + box[0].start), box[0].stop - box[0].start
    first = start + box[0].start - below
    some = bones[first : first + below + count + 1, box[1], box[2]]
    inside = some.copy()
    for axis in range(3):
        to, of = np.moveaxis(inside, axis, 0), np.moveaxis(some, axis, 0)
        to[1:] &= of[:-1]
        to[:-1] &= of[1:]
        if axis:
            to[[0, -1]] = False  # nothing lies beyond the box
    edge = some != inside
    edge[:below] = edge[below + count :] = False
    k, j, i = kji_of(np.flatnonzero(edge), edge.shape)
    kji = (k + first, j + box[1].start, i + box[2].start)
    room_k, room_j, room_i = (
        int(min(of.min(initial=n), n - 1 - of.max(initial=0)))
        for of, n in zip(kji, bones.shape, strict=True)
    )
    at = np.ravel_multi_index(kji, bones.shape)
    surface = Surface(at, kji, (room_k, room_j, room_i), scan)
    return surface.chosen(scan.hu[at] < FULL_HU)


def _beyond_half(faces: Surface, axis: int, way: int) -> list[Places]:
    """The places below the middle of the edges that begin at faces and lead inwards."""
    scan = faces.scan
    low = _end(faces, axis, way, outwards=True)
    high = _end(faces, axis, -way, outwards=False)
    level = low + np.float32(SHARE) * (high - low)
    out = np.flatnonzero((low < DENSE_HU) & (scan.hu[faces.at] < level))
    firm = _thick(faces.chosen(out))
    if scan.coarse:
        firm |= (high[out] >= CORTEX_HU) & ~_bare_on_both_sides(faces.chosen(out))
    thick = out[firm]
    faces, level = faces.chosen(thick), level[thick]
    found, going = [faces.at], np.ones(len(thick), bool)
    for step in range(1, math.ceil(scan.reach_mm(axis) / scan.spacing_kji[axis])):
        deeper = faces.beside(axis, -way * step)
        going &= (scan.hu[deeper] < level) & scan.bone[deeper]
        found.append(deeper[going])
    return found


def _end(faces: Surface, axis: int, way: int, *, outwards: bool) -> Floats:
    """How low the values fall within reach outwards, or how high they rise inwards."""
    scan, hu = faces.scan, faces.scan.hu
    left = max(1.0, scan.reach_mm(axis) / scan.spacing_kji[axis])
    end = np.minimum(hu[faces.at], PEAK_HU).astype(np.float32)
    on = np.ones(len(end), bool)
    for step in range(1, int(np.ceil(left)) + 1):
        change = np.minimum(hu[faces.beside(axis, way * step)], PEAK_HU) - end
        on &= (change <= 0) if outwards else (change >= 0)
        # between voxels the values change linearly
        end += np.float32(min(1.0, left)) * on * change
        left -= 1
    return end


def _thick(surface: Surface) -> Bools:
    """Where bone goes on behind a voxel, on the way on which values rise most, and no wall."""
    scan = surface.scan
    rise = []
    for axis, mm in enumerate(scan.spacing_kji):
        after, before = (
            scan.hu[surface.beside(axis, way)].astype(np.float32) for way in (1, -1)
        )
        rise.append((after - before) / np.float32(mm))
    steepest = np.sqrt(sum(np.square(r) for r in rise)) + np.float32(1e-3)
    # in voxels along each axis for a mm of that way
    way = [r / steepest / mm for r, mm in zip(rise, scan.spacing_kji, strict=True)]
    found = ~_ridge(surface)
    for half in (0.5, 1.0):
        to = surface.at.copy()
        for axis, w in enumerate(way):
            steps = np.rint(half * THICK_MM * w).astype(np.intp)
            to += surface.beside(axis, steps) - surface.at
        found &= scan.bone[to]
    return found


def _bare_on_both_sides(surface: Surface) -> Bools:
    """Whether no bone lies on either side along an axis: the rim of a hole in a thin wall."""
    bone = surface.scan.bone
    found = np.zeros(len(surface.at), bool)
    for axis in range(3):
        found |= ~(bone[surface.beside(axis, -1)] | bone[surface.beside(axis, 1)])
    return found


def _ridge(surface: Surface) -> Bools:
    """Whether the values fall on both sides along an axis, as those of a thin wall do."""
    level, found = surface.scan.hu[surface.at] - RISE_HU, np.zeros(len(surface.at), bool)
    for axis in range(3):
        if surface.scan.wall_voxels(axis):
            before, after = (_lowest(surface, axis, way) for way in (-1, 1))
            found |= np.maximum(before, after) < level
    return found


def _lowest(surface: Surface, axis: int, way: int) -> Values:
    """The lowest value on one side, no farther away than a wall's other side may lie."""
    far = surface.scan.wall_voxels(axis)
    low = last = surface.scan.hu[surface.beside(axis, way)]
    for step in range(2, math.ceil(far) + 1):
        value = surface.scan.hu[surface.beside(axis, way * step)]
        if step > far:  # between voxels the values change linearly
            share = np.float32(far + 1 - step)
            value = (1 - share) * last + share * value
        low, last = np.minimum(low, value), value
    return low
