"""What is denser than skin and lies bare to the air: boards, holders, casts, tubes."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from vis3d.segmentation.body.outside import SKIN_HU
from vis3d.segmentation.body.specimens import is_specimen
from vis3d.segmentation.metal import EDGE_HU
from vis3d.segmentation.voxels.frame import Bools, Labels, Spacing, Values
from vis3d.segmentation.voxels.grids import Factors, coarse_spacing, fine_box, pooled, spread
from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    components,
    fringed,
    keep,
    sizes,
    sums,
)
from vis3d.segmentation.voxels.slabs import each_slab

BARE_HU = 150
"""Denser than skin; over bone lie skin and fat."""
MIN_BARE_ML = 0.3
MIN_BARE = 0.2
"""How much of a thing's surface, at full resolution, faces the air outside at once."""
MAX_METAL = 0.05
ALL_DENSE = 0.99
DEPTH_MM = 12.0
"""How thick a cast may be; what is denser than skin beyond is bone that it touches."""
SKIN_MM = 1.5
"""Skin and what fat there is over a bone are thicker than that, and blur is thinner."""
MOSTLY = 0.9
SLICES = 16
IN_SLICE = (1, 2)


def bare_things(
    coarse_hu: Values,
    body: Bools,
    unmeasured: Bools | None,
    hu: Values,
    factors: Factors,
    spacing_kji: Spacing,
) -> Bools | None:
    """Dense things that reach into the body and that no skin covers; None without any.

    A voxel of the body's grid, the answer's too, is `factors` voxels of the scan, whose
    spacing is `spacing_kji`. A bone without flesh, such as a dry skull, is a body by itself.
    """
    voxel_mm = coarse_spacing(spacing_kji, factors)
    least = MIN_BARE_ML * 1000 / np.prod(voxel_mm)
    box = bounding_box(body, 1.0)
    if box is None or _near_the_skin(coarse_hu[box], body[box]) < least:
        return None
    dense = coarse_hu > BARE_HU
    beside = _fringe(~body)
    shell = dense & _fringe(beside)
    outside = beside & ~_fringe(_blank(coarse_hu, body, unmeasured))
    things = components(shell)
    # metal's streaks make the skin over a port or a pacemaker look like air
    metallic = sums(things, coarse_hu > EDGE_HU) > MAX_METAL * sizes(things)
    things *= keep(things, (sums(things, body) > least) & ~metallic)
    shares = _bare_shares(things, outside, hu, factors, spacing_kji)
    bare: Bools = keep(things, shares > MIN_BARE)
    if not bare.any():
        return None
    bare = _to_its_depth(bare, hu, factors, spacing_kji)
    bare &= dense
    taken = np.count_nonzero(bare & body)
    tissue = np.count_nonzero(body & ~dense & (coarse_hu > SKIN_HU))
    most = MOSTLY * np.count_nonzero(dense & body)
    if taken > tissue or (taken > most and is_specimen(coarse_hu, body, voxel_mm)):
        return None
    return bare


def _near_the_skin(coarse_hu: Values, body: Bools) -> int:
    """How many dense voxels of the body have air within two voxels."""
    counts: list[int] = []

    def look(start: int, stop: int) -> None:
        inside = body[start:stop]
        dense = (coarse_hu[start:stop] > BARE_HU) & inside
        counts.append(int(np.count_nonzero(dense & _fringe(_fringe(~inside)))))

    each_slab(look, len(body), SLICES)
    return sum(counts)


def _blank(coarse_hu: Values, body: Bools, unmeasured: Bools | None) -> Bools:
    """Where nothing was measured: the field of view ends there, not what it cuts.

    Corners without noise are blank even if nobody says so, unless all of the air is.
    """
    lowest: Bools = (coarse_hu == coarse_hu.min()) & ~body
    if np.count_nonzero(lowest) > MOSTLY * np.count_nonzero(~body):
        lowest[:] = False
    return lowest if unmeasured is None else lowest | unmeasured


def _fringe(mask: Bools) -> Bools:
    return fringed(mask, IN_SLICE)


def _to_its_depth(bare: Bools, hu: Values, factors: Factors, spacing_kji: Spacing) -> Bools:
    """A bare thing with what lies deeper in it, but not the bone under the skin it presses on.

    It goes on only where all voxels of the scan are dense: skin that parts two coarse voxels
    is less than one of them.
    """
    box = bounding_box(bare, DEPTH_MM, coarse_spacing(spacing_kji, factors))
    if box is None:
        return bare
    steps = round(DEPTH_MM / (spacing_kji[1] * factors[1]))
    solid = pooled(hu[fine_box(box, factors, hu.shape)] > BARE_HU, factors) > ALL_DENSE
    deeper = bare[box]
    for _ in range(steps):
        deeper = _fringe(deeper) & (solid | deeper)
    whole = bare.copy()
    whole[box] = _fringe(deeper)
    return whole


def _bare_shares(
    things: Labels, outside: Bools, hu: Values, factors: Factors, spacing_kji: Spacing
) -> NDArray[np.float64]:
    """How much of the surface of each thing, within the slices, faces the air outside."""
    count = int(things.max(initial=0)) + 1
    surface, bare = np.zeros(count), np.zeros(count)
    box = bounding_box(fringed(things > 0))
    if box is None:
        return bare
    k, j, i = fine_box(box, factors, hu.shape)
    outside = outside[box]
    # the voxels at the border of a thing are dense in part
    wide = np.where(things[box] > 0, things[box], maximum_filter(things[box], (1, 3, 3)))
    for number in range(things[box].shape[0]):
        first = k.start + number * factors[0]
        values = hu[first : min(first + factors[0], hu.shape[0]), j, i]
        own = (slice(number, number + 1), slice(None), slice(None))
        of = spread(wide[own], factors, values.shape)
        dense = (of > 0) & (values > BARE_HU)
        air = (values < SKIN_HU) & spread(outside[own], factors, values.shape)
        for axis in IN_SLICE:
            reach = max(1, round(SKIN_MM / spacing_kji[axis]))
            for flip in (False, True):
                a, d, o = (np.flip(x, axis) if flip else x for x in (air, dense, of))
                faces = d & ~_moved(d, 1, axis)
                open_ = np.zeros(d.shape, bool)
                for step in range(1, reach + 1):
                    open_ |= _moved(a, step, axis)
                surface += np.bincount(o[faces], minlength=count)
                bare += np.bincount(o[faces & open_], minlength=count)
    return bare / np.maximum(surface, 1)


def _moved(mask: Bools, step: int, axis: int) -> Bools:
    """The mask moved towards the start of an axis; what comes in from beyond is false."""
    moved = np.zeros(mask.shape, bool)
    np.moveaxis(moved, axis, 0)[:-step] = np.moveaxis(mask, axis, 0)[step:]
    return moved
