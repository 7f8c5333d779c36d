"""The body: everything inside the skin, without table, clothes and wires."""

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.frame import Bools, Floats, Labels, Spacing
from vis3d.segmentation.morphology import (
    components,
    components_in_slices,
    filled,
    filled_in_slices,
    fringed,
    grown,
    keep,
    shrunk,
    sizes,
    sums,
)

SKIN_HU = -350
"""Between air and the skin, at about half height."""
TISSUE_HU = (-250, 1500)
CORE_MM = 8.0
"""What is thinner than twice this is no body: table tops, blankets, tubes."""
LUNG_AIR_HU = (-930, -600)
"""What a lung that the field of view cuts is told from the outside air by."""
DARK_LUNG_HU = (-945, -600)
DARK_HU = -965
"""Much of an emphysematous lung is as dark as air, but little of it is darker than this."""
MAX_RIM_SHARE = 0.45
"""Outside air has more of its outline at the edge of the scan than a lung cut there."""
MIN_WALLED_SHARE = 0.6
"""The foam of a table is as dense as lung, but lies in a thin shell and not in a thick wall."""
GAS_HU = -940
"""Enclosed air darker than this on average is gas or the hollow of a table, not lung."""
LEAST_DOUBT, MOST_AGREE = 0.15, 0.5
MIN_TISSUE_SHARE = 0.35
MIN_PART_SHARE = 0.02
"""Arms and legs that lie apart are kept from this share of the largest part on."""


def coarse_body(hu: Floats, unmeasured: Bools | None, spacing_kji: Spacing) -> Bools:
    """The body on a grid of about 4 mm, [k, j, i] as in `PatientFrame`."""
    measured = np.ones(hu.shape, bool) if unmeasured is None else ~unmeasured
    air = (hu < SKIN_HU) & measured
    solid = measured & ~_outside_air(air, hu, measured)
    solid &= ~_hollows(air & solid, hu)
    pieces = components(shrunk(solid, CORE_MM, spacing_kji))
    core = _bodies(pieces, hu)
    if not core.any():
        return core
    body = grown(core, CORE_MM + max(spacing_kji) / 2, spacing_kji) & solid
    return filled(filled_in_slices(body)) & measured


def _outside_air(air: Bools, hu: Floats, measured: Bools) -> Bools:
    """Air that a slice's border or the padding touches, unless it is a lung that they cut."""
    labels = components_in_slices(air)
    count = int(labels.max()) + 1
    rim = grown(~measured, 1.0, (9.0, 1.0, 1.0)) if not measured.all() else ~measured
    rim = rim.copy()
    rim[:, [0, -1]] = True
    rim[:, :, [0, -1]] = True
    touching = np.zeros(count, bool)
    touching[labels[rim]] = True
    edge = keep(labels, touching)
    like = keep(labels, touching & _lung_like(labels, air, hu, rim))
    return edge & ~_agreed(like, edge, air)


def _agreed(like: Bools, edge: Bools, air: Bools) -> Bools:
    """What the slices say of the air at the edge, where most slices of a piece agree: all."""
    pieces = components(air)
    count = int(pieces.max()) + 1
    share = sizes(pieces * like, count) / np.maximum(sizes(pieces * edge, count), 1)
    return edge & keep(pieces, share > LEAST_DOUBT) & (like | keep(pieces, share > MOST_AGREE))


def _lung_like(labels: Labels, air: Bools, hu: Floats, rim: Bools) -> NDArray[np.bool_]:
    """Which pieces have the density of lung away from their edges, and tissue round them."""
    inside = shrunk(air, 1.0, (9.0, 1.0, 1.0))
    count = int(labels.max()) + 1
    deep = labels * inside
    voxels = np.maximum(sizes(deep, count), 1)

    def share_within(low: float, high: float) -> NDArray[np.float64]:
        return sums(deep, (hu > low) & (hu < high), count) / voxels

    at_rim, at_tissue = sizes(labels * rim, count), sizes(labels * ~inside, count)
    thick = shrunk(hu > SKIN_HU, 1.0, (9.0, 1.0, 1.0))
    near_thick = fringed(fringed(thick, (1, 2)), (1, 2))
    walled = sizes(labels * (~inside & near_thick), count) > MIN_WALLED_SHARE * at_tissue
    surrounded = at_rim < MAX_RIM_SHARE * (at_rim + at_tissue)
    usual = share_within(*LUNG_AIR_HU) > 0.7
    dark = (share_within(*DARK_LUNG_HU) > 0.5) & (share_within(-np.inf, DARK_HU) < 0.25)
    return np.asarray((voxels > 30) & (usual | (dark & surrounded & walled)))


def _hollows(air: Bools, hu: Floats) -> Bools:
    labels = components_in_slices(air)
    mean_hu = sums(labels, hu) / np.maximum(sizes(labels), 1)
    return keep(labels, mean_hu < GAS_HU)


def _bodies(pieces: Labels, hu: Floats) -> Bools:
    """The pieces that consist of tissue to a good part, small ones left out."""
    tissue = ((hu > TISSUE_HU[0]) & (hu < TISSUE_HU[1])).astype(np.float32)
    amount = sums(pieces, tissue)
    amount[0] = 0
    share = amount / np.maximum(sizes(pieces), 1)
    return keep(pieces, (share > MIN_TISSUE_SHARE) & (amount > MIN_PART_SHARE * amount.max()))
