"""Pieces of tissue in the outer surface of a lung: how large, how long, how much in it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.voxels.frame import Bools, Labels, Spacing
from vis3d.segmentation.voxels.morphology import kji_of


@dataclass(frozen=True, eq=False)
class Pockets:
    """The voxels of all pockets: where they lie in the flattened labels, of which they are."""

    labels: Labels
    places: NDArray[np.int64]
    of: Labels
    spacing_kji: Spacing
    count: int
    """How many labels there are, 0 among them."""

    @classmethod
    def of_labels(cls, labels: Labels, spacing_kji: Spacing) -> "Pockets":
        """The pieces that have these labels, from 1 on."""
        places = np.flatnonzero(labels != 0)
        of = labels.reshape(-1)[places]
        return cls(labels, places, of, spacing_kji, int(of.max(initial=0)) + 1)

    def within(self, mask: Bools) -> "Pockets":
        """What of them lies in the mask."""
        there = mask.reshape(-1)[self.places]
        places, of = self.places[there], self.of[there]
        return Pockets(self.labels, places, of, self.spacing_kji, self.count)

    @cached_property
    def voxels(self) -> NDArray[np.int64]:
        """How many voxels each label has; 0 for label 0."""
        return np.bincount(self.of, minlength=self.count)

    @property
    def mm3(self) -> NDArray[np.float64]:
        """The volume of each."""
        return np.asarray(self.voxels * float(np.prod(self.spacing_kji)))

    def those(self, wanted: NDArray[np.bool_]) -> Bools:
        """The voxels of the pieces for which `wanted` is true."""
        mask = np.zeros(self.labels.shape, bool)
        mask.reshape(-1)[self.places[wanted[self.of]]] = True
        return mask

    def mean(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The mean of the values in each."""
        total = np.bincount(self.of, values.reshape(-1)[self.places], self.count)
        return np.asarray(total / np.maximum(self.voxels, 1))

    def share_above(self, values: NDArray[Any], level: float) -> NDArray[np.float64]:
        """How much of each has values above a level."""
        of = self.of[values.reshape(-1)[self.places] > level]
        above = np.bincount(of, minlength=self.count)
        return np.asarray(above / np.maximum(self.voxels, 1))

    def sd(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The standard deviation of the values in each."""
        picked = values.reshape(-1)[self.places] - self.mean(values)[self.of]
        squares = np.bincount(self.of, picked**2, self.count)
        return np.asarray(np.sqrt(squares / np.maximum(self.voxels, 1)))

    def contact(self, lung: Bools) -> NDArray[np.float64]:
        """The share of the surface of each that touches lung."""
        surface, touching = np.zeros(len(self.voxels)), np.zeros(len(self.voxels))
        flat, beside = self.labels.reshape(-1), lung.reshape(-1)
        jump = flat.size
        indices = kji_of(self.places, self.labels.shape)
        for index, n, step_mm in zip(indices, lung.shape, self.spacing_kji, strict=True):
            face_mm2 = float(np.prod(self.spacing_kji)) / step_mm
            jump //= n
            for step, end in ((jump, n - 1), (-jump, 0)):
                cut = index == end
                there = np.where(cut, self.places, self.places + step)
                edge = cut | (flat[there] != self.of)
                surface += face_mm2 * np.bincount(self.of[edge], minlength=len(surface))
                edge &= beside[there]
                touching += face_mm2 * np.bincount(self.of[edge], minlength=len(surface))
        return touching / np.maximum(surface, 1e-6)

    def boxes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The volume in mm3 and the greatest length in mm of the box of each."""
        count = len(self.voxels)
        volume, longest = np.ones(count), np.zeros(count)
        indices = kji_of(self.places, self.labels.shape)
        for index, step_mm in zip(indices, self.spacing_kji, strict=True):
            low, high = np.full(count, 1 << 30), np.full(count, -1)
            np.minimum.at(low, self.of, index)
            np.maximum.at(high, self.of, index)
            length = np.maximum(high - low + 1, 0) * step_mm
            volume, longest = volume * length, np.maximum(longest, length)
        return volume, longest
