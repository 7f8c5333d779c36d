"""The body: everything inside the skin, without table, clothes and wires."""

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.frame import Bools, Floats, Labels, Spacing
from vis3d.segmentation.morphology import (
    components,
    components_in_slices,
    filled,
    filled_in_slices,
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
GAS_HU = -940
"""Enclosed air darker than this on average is gas or the hollow of a table, not lung."""
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
    return keep(labels, touching & ~_lung_like(labels, air, hu))


def _lung_like(labels: Labels, air: Bools, hu: Floats) -> NDArray[np.bool_]:
    """Which pieces have the density of lung away from their edges."""
    deep = labels * shrunk(air, 1.0, (9.0, 1.0, 1.0))
    count = int(labels.max()) + 1
    voxels = np.bincount(deep.reshape(-1), minlength=count)
    airy = ((hu > LUNG_AIR_HU[0]) & (hu < LUNG_AIR_HU[1])).reshape(-1)
    in_range = np.bincount(deep.reshape(-1), airy, minlength=count)
    return np.asarray((voxels > 30) & (in_range > 0.7 * voxels))


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
