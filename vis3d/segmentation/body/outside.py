"""The air round the body, and the lung that the edge of the scan cuts and makes look alike."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from vis3d.segmentation.voxels.frame import Bools, Floats, Labels, Spacing
from vis3d.segmentation.voxels.morphology import (
    components,
    components_in_slices,
    fringed,
    grown,
    keep,
    shrunk,
    sizes,
    sums,
    swept,
    trimmed_in_slices,
)

SKIN_HU = -350
"""Between air and the skin: what is lighter is taken for air where the body is decided on."""
SKIN_EDGE_HU = -450
"""Where the skin is drawn: half-way to air from skin blurred with its fat is -390 to -540."""
LUNG_HU = (-930, -600)
MOSTLY_LUNG = 0.7
DARKEST_LUNG_HU, LIGHTER_LUNG_HU = -960, -925
"""Half of even an emphysematous lung is denser than the one, a quarter than the other."""
HALF, QUARTER = 0.5, 0.23
BETWEEN, WALLED, BOXED = 2, 3, 4
"""In how many directions thick tissue lies: the four of the slice, above and below as one."""
MIN_BETWEEN, MIN_WALLED, MIN_BOXED = 0.3, 0.1, 0.8
"""How much of what an edge of the scan cuts lies so: lung as dense as usual, darker lung, and
gas of the bowel or the sinuses."""
LEAST_DOUBT, MOST_AGREE, MIN_SHARED = 0.15, 0.5, 0.5
MIN_VOXELS, MIN_SECTION = 30, 8
"""Smaller pieces have no density of their own; still smaller ones join no others."""
BODY_MM, MAX_BODY, MIN_LAYER, MAX_WALLED = 8.0, 0.1, 0.4, 0.5
"""Of a mattress, how much may have body (thicker than twice this) on the table's side, and how
much must have something on that side: the table. Less of it is walled in."""
OPEN, HALF_OPEN = 0.4, 0.7
"""Less of a mattress lies between tissue where no table is seen, of a blanket less than the
other; of a lung more than half, and of most more than that."""
VESSEL_HU, MIN_VESSELS = -500, 0.0015
"""More of a lung's inside is denser, and less of what lies in folds, however uneven."""
EVEN_OVER_MM, MAX_UNEVEN_HU = 6.0, 50.0
"""A tenth of foam changes by more than 13 to 40 HU from one block of slices to the next (with
80 HU more noise in the scan 27 to 64), a tenth of lung by more than 80 to 130: its vessels."""
CROSS = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], bool)
IN_SLICES: Spacing = (9.0, 1.0, 1.0)
"""A spacing in voxels with which distances stay within a slice."""


def outside_air(
    pieces: Labels,
    hu: Floats,
    walled: NDArray[np.uint8],
    measured: Bools,
    spacing_kji: Spacing,
) -> Bools:
    """Air that a slice's border or the padding touches, unless it is a lung that they cut.

    On a grid of about 4 mm, [k, j, i] as in `PatientFrame`. Slice by slice, so that a
    windpipe open to the mouth joins nothing; then the slices of a piece are asked together.
    `pieces` and `walled` are what `pieces_and_walls` tells of that scan. A piece is outside
    as a whole, or none of it is.
    """
    air = pieces > 0
    touching = np.zeros(int(pieces.max()) + 1, bool)
    touching[pieces[rim(measured)]] = True
    edge = keep(pieces, touching)
    labels = _parted(pieces * edge, measured, len(touching))
    like = _lung_like(labels, air, hu, walled, len(touching))
    if not like.any():
        return edge
    lung = _agreed(labels, like)
    if lung.any():
        lung &= ~_foam(lung, hu, measured & ~air, walled, spacing_kji)
    return edge & ~lung


def pieces_and_walls(hu: Floats, measured: Bools) -> tuple[Labels, NDArray[np.uint8]]:
    """The pieces of air in each slice, and what lies round each voxel (see `walled_in`)."""
    return components_in_slices((hu < SKIN_HU) & measured), walled_in(hu)


def rim(measured: Bools) -> Bools:
    """The voxels at the sides of the slices and beside the padding."""
    edges = np.zeros(measured.shape, bool)
    if not measured.all():
        edges = grown(~measured, 1.0, IN_SLICES)
    edges[:, [0, -1]] = True
    edges[:, :, [0, -1]] = True
    return edges


def _parted(labels: Labels, measured: Bools, count: int) -> Labels:
    """The pieces, with labels from `count` on for what only a narrow passage joins to them.

    Gas under the skin and drains lead from the room into a lung.
    """
    wide = components_in_slices(trimmed_in_slices(labels > 0))
    behind = np.ones(int(wide.max()) + 1, bool)
    behind[wide[fringed(rim(measured), (1, 2))]] = False
    if not behind[1:].any():
        return labels
    # each piece on its own gets back the rim that it lost
    parted = maximum_filter(wide * keep(wide, behind), footprint=CROSS) * (labels > 0)
    return np.where(parted > 0, parted + np.uint32(count - 1), labels)


def _lung_like(
    labels: Labels, air: Bools, hu: Floats, walled: NDArray[np.uint8], wholes: int
) -> NDArray[np.bool_]:
    """Which pieces are as dense as lung away from their edges, or gas, with tissue round.

    Gas is asked for only among labels below `wholes`: the room's air may lie so, too.
    """
    count = int(labels.max()) + 1
    deep = np.flatnonzero((labels != 0) & shrunk(air, 1.0, IN_SLICES))
    of, values = labels.reshape(-1)[deep], hu.reshape(-1)[deep]
    voxels, voxels_of = np.bincount(of, minlength=count), sizes(labels, count)

    def share(where: Bools) -> NDArray[np.float64]:
        return np.bincount(of[where], minlength=count) / np.maximum(voxels, 1)

    usual = share((values > LUNG_HU[0]) & (values < LUNG_HU[1])) > MOSTLY_LUNG
    dark = (share(values > DARKEST_LUNG_HU) > HALF) & (
        share(values > LIGHTER_LUNG_HU) > QUARTER
    )
    between, is_walled, boxed = (
        sums(labels, walled >= least, count) > part * voxels_of
        for least, part in ((BETWEEN, MIN_BETWEEN), (WALLED, MIN_WALLED), (BOXED, MIN_BOXED))
    )
    like = (voxels > MIN_VOXELS) & ((usual & between) | (dark & is_walled))
    boxed[wholes:] = False
    return np.asarray(like | (boxed & (voxels > 0)))


def walled_in(hu: Floats) -> NDArray[np.uint8]:
    """In how many of four directions of its slice, and above and below, thick tissue lies."""
    thick = trimmed_in_slices(hu > SKIN_HU)
    sides = [side for axis in (1, 2) for side in _beyond(thick, axis)]
    above, below = _beyond(thick, 0)
    return np.asarray(np.sum([*sides, above & below], axis=0, dtype=np.uint8))


def _beyond(thick: Bools, axis: int) -> tuple[Bools, Bools]:
    """Where tissue lies before and behind along an axis."""
    return swept(thick, axis), np.flip(swept(np.flip(thick, axis), axis), axis)


def _agreed(labels: Labels, like: NDArray[np.bool_]) -> Bools:
    """What the slices say of the air at the edge, where most slices of a piece agree: all.

    A piece goes on in the next slice where half of its smaller section lies on the other.
    Small sections join nothing, and go where most of what lies on them goes.
    """
    voxels = sizes(labels, len(like))
    pairs, shared = _overlaps(labels)
    smaller = voxels[pairs].min(axis=0)
    same = pairs[:, (smaller >= MIN_SECTION) & (shared > MIN_SHARED * smaller)]
    graph = coo_array((np.ones(same.shape[1], bool), tuple(same)), (len(like), len(like)))
    _, group = connected_components(graph, directed=False)
    share = np.bincount(group, voxels * like) / np.maximum(np.bincount(group, voxels), 1)
    of_group = share[group]
    lung = (of_group > LEAST_DOUBT) & (like | (of_group > MOST_AGREE))
    weights = np.where(lung[pairs[::-1]], 1, -1) * shared * (voxels[pairs[::-1]] >= MIN_SECTION)
    votes = np.bincount(pairs.reshape(-1), weights.reshape(-1), len(like))
    return keep(labels, np.where(voxels >= MIN_SECTION, lung, votes > 0))


def _overlaps(labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pairs (2, n) of pieces of which parts lie on each other, and how many voxels do."""
    count = int(labels.max(initial=0)) + 1
    below, above = labels[:-1].reshape(-1), labels[1:].reshape(-1)
    both = np.flatnonzero((below != 0) & (above != 0))
    codes = below[both].astype(np.int64) * count + above[both]
    found, shared = np.unique(codes, return_counts=True)
    return np.stack(np.divmod(found, count)), shared


def _foam(
    lung: Bools, hu: Floats, solid: Bools, walled: NDArray[np.uint8], spacing_kji: Spacing
) -> Bools:
    """Mattresses and blankets: they are even, or open and without vessels.

    They have the density of lung, and a narrow field of view cuts them as it cuts a lung.
    """
    pieces = components(lung)
    count = int(pieces.max()) + 1
    between = sums(pieces, walled >= BETWEEN, count) / np.maximum(sizes(pieces, count), 1)
    foam = (between < OPEN) | _before_a_table(pieces, solid, walled, spacing_kji)
    cloth = between < HALF_OPEN
    perhaps = foam | cloth
    perhaps[0] = False
    pieces = pieces * keep(pieces, perhaps)
    if not pieces.any():
        return np.zeros(lung.shape, bool)
    block = min(math.ceil(EVEN_OVER_MM / spacing_kji[0]), len(hu) // 2)
    changes = _changes_hu(pieces, hu, block, count)
    if np.isinf(changes[perhaps]).any():
        # some pieces are too short for two blocks
        changes = np.where(np.isinf(changes), _changes_hu(pieces, hu, 1, count), changes)
    foam &= changes < MAX_UNEVEN_HU
    return keep(pieces, foam | (cloth & ~_with_vessels(pieces, hu, count)))


def _before_a_table(
    pieces: Labels, solid: Bools, walled: NDArray[np.uint8], spacing_kji: Spacing
) -> NDArray[np.bool_]:
    """Which pieces have a thin layer on one side and no body behind it."""
    count = int(pieces.max()) + 1
    voxels = sizes(pieces, count)
    core = shrunk(solid, BODY_MM, spacing_kji)
    before = np.zeros(count, bool)
    for axis in (1, 2):
        for anything, body in zip(_beyond(solid, axis), _beyond(core, axis), strict=True):
            layer = sums(pieces, anything, count) > MIN_LAYER * voxels
            before |= layer & (sums(pieces, body, count) < MAX_BODY * voxels)
    return before & (sums(pieces, walled >= WALLED, count) < MAX_WALLED * voxels)


def _with_vessels(pieces: Labels, hu: Floats, count: int) -> NDArray[np.bool_]:
    """Which pieces hold what is denser than lung away from their edges, as thin ones cannot."""
    closed = shrunk(grown(pieces > 0, 1.0, IN_SLICES), 2.0, IN_SLICES)
    inside = maximum_filter(pieces, (1, 3, 3)) * closed
    return np.asarray(sums(inside, hu > VESSEL_HU, count) > MIN_VESSELS * sizes(inside, count))


def _changes_hu(pieces: Labels, hu: Floats, block: int, count: int) -> NDArray[np.float64]:
    """The 90th percentile of how each piece changes, from one block of slices to the next.

    Infinite where no two blocks lie in the piece.
    """
    changes = np.full(count, np.inf)
    if len(hu) < 2 * block or block == 0:
        return changes
    deep = shrunk(pieces > 0, 1.0, IN_SLICES)
    mean = _block_means(hu, block)
    whole = _block_means(deep, block) > 1 - 0.5 / block
    both = whole[block:] & whole[:-block]
    labels = pieces[block : block + len(both)][both]
    difference = np.abs(mean[block:] - mean[:-block])[both]
    for label in np.unique(labels[labels > 0]):
        changes[label] = np.percentile(difference[labels == label], 90)
    return changes


def _block_means(values: NDArray[np.generic], block: int) -> NDArray[np.float64]:
    """The mean of each `block` neighbouring slices; one less slice for each but the first."""
    total = np.cumsum(np.concatenate([np.zeros_like(values[:1]), values]), axis=0, dtype=float)
    return np.asarray((total[block:] - total[:-block]) / block)
