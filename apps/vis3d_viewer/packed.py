"""The voxels of structures as a session keeps them: packed anew only where they changed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation import Edit
from vis3d.segmentation.masks.edits import edit_of
from vis3d.volume import Mask


@dataclass(frozen=True, eq=False)
class Taken:
    """A mask at one version; its bits, where they aren't packed yet."""

    version: int
    mask: Mask
    bits: NDArray[np.uint8] | None

    def edit(self) -> Edit:
        """The mask as an edit of nothing; the mask itself may have changed since."""
        assert self.bits is not None
        shape = self.mask.array.shape
        inside = np.unpackbits(self.bits, count=int(np.prod(shape))).view(bool).reshape(shape)
        return edit_of(inside, (0, 0, 0), self.mask.name)


class PackedMasks:
    """Edits that make masks of nothing, by label; those that are still true cost nothing."""

    def __init__(self) -> None:
        self._edits: dict[int, tuple[int, Edit]] = {}

    def take(self, masks: Mapping[int, tuple[int, Mask]]) -> dict[int, Taken]:
        """What is needed of masks (version and voxels), quickly, while nothing changes."""
        return {
            label: Taken(version, mask, None if self._is_true(label, version) else _bits(mask))
            for label, (version, mask) in masks.items()
        }

    def edits(self, taken: Mapping[int, Taken]) -> dict[int, Edit]:
        """The edits, in one's own time."""
        for label, one in taken.items():
            if one.bits is not None:
                self._edits[label] = one.version, one.edit()
        return {label: self._edits[label][1] for label in taken}

    def _is_true(self, label: int, version: int) -> bool:
        return label in self._edits and self._edits[label][0] == version


def _bits(mask: Mask) -> NDArray[np.uint8]:
    return np.packbits(mask.array)
