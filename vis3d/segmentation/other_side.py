"""Whether one side of a chest has tissue where the other has lung."""

import numpy as np

from vis3d.labels import Check
from vis3d.segmentation.anatomy import Anatomy
from vis3d.segmentation.lungs.middle import Middle, Places, Trunk
from vis3d.segmentation.lungs.nodules import TISSUE_HU
from vis3d.segmentation.lungs.sides import LEFT, RIGHT
from vis3d.segmentation.voxels.morphology import indices, opened
from vis3d.segmentation.wording import in_ml, place_of

MIN_ML, MIN_SHARE = 30.0, 0.1
"""How much tissue is too much. Of healthy lungs it is at most 0.06."""
OPENED_MM = 10.0


class _Chest(Trunk):
    """Lungs, body and densities on the grid of this check."""

    def __init__(self, anatomy: Anatomy) -> None:
        super().__init__(
            anatomy.hu, anatomy.body, anatomy.unmeasured, anatomy.spacing, anatomy.steps_mm
        )
        lungs = anatomy.coarse_lungs
        left, right = lungs.left[self.sampled], lungs.right[self.sampled]
        self.sides = (left.astype(np.uint8) * LEFT) | (right.astype(np.uint8) * RIGHT)


def other_side(anatomy: Anatomy) -> Check:
    """Check `other-side` of a chest in which lungs were found; the heart lies farther ahead."""
    chest = _Chest(anatomy)
    upright = Middle(np.array([anatomy.middle_mm, 0.0, 0.0]))
    found = _tissue_across(chest, upright) if chest.sides.any() else None
    if found is not None:  # the patient may only lie turned
        found = _tissue_across(chest, anatomy.middle)
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
    """On which side, and where, too much tissue faces lung in the back half of the chest.

    Behind the heart and round the dome of a diaphragm lung goes on, behind a collapsed lobe
    only ribs do.
    """
    lung, hu = chest.sides > 0, chest.hu
    depth, height = (chest.along_mm(axis) for axis in middle.axes[1:])
    behind = depth >= (depth[lung].min() + depth[lung].max()) / 2
    beside = (height >= height[lung].min()) & (height <= height[lung].max())
    tissue = (hu > TISSUE_HU[0]) & (hu < TISSUE_HU[1]) & ~lung & chest.body & behind & beside
    tissue &= ~np.logical_or.accumulate(lung[:, ::-1], axis=1)[:, ::-1]
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
