"""Sorted lists of voxels as runs along the rows: what touches what, without the scan."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
"""Voxels by their number in the flattened scan."""


@dataclass(frozen=True, eq=False)
class Runs:
    """Sorted voxels (of one kind) that lie in a row, as one: how many fewer there are."""

    start: Places
    """With which of the voxels each begins."""
    length: Places
    first: Places
    kind: Places | None

    @classmethod
    def of(cls, voxels: Places, kind: Places | None) -> "Runs":
        """The runs of sorted voxels, each of one kind where kinds are given."""
        apart = np.ones(len(voxels), bool)
        np.not_equal(voxels[1:], voxels[:-1] + 1, out=apart[1:])
        if kind is not None:
            apart |= np.diff(kind, prepend=kind[:1]) != 0
        start = np.flatnonzero(apart)
        length = np.diff(start, append=len(voxels))
        return cls(start, length, voxels[start], None if kind is None else kind[start])

    def moved_onto(self, step: int) -> NDArray[np.int64]:
        """The pairs (2, n) of runs of which the one, moved by a step, lies on the other."""
        last = self.first + self.length - 1
        low = np.searchsorted(last, self.first + step)
        count = np.searchsorted(self.first, last + step, side="right") - low
        before = np.cumsum(count) - count
        row = np.repeat(np.arange(len(count)), count)
        column = np.arange(len(row)) + np.repeat(low - before, count)
        if self.kind is not None:
            alike = self.kind[row] == self.kind[column]
            row, column = row[alike], column[alike]
        return np.stack([row, column])

    def places_of(self, runs: Places) -> Places:
        """Which of the voxels some runs hold, run by run."""
        start, length = self.start[runs], self.length[runs]
        before = np.cumsum(length) - length
        return np.asarray(np.arange(length.sum()) + np.repeat(start - before, length))
