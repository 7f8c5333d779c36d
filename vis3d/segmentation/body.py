"""The body: everything inside the skin, without table, clothes and wires."""

import numpy as np

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
from vis3d.segmentation.outside import LUNG_HU, SKIN_HU, outside_air, walled_in

TISSUE_HU = (-250, 1500)
CORE_MM = 8.0
"""What is thinner than twice this is no body: table tops, blankets, tubes."""
GAS_HU = -940
"""Enclosed air darker than this on average is gas or the hollow of a table, not lung."""
MIN_TISSUE_SHARE = 0.35
MIN_PART_SHARE = 0.02
"""Arms and legs that lie apart are kept from this share of the largest part on."""


def coarse_body(hu: Floats, unmeasured: Bools | None, spacing_kji: Spacing) -> Bools:
    """The body on a grid of about 4 mm, [k, j, i] as in `PatientFrame`."""
    measured = np.ones(hu.shape, bool) if unmeasured is None else ~unmeasured
    air = (hu < SKIN_HU) & measured
    solid = measured & ~outside_air(air, hu, measured)
    solid &= ~_hollows(air & solid, hu)
    pieces = components(shrunk(solid, CORE_MM, spacing_kji))
    core = _bodies(pieces, hu)
    if not core.any():
        return core
    body = grown(core, CORE_MM + max(spacing_kji) / 2, spacing_kji) & solid
    return filled(filled_in_slices(body)) & measured


def _hollows(air: Bools, hu: Floats) -> Bools:
    labels = components_in_slices(air)
    voxels = np.maximum(sizes(labels), 1)
    # a lung as dark as that has thick walls, a table has not
    thin = sums(labels, walled_in(hu)) < 0.5 * voxels
    return keep(labels, (sums(labels, hu) < GAS_HU * voxels) & thin)


def _bodies(pieces: Labels, hu: Floats) -> Bools:
    """The pieces that consist of tissue to a good part, small ones left out."""
    tissue = ((hu > TISSUE_HU[0]) & (hu < TISSUE_HU[1])).astype(np.float32)
    amount = sums(pieces, tissue)
    amount[0] = 0
    # where the edges of the scan cut both lungs, there is more lung in it than tissue
    airy = sums(pieces, (hu > LUNG_HU[0]) & (hu < LUNG_HU[1]))
    share = amount / np.maximum(sizes(pieces) - airy, MIN_TISSUE_SHARE * airy + 1)
    return keep(pieces, (share > MIN_TISSUE_SHARE) & (amount > MIN_PART_SHARE * amount.max()))
