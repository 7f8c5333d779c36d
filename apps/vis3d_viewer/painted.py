"""The label map that slices show: the structures painted over each other."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vis3d.geometry import Geometry
from vis3d.labels import BODY, STRUCTURES, Structure
from vis3d.segmentation.masks.edits import Box
from vis3d.segmentation.voxels.sparse import overwrite, sparse_zeros
from vis3d.volume import Mask

BODY_LABEL = next(structure.label for structure in STRUCTURES if structure.name == BODY)


class Painted:
    """One label a voxel, painted anew where structures changed."""

    def __init__(self, geometry: Geometry) -> None:
        self._array: NDArray[np.uint8] = sparse_zeros(geometry.shape, np.uint8)
        self.shown = self._array.view()
        """To look at: later changes show in it, but each makes it another object."""

    def paint(
        self,
        structures: Sequence[Structure],
        mask_of: Callable[[int], Mask],
        boxes: Sequence[Box],
    ) -> None:
        """Draw the structures inside a box round all the boxes; later ones win, body never."""
        if not boxes:
            return
        box = _hull(boxes)
        part = np.zeros_like(self._array[box])
        for structure in sorted(structures, key=lambda s: s.label != BODY_LABEL):
            mask = mask_of(structure.label).array[box]
            np.copyto(part, np.uint8(structure.label), where=mask)
        overwrite(self._array[box], part)
        self.shown = self._array.view()
        self.shown.flags.writeable = False


def _hull(boxes: Sequence[Box]) -> Box:
    """The smallest box round all of them."""
    k, j, i = (
        slice(min(box[axis].start for box in boxes), max(box[axis].stop for box in boxes))
        for axis in range(3)
    )
    return (k, j, i)
