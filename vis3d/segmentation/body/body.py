"""The body: everything inside the skin, without table, clothes and wires."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from vis3d.progress import Progress
from vis3d.segmentation.body.bare import BARE_HU, bare_things
from vis3d.segmentation.body.outside import (
    BETWEEN,
    SKIN_HU,
    WALLED,
    outside_air,
    pieces_and_walls,
    rim,
)
from vis3d.segmentation.body.parts import (
    DRY_HU,
    SMALL_FIELD_MM,
    above_the_table,
    bodies,
    cavities,
    core_mm,
    dry_bones,
    ears,
    width_mm,
)
from vis3d.segmentation.body.planks import Plank, find_planks
from vis3d.segmentation.voxels.frame import (
    AIR_HU,
    Bools,
    Floats,
    Labels,
    Spacing,
    Values,
    Whole,
)
from vis3d.segmentation.voxels.grids import (
    Factors,
    coarse_spacing,
    factors_for,
    fine_box,
    leave_out_unmeasured,
    mostly,
    pooled,
    shares,
    spread,
)
from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    components,
    filled_in_slices,
    fringed,
    grown,
    indices,
    keep,
    shrunk,
    sizes,
    sums,
    trimmed,
    trimmed_in_slices,
)
from vis3d.segmentation.voxels.slabs import each_slab

LIGHT_HU, NEAR_AIR_HU = -200, -700
"""Fat is denser than the one; wood, foam and blankets are not. Skin that shares a voxel with
air is as light, but beside it lies what is below the other."""
MIN_LIGHT = 7
"""A light voxel of a layer, be it one voxel thick, has as many round it, with itself."""
FAT_HU = -100
Places = tuple[NDArray[np.intp], ...]
CORE_GRID_MM = 4.0
"""Where the body's core is decided on; in fields of view for children, twice as finely."""
GAS_HU = -940
"""Enclosed air darker than this on average is gas or the hollow of a table, not lung."""
MAX_BETWEEN = 0.5
"""Of foam in a table less lies between thick tissue: only the patient on it is."""
LAYER_MM, SLICES = 2.0, 8


@dataclass(frozen=True, eq=False)
class Body:
    """The body on the 2 mm grid, as in `PatientFrame`, and what was left out of it."""

    mask: Bools
    bare: Bools | None
    planks: list[Plank]

    def leave_out_things(
        self, body: Bools, hu: Values, factors: Factors, coarse_hu: Whole
    ) -> None:
        """Take what is no body out of it at full resolution, in place."""
        for plank in self.planks:
            plank.cut(body, False, factors)
        light = _light_edge(_without_things(coarse_hu, self.bare, self.planks), self.mask)
        for place in _fine_places(light, factors, body.shape):
            body[place] &= hu[place] > LIGHT_HU
        box = None if self.bare is None else bounding_box(fringed(self.bare))
        if self.bare is None or box is None:
            return
        fine = fine_box(box, factors, body.shape)
        shape = body[fine].shape
        # where it shares a voxel with skin, only what is dense goes
        edge = spread(fringed(self.bare)[box], factors, shape) & (hu[fine] > BARE_HU)
        body[fine] &= ~(edge | spread(self.bare[box], factors, shape))


def _fine_places(mask: Bools, factors: Factors, shape: tuple[int, ...]) -> Iterator[Places]:
    """Where the voxels of a coarse mask lie at full resolution: k, j, i of one in each."""
    at = np.nonzero(mask)
    if not len(at[0]):
        return
    # one voxel of the mask may hold more microscopic ones than the scan has
    for step in product(*map(range, map(min, factors, shape))):
        fine = [x * f + s for x, f, s in zip(at, factors, step, strict=True)]
        there = np.all([x < n for x, n in zip(fine, shape, strict=True)], axis=0)
        yield tuple(x[there] for x in fine)


def find_body(
    hu: Whole,
    unmeasured: Bools | None,
    scan: Values,
    factors: Factors,
    spacing_kji: Spacing,
) -> Body:
    """The body on the 2 mm grid, without boards and dense things that no skin covers.

    `hu` and `spacing_kji` are of that grid, on which a voxel is `factors` ones of the `scan`.
    """
    body = _body_in(hu, unmeasured, spacing_kji)
    k_mm, j_mm, i_mm = (mm / f for mm, f in zip(spacing_kji, factors, strict=True))
    bare = bare_things(hu, body, unmeasured, scan, factors, (k_mm, j_mm, i_mm))
    if bare is not None:
        hu = _without_things(hu, bare, [])
        body = _body_in(hu, unmeasured, spacing_kji, bare)
    planks = find_planks(hu, body, unmeasured, spacing_kji)
    if planks:
        body = _body_in(_without_things(hu, None, planks), unmeasured, spacing_kji, bare)
    return Body(body, bare, planks)


def _without_things(hu: Whole, bare: Bools | None, planks: list[Plank]) -> Whole:
    """The scan with air where something else than the body was found."""
    if bare is not None:
        hu = np.where(bare, hu.dtype.type(AIR_HU), hu)
    elif planks:
        hu = hu.copy()
    for plank in planks:
        plank.cut(hu, AIR_HU, (1, 1, 1))
    return hu


def outside_and_padding(hu: Whole, unmeasured: Bools | None, spacing_kji: Spacing) -> Bools:
    """The padding and the air at the sides, on the 2 mm grid, without a look at tissue."""
    coarser = _core_factors(hu.shape, spacing_kji)
    coarse, padding = _coarser(hu, unmeasured, coarser)
    measured = np.ones(coarse.shape, bool) if padding is None else ~padding
    pieces, walled = pieces_and_walls(coarse, measured)
    spacing = coarse_spacing(spacing_kji, coarser)
    outside = outside_air(pieces, coarse, walled, measured, spacing)
    return spread(outside | ~measured, coarser, hu.shape)


def _core_factors(shape: tuple[int, ...], spacing_kji: Spacing) -> Factors:
    """How many voxels of the 2 mm grid make one for the core; a child's wall is thin."""
    small = width_mm(shape, spacing_kji) <= SMALL_FIELD_MM
    return factors_for(spacing_kji, CORE_GRID_MM * (0.5 if small else 1))


def _body_in(
    hu: Whole, unmeasured: Bools | None, spacing_kji: Spacing, bare: Bools | None = None
) -> Bools:
    """The body where `bare` things were taken out of the scan."""
    coarser = _core_factors(hu.shape, spacing_kji)
    means, padding = _coarser(hu, unmeasured, coarser)
    things = None if bare is None else mostly(bare, coarser)
    spacing = coarse_spacing(spacing_kji, coarser)
    found = coarse_body(means, padding, spacing, things)
    coarse = spread(found, coarser, hu.shape)
    whole = _with_skin(coarse, hu)
    # slices that the coarser grid has too are as they were decided there
    axes = (1, 2) if coarser[0] == 1 else (0, 1, 2)
    if unmeasured is None or padding is None:
        return whole | trimmed(trimmed(coarse, axes), axes)
    # where the scan ends the body has no skin
    beyond = unmeasured | spread(found | padding, coarser, hu.shape)
    return (whole | trimmed(trimmed(beyond, axes), axes)) & ~unmeasured


def _coarser(
    hu: Whole, unmeasured: Bools | None, factors: Factors
) -> tuple[Floats, Bools | None]:
    """The means of what was measured in each block of voxels, and which mostly wasn't."""
    if unmeasured is None:
        return pooled(hu, factors), None
    share = shares(unmeasured, factors)
    return leave_out_unmeasured(pooled(hu, factors), share), share > 0.5


def _with_skin(body: Bools, hu: Whole) -> Bools:
    """What is solid of the body and two voxels round it."""
    whole = np.zeros(body.shape, bool)
    box = bounding_box(body, 3.0)  # the air beside those tells what is too light
    if box is not None:
        around = (slice(None), *box[1:])
        solid = (hu[around] > SKIN_HU) & ~_too_light(hu[around])
        whole[around] = fringed(fringed(body[around] & solid) & solid) & solid
    return whole


def _too_light(hu: Values) -> Bools:
    """What is lighter than fat, but not by the air beside it."""
    beside_air = fringed(hu < NEAR_AIR_HU)
    beside_air[[0, -1]] = True  # it may lie in the next slice, which nobody measured
    light = (hu > NEAR_AIR_HU) & (hu < LIGHT_HU) & ~beside_air
    return _without_skin_on_foam(light, hu)


def _without_skin_on_foam(light: Bools, hu: Values) -> Bools:
    """The mask, changed in place, without what is nearer to fat than to what it touches.

    Only what touches tissue can be such a mixture. What hardly anything light lies round is
    fat in a noisy scan.
    """
    at = tuple(indices(light).T)
    lowest, highest, lights = hu[at], hu[at], np.zeros(len(at[0]), np.uint8)
    beside = (
        [np.clip(x + step, 0, n - 1) for step in (-1, 0, 1)]
        for x, n in zip(at, hu.shape, strict=True)
    )
    for place in product(*beside):
        values = hu[place]
        lowest, highest = np.minimum(lowest, values), np.maximum(highest, values)
        lights += values < LIGHT_HU
    near_fat = 2 * hu[at] > lowest + FAT_HU
    light[at] = (highest < LIGHT_HU) | (~near_fat & (lights >= MIN_LIGHT))
    return light


def _light_edge(hu: Whole, body: Bools) -> Bools:
    """What is too light at the body's edge, with its own surface."""
    edge = fringed(body) & ~trimmed(body)
    light = fringed(_too_light(hu) & edge) & edge & (hu < LIGHT_HU)
    return _without_skin_on_foam(light, hu)


def coarse_body(
    hu: Floats, unmeasured: Bools | None, spacing_kji: Spacing, bare: Bools | None = None
) -> Bools:
    """The body on a grid of about 4 mm, [k, j, i] as in `PatientFrame`.

    Where `bare` things were, `hu` is air.
    """
    measured = np.ones(hu.shape, bool) if unmeasured is None else ~unmeasured
    airy, walled = pieces_and_walls(hu, measured)
    solid = measured & ~outside_air(airy, hu, walled, measured, spacing_kji)
    solid &= ~_hollows(airy * solid, hu, walled, rim(measured))
    solid &= ~_light_layers(solid, hu, measured)
    thick_mm = core_mm(hu.shape, spacing_kji)
    pieces = components(shrunk(solid | ~measured, thick_mm, spacing_kji) & solid)
    core = above_the_table(bodies(pieces, solid, hu, measured, spacing_kji), hu)
    core |= dry_bones(core, solid & (hu > DRY_HU), spacing_kji)
    if not core.any():
        return core
    body = grown(core, thick_mm + max(spacing_kji) / 2, spacing_kji) & solid
    pieces = components(body)
    body = keep(pieces, sums(pieces, core) > 0)
    dense = hu > BARE_HU if bare is None else (hu > BARE_HU) | bare
    body |= ears(body, solid & (hu > LIGHT_HU), dense & ~body, spacing_kji)
    body |= cavities(body, hu, spacing_kji)
    return filled_in_slices(body) & measured


def _light_layers(solid: Bools, hu: Floats, measured: Bools) -> Bools:
    """Blankets, foam and wood outside, with their surface."""
    light = components(_too_light(hu) & solid & (hu > SKIN_HU))
    beside = fringed(fringed(~solid & measured))
    return fringed(keep(light, sums(light, beside) > 0)) & (hu < LIGHT_HU) & solid


def drop_thin_layers(body: Bools, spacing_kji: Spacing, progress: Progress) -> None:
    """Take sheets that lie beside the skin out of the body, in place and slice by slice.

    What is thinner than `LAYER_MM` goes: the cover of a mattress, a shirt, a wire. An ear is
    thicker. Voxels too large for that stay as they are.
    """
    depth = int(LAYER_MM / 2 / max(spacing_kji[1:]) + 0.5)
    if depth == 0:
        return

    def work(start: int, stop: int) -> None:
        box = bounding_box(body[start:stop], 2.0)
        if box is None:
            return
        mask = body[start:stop][box]
        thick = mask
        for _ in range(depth):
            thick = trimmed_in_slices(thick)
        for _ in range(depth + 1):
            thick = fringed(thick, (1, 2))
        mask &= thick

    each_slab(work, len(body), SLICES, progress, "Leaving out clothes")


def _hollows(labels: Labels, hu: Floats, walled: NDArray[np.uint8], edge: Bools) -> Bools:
    """Which pieces of enclosed air are none of a body's."""
    voxels = np.maximum(sizes(labels), 1)
    # a lung as dark as that has thick walls, a table has not
    thin = sums(labels, walled >= WALLED) < 0.5 * voxels
    hollow = (sums(labels, hu) < GAS_HU * voxels) & thin
    inside = sums(labels, edge) == 0  # what the field cuts was judged as lung or foam
    hollow |= inside & (sums(labels, walled >= BETWEEN) < MAX_BETWEEN * voxels)
    return keep(labels, hollow)
