"""Where the middle of the body lies, where the field of view cuts that."""

from dataclasses import dataclass

import numpy as np

from vis3d.segmentation.bones.canal import ThickBone
from vis3d.segmentation.voxels.frame import Bools, Whole

TRUNK_SHARES = (0.5, 0.5)
"""What share of the body's largest sagittal section a field of view cuts that ends within the
trunk, and how much of that it may cut on the other side: a shoulder, an arm."""
LUNG_SHARES = (0.1, 0.1)
"""The same of a lung that it cuts."""
SPINE_MM2, BESIDE_MM = 350.0, 30.0
"""A shoulder beside a single lung shows up to 290 mm2 of thick bone a slice (in 135 random
fields of three chests). The lungs reach as far to both sides of a spine."""


@dataclass(frozen=True, eq=False)
class CutField:
    """What a field of view shows of a body that it cuts, on the coarse grid [k, j, i]."""

    body: Bools
    lungs: Bools
    beside_padding: Bools | None
    left_mm: Whole
    """How far to the patient's left each voxel lies."""

    def middle_mm(self, bone: ThickBone | None, trachea_mm: float | None) -> float | None:
        """Where the body's middle is seen to lie; None where nothing shows it.

        That is the spine's, or the trachea's. Or it lies beyond the side that alone cuts
        through the trunk, since the other one shows the skin.
        """
        if bone is not None and bone.mm2 > SPINE_MM2:
            return bone.left_mm
        trunk_mm = self._cut_side_mm(self.body, *TRUNK_SHARES)
        if bone is not None and self._is_spine(bone, trunk_mm):
            return bone.left_mm
        return trunk_mm if trachea_mm is None else trachea_mm

    def _is_spine(self, bone: ThickBone, medial_mm: float | None) -> bool:
        """Whether little thick bone is no shoulder, as lies beside a single lung."""
        reach = self.left_mm[self.lungs] - bone.left_mm
        if reach.min() < -BESIDE_MM and reach.max() > BESIDE_MM:
            return True
        if medial_mm is None:  # mostly the chest wall lies beside a lung's other side
            medial_mm = self._cut_side_mm(self.lungs, *LUNG_SHARES)
        return medial_mm is not None and (medial_mm < bone.left_mm) == (np.median(reach) > 0)

    def _cut_side_mm(self, part: Bools, least: float, other: float) -> float | None:
        """Where the body ends in the field on the side that alone cuts a part of it."""
        cut = np.zeros(part.shape, bool)
        cut[:, :, [0, -1]] = part[:, :, [0, -1]]
        if self.beside_padding is not None:
            cut |= part & self.beside_padding
        there = self.left_mm[self.body]
        ends = float(there.min()), float(there.max())
        right = int(np.count_nonzero(self.left_mm[cut] < sum(ends) / 2))
        less, more = sorted((right, int(np.count_nonzero(cut)) - right))
        if more <= least * int(self.body.sum(axis=(0, 1)).max()) or less >= other * more:
            return None
        return ends[0] if right == more else ends[1]
