"""The bones: cortex and the marrow it encloses, without contrast and calcium in vessels."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter

from vis3d.progress import Progress, silent
from vis3d.segmentation.contrast import Contrast
from vis3d.segmentation.frame import Bools, Floats, Spacing, Values
from vis3d.segmentation.grids import Factors, pooled, spread
from vis3d.segmentation.morphology import (
    bounding_box,
    closed,
    components,
    components_in_slices,
    fringed,
    keep,
    sizes,
    sums,
)

SEED_HU = 250.0
"""On the coarse grid: denser than any tissue without contrast."""
DENSE_HU = 130.0
"""On the coarse grid: above soft tissue and cartilage, with thin cortex averaged in."""
CORTEX_HU = 150.0
"""At full resolution: finds most of a cortex of 0.5 mm at 1 mm slices."""
SPONGY_HU = 100.0
"""Marrow with trabeculae, where cortex lies all round."""
CORTEX_GAP_MM = 6.0
MIN_PIECE_ML = 0.3
MIN_CRUMB_ML = 0.05
MAX_HOLE_CM2 = 12.0
FLUID_HU = (5.0, 60.0)
"""Spinal cord, brain and muscle: what a bony ring may hold that isn't marrow."""
SMALL_HOLE_CM2 = 1.0


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
    cortex = (values > CORTEX_HU) & body[fine_box]
    cortex &= spread(near[box], coarse.factors, cortex.shape)
    progress(0.4, "Finding the bones")
    marrow = _marrow(cortex, coarse, box)
    progress(0.7, "Filling the marrow")
    whole = cortex | spread(marrow, coarse.factors, cortex.shape)
    result = np.zeros(hu.shape, bool)
    result[fine_box] = _without_crumbs(whole & body[fine_box], hu, coarse)
    return result


def _coarse_bones(coarse: CoarseScan) -> Bools:
    """Dense pieces that hold something as dense as only bone is."""
    candidate = coarse.body & ~coarse.lungs & ~coarse.contrast.mask
    pieces = components(candidate & (coarse.hu > DENSE_HU), 18)
    large = sizes(pieces) * float(np.prod(coarse.spacing_kji)) / 1000 >= MIN_PIECE_ML
    seeded = np.zeros(len(large), bool)
    seeded[pieces[coarse.hu > SEED_HU]] = True
    return keep(pieces, large & seeded)


def _marrow(cortex: Bools, coarse: CoarseScan, box: tuple[slice, slice, slice]) -> Bools:
    """What the cortex encloses, on the coarse grid within the box."""
    hu, spacing = coarse.hu[box], coarse.spacing_kji
    shell = pooled(cortex, coarse.factors) > 0.2
    allowed = coarse.body[box] & ~coarse.contrast.mask[box] & ~coarse.lungs[box]
    around = closed(shell, CORTEX_GAP_MM, spacing) & allowed
    spongy = around & (uniform_filter(hu, 3) > SPONGY_HU)
    solid = shell | spongy
    holes = np.zeros(hu.shape, bool)
    for axis in range(3):
        holes |= _marrow_holes(solid, hu, spacing, axis)
    return (spongy | (holes & allowed)) & ~shell


def _marrow_holes(solid: Bools, hu: Floats, spacing_kji: Spacing, axis: int) -> Bools:
    """The holes in the slices across one axis that hold marrow and not cord, brain or muscle."""
    order = (axis, *(a for a in range(3) if a != axis))
    slices = np.ascontiguousarray(solid.transpose(order))
    values = np.ascontiguousarray(hu.transpose(order))
    pixel_cm2 = spacing_kji[order[1]] * spacing_kji[order[2]] / 100
    holes = components_in_slices(~slices)
    count = np.maximum(sizes(holes), 1)
    area_cm2 = sizes(holes) * pixel_cm2
    mean = sums(holes, values) / count
    fluid = (mean > FLUID_HU[0]) & (mean < FLUID_HU[1]) & (area_cm2 > SMALL_HOLE_CM2)
    wanted = (area_cm2 <= MAX_HOLE_CM2) & ~fluid & (mean > -200)
    for edge in (holes[:, :1], holes[:, -1:], holes[:, :, :1], holes[:, :, -1:]):
        wanted[edge] = False
    return np.asarray(keep(holes, wanted).transpose(np.argsort(order)))


def _without_crumbs(bones: Bools, hu: Values, coarse: CoarseScan) -> Bools:
    """The bones without the specks that noise leaves beside them."""
    voxel_ml = float(np.prod(coarse.spacing_kji)) / float(np.prod(coarse.factors)) / 1000
    pieces = components(bones)
    return keep(pieces, sizes(pieces) * voxel_ml >= MIN_CRUMB_ML)
