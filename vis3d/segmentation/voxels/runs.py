"""Sorted lists of voxels as runs along the rows: what touches what, without the scan."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
"""Voxels by their number in the flattened scan."""


@dataclass(frozen=True, eq=False)
class Runs:
    """Sorted voxels that lie in a row, as one: how many fewer there are."""

    start: Places
    """With which of the voxels each begins."""
    length: Places
    first: Places

    @classmethod
    def of(cls, voxels: Places) -> "Runs":
        """The runs of sorted voxels."""
        apart = np.ones(len(voxels), bool)
        np.not_equal(voxels[1:], voxels[:-1] + 1, out=apart[1:])
        start = np.flatnonzero(apart)
        length = np.diff(start, append=len(voxels))
        return cls(start, length, voxels[start])

    def moved_onto(self, step: int) -> NDArray[np.int64]:
        """The pairs (2, n) of runs of which the one, moved by a step, lies on the other."""
        last = self.first + self.length - 1
        low = np.searchsorted(last, self.first + step)
        count = np.searchsorted(self.first, last + step, side="right") - low
        before = np.cumsum(count) - count
        row = np.repeat(np.arange(len(count)), count)
        column = np.arange(len(row)) + np.repeat(low - before, count)
        return np.stack([row, column])

    def places_of(self, runs: Places) -> Places:
        """Which of the voxels some runs hold, run by run."""
        start, length = self.start[runs], self.length[runs]
        before = np.cumsum(length) - length
        return np.asarray(np.arange(length.sum()) + np.repeat(start - before, length))
