"""Even parts of a body that are denser than plain soft tissue: marrow, or contrast."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.voxels.frame import Bools, Spacing, Whole
from vis3d.segmentation.voxels.morphology import components, looked_up, sizes, sums
from vis3d.segmentation.voxels.slabs import WINDOW_HALO, each_part, mean_and_deviation

TISSUE_HU = (0.0, 90.0)
"""Soft tissue without contrast: its evenness tells the noise of the scan."""
CORE_HU = 105.0
EVEN_NOISES = 2.0
"""What varies less than this many times the noise is even."""
LEAST_NOISE_HU, MOST_NOISE_HU = 6.0, 30.0
"""In a finger there is no soft tissue far enough from edges to tell noise by."""
STEPS_A_HU = 16
"""Deviations are kept as whole sixteenths of a HU."""
Means: TypeAlias = NDArray[np.int16]
CoreLabels: TypeAlias = NDArray[np.unsignedinteger[Any]]
MIN_CORE_ML = 1.0
SOFTER_HU = 60.0
"""As much softer than a core is what lies open, and no wall of marrow."""
MOSTLY = 0.8


@dataclass(frozen=True, eq=False)
class Cores:
    """The even parts by label; what is said of each is in the order of the labels."""

    labels: CoreLabels
    voxels: NDArray[np.int64]
    ml: NDArray[np.float64]
    hu: NDArray[np.float64]
    """How dense each is."""
    softer: NDArray[np.float64]
    """How much of what surrounds each is much softer."""

    def lie_in(self, zone: Bools) -> NDArray[np.bool_]:
        """Which of them lie in a zone nearly whole."""
        inside = sums(self.labels, zone, len(self.voxels))
        return np.asarray(inside > MOSTLY * np.maximum(self.voxels, 1))


def even_cores(hu: Whole, soft: Bools, spacing_kji: Spacing) -> Cores:
    """The even parts of what may be soft tissue, on a coarse grid [k, j, i]."""
    even, mean = _even(hu, soft, spacing_kji)
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    labels = _large_pieces(even, voxel_ml)
    del even
    voxels = sizes(labels)
    core_hu = sums(labels, mean) / np.maximum(voxels, 1)
    softer = _softer_share(labels, core_hu, mean)
    ml = np.asarray(voxels * voxel_ml, np.float64)
    return Cores(labels, voxels, ml, core_hu, softer)


def _even(hu: Whole, soft: Bools, spacing_kji: Spacing) -> tuple[Bools, Means]:
    mean, deviation = np.empty(hu.shape, np.int16), np.empty(hu.shape, np.uint16)

    def work(here: slice, around: slice, own: slice) -> None:
        means, deviations = mean_and_deviation(hu[around], spacing_kji)
        mean[here] = np.rint(means[own])
        deviation[here] = np.minimum(STEPS_A_HU * deviations[own], 65535)

    each_part(work, len(hu), WINDOW_HALO)
    tissue = soft & (mean > TISSUE_HU[0]) & (mean < TISSUE_HU[1])
    # the lower quartile: most deviations in a body come from its structures
    noise = float(np.percentile(deviation[tissue], 25)) / STEPS_A_HU if tissue.any() else 10.0
    even = deviation < STEPS_A_HU * EVEN_NOISES * np.clip(noise, LEAST_NOISE_HU, MOST_NOISE_HU)
    even &= soft
    even &= mean > CORE_HU
    return even, mean


def _large_pieces(even: Bools, voxel_ml: float) -> CoreLabels:
    """The large pieces of what is even, numbered in no more bytes than that takes."""
    labels = components(even)
    large = sizes(labels) * voxel_ml >= MIN_CORE_ML
    number = np.cumsum(large) * large
    return looked_up(labels, number.astype(np.min_scalar_type(int(large.sum()))))


def _softer_share(
    cores: CoreLabels, core_hu: NDArray[np.float64], mean: Means
) -> NDArray[np.float64]:
    """How much of what surrounds each core is much softer than it."""
    shell = _neighbour_label(cores)
    shell[cores > 0] = 0
    places = np.flatnonzero(shell)
    of = shell.reshape(-1)[places]
    softer = mean.reshape(-1)[places] < core_hu[of] - SOFTER_HU
    around = np.bincount(of, minlength=len(core_hu))
    return np.bincount(of, softer, minlength=len(core_hu)) / np.maximum(around, 1)


def _neighbour_label(labels: CoreLabels) -> CoreLabels:
    """The largest label within two voxels along the axes."""
    near = labels.copy()
    for axis in range(3):
        of, to = np.moveaxis(labels, axis, 0), np.moveaxis(near, axis, 0)
        for step in (1, 2):
            np.maximum(to[step:], of[:-step], out=to[step:])
            np.maximum(to[:-step], of[step:], out=to[:-step])
    return near
