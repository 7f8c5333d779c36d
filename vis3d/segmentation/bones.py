"""The bones: cortex and the marrow it encloses, without contrast and calcium in vessels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from vis3d.progress import Progress, silent
from vis3d.segmentation.contrast import Contrast, between_lungs
from vis3d.segmentation.frame import Bools, Floats, Labels, Spacing, Values
from vis3d.segmentation.grids import Factors, pooled, spread
from vis3d.segmentation.morphology import (
    bounding_box,
    closed,
    components,
    components_in_slices,
    filled,
    fringed,
    keep,
    sizes,
    sums,
    trimmed_in_slices,
)

SEED_HU = 250.0
"""On the coarse grid: denser than any tissue without contrast."""
DENSE_HU = 130.0
"""On the coarse grid: above soft tissue and cartilage, with thin cortex averaged in."""
CORTEX_HU = 130.0
"""At full resolution: finds most of a cortex of 0.5 mm at 1 mm slices."""
TISSUE_HU = 50.0
ABOVE_NOISE = 2.5
"""How many times the noise cortex must stand out from soft tissue in a noisy scan."""
EDGE_SHARE = 0.4
PEAK_HU = 1200
"""A voxel below this share of its densest neighbour is that one's blurred edge."""
SPONGY_HU = 90.0
"""Marrow with trabeculae, where cortex lies all round."""
CORTEX_GAP_MM = 6.0
WALL_REACH_MM = 15.0
MARROW_HU = 60.0
TRABECULAE_HU = 80.0
FATTY_HU = -20.0
"""Marrow for certain; between them lie cord and muscle."""
GAS_HU = -200.0
MIN_PIECE_ML = 0.3
MAX_ISLAND_ML = 10.0
"""Largest piece between the lungs that isn't taken for bone."""
MIN_CRUMB_ML = 0.05
MAX_HOLE_CM2 = 12.0
FLUID_HU = (5.0, 60.0)
"""Spinal cord, brain and muscle: what a bony ring may hold that isn't marrow."""
EVEN_HU, EVEN_NOISES = 30.0, 2.0
SLAB = 32
"""How many slices are worked on at a time."""
MAX_CAVITY_ML = 20.0
CANAL_CM2 = (0.8, 6.0)
OFF_MIDDLE_MM = 25.0
ARCH_GAP_MM = 10.0
"""Above and below an arch of a vertebra the canal is open to the back."""
THICK_BONE_MM = 16.0
SPINE_WIDTH_MM = 40.0
MIN_SPINE_MM2 = 100.0
"""The spine is told from other bones by its thickness, in a window of its width."""


@dataclass(frozen=True, eq=False)
class CoarseScan:
    """What the bones are decided on: the 2 mm grid, the body, the lungs and the contrast."""

    hu: Floats
    body: Bools
    lungs: Bools
    contrast: Contrast
    factors: Factors
    spacing_kji: Spacing


def find_bones(
    hu: Values, body: Bools, coarse: CoarseScan, progress: Progress = silent
) -> Bools:
    """The bones at full resolution: pieces chosen on the coarse grid, drawn on the fine one."""
    progress(0.0, "Finding the bones")
    pieces = _coarse_bones(coarse)
    near = fringed(pieces) & ~coarse.contrast.mask & ~coarse.lungs
    box = bounding_box(near)
    if box is None:
        return np.zeros(hu.shape, bool)
    fine_box = tuple(
        slice(b.start * f, min(n, b.stop * f))
        for b, f, n in zip(box, coarse.factors, hu.shape, strict=True)
    )
    values = hu[fine_box]
    progress(0.2, "Finding the bones")
    wanted = body[fine_box] & spread(near[box], coarse.factors, values.shape)
    least_hu = max(CORTEX_HU, TISSUE_HU + ABOVE_NOISE * noise_hu(hu))
    cortex = _above_half_height(values, wanted, least_hu)
    progress(0.4, "Finding the bones")
    marrow = _marrow(cortex, coarse, box, progress)
    progress(0.8, "Filling the marrow")
    whole = cortex | spread(marrow, coarse.factors, cortex.shape)
    result = np.zeros(hu.shape, bool)
    voxel_ml = float(np.prod(coarse.spacing_kji)) / float(np.prod(coarse.factors)) / 1000
    result[fine_box] = _without_crumbs(whole & body[fine_box], voxel_ml)
    return result


def spine_mm(
    hu: Floats, body: Bools, lungs: Bools, left_mm: Floats, spacing_kji: Spacing
) -> float | None:
    """Where most of the thick bone behind the lungs' middle lies, on the scale of `left_mm`.

    None where there is too little of it. Ribs and shoulder blades are thinner than a vertebra.
    """
    heights, rows = (np.flatnonzero(lungs.any(axis=axes)) for axes in ((1, 2), (0, 2)))
    if not len(heights):
        return None
    behind = (slice(heights[0], heights[-1] + 1), slice((rows[0] + rows[-1]) // 2, None))
    dense = body[behind] & (hu[behind] > DENSE_HU)
    window = [max(1, round(THICK_BONE_MM / mm)) for mm in spacing_kji]
    around = uniform_filter(dense.astype(np.float32), window, mode="nearest")
    thick = dense & (around > 0.4)
    mm2 = np.count_nonzero(thick) * spacing_kji[1] * spacing_kji[2] / len(heights)
    if mm2 < MIN_SPINE_MM2:
        return None
    places = left_mm[behind][thick]
    start = float(places.min())
    counts = np.bincount(((places - start) / SPINE_WIDTH_MM * 4).astype(int))
    together = np.convolve(counts, np.ones(4))
    # the window that ends with bin n begins with bin n - 3
    return start + (int(together.argmax()) - 1) * SPINE_WIDTH_MM / 4


def noise_hu(hu: Values) -> float:
    """The noise of soft tissue at full resolution, from neighbours in every eighth slice."""
    sample = hu[len(hu) % 8 // 2 :: 8].astype(np.float32)
    first, second = sample[:, :, :-1], sample[:, :, 1:]
    tissue = (first > -50) & (first < 150) & (second > -50) & (second < 150)
    if np.count_nonzero(tissue) < 100:
        return 0.0
    # for a normal distribution the median absolute difference of two is 0.954 sigma
    return float(np.median(np.abs(second[tissue] - first[tissue]))) / 0.954


def _above_half_height(values: Values, wanted: Bools, least_hu: float) -> Bools:
    """Dense voxels, but not those that only share in a much denser neighbour."""
    dense = np.asarray(wanted & (values > least_hu))
    for first in range(0, len(values), SLAB):
        slab = slice(first, first + SLAB)
        around = slice(max(0, first - 1), first + SLAB + 1)
        peak = _peaks(values[around])[first - around.start :][: len(values[slab])]
        level = np.minimum(peak, PEAK_HU) * np.float32(EDGE_SHARE)
        dense[slab] &= values[slab] > level
    return dense


def _peaks(values: Values) -> Values:
    """The largest value among each voxel and its 26 neighbours."""
    peak = values.copy()
    for axis in range(3):
        before, turned = np.moveaxis(peak.copy(), axis, 0), np.moveaxis(peak, axis, 0)
        np.maximum(turned[1:], before[:-1], out=turned[1:])
        np.maximum(turned[:-1], before[1:], out=turned[:-1])
    return peak


def _coarse_bones(coarse: CoarseScan) -> Bools:
    """Dense pieces that hold something as dense as only bone is."""
    candidate = coarse.body & ~coarse.lungs & ~coarse.contrast.mask
    pieces = components(candidate & (coarse.hu > DENSE_HU), 18)
    ml = sizes(pieces) * float(np.prod(coarse.spacing_kji)) / 1000
    seeded = np.zeros(len(ml), bool)
    seeded[pieces[coarse.hu > SEED_HU]] = True
    # vessels of the hilum, calcified nodes and valves lie there, no bone of its own does
    inside = sums(pieces, between_lungs(coarse.lungs)) > 0.9 * sizes(pieces)
    return keep(pieces, (ml >= MIN_PIECE_ML) & seeded & ~(inside & (ml < MAX_ISLAND_ML)))


def _marrow(
    cortex: Bools,
    coarse: CoarseScan,
    box: tuple[slice, slice, slice],
    progress: Progress,
) -> Bools:
    """What the cortex encloses, on the coarse grid within the box."""
    hu, spacing = coarse.hu[box], coarse.spacing_kji
    shell = pooled(cortex, coarse.factors) > 0.2
    allowed = coarse.body[box] & ~coarse.contrast.mask[box] & ~coarse.lungs[box]
    around = closed(shell, CORTEX_GAP_MM, spacing) & allowed
    solid = shell | (around & (_mean_between(hu, shell) > SPONGY_HU))
    walls = _walls_around(solid, spacing)
    between = _mean_between(hu, shell)
    inner = (walls == 6) | ((walls == 5) & (between > MARROW_HU))
    even_hu = max(EVEN_HU, EVEN_NOISES * noise_hu(hu))
    # a canal that bends has walls all round
    allowed &= ~_canal(solid, hu, spacing, even_hu)
    solid |= inner & allowed & (hu > GAS_HU)
    progress(0.6, "Filling the marrow")
    across = [_marrow_holes(solid, hu, spacing, axis, even_hu) for axis in range(3)]
    # the canal of the spine is a hole across one axis only, and so are its side doors
    votes = across[0].astype(np.uint8) + across[1] + across[2]
    holes = (votes >= 2) | (across[0] & ((between > TRABECULAE_HU) | (between < FATTY_HU)))
    return (solid | (holes & allowed)) & ~shell


def _walls_around(solid: Bools, spacing_kji: Spacing) -> NDArray[np.uint8]:
    """In how many of the six directions along the axes something solid is within reach."""
    walls = np.zeros(solid.shape, np.uint8)
    for axis, step_mm in enumerate(spacing_kji):
        place = np.arange(solid.shape[axis], dtype=np.int32)
        place = place.reshape([-1 if a == axis else 1 for a in range(3)])
        for towards in (solid, np.flip(solid, axis)):
            last = np.maximum.accumulate(np.where(towards, place, np.int32(-9999)), axis=axis)
            reached = (place - last) * step_mm <= WALL_REACH_MM
            walls += reached if towards is solid else np.flip(reached, axis)
    return walls


def _mean_between(hu: Floats, shell: Bools) -> Floats:
    """The local mean of what isn't cortex; cortex would lift the gap between two bones."""
    between = (~shell).astype(np.float32)
    weight = uniform_filter(between, 3)
    mean = uniform_filter(hu * between, 3) / np.maximum(weight, np.float32(0.01))
    return mean.astype(np.float32, copy=False)


def _canal(solid: Bools, hu: Floats, spacing_kji: Spacing, even_hu: float) -> Bools:
    """The canal of the spine and what lies above and below it between two arches."""
    holes = components_in_slices(~solid)
    area_cm2 = sizes(holes) * spacing_kji[1] * spacing_kji[2] / 100
    wanted = (area_cm2 > CANAL_CM2[0]) & (area_cm2 < CANAL_CM2[1])
    columns = np.arange(solid.shape[2], dtype=np.float32)
    amount = np.cumsum(solid.sum(axis=(0, 1)))
    middle = float(np.searchsorted(amount, amount[-1] / 2))
    center = sums(holes, np.broadcast_to(columns, solid.shape)) / np.maximum(sizes(holes), 1)
    wanted &= np.abs(center - middle) * spacing_kji[2] < OFF_MIDDLE_MM
    canal = keep(holes, wanted & _even_tissue(holes, hu, 2 * even_hu))
    for _ in range(round(ARCH_GAP_MM / spacing_kji[0])):
        canal = fringed(canal, (0,))
    return canal & ~solid


def _marrow_holes(
    solid: Bools, hu: Floats, spacing_kji: Spacing, axis: int, even_hu: float
) -> Bools:
    """The holes in the slices across an axis that hold marrow, not cord, brain or muscle."""
    order = (axis, *(a for a in range(3) if a != axis))
    slices = np.ascontiguousarray(solid.transpose(order))
    values = np.ascontiguousarray(hu.transpose(order))
    pixel_cm2 = spacing_kji[order[1]] * spacing_kji[order[2]] / 100
    holes = components_in_slices(~slices)
    area_cm2 = sizes(holes) * pixel_cm2
    wanted = (area_cm2 <= MAX_HOLE_CM2) & ~_even_tissue(holes, values, even_hu)
    for edge in (holes[:, :1], holes[:, -1:], holes[:, :, :1], holes[:, :, -1:]):
        wanted[edge] = False
    return np.asarray(keep(holes, wanted).transpose(np.argsort(order)))


def _even_tissue(holes: Labels, hu: Floats, even_hu: float) -> NDArray[np.bool_]:
    """Which holes hold cord, brain, muscle or gas, judged off their edges."""
    inner = holes * trimmed_in_slices(holes > 0)
    count = np.bincount(inner.reshape(-1), minlength=int(holes.max()) + 1)
    mean = sums(inner, hu, len(count)) / np.maximum(count, 1)
    square = sums(inner, hu.astype(np.float64) ** 2, len(count)) / np.maximum(count, 1)
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    fluid = (mean > FLUID_HU[0]) & (mean < FLUID_HU[1]) & (deviation < even_hu)
    return np.asarray((count > 0) & (fluid | (mean < GAS_HU)))


def _without_crumbs(bones: Bools, voxel_ml: float) -> Bools:
    """The bones without the specks that noise leaves beside them and the bubbles inside."""
    pieces = components(bones)
    clean = keep(pieces, sizes(pieces) * voxel_ml >= MIN_CRUMB_ML)
    bubbles = components(filled(clean) & ~clean)
    return clean | keep(bubbles, sizes(bubbles) * voxel_ml <= MAX_CAVITY_ML)
