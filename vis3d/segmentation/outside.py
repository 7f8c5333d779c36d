"""The air round the body, and the lung that the edge of the scan cuts and makes look alike."""

import math

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.frame import Bools, Floats, Labels, Spacing
from vis3d.segmentation.morphology import (
    components,
    components_in_slices,
    grown,
    keep,
    shrunk,
    sizes,
    sums,
    swept,
    trimmed_in_slices,
)

SKIN_HU = -350
"""Between air and the skin, at about half height."""
LUNG_HU = (-930, -600)
MOSTLY_LUNG = 0.7
DARKEST_LUNG_HU, LIGHTER_LUNG_HU = -960, -925
"""Half of even an emphysematous lung is denser than the one, a quarter than the other."""
HALF, QUARTER = 0.5, 0.23
MIN_WALLED = 0.1
"""From a lung that an edge of the scan cuts, tissue lies in three of four directions or above
and below, from air outside in one or two: the share of a slice that is so walled in."""
LEAST_DOUBT, MOST_AGREE = 0.15, 0.5
MIN_VOXELS = 30
BODY_MM, MAX_BODY, MIN_LAYER = 8.0, 0.1, 0.4
"""Of a mattress, how much may have body (thicker than twice this) on the table's side, and how
much must have something on that side: the table."""
EVEN_OVER_MM, MAX_UNEVEN_HU = 6.0, 50.0
"""A tenth of foam changes by more than 13 to 40 HU from one block of slices to the next (with
80 HU more noise in the scan 27 to 64), a tenth of lung by more than 80 to 130: its vessels."""
IN_SLICES: Spacing = (9.0, 1.0, 1.0)
"""A spacing in voxels with which distances stay within a slice."""


def outside_air(
    air: Bools, hu: Floats, walled: Bools, measured: Bools, spacing_kji: Spacing
) -> Bools:
    """Air that a slice's border or the padding touches, unless it is a lung that they cut.

    On a grid of about 4 mm, [k, j, i] as in `PatientFrame`. Slice by slice, so that a
    windpipe open to the mouth joins nothing; then the slices of a piece are asked together.
    `walled` is what `walled_in` tells of that scan.
    """
    pieces = components_in_slices(air)
    touching = np.zeros(int(pieces.max()) + 1, bool)
    touching[pieces[_rim(measured)]] = True
    edge = keep(pieces, touching)
    labels = pieces * edge
    like = keep(labels, _lung_like(labels, air, hu, walled))
    lung = _agreed(like, edge)
    if lung.any():
        lung &= ~_foam(lung, hu, measured & ~air, spacing_kji)
    return edge & ~lung


def _rim(measured: Bools) -> Bools:
    """The voxels at the sides of the slices and beside the padding."""
    rim = np.zeros(measured.shape, bool)
    if not measured.all():
        rim = grown(~measured, 1.0, IN_SLICES)
    rim[:, [0, -1]] = True
    rim[:, :, [0, -1]] = True
    return rim


def _lung_like(labels: Labels, air: Bools, hu: Floats, walled: Bools) -> NDArray[np.bool_]:
    """Which pieces have the density of lung away from their edges, and tissue round them."""
    count = int(labels.max()) + 1
    deep = np.flatnonzero((labels != 0) & shrunk(air, 1.0, IN_SLICES))
    of, values = labels.reshape(-1)[deep], hu.reshape(-1)[deep]
    voxels = np.bincount(of, minlength=count)

    def share(where: Bools) -> NDArray[np.float64]:
        return np.bincount(of[where], minlength=count) / np.maximum(voxels, 1)

    usual = share((values > LUNG_HU[0]) & (values < LUNG_HU[1])) > MOSTLY_LUNG
    dark = (share(values > DARKEST_LUNG_HU) > HALF) & (
        share(values > LIGHTER_LUNG_HU) > QUARTER
    )
    is_walled = sums(labels, walled, count) > MIN_WALLED * sizes(labels, count)
    return np.asarray((voxels > MIN_VOXELS) & (usual | (dark & is_walled)))


def walled_in(hu: Floats) -> Bools:
    """What has thick tissue in three directions of its slice, or in two and above and below."""
    thick = trimmed_in_slices(hu > SKIN_HU)
    within = sum(side.astype(np.uint8) for axis in (1, 2) for side in _beyond(thick, axis))
    above, below = _beyond(thick, 0)
    return np.asarray((within >= 3) | ((within >= 2) & above & below))


def _beyond(thick: Bools, axis: int) -> tuple[Bools, Bools]:
    """Where tissue lies before and behind along an axis."""
    return swept(thick, axis), np.flip(swept(np.flip(thick, axis), axis), axis)


def _agreed(like: Bools, edge: Bools) -> Bools:
    """What the slices say of the air at the edge, where most slices of a piece agree: all."""
    pieces = components(edge)
    count = int(pieces.max()) + 1
    share = sizes(pieces * like, count) / np.maximum(sizes(pieces * edge, count), 1)
    return edge & keep(pieces, share > LEAST_DOUBT) & (like | keep(pieces, share > MOST_AGREE))


def _foam(lung: Bools, hu: Floats, solid: Bools, spacing_kji: Spacing) -> Bools:
    """A mattress before a table: a thin layer on one side of it, and even along the scan.

    It has the density of lung, and a narrow field of view cuts it as it cuts a lung.
    """
    pieces = components(lung)
    count = int(pieces.max()) + 1
    voxels = np.maximum(sizes(pieces, count), 1)
    core = shrunk(solid, BODY_MM, spacing_kji)
    by_layer = np.zeros(count, bool)
    for axis in (1, 2):
        for anything, body in zip(_beyond(solid, axis), _beyond(core, axis), strict=True):
            layer = sums(pieces, anything, count) > MIN_LAYER * voxels
            by_layer |= layer & (sums(pieces, body, count) < MAX_BODY * voxels)
    by_layer[0] = False
    pieces = pieces * keep(pieces, by_layer)
    if not pieces.any():
        return np.zeros(lung.shape, bool)
    block = min(math.ceil(EVEN_OVER_MM / spacing_kji[0]), len(hu) // 2)
    changes = _changes_hu(pieces, hu, block, count)
    if np.isinf(changes[by_layer]).any():
        # some pieces are too short for two blocks
        changes = np.where(np.isinf(changes), _changes_hu(pieces, hu, 1, count), changes)
    return keep(pieces, changes < MAX_UNEVEN_HU)


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
