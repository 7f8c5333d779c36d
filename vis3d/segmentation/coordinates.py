"""Whether a chest lies as the coordinates of its scan say: spine behind, trachea above."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d.labels import Check
from vis3d.segmentation.anatomy import Anatomy
from vis3d.segmentation.bones.canal import spinal_canal
from vis3d.segmentation.lungs.trachea import find_trachea, slender_chains
from vis3d.segmentation.voxels.frame import Bools
from vis3d.segmentation.voxels.grids import coarse_spacing, every, factors_for
from vis3d.segmentation.voxels.morphology import indices, sections

Points: TypeAlias = NDArray[np.float64]
"""Places of a grid in mm from its first voxel, (n, 3): up, back, left."""
GRID_MM = 4.0
HIGH = 0.7
"""Where on the way up the lungs a trachea has its middle at least; it lies at 0.75 to 0.95."""
MIN_LONG_MM, MIN_TIMES = 50.0, 2.0
"""How long the trachea is in a scan that stands on its head, once turned over, and how much
more of one there is. Gas of the stomach is shorter."""
BASE_MM, MIN_BASE = 30.0, 0.45
"""The lowest parts of lungs reach down behind the diaphragm: 0.5 to 0.9 of the way back."""
BONE_HU, MIN_BONE_ML = 200, 10.0
HALF_WIDTH_MM = 40.0
"""As near to the middle of the body lie spine and breastbone, but few ribs."""
MIN_BEHIND, SURELY_BEHIND = 0.3, 0.75
"""The share of that bone behind the middle of the lungs: 0.8 on, 0.5 with a bright heart."""
ROUND_CANAL_MM, MIN_CANAL_MM = 60.0, 50.0
"""How near to the middle of the body the spinal canal is looked for, and how much of it tells
where the spine is."""


def coordinates(anatomy: Anatomy) -> Check:
    """Check `coordinates` of a chest in which lungs were found."""
    below = _stands_on_its_head(anatomy)
    wrong = []
    if _spine_in_front(anatomy, below=below):
        wrong.append("the spine lies in front of the lungs")
    if below:
        wrong.append("the trachea leads down from the lungs")
    if not wrong:
        return Check("coordinates", True, "Nothing contradicts the coordinates of the scan.")
    message = (
        f"By the coordinates of the scan {' and '.join(wrong)}: they are probably wrong, and "
        "left and right may be exchanged. Find out how the patient lay."
    )
    return Check("coordinates", False, message)


def _stands_on_its_head(anatomy: Anatomy) -> bool:
    """Whether there is much more of a trachea once the scan is turned over.

    Not asked of the small: what a narrow crop leaves of an adult is read as an infant.
    """
    lungs = anatomy.coarse_lungs.both
    if anatomy.frame.enlarged > 1 or _is_high(anatomy.trachea, lungs):
        return False
    hu, body, airy = anatomy.hu[::-1], anatomy.body[::-1], anatomy.airy[::-1]
    padded = None if anatomy.beside_padding is None else anatomy.beside_padding[::-1]
    chains = slender_chains(hu, body, padded, lambda: airy, anatomy.spacing)
    turned = find_trachea(chains, hu.shape, anatomy.spacing)
    found, there = (int(np.count_nonzero(mask)) for mask in (turned, anatomy.trachea))
    long_mm = int(np.count_nonzero(turned.any(axis=(1, 2)))) * anatomy.spacing[0]
    much = long_mm > MIN_LONG_MM and found > MIN_TIMES * there
    return much and _is_high(turned, lungs[::-1])


def _is_high(trachea: Bools, lungs: Bools) -> bool:
    heights, along = (np.flatnonzero(mask.any(axis=(1, 2))) for mask in (trachea, lungs))
    return len(heights) > 0 and bool(heights.mean() > along[0] + HIGH * np.ptp(along))


def _spine_in_front(anatomy: Anatomy, *, below: bool) -> bool:
    """Whether the spine lies in front of the middle of the lungs, or its canal where it shows.

    Without a canal the bases of the lungs must lie in front, too: a heart full of contrast
    alone is no sign.
    """
    factors = factors_for(anatomy.spacing, GRID_MM)
    sampled = every(factors)
    mm = np.array(coarse_spacing(anatomy.spacing, factors))
    lungs = indices(anatomy.coarse_lungs.both[sampled]) * mm
    bone = indices(anatomy.body[sampled] & (anatomy.hu[sampled] > BONE_HU))
    bone = bone[abs(anatomy.from_middle_mm(bone * factors)) < HALF_WIDTH_MM] * mm
    bone = bone[(bone[:, 0] >= lungs[:, 0].min()) & (bone[:, 0] <= lungs[:, 0].max())]
    middle_mm = (lungs[:, 1].min() + lungs[:, 1].max()) / 2
    behind = np.count_nonzero(bone[:, 1] > middle_mm)
    if len(bone) * mm.prod() < MIN_BONE_ML * 1000 or behind > SURELY_BEHIND * len(bone):
        return False
    canal_mm = _canal_depth_mm(anatomy)
    if canal_mm is not None:
        return bool(canal_mm < middle_mm)
    upright = lungs * (-1, 1, 1) if below else lungs
    return bool(behind < MIN_BEHIND * len(bone)) and _bases_in_front(upright)


def _canal_depth_mm(anatomy: Anatomy) -> float | None:
    """How far behind the first row the spinal canal lies beside the lungs; None if not seen."""
    heights = np.flatnonzero(anatomy.coarse_lungs.both.any(axis=(1, 2)))
    nk, nj, ni = anatomy.hu.shape
    across = np.stack([np.full(ni, nk // 2), np.full(ni, nj // 2), np.arange(ni)], axis=1)
    near = np.flatnonzero(abs(anatomy.from_middle_mm(across)) < ROUND_CANAL_MM)
    if not len(near):
        return None
    box = (slice(heights[0], heights[-1] + 1), slice(None), slice(near[0], near[-1] + 1))
    hu = anatomy.hu[box]
    canal = spinal_canal(hu, anatomy.body[box] & (hu > BONE_HU), anatomy.spacing)
    if np.count_nonzero(sections(canal)) * anatomy.spacing[0] < MIN_CANAL_MM:
        return None
    return float(indices(canal)[:, 1].mean()) * anatomy.spacing[1]


def _bases_in_front(lungs: Points) -> bool:
    """Whether the lowest parts of lungs lie nearer to the front of both."""
    heights, depths, _ = lungs.T
    base = depths[heights < heights.min() + BASE_MM].mean()
    return bool(base - depths.min() < MIN_BASE * np.ptp(depths))
