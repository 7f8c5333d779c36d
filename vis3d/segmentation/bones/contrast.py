"""Contrast medium: what shines like bone but is even inside and stands open to all sides."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_gradient_magnitude, maximum_filter

from vis3d.progress import Progress, silent
from vis3d.segmentation.bones.canal import spinal_canal
from vis3d.segmentation.bones.flooding import flooded
from vis3d.segmentation.bones.plaques import before_the_spine, small_and_deep
from vis3d.segmentation.voxels.enclosure import ALL_ROUND, open_directions
from vis3d.segmentation.voxels.frame import Bools, Labels, Spacing, Whole
from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    components,
    components_in_slices,
    deep_in,
    filled_in_slices,
    fringed,
    grown,
    keep,
    sizes,
    slabs,
    sums,
    trimmed,
)
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
CORTEX_HU, MOST_HU = 250.0, 800.0
"""Cortex may be even from here on; vessels are hardly ever denser all through."""
CORTEX_MM = 6.0
"""But a bladder is, and what of cortex lies as deep in it is none."""
SPECIMEN_SHARE, DENSEST_PERCENT = 0.6, 99
"""A specimen's contrast is as much less dense than its bone."""
MIN_CORE_ML = 1.0
MIN_CONTRAST_ML = 15.0
BRIGHT_HU, MIN_BRIGHT_ML = 200.0, 3.0
"""As little is enough where it is denser than cartilage."""
BRIGHTER_HU = 50.0
SOFTER_HU = 60.0
REACH_MM = 30.0
LEVELS_HU = (CORE_HU, 150.0, 200.0, 270.0, 360.0, 480.0, 640.0)
MIN_OPENNESS = 0.85
"""Marrow has something brighter on most sides: cortex. Vessels and organs don't."""
MIN_OPENNESS_AT_SPINE = 0.4
"""Where only the aorta lies calcium may wall off half of it."""
SOFT_WEIGHT = 0.75
"""How much a softer surrounding adds: an aorta has the spine on one side."""
ABOVE_CONTRAST_HU = 80.0
"""Only bone (or metal) is this much denser than the contrast near it."""
LEAST_CORTEX_HU = 200.0
NEAR_MM = 20.0
MIN_RING_ML, MAX_MARROW_MM2, RING_SHARE, CORTEX_SHARE = 5.0, 1200.0, 0.25, 0.1
RING_MM = 10.0
"""Only so near its marrow: an artery may hang on a ring by the calcium in its wall."""
MAX_EXCRETED_ML = 30.0
"""What is denser than the contrast near it, but as small and lies deep, is calcium or urine."""
VERTEBRA_MM, BODY_OF_VERTEBRA_MM = 6.0, 8.0
"""What is dense and as close to the spinal canal is a vertebra; even parts reach as close."""
MIN_AT_CANAL = 0.02
"""How much of a vertebra's marrow lies so close; a liver or an aorta may touch it in a spot."""
UNDILUTED_HU = 300.0
EDGE_HALO, EDGE_STEP_HU = 4, 2.0
"""How many slices a gradient of one voxel's width asks; edges are told as finely as that."""
HEART_SHARE = 0.55
STERNUM_MM = 15.0
"""Between the lungs no bone lies in front of this share of the chest, behind the sternum."""


@dataclass(frozen=True, eq=False)
class Contrast:
    """Where contrast fills vessels and organs on the coarse grid, and how dense it is."""

    mask: Bools
    level_hu: float = 0.0
    volume_ml: float = 0.0

    @property
    def found(self) -> bool:
        """Whether there is any."""
        return self.volume_ml > 0


def find_contrast(
    hu: Whole,
    body: Bools,
    lungs: Bools,
    spacing_kji: Spacing,
    progress: Progress = silent,
    *,
    specimen: bool = False,
) -> Contrast:
    """Vessels, heart and organs that contrast makes nearly as dense as bone, or denser.

    The bones of a specimen may be as even: of its even parts only those are contrast that
    are much less dense than its densest.
    """
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    progress(0.0, "Looking for contrast")
    cores, mean = _even_cores(hu, body & ~lungs, spacing_kji)
    if not cores.any():
        return Contrast(np.zeros(hu.shape, bool))
    core_hu = sums(cores, mean) / np.maximum(sizes(cores), 1)
    progress(0.2, "Looking for contrast")
    canal = spinal_canal(hu, body & ~lungs & (hu > CORE_HU + BRIGHTER_HU), spacing_kji)
    aortic = _lie_in(cores, before_the_spine(canal, body, spacing_kji))
    zone = _heart_zone(lungs, spacing_kji)
    least = np.where(aortic, MIN_OPENNESS_AT_SPINE, MIN_OPENNESS)
    is_vessel = _stand_open(cores, core_hu, hu, mean, least, spacing_kji)
    del mean
    is_vessel |= _lie_in(cores, zone)
    is_vessel &= ~_walls(cores, core_hu, spacing_kji)
    if specimen:
        bone_hu = np.percentile(hu[body & ~lungs & (hu > CORE_HU)], DENSEST_PERCENT)
        is_vessel &= core_hu < SPECIMEN_SHARE * min(bone_hu, MOST_HU)
    else:
        near = grown(canal, BODY_OF_VERTEBRA_MM, spacing_kji)
        at_canal = sums(cores, near, len(is_vessel)) > MIN_AT_CANAL * sizes(cores)
        is_vessel &= ~(at_canal & (core_hu < CORTEX_HU))  # no marrow is as dense as that
    is_vessel[0] = False
    ml = np.where(is_vessel, sizes(cores), 0) * voxel_ml
    volume_ml = float(ml.sum())
    surely_ml = float(ml[aortic | (core_hu > BRIGHT_HU)].sum())
    if volume_ml < MIN_CONTRAST_ML and surely_ml < MIN_BRIGHT_ML:
        return Contrast(np.zeros(hu.shape, bool))
    progress(0.5, "Following the contrast")
    # a full bladder says nothing of the vessels
    level = float(core_hu[is_vessel & (core_hu < MOST_HU)].max(initial=CORE_HU))
    dense = body & ~lungs & (hu > CORE_HU)
    vessels, bone = keep(cores, is_vessel), keep(cores, ~is_vessel)
    vessel_hu = np.where(is_vessel, core_hu, 0)
    sure = _denser_than_near(hu, cores, vessel_hu, level, spacing_kji)
    del cores
    sure |= grown(canal, VERTEBRA_MM, spacing_kji)
    vessels |= _undiluted(dense, hu, level, zone)
    bone |= dense & sure & ~fringed(vessels)
    bone |= _rings(dense & ~fringed(fringed(vessels)), hu, spacing_kji)
    bone &= ~small_and_deep(bone, MAX_EXCRETED_ML, body, spacing_kji)
    return Contrast(_nearer_to(vessels, bone, dense, hu), level, volume_ml)


def _even_cores(hu: Whole, soft: Bools, spacing_kji: Spacing) -> tuple[Labels, Means]:
    """The even parts that are denser than plain soft tissue, and the local mean."""
    even, mean = _even(hu, soft, spacing_kji)
    labels = components(even)
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    large = keep(labels, sizes(labels) * voxel_ml >= MIN_CORE_ML)
    del labels, even
    return components(large), mean


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


def _lie_in(cores: Labels, zone: Bools) -> NDArray[np.bool_]:
    """Which cores lie in a zone nearly whole."""
    return np.asarray(sums(cores, zone, len(sizes(cores))) > 0.8 * np.maximum(sizes(cores), 1))


def _stand_open(
    cores: Labels,
    core_hu: NDArray[np.float64],
    hu: Whole,
    mean: Means,
    least: NDArray[np.float64],
    spacing_kji: Spacing,
) -> NDArray[np.bool_]:
    """Which cores nothing brighter encloses; the brightest first, since they enclose nothing.

    The muscle of the heart lies between bright chambers, but is no marrow.
    """
    is_vessel = np.zeros(len(core_hu), bool)
    box = bounding_box(cores > 0, REACH_MM, spacing_kji)
    if box is None:
        return is_vessel
    labels, voxels = cores[box], np.maximum(sizes(cores), 1)
    openness = SOFT_WEIGHT * _softer_share(cores, core_hu, mean)
    known = np.zeros(labels.shape, bool)
    bins = np.digitize(core_hu, LEVELS_HU)
    for level in sorted(set(bins[1:].tolist()), reverse=True):
        these = bins == level
        these[0] = False
        walls = (hu[box] > core_hu[these].max() + BRIGHTER_HU) & ~known
        walls &= ~keep(labels, these)
        opened = sums(labels, open_directions(walls, REACH_MM, spacing_kji), len(voxels))
        openness[these] += (opened / voxels / len(ALL_ROUND))[these]
        is_vessel[these] = openness[these] > least[these]
        known |= fringed(fringed(keep(labels, these & is_vessel)))
    return is_vessel


def _walls(
    cores: Labels, core_hu: NDArray[np.float64], spacing_kji: Spacing
) -> NDArray[np.bool_]:
    """Which cores are thick cortex: as dense, but thin in one direction, or denser still."""
    densest = core_hu > MOST_HU
    thin, thick = np.ones((2, len(core_hu)), bool)
    thin[cores[trimmed(cores > 0)]] = False
    if densest.any():
        thick[cores[deep_in(keep(cores, densest), CORTEX_MM, spacing_kji)]] = False
    return np.asarray((thin & (core_hu > CORTEX_HU)) | (thick & densest))


def _softer_share(
    cores: Labels, core_hu: NDArray[np.float64], mean: Means
) -> NDArray[np.float64]:
    """How much of what surrounds each core is much softer than it."""
    shell = _neighbour_label(cores)
    shell[cores > 0] = 0
    places = np.flatnonzero(shell)
    of = shell.reshape(-1)[places]
    softer = mean.reshape(-1)[places] < core_hu[of] - SOFTER_HU
    around = np.bincount(of, minlength=len(core_hu))
    return np.bincount(of, softer, minlength=len(core_hu)) / np.maximum(around, 1)


def _neighbour_label(labels: Labels) -> Labels:
    """The largest label within two voxels along the axes."""
    near = labels.copy()
    for axis in range(3):
        of, to = np.moveaxis(labels, axis, 0), np.moveaxis(near, axis, 0)
        for step in (1, 2):
            np.maximum(to[step:], of[:-step], out=to[step:])
            np.maximum(to[:-step], of[step:], out=to[:-step])
    return near


def _undiluted(dense: Bools, hu: Whole, level_hu: float, zone: Bools) -> Bools:
    """Dense spots between the lungs, and the solid veins that lead to them from the arm.

    Judged slice by slice, since such a vein touches bone on its way.
    """
    spots = components_in_slices(dense & (hu > max(UNDILUTED_HU, level_hu)))
    inside = keep(spots, sums(spots, zone) > 0.9 * np.maximum(sizes(spots), 1))
    del spots
    solid = components(trimmed(dense & (hu > level_hu + ABOVE_CONTRAST_HU)))
    return inside | fringed(keep(solid, sums(solid, inside) > 0))


def _denser_than_near(
    hu: Whole,
    cores: Labels,
    vessel_hu: NDArray[np.float64],
    level_hu: float,
    spacing_kji: Spacing,
) -> Bools:
    """What is much denser than the contrast near it, or, far from any, than the densest.

    `vessel_hu` is how dense each of the cores is, 0 for those that are no vessels.
    """
    levels, rank = np.unique(vessel_hu.astype(np.float32), return_inverse=True)
    levels[levels == 0] = level_hu
    least = np.maximum(levels + ABOVE_CONTRAST_HU, LEAST_CORTEX_HU)
    window = [2 * round(NEAR_MM / mm) + 1 for mm in spacing_kji]
    # ranks take half the memory of densities, and the highest of them is the densest's
    near = maximum_filter(rank.astype(np.uint16)[cores], window)
    denser = np.empty(hu.shape, bool)
    for slab in slabs(denser):
        denser[slab] = hu[slab] > least[near[slab]]
    return denser


def _rings(rest: Bools, hu: Whole, spacing_kji: Spacing) -> Bools:
    """What of large pieces off the vessels, partly as dense as cortex, encloses marrow.

    A sternum whose marrow is no core would fall to the vein that touches it. Thyroid and
    vessels enclose nothing in their slices.
    """
    holes = filled_in_slices(rest, MAX_MARROW_MM2, spacing_kji[1] * spacing_kji[2]) & ~rest
    pieces = components(rest)
    voxels, voxel_ml = sizes(pieces), float(np.prod(spacing_kji)) / 1000
    count = len(voxels)
    ring = sums(pieces, fringed(holes, (1, 2)), count) > RING_SHARE * voxels
    cortex = sums(pieces, hu > CORTEX_HU, count) > CORTEX_SHARE * voxels
    rings = keep(pieces, ring & cortex & (voxels * voxel_ml > MIN_RING_ML))
    return rings & grown(holes, RING_MM, spacing_kji)


def _nearer_to(vessels: Bools, bone: Bools, dense: Bools, hu: Whole) -> Bools:
    """What of the dense belongs to vessels rather than to bone: they meet at edges."""
    edges = np.empty(hu.shape, np.uint8)

    def work(here: slice, around: slice, own: slice) -> None:
        steep = gaussian_gradient_magnitude(hu[around], 1.0, np.float32)[own]
        edges[here] = np.minimum(steep / EDGE_STEP_HU, 255)

    each_part(work, len(hu), EDGE_HALO)
    markers = vessels.astype(np.uint8)
    markers[bone & ~vessels] = 2
    return np.asarray(flooded(markers, dense, edges) == 1)


def _heart_zone(lungs: Bools, spacing_kji: Spacing) -> Bools:
    """Between the lungs, behind the sternum and in front of the spine."""
    zone = between_lungs(lungs, HEART_SHARE)
    depth = round(STERNUM_MM / spacing_kji[1])
    for k in np.flatnonzero(lungs.any(axis=(1, 2))):
        zone[k, : int(lungs[k].any(axis=1).argmax()) + depth] = False
    return zone


def between_lungs(lungs: Bools, front_share: float = 1.0) -> Bools:
    """What has lung on its right and on its left, in the front share of the chest."""
    zone, columns = np.zeros(lungs.shape, bool), np.arange(lungs.shape[2])
    for inner, plane in zip(zone, lungs, strict=True):
        rows = np.flatnonzero(plane.any(axis=1))
        if not len(rows):
            continue
        rows = rows[rows <= int(rows[0] + front_share * (rows[-1] - rows[0]))]
        lung = plane[rows]
        first, last = lung.argmax(axis=1), lung.shape[1] - 1 - lung[:, ::-1].argmax(axis=1)
        between = (columns >= first[:, None]) & (columns <= last[:, None])
        inner[rows] = between & ~lung
    return zone
