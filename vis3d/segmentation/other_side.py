"""Whether one side of a chest has tissue where the other has lung."""

from dataclasses import dataclass
from operator import itemgetter
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d.labels import Check
from vis3d.segmentation.anatomy import Anatomy
from vis3d.segmentation.lungs.nodules import TISSUE_HU
from vis3d.segmentation.lungs.sides import LEFT, RIGHT
from vis3d.segmentation.voxels.frame import Floats
from vis3d.segmentation.voxels.grids import coarse_spacing, every, factors_for
from vis3d.segmentation.voxels.morphology import grown, indices, opened, slabs
from vis3d.segmentation.wording import in_ml, place_of

Places: TypeAlias = NDArray[np.int64]
"""Voxels (k, j, i) of the grid of this check, (n, 3)."""
GRID_MM, MIN_ML, MIN_SHARE = 4.0, 30.0, 0.1
"""On what grid the tissue is counted, and how much is too much. Of healthy lungs it is at
most 0.06."""
OPENED_MM = 10.0
AT_ONCE = 1 << 13
"""How many places are mirrored at a time: what that takes fits into a processor's cache."""
STEPS = tuple(
    step
    for part in (1, 1 / 2, 1 / 4, 1 / 8)
    for step in ((40 * part, 0, 0), (0, 20 * part, 0), (0, 0, 20 * part))
)
"""By how many degrees about the long axis, by how many front to back, and how many mm to the
left the middle of the body is moved while that brings its halves nearer to each other."""
BONE_HU, NEAR_MM = 200, 4.0
"""Bone, and how near to its mirror image bone lies."""
OUTSIDE_WEIGHT, SAMPLES = 2.0, 8000


@dataclass(frozen=True, eq=False)
class Middle:
    """The plane that parts a body into two halves alike.

    The point lies in LPS mm from the first voxel; the plane is turned by degrees about the
    long axis, then tilted about the one from front to back.
    """

    point_mm: NDArray[np.float64]
    turned: float = 0.0
    tilted: float = 0.0

    @property
    def axes(self) -> NDArray[np.float64]:
        """Rows: towards the left, the back and the head of the patient."""
        a, b = np.radians([self.turned, self.tilted])
        turn = np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]])
        tilt = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
        return np.asarray(tilt @ turn)

    def moved(self, turned: float, tilted: float, left_mm: float) -> "Middle":
        """The plane a little farther on."""
        point_mm = self.point_mm + left_mm * self.axes[0]
        return Middle(point_mm, self.turned + turned, self.tilted + tilted)


class _Chest:
    """Lungs, body and densities on the grid of this check."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.factors = factors_for(anatomy.spacing, GRID_MM)
        sampled = every(self.factors)
        lungs = anatomy.coarse_lungs
        left, right = lungs.left[sampled], lungs.right[sampled]
        self.sides = (left.astype(np.uint8) * LEFT) | (right.astype(np.uint8) * RIGHT)
        self.hu, self.body = anatomy.hu[sampled], anatomy.body[sampled]
        self.spacing = coarse_spacing(anatomy.spacing, self.factors)
        self.steps_mm = anatomy.steps_mm * self.factors

    def along_mm(self, axis: NDArray[np.float64]) -> Floats:
        """How far along an axis of the patient every voxel lies from the first."""
        k, j, i = (
            np.arange(n, dtype=np.float32) * np.float32(mm)
            for n, mm in zip(self.hu.shape, axis @ self.steps_mm, strict=True)
        )
        return np.asarray(k[:, None, None] + j[:, None] + i)

    def across(
        self, places: Places, values: NDArray[np.uint8], middle: Middle
    ) -> NDArray[np.uint8]:
        """The values on the other side of the places; 0 beyond the grid."""
        left = middle.axes[0]
        to_left = np.linalg.solve(self.steps_mm, left)
        found = np.zeros(len(places), np.uint8)
        for some in slabs(places, AT_ONCE):
            left_mm = places[some] @ (left @ self.steps_mm) - left @ middle.point_mm
            mirrored = np.rint(places[some] - 2 * left_mm[:, None] * to_left)
            found[some] = _values_at(values, mirrored.astype(int))
        return found


def other_side(anatomy: Anatomy) -> Check:
    """Check `other-side` of a chest in which lungs were found; the heart lies farther ahead."""
    chest = _Chest(anatomy)
    upright = Middle(np.array([anatomy.middle_mm, 0.0, 0.0]))
    found = _tissue_across(chest, upright) if chest.sides.any() else None
    if found is not None:  # the patient may only lie turned
        found = _tissue_across(chest, _middle_near(chest, anatomy.middle_mm))
    if found is None:
        return Check(
            "other-side", True, "Neither side has much tissue where the other has lung."
        )
    side, places = found
    ml = len(places) * float(np.prod(chest.spacing)) / 1000
    message = (
        f"About {in_ml(ml, anatomy)} of tissue lie on the {side} where the other side has "
        f"lung, round {place_of(places * chest.factors, anatomy)}: consolidation or collapse "
        "there would be lung; fluid or a raised diaphragm would not."
    )
    return Check("other-side", False, message)


def _tissue_across(chest: _Chest, middle: Middle) -> tuple[str, Places] | None:
    """On which side, and where, too much tissue faces lung in the back half of the chest."""
    lung, hu = chest.sides > 0, chest.hu
    depth, height = (chest.along_mm(axis) for axis in middle.axes[1:])
    behind = depth >= (depth[lung].min() + depth[lung].max()) / 2
    beside = (height >= height[lung].min()) & (height <= height[lung].max())
    tissue = (hu > TISSUE_HU[0]) & (hu < TISSUE_HU[1]) & ~lung & chest.body & behind & beside
    places = indices(tissue)
    opposite = chest.across(places, chest.sides, middle)
    for name, other in (("left", RIGHT), ("right", LEFT)):
        least = max(
            MIN_SHARE * np.count_nonzero((chest.sides == other) & behind),
            MIN_ML * 1000 / float(np.prod(chest.spacing)),
        )
        dense = places[opposite == other]
        if len(dense) <= least:
            continue
        mask = np.zeros(lung.shape, bool)
        mask[tuple(dense.T)] = True
        large = indices(opened(mask, OPENED_MM, chest.spacing))
        if len(large) > least:
            return name, large
    return None


def _middle_near(chest: _Chest, middle_mm: float) -> Middle:
    """The plane on whose sides bones and skin lie most alike; the lungs have no say."""
    heights = np.flatnonzero(chest.sides.any(axis=(1, 2)))
    beside = np.zeros(chest.body.shape, bool)
    beside[heights[0] : heights[-1] + 1] = chest.body[heights[0] : heights[-1] + 1]
    bone = beside & (chest.hu > BONE_HU)
    kinds = beside.view(np.uint8) + grown(bone, NEAR_MM, chest.spacing)
    inside, bony = (p[:: len(p) // SAMPLES + 1] for p in (indices(beside), indices(bone)))

    def judged(middle: Middle) -> tuple[float, Middle]:
        """How unlike the sides of a plane are, and the plane."""
        without_bone = np.mean(chest.across(bony, kinds, middle) < 2) if len(bony) else 0.0
        outside = np.mean(chest.across(inside, kinds, middle) < 1)
        return float(without_bone + OUTSIDE_WEIGHT * outside), middle

    point_mm = chest.steps_mm @ inside.mean(axis=0)
    best = judged(Middle(np.array([middle_mm, *point_mm[1:]])))
    for step in STEPS:
        before, beyond = (judged(best[1].moved(*(n * by for by in step))) for n in (-1, 1))
        best = min(before, best, beyond, key=itemgetter(0))
    return best[1]


def _values_at(array: NDArray[np.uint8], places: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The values at places (k, j, i); 0 beyond the array."""
    inside = np.ones(len(places), bool)
    for index, n in zip(places.T, array.shape, strict=True):
        inside &= (index >= 0) & (index < n)
    values = np.zeros(len(places), np.uint8)
    values[inside] = array[tuple(places[inside].T)]
    return values
