"""Nodules and masses at the pleura, which no air parts from the chest wall."""

import numpy as np

from vis3d.segmentation.lungs.gaps import nodules_in_gaps
from vis3d.segmentation.lungs.pockets import Pockets
from vis3d.segmentation.lungs.round_nodules import Demands, in_spheres, round_nodules
from vis3d.segmentation.voxels.enclosure import ALL_ROUND, open_directions, walls_around
from vis3d.segmentation.voxels.frame import Bools, Labels, Spacing, Whole
from vis3d.segmentation.voxels.grids import coarse_spacing, every, factors_for, spread
from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    components,
    fringed,
    grown,
    opened,
    swept,
)

REACH_MM = 20.0
"""How far lung may lie from a voxel to surround it."""
HALF_ROUND, DEEP_ROUND = 14, 17
"""In how many of 26 directions lung lies round a pocket, and round its innermost voxel: the
pleura that a nodule hides has lung in half of them; ribs, heart and diaphragm, which bend
into the lung, in a few more."""
MIN_RADII_MM = (3.0, 2.0)
"""Ribs and vessels dent the lung less deeply than this; nodules of 8 mm are told from them only
by the smaller radius, larger ones that dents join only by the larger one."""
TISSUE_HU = (-400, 200)
MIN_MEAN_HU, MOST_UNEVEN_HU = -250.0, 60.0
"""On coarse grids the voxels of a small nodule hold lung too; what is lighter is a part solid
nodule if it is even, else the edge of a diaphragm that shares its slice with lung."""
SHARED_ML, SHARED_CONTACT, SHARED_HU = 0.5, 0.6, -300.0
"""A nodule so small that lies so far in the lung shares still more of its voxels with it."""
DENSE_SHARE, DENSE_CONTACT = 0.1, 0.6
"""So much of a nodule denser than soft tissue is calcium, or contrast in a vessel and a rib,
which touch less lung."""
LEAST_SHARE, DOUBT_SHARE = 0.25, 0.3
"""Least share of its box that a nodule or a mass fills, and what is in doubt: the vessels of
the hilum fill less."""
NODULE_ML, NODULE_MM = 0.03, 45.0
"""A nodule: least volume, greatest length."""
WHOLE_CONTACT = 0.55
"""Least contact with lung of a nodule that lies nearer to the body's middle."""
MASS_ML, MASS_CONTACT, MASS_MM = 10.0, 0.58, 80.0
"""A mass; what touches less lung are the vessels of the hilum."""
RIM_ROUND, RIM_MM, RIM_ROUNDS = 13, 8.0, 2
"""The rim of a nodule once found: lung or nodule lies round it in as many directions as round a
voxel on a flat pleura, and the nodule is near."""
FAR, FAR_GRID_MM = 2.75, 4.0
"""Masses are looked for with all lengths so much larger, and on what grid."""
MASS = Demands(0.5, on_it=0.7, radius_mm=15.0 / FAR, soft=True)
"""Vessels of the hilum and the arch of the aorta fit spheres of less than 15 mm; masses grow
less round than nodules, and of the heart's side less is seen."""
MAYBE = (
    Demands(0.45, on_it=0.4, radius_mm=17.0 / FAR, soft=True),
    Demands(0.4, on_it=0.9, radius_mm=17.0 / FAR, soft=True, seen=0.3),
)
"""What is larger and less like a ball is in doubt, or a ball that lies deeper in the heart's
side; of what is healthy there, a third fits as well."""
DOUBT_ML, DOUBT_CONTACT = 3.0, 0.45
"""What is as large and lies half in the lung may be consolidation or fluid."""


def pleural_nodules(
    airy: Bools, lung: Bools, hu: Whole, body: Bools, spacing_kji: Spacing, *, is_right: bool
) -> tuple[Bools, Bools]:
    """The solid pockets in the outer surface of an airy lung that surrounds more than half.

    From each voxel of tissue straight lines run in all directions; where most of them meet
    lung soon, the voxel lies on the lung's side of the pleura. That asks each place on its
    own: closing the lung so widely would bridge ribs and diaphragm and eat the mediastinum.
    Pockets with no lung between them and the body's middle may be vessels and heart: they
    must be nodules as a whole, and touch lung with half their surface.
    `lung` is the same with the tissue that it certainly holds, of which the pockets are a rest.
    The second answer holds the pockets in doubt: large and half in the lung, but no nodules.
    """
    nodules, doubted = np.zeros(airy.shape, bool), np.zeros(airy.shape, bool)
    box = bounding_box(lung, max(spacing_kji), spacing_kji)
    if box is None:
        return nodules, doubted
    inner, values = lung[box], hu[box].copy()  # looked up flat, again and again
    tissue = body[box] & (values > TISSUE_HU[0])
    large, maybe = _large_masses(inner, tissue, values, spacing_kji, is_right=is_right)
    inner = inner | large
    around, lines = walls_around(inner, REACH_MM, spacing_kji)
    pockets = tissue & ~inner & (around >= HALF_ROUND)
    held = tissue & inner & ~airy[box]
    found, in_doubt = np.zeros(inner.shape, bool), np.zeros(inner.shape, bool)
    lateral = _lateral(inner, is_right)
    for radius_mm in MIN_RADII_MM:
        # opening parts pockets from slivers along ribs; the fringe gives them their rim back
        thick = opened(pockets | held, radius_mm, spacing_kji)
        deep = (around >= DEEP_ROUND) | fringed(thick & held)
        near = pockets & fringed(thick)
        labels = components(near)
        judged = (inner, deep, values, spacing_kji)
        nodules_here, _ = _judged(labels, *judged, WHOLE_CONTACT, most_dense=DENSE_SHARE)
        # vessels of the hilum may join a pocket: without them it is judged once more
        labels = components(near & ~nodules_here & lateral)
        taken, doubt = _judged(labels, *judged)
        found |= nodules_here | taken
        if radius_mm == MIN_RADII_MM[0]:
            in_doubt = doubt
    whole_ones = _with_rims(found | large, lung[box], tissue, spacing_kji)
    whole_ones |= round_nodules(inner, tissue, values, around, spacing_kji, is_right=is_right)
    whole_ones |= nodules_in_gaps(
        inner | whole_ones, tissue, values, around, lines, spacing_kji
    )
    nodules[box], doubted[box] = whole_ones, (in_doubt | maybe) & ~whole_ones
    return nodules, doubted


def _with_rims(found: Bools, lung: Bools, tissue: Bools, spacing_kji: Spacing) -> Bools:
    """The nodules, each with its rim if it is still a nodule with it.

    From the rim of a large nodule the lung beyond it is out of reach, but the nodule is not.
    """
    box = bounding_box(found, REACH_MM, spacing_kji)
    if box is None:
        return found
    nodules, inner = found[box], lung[box]
    near = tissue[box] & grown(nodules, RIM_MM, spacing_kji) & ~inner
    wide = nodules
    for _ in range(RIM_ROUNDS):
        around = len(ALL_ROUND) - open_directions(inner | wide, REACH_MM, spacing_kji)
        wide = wide | (near & (around >= RIM_ROUND))
    labels = components(wide)
    pockets = Pockets.of_labels(labels, spacing_kji)
    box_mm3, length_mm = pockets.boxes()
    still = (pockets.mm3 >= LEAST_SHARE * box_mm3) & (length_mm <= NODULE_MM)
    still &= pockets.contact(inner) >= WHOLE_CONTACT
    still &= pockets.mean(nodules) > 0
    whole = found.copy()
    whole[box] |= pockets.those(still)
    return whole


def _large_masses(
    lung: Bools, tissue: Bools, hu: Whole, spacing_kji: Spacing, *, is_right: bool
) -> tuple[Bools, Bools]:
    """Masses so large that no lung is within reach of their middle, and what may be such.

    They are found as round nodules are, on a coarser grid where all lengths are larger.
    """
    factors = factors_for(spacing_kji, FAR_GRID_MM)
    k_mm, j_mm, i_mm = coarse_spacing(spacing_kji, factors)
    near_kji = (k_mm / FAR, j_mm / FAR, i_mm / FAR)
    sampled = every(factors)
    solid = tissue & (hu < TISSUE_HU[1])
    # a dome that the scan cuts would go straight on beyond its end, round as a ball
    inner, soft = np.pad(lung[sampled], 1), np.pad(solid[sampled], 1)
    values = np.pad(hu[sampled], 1)
    around = len(ALL_ROUND) - open_directions(inner, REACH_MM, near_kji)
    wanted = (MASS, *MAYBE)
    mass, *doubts = in_spheres(inner, soft, values, around, near_kji, wanted, is_right=is_right)
    found = (mass, np.logical_or.reduce(doubts))
    if not any(one.any() for one in found):
        return np.zeros(lung.shape, bool), np.zeros(lung.shape, bool)
    rest = tissue & ~lung
    mass, maybe = (spread(one[1:-1, 1:-1, 1:-1], factors, lung.shape) & rest for one in found)
    return mass, maybe


def _lateral(lung: Bools, is_right: bool) -> Bools:
    """Where there is lung on the way to the body's middle (i runs to the patient's left)."""
    return swept(lung[:, :, ::-1], 2)[:, :, ::-1] if is_right else swept(lung, 2)


def _judged(
    labels: Labels,
    lung: Bools,
    deep: Bools,
    hu: Whole,
    spacing_kji: Spacing,
    least_contact: float = 0.0,
    most_dense: float = np.inf,
) -> tuple[Bools, Bools]:
    """The pockets that are nodules or masses, and those that may be lung without air."""
    pockets = Pockets.of_labels(labels, spacing_kji)
    contact = pockets.contact(lung)
    box_mm3, length_mm = pockets.boxes()
    mm3 = pockets.mm3
    share = mm3 / np.maximum(box_mm3, 1e-6)
    shared = (contact >= SHARED_CONTACT) & (mm3 <= SHARED_ML * 1000)
    solid = pockets.mean(hu) > np.where(shared, SHARED_HU, MIN_MEAN_HU)
    if not solid[1:].all():
        solid |= pockets.sd(hu) < MOST_UNEVEN_HU
    dense = pockets.share_above(hu, TISSUE_HU[1])
    solid &= (dense < DENSE_SHARE) | ((dense < most_dense) & (contact >= DENSE_CONTACT))
    nodule = (pockets.mean(deep) > 0) & (contact >= least_contact) & (mm3 >= NODULE_ML * 1000)
    nodule &= length_mm <= NODULE_MM
    mass = (mm3 >= MASS_ML * 1000) & (contact >= max(MASS_CONTACT, least_contact))
    mass &= length_mm <= MASS_MM
    taken = (nodule | mass) & (share >= LEAST_SHARE) & solid
    doubt = (mm3 >= DOUBT_ML * 1000) & (contact >= DOUBT_CONTACT) & (share >= DOUBT_SHARE)
    return pockets.those(taken), pockets.those(doubt & solid & ~taken)
