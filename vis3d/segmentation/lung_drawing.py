"""The lungs at full resolution, drawn slice by slice into a label map."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.anatomy import Anatomy
from vis3d.segmentation.lungs.sides import LEFT, RIGHT
from vis3d.segmentation.voxels.frame import Bools
from vis3d.segmentation.voxels.grids import Box, refine, spread
from vis3d.segmentation.voxels.morphology import fringed


def draw_lungs(
    anatomy: Anatomy, labels: NDArray[np.uint8], label_of: Mapping[int, int]
) -> None:
    """Draw the sides that `label_of` names into the label map, without the airways.

    A mask of both lungs would be as large as the label map itself. How many voxels each
    side has is noted in `anatomy.lung_voxels`.
    """
    lungs, tree, factors = anatomy.coarse_lungs, anatomy.airways, anatomy.factors
    near_left = lungs.left | (fringed(lungs.left) & ~lungs.right)
    voxels = np.zeros((len(near_left), 3), np.int64)

    def draw(part: Box, inside: Bools) -> None:
        if anatomy.frame.unmeasured is not None:
            inside &= ~anatomy.frame.unmeasured[part]
        inside[tree.within(part)] = False
        coarse = tuple(
            slice(fine.start // factor, -(-fine.stop // factor))
            for fine, factor in zip(part, factors, strict=True)
        )
        is_left = spread(near_left[coarse], factors, inside.shape)
        for side, of_side in ((LEFT, inside & is_left), (RIGHT, inside & ~is_left)):
            voxels[coarse[0].start, side] = np.count_nonzero(of_side)
            if side in label_of:
                np.copyto(labels[part], np.uint8(label_of[side]), where=of_side)

    refine(
        lungs.both,
        lungs.certain,
        draw,
        hu=anatomy.frame.hu,
        range_hu=(-np.inf, anatomy.threshold_hu),
        factors=factors,
        progress=anatomy.step("border"),
    )
    anatomy.lung_voxels = {side: int(voxels[:, side].sum()) for side in (LEFT, RIGHT)}
