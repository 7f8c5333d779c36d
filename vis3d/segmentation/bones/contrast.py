"""Contrast medium: what shines like bone but is even inside and stands open to all sides."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_gradient_magnitude, maximum_filter
from skimage.segmentation import watershed

from vis3d.progress import Progress, silent
from vis3d.segmentation.bones.arteries import free_arteries
from vis3d.segmentation.bones.canal import spinal_canal
from vis3d.segmentation.bones.cores import CORE_HU, Cores, even_cores
from vis3d.segmentation.bones.plaques import before_the_spine, small_and_deep
from vis3d.segmentation.voxels.enclosure import ALL_ROUND, open_directions
from vis3d.segmentation.voxels.frame import Bools, Spacing, Whole
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
from vis3d.segmentation.voxels.slabs import each_part

CORTEX_HU, MOST_HU = 250.0, 800.0
"""Cortex may be even from here on; vessels are hardly ever denser all through."""
CORTEX_MM = 6.0
"""But a bladder is, and what of cortex lies as deep in it is none."""
SPECIMEN_SHARE, DENSEST_PERCENT = 0.6, 99
"""A specimen's contrast is as much less dense than its bone."""
MIN_CONTRAST_ML = 15.0
BRIGHT_HU, MIN_BRIGHT_ML = 200.0, 3.0
"""As little is enough where it is denser than cartilage."""
BRIGHTER_HU = 50.0
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
NEAR_MM = 20.0
KIDNEY_MM = 10.0
"""As near to contrast what is no denser than it is contrast, and no wall of marrow."""
MAX_MARROW_MM2, RING_SHARE = 1200.0, 0.25
RING_MM = 10.0
"""Only so near its marrow: an artery may hang on a ring by the calcium in its wall."""
MAX_EXCRETED_ML = 30.0
"""What is denser than the contrast near it, but as small and lies deep, is calcium or urine."""
VERTEBRA_MM = 6.0
"""What is dense and as close to the spinal canal is a vertebra, however dense the contrast."""
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
    densest_hu: float = 0.0
    """How dense it is at most: a full bladder is far denser than the vessels' level."""

    @property
    def found(self) -> bool:
        """Whether there is any."""
        return self.level_hu > 0


def find_contrast(
    hu: Whole,
    body: Bools,
    lungs: Bools,
    spacing_kji: Spacing,
    progress: Progress = silent,
    *,
    metal: Bools | None = None,
    specimen: bool = False,
) -> Contrast:
    """Vessels, heart and organs that contrast makes nearly as dense as bone, or denser.

    The bones of a specimen may be as even: of its even parts only those are contrast that
    are much less dense than its densest. What is found first, undiluted contrast and `metal`
    enclose no marrow: beside them it is looked for once more.
    """
    soft = body & ~lungs
    progress(0.0, "Looking for contrast")
    cores = even_cores(hu, soft, spacing_kji)
    arteries = np.zeros(hu.shape, bool)
    if not specimen:
        arteries = free_arteries(hu, soft, lungs, spacing_kji)
    if not (cores.labels.any() or arteries.any()):
        return Contrast(arteries)
    progress(0.2, "Looking for contrast")
    dense = soft & (hu > CORE_HU)
    del soft
    canal = spinal_canal(hu, dense & (hu > CORE_HU + BRIGHTER_HU), spacing_kji)
    spine = grown(canal, VERTEBRA_MM, spacing_kji)
    aortic = cores.lie_in(before_the_spine(canal, body, spacing_kji))
    least = np.where(aortic, MIN_OPENNESS_AT_SPINE, MIN_OPENNESS)
    least[_walls(cores, spine, spacing_kji)] = np.inf  # they are cortex, however open
    if specimen:
        least[cores.hu >= _most_hu(hu[dense])] = np.inf
    is_vessel = _stand_open(cores, hu, least, metal, spacing_kji)
    if _too_little(cores, is_vessel) and not arteries.any():
        return Contrast(arteries)
    progress(0.5, "Following the contrast")
    level = _level(cores.hu[is_vessel], hu[arteries])
    vessels = arteries | _undiluted(dense, hu, level, _heart_zone(lungs, spacing_kji))
    del arteries
    known = vessels | keep(cores.labels, is_vessel)
    # a kidney's medulla lies in its cortex, of which only the middle is even
    known |= grown(known, KIDNEY_MM, spacing_kji) & dense & (hu < level + BRIGHTER_HU)
    if metal is not None:
        known |= metal
    is_vessel |= _stand_open(cores, hu, least, known, spacing_kji)
    del known
    vessels |= keep(cores.labels, is_vessel)
    bone = keep(cores.labels, ~is_vessel)
    densest = float(cores.hu[is_vessel].max(initial=level))
    sure = _denser_than_near(hu, cores, is_vessel, level, spacing_kji)
    del cores
    bone |= _off_vessels(dense, sure | spine, vessels, spacing_kji)
    bone &= ~small_and_deep(bone, MAX_EXCRETED_ML, spine, body, spacing_kji)
    return Contrast(_nearer_to(vessels, bone, dense, hu), level, densest)


def _most_hu(dense_hu: Whole) -> float:
    """How dense contrast in a specimen is at most, by all that is dense there."""
    bone_hu = float(np.percentile(dense_hu, DENSEST_PERCENT))
    return SPECIMEN_SHARE * min(bone_hu, MOST_HU)


def _too_little(cores: Cores, is_vessel: NDArray[np.bool_]) -> bool:
    ml = is_vessel * cores.ml
    return bool(ml.sum() < MIN_CONTRAST_ML and ml[cores.hu > BRIGHT_HU].sum() < MIN_BRIGHT_ML)


def _level(cores_hu: NDArray[np.float64], arteries_hu: Whole) -> float:
    """How dense contrast is in vessels, of which a full bladder says nothing."""
    in_cores = float(cores_hu[cores_hu < MOST_HU].max(initial=CORE_HU))
    return max(in_cores, float(np.median(arteries_hu))) if len(arteries_hu) else in_cores


def _stand_open(
    cores: Cores,
    hu: Whole,
    least: NDArray[np.float64],
    no_walls: Bools | None,
    spacing_kji: Spacing,
) -> NDArray[np.bool_]:
    """Which cores nothing brighter encloses; the brightest first, since they enclose nothing.

    The muscle of the heart lies between bright chambers, but is no marrow. Nor do `no_walls`
    enclose anything, nor their edges.
    """
    is_vessel = np.zeros(len(cores.hu), bool)
    box = bounding_box(cores.labels > 0, REACH_MM, spacing_kji)
    if box is None:
        return is_vessel
    labels, voxels = cores.labels[box], np.maximum(cores.voxels, 1)
    openness = SOFT_WEIGHT * cores.softer
    known = (
        np.zeros(labels.shape, bool) if no_walls is None else fringed(fringed(no_walls[box]))
    )
    bins = np.digitize(cores.hu, LEVELS_HU)
    for level in sorted(set(bins[1:].tolist()), reverse=True):
        these = bins == level
        these[0] = False
        walls = (hu[box] > cores.hu[these].max() + BRIGHTER_HU) & ~known
        walls &= ~keep(labels, these)
        opened = sums(labels, open_directions(walls, REACH_MM, spacing_kji), len(voxels))
        openness[these] += (opened / voxels / len(ALL_ROUND))[these]
        is_vessel[these] = openness[these] > least[these]
        known |= fringed(fringed(keep(labels, these & is_vessel)))
    return is_vessel


def _walls(cores: Cores, spine: Bools, spacing_kji: Spacing) -> NDArray[np.bool_]:
    """Which cores are thick cortex: as dense, but thin in one direction, or denser still.

    A vertebra may be solid, and as thick as a bladder.
    """
    densest = cores.hu > MOST_HU
    thin, thick = np.ones((2, len(densest)), bool)
    thin[cores.labels[trimmed(cores.labels > 0)]] = False
    if densest.any():
        inside = deep_in(keep(cores.labels, densest), CORTEX_MM, spacing_kji)
        thick[cores.labels[inside]] = False
        thick[cores.labels[spine]] = True
    return np.asarray((thin & (cores.hu > CORTEX_HU)) | (thick & densest))


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
    cores: Cores,
    is_vessel: NDArray[np.bool_],
    level_hu: float,
    spacing_kji: Spacing,
) -> Bools:
    """What is much denser than the contrast near it, or, far from any, than the densest."""
    vessel_hu = np.where(is_vessel, cores.hu, 0).astype(np.float32)
    levels, rank = np.unique(vessel_hu, return_inverse=True)
    levels[levels == 0] = level_hu
    least = levels + ABOVE_CONTRAST_HU
    window = [2 * round(NEAR_MM / mm) + 1 for mm in spacing_kji]
    # ranks take half the memory of densities, and the highest of them is the densest's
    near = maximum_filter(rank.astype(np.uint16)[cores.labels], window)
    denser = np.empty(hu.shape, bool)
    for slab in slabs(denser):
        denser[slab] = hu[slab] > least[near[slab]]
    return denser


def _off_vessels(dense: Bools, sure: Bools, vessels: Bools, spacing_kji: Spacing) -> Bools:
    """What of the dense is bone for sure, or as a ring round marrow, and touches no vessel."""
    beside = fringed(vessels)
    return (dense & sure & ~beside) | _rings(dense & ~fringed(beside), spacing_kji)


def _rings(rest: Bools, spacing_kji: Spacing) -> Bools:
    """What of the pieces off the vessels encloses marrow, near that.

    A sternum whose marrow is no core would fall to the vein that touches it. Thyroid and
    vessels enclose nothing in their slices.
    """
    holes = filled_in_slices(rest, MAX_MARROW_MM2, spacing_kji[1] * spacing_kji[2]) & ~rest
    near, edges = grown(holes, RING_MM, spacing_kji), fringed(holes, (1, 2))
    del holes  # the pieces take as much as four masks
    pieces = components(rest)
    near &= keep(pieces, sums(pieces, edges) > RING_SHARE * sizes(pieces))
    return near


def _nearer_to(vessels: Bools, bone: Bools, dense: Bools, hu: Whole) -> Bools:
    """What of the dense belongs to vessels rather than to bone: they meet at edges."""
    nearer = vessels.copy()
    box = bounding_box(dense)
    if box is None:
        return nearer
    values, edges = hu[box], np.empty(dense[box].shape, np.uint8)

    def work(here: slice, around: slice, own: slice) -> None:
        steep = gaussian_gradient_magnitude(values[around], 1.0, np.float32)[own]
        edges[here] = np.minimum(steep / EDGE_STEP_HU, 255)

    each_part(work, len(edges), EDGE_HALO)
    markers = vessels[box].astype(np.uint8)
    markers[bone[box] & ~vessels[box]] = 2
    nearer[box] = watershed(edges, markers, mask=dense[box] | (markers > 0)) == 1
    return nearer


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
