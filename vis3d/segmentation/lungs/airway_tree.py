"""The airways that were found: their lumen at full resolution."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.voxels.frame import Bools
from vis3d.segmentation.voxels.grids import Box, Factors
from vis3d.segmentation.voxels.morphology import kji_of
from vis3d.segmentation.voxels.runs import Places


@dataclass(frozen=True, eq=False)
class AirwayTree:
    """The lumen at full resolution, the level it was grown to, and whether branches leaked.

    The voxels stand in a list: they are less than a hundredth of a scan.
    """

    places: Places
    shape: tuple[int, ...]
    level_hu: float = 0.0
    leaks: int = 0

    @property
    def mask(self) -> Bools:
        """The lumen, [k, j, i] (made anew each time)."""
        mask = np.zeros(self.shape, bool)
        mask.reshape(-1)[self.places] = True
        return mask

    def within(self, box: Box) -> tuple[Places, ...]:
        """Where in a box of the scan the lumen lies, (k, j, i)."""
        per_slice = self.shape[1] * self.shape[2]
        ends = np.searchsorted(self.places, (box[0].start * per_slice, box[0].stop * per_slice))
        kji = kji_of(self.places[slice(*ends)], self.shape)
        inside = np.ones(len(kji[0]), bool)
        for places, part in zip(kji, box, strict=True):
            inside &= (places >= part.start) & (places < part.stop)
        return tuple(places[inside] - part.start for places, part in zip(kji, box, strict=True))

    def percent(self, factors: Factors, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """How much of each coarse voxel is lumen, in percent."""
        kji = kji_of(self.places, self.shape)
        coarse = tuple(p // f for p, f in zip(kji, factors, strict=True))
        places, counts = np.unique(np.ravel_multi_index(coarse, shape), return_counts=True)
        percent = np.zeros(shape, np.uint8)
        percent.reshape(-1)[places] = 100 * counts // np.prod(factors)
        return percent
