"""Whether one side of a chest has tissue where the other has lung."""

import numpy as np
from numpy.typing import NDArray

from vis3d.labels import Check
from vis3d.segmentation.anatomy import Anatomy
from vis3d.segmentation.lungs.middle import Middle
from vis3d.segmentation.lungs.nodules import TISSUE_HU
from vis3d.segmentation.lungs.sides import LEFT, RIGHT
from vis3d.segmentation.upright import LINES_MM, Upright
from vis3d.segmentation.voxels.frame import AIR_HU
from vis3d.segmentation.voxels.morphology import bounding_box, indices, opened, swept
from vis3d.segmentation.wording import in_ml, place_of

MIN_ML, MIN_SHARE = 30.0, 0.1
"""How much tissue is too much. Of healthy lungs it is at most 0.06."""
OPENED_MM = 10.0


def other_side(anatomy: Anatomy) -> Check:
    """Check `other-side` of a chest in which lungs were found; the heart lies farther ahead."""
    found = _tissue_across(anatomy.upright, anatomy)
    if found is not None:  # the patient may only lie turned
        found = _tissue_across(anatomy.middle, anatomy)
    if found is None:
        return Check(
            "other-side", True, "Neither side has much tissue where the other has lung."
        )
    side, ml, places = found
    message = (
        f"About {in_ml(ml, anatomy)} of tissue lie on the {side} where the other side has "
        f"lung, round {place_of(places, anatomy)}: consolidation or collapse "
        "there would be lung; fluid or a raised diaphragm would not."
    )
    return Check("other-side", False, message)


def _tissue_across(
    middle: Middle, anatomy: Anatomy
) -> tuple[str, float, NDArray[np.int64]] | None:
    """On which side, how many ml, and where too much tissue faces lung in the back half.

    Behind the heart and round the dome of a diaphragm lung goes on, behind a collapsed lobe
    only ribs do.
    """
    upright = Upright.along(middle, anatomy, row_mm=LINES_MM)
    lungs = anatomy.coarse_lungs
    sides = upright.seen(lungs.left.view(np.uint8) * LEFT + lungs.right.view(np.uint8) * RIGHT)
    box = bounding_box(sides > 0)
    if box is None:
        return None
    k, j = box[0], slice((box[1].start + box[1].stop) // 2, None)
    sides = sides[k, j]
    hu, body = upright.seen(anatomy.hu, AIR_HU)[k, j], upright.seen(anatomy.body)[k, j]
    tissue = (hu > TISSUE_HU[0]) & (hu < TISSUE_HU[1]) & body
    tissue &= ~swept(sides[:, ::-1] > 0, 1)[:, ::-1]
    ml = float(np.prod(upright.spacing_kji)) / 1000
    for name, other in (("left", RIGHT), ("right", LEFT)):
        across = sides[:, :, ::-1] == other
        least = max(MIN_SHARE * np.count_nonzero(across), MIN_ML / ml)
        dense = tissue & across
        if np.count_nonzero(dense) <= least:
            continue
        places = indices(opened(dense, OPENED_MM, upright.spacing_kji))
        if len(places) > least:
            places += [k.start, j.start, 0]
            return name, len(places) * ml, upright.on_coarse(places, anatomy.hu.shape)
    return None
