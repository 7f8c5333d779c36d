"""Thick slices: where bone ends along the axis on which a scan is blurred most."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.bones.peaks import PEAK_HU
from vis3d.segmentation.voxels.frame import Bools, Floats, Spacing, Values

DENSE_HU = 250.0
"""Edges are measured from what is as dense as only bone is."""
SLICES, FEWEST = 24, 1000
"""How many slices are asked, and how many voxels of bone there must be in them."""
STEEPEST_PERCENT, HEIGHT_PERCENT = 99, 95
BLURRED, SHARP = 0.7, 0.77
"""How steep the steepest edges along an axis are, in HU a mm, beside those along the others:
interpolation hardly changes that, so a finer grid is judged alike. From `SHARP` on nothing is
done, below `BLURRED` all: a step would make another scan of what lies beside it."""
REACH_MM = 4.0
"""How far the height of an edge is looked for, or as far as the next slice."""


@dataclass(frozen=True)
class Steepness:
    """How steep the steepest edges of bone are, in HU a mm along k, j and i."""

    along: list[float]
    height_hu: float
    """How dense the densest bone is, some outliers aside."""

    @property
    def widths_mm(self) -> list[float]:
        """In how many mm so steep an edge would rise to the densest bone."""
        return [self.height_hu / max(steep, 1.0) for steep in self.along]


@dataclass(frozen=True)
class BlurredAxis:
    """The axis along which edges of bone are less steep than along both others."""

    axis: int
    spacing_mm: float
    share: float
    """How far up an edge bone begins there: half-way where it is blurred much."""

    @property
    def reach(self) -> int:
        """How many voxels on either side are looked at."""
        return max(1, int(np.ceil(REACH_MM / self.spacing_mm)))


def blurred_axis(values: Values, spacing_kji: Spacing) -> BlurredAxis | None:
    """The axis along which the scan is blurred, if there is one."""
    measured = steepness(values, spacing_kji)
    if measured is None:
        return None
    steep = measured.along
    least, second = int(np.argmin(steep)), sorted(steep)[1]
    if second == 0:  # no edges along two axes: a block of one value, a ramp
        return None
    beside = steep[least] / second
    share = 0.5 * min(1.0, (SHARP - beside) / (SHARP - BLURRED))
    return BlurredAxis(least, spacing_kji[least], share) if share > 0 else None


def steepness(
    values: Values, spacing_kji: Spacing, bones: Bools | None = None
) -> Steepness | None:
    """How steep the edges of what is as dense as bone are (of `bones` alone, if given).

    None where there is too little of it.
    """
    steps: list[list[Floats]] = [[], [], []]
    heights = []
    for k in range(0, len(values), max(1, len(values) // SLICES)):
        dense = values[k] > DENSE_HU
        if bones is not None:
            dense &= bones[k]
        place = [np.array(k), *np.nonzero(dense)]
        own = _up_to_peak(values[tuple(place)])
        heights.append(own)
        for axis, mm in enumerate(spacing_kji):
            for side in (-1, 1):
                beside = list(place)
                beside[axis] = np.clip(place[axis] + side, 0, values.shape[axis] - 1)
                steps[axis].append(np.abs(own - _up_to_peak(values[tuple(beside)])) / mm)
    along, height = [np.concatenate(of) for of in steps], np.concatenate(heights)
    if len(along[0]) < FEWEST:
        return None
    steep = [float(np.percentile(of, STEEPEST_PERCENT)) for of in along]
    return Steepness(steep, float(np.percentile(height, HEIGHT_PERCENT)))


def _up_to_peak(values: Values) -> Floats:
    return np.clip(values, 0, PEAK_HU).astype(np.float32)


def beyond_edges(
    values: Values, at: NDArray[np.intp], blurred: BlurredAxis, least_hu: float
) -> Bools:
    """Which voxels, by their places in the flat array, lie outside an edge of bone.

    Bone rises on one side and what is no bone (below `least_hu`) lies on the other: the edge
    is where the values are half-way between the two (Treece et al., Med Image Anal
    2010;14:276-290). Neither slices' thickness nor interpolation moves that, while a lower
    level lies farther out the more they blur. A wall that is denser than both its sides
    stays, however thin it is.
    """
    own = values.reshape(-1)[at].astype(np.float32)
    ends = [_ends(values, at, own, blurred, side) for side in (-1, 1)]
    outside = np.zeros(len(at), bool)
    for (high, _), (_, low) in (ends, ends[::-1]):
        edge = low + np.float32(blurred.share) * (np.minimum(high, PEAK_HU) - low)
        outside |= (low < least_hu) & (own < edge)
    return outside


def _ends(
    values: Values, at: NDArray[np.intp], own: Floats, blurred: BlurredAxis, side: int
) -> tuple[Floats, Floats]:
    """How high the values rise and how low they fall within reach on one side, if they do."""
    flat, count = values.reshape(-1), values.shape[blurred.axis]
    stride = int(np.prod(values.shape[blurred.axis + 1 :]))
    place = at // stride % count
    high, low = own.copy(), own.copy()
    rises, falls = np.ones(len(at), bool), np.ones(len(at), bool)
    left = max(1.0, REACH_MM / blurred.spacing_mm)
    for step in range(1, blurred.reach + 1):
        moved = np.clip(place + side * step, 0, count - 1) - place
        beyond = flat[at + moved * stride].astype(np.float32)
        share = np.float32(min(1.0, left))  # between voxels values change linearly
        rises &= beyond >= high
        falls &= beyond <= low
        high += share * (rises * (beyond - high))
        low += share * (falls * (beyond - low))
        left -= 1
    return high, low
