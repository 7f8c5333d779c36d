"""The bones: cortex and the marrow it encloses, without contrast and calcium in vessels."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, uniform_filter

from vis3d.progress import Progress, part, silent
from vis3d.segmentation.bones.bowel import below_lungs, bowel_with_contrast, trunk_below_lungs
from vis3d.segmentation.bones.canal import spinal_canal
from vis3d.segmentation.bones.contrast import Contrast, between_lungs
from vis3d.segmentation.bones.joints import middles_of_heads, open_joints
from vis3d.segmentation.bones.marrow import GAS_HU, walled_pieces, with_marrow
from vis3d.segmentation.bones.mending import evened, fill_gaps
from vis3d.segmentation.bones.organs import BESIDE_LUNGS, organs_with_contrast
from vis3d.segmentation.bones.peaks import PEAK_HU, peaks
from vis3d.segmentation.bones.plaques import drop_plaques
from vis3d.segmentation.bones.thick_slices import beyond_edges, blurred_axis
from vis3d.segmentation.bones.walls import rise, with_thin_walls
from vis3d.segmentation.metal import MIN_BONE_ROUND_METAL, SHADOW_HU, STREAK_MM
from vis3d.segmentation.voxels.frame import Bools, Floats, Spacing, Values, Whole
from vis3d.segmentation.voxels.grids import (
    Box,
    Factors,
    fine_box,
    give_back_much,
    pooled,
    spread,
)
from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    components,
    filled,
    fringed,
    keep,
    sizes,
    sums,
    trimmed,
)
from vis3d.segmentation.voxels.noise import reach, smoothed
from vis3d.segmentation.voxels.slabs import each_slab

SEED_HU = 250.0
"""On the coarse grid: denser than any tissue without contrast."""
DENSE_HU = 130.0
"""Above soft tissue and cartilage; finds most of a cortex of 0.5 mm at 1 mm slices."""
TISSUE_HU = 50.0
ABOVE_NOISE = 3.5
"""How many times the noise cortex must stand out from soft tissue in a noisy scan."""
EDGE_SHARE, BLURRED_SHARE = 0.4, 0.16
PEAK_MM = 0.8
"""A voxel below this share of the densest place so near is that one's blurred edge; smoothing
against noise blurs more, and farther."""
FINE_MM = 2.0
"""Where voxels are larger, the densest neighbour says nothing of a voxel's own cortex."""
RIM_SHARE = 0.6
"""There a voxel at the border is soft tissue below this share of the bone's local mean."""
RIM_SIDE_MM, RIM_RISE_HU = 6.0, 40.0
"""But what is as much denser than both sides is a wall of its own."""
SHELL_SHARE = 0.2
"""From this share of cortex on a coarse voxel is a wall."""
MIN_PIECE_ML, CRUMB_ML = 0.3, 0.1
MAX_ISLAND_ML = 10.0
"""Largest piece between the lungs or beside metal that isn't taken for bone."""
MAX_AT_SKIN = 0.4
"""How much of a piece of bone may touch the outside of the body."""
SLAB, HALO, SLABS = 16, 4, 10
"""How many slices are worked on at a time, and how many are looked at on either side; of few
slices fewer at a time, or what they take would weigh more than the scan."""
Bits: TypeAlias = NDArray[np.uint8]
Shares: TypeAlias = NDArray[np.float16]
CORTEX, BONE_BIT = np.uint8(1), np.uint8(1)
"""Cortex is the lowest bit of what is drawn, bone the next one."""


@dataclass(frozen=True, eq=False)
class CoarseScan:
    """What the bones are decided on: the 2 mm grid, the body, the lungs and the contrast."""

    hu: Whole
    noise_hu: float
    fine_noise: tuple[float, float]
    """The blur in mm2 that the scan itself needs, and the noise in HU that is then left."""
    body: Bools
    lungs: Bools
    contrast: Contrast
    specimen: bool
    """Whether bone may be even, and bare."""
    factors: Factors
    spacing_kji: Spacing
    metal: Bools | None = None
    """Where there is any; None without."""

    @property
    def fine_spacing(self) -> Spacing:
        """The spacing of the scan itself."""
        k, j, i = (mm / f for mm, f in zip(self.spacing_kji, self.factors, strict=True))
        return (k, j, i)

    @property
    def large_voxels(self) -> bool:
        """Whether cortex is thinner than the voxels of the scan, however finely it is cut."""
        return sorted(self.fine_spacing)[1] > FINE_MM

    @property
    def voxel_ml(self) -> float:
        """The volume of a coarse voxel in ml."""
        return float(np.prod(self.spacing_kji)) / 1000

    @cached_property
    def soft(self) -> Bools:
        """The body without the lungs and without contrast: where bones may lie."""
        return self.body & ~self.lungs & ~self.contrast.mask

    def rest(self) -> None:
        """Give free memory back between two steps, where they take much beside the scan."""
        give_back_much(self.factors)

    @property
    def between_lungs(self) -> Bools:
        """What has a lung on either side (made anew each time)."""
        return between_lungs(self.lungs)

    @property
    def at_skin(self) -> Bools:
        """What lies outside the body or touches that (made anew each time)."""
        return fringed(~self.body)


def find_bones(
    hu: Values,
    coarse: CoarseScan,
    bones: Bools,
    progress: Progress = silent,
) -> float:
    """Draw the bones at full resolution into `bones`; pieces are chosen on the coarse grid.

    Metal is a wall like cortex, and drawn like that; its blurred edge outside of bones isn't.
    The answer is how many ml of organs full of contrast were left out for want of a rim.
    """
    progress(0.0, "Finding the bones")
    metallic = np.zeros(coarse.body.shape, bool)
    if coarse.metal is not None:
        metallic = fringed(coarse.metal)
        dense = replace(coarse.contrast, mask=coarse.contrast.mask | metallic)
        coarse = replace(coarse, contrast=dense)
    near = fringed(_dense_pieces(coarse)) & coarse.soft
    box = bounding_box(near, max(coarse.spacing_kji), coarse.spacing_kji)
    if box is None:
        return 0.0
    drawn = bones.view(np.uint8)
    coarse.rest()
    share = _cortex(hu, near, coarse, drawn, part(progress, 0.1, 0.4))
    del near
    coarse.rest()
    shell = share > SHELL_SHARE
    progress(0.4, "Looking for the spine")
    canal = spinal_canal(coarse.hu, shell | metallic, coarse.spacing_kji)
    if not coarse.specimen:
        around = (coarse.body, coarse.contrast.mask, canal)
        drop_plaques(drawn, share, *around, coarse.factors, coarse.spacing_kji)
        shell = share > SHELL_SHARE
    if coarse.large_voxels:
        shell = _thinner(shell, coarse, drawn)
        np.maximum(share, shell, out=share)
    step = part(progress, 0.4, 0.8)
    inner, kept, heads, organs_ml = _chosen(share, shell, metallic, canal, coarse, box, step)
    del share, shell, canal
    coarse.rest()
    kept = _without_crumbs(kept, coarse.voxel_ml)
    inner &= kept
    coarse.rest()
    _compose(drawn, hu, inner, kept, coarse, part(progress, 0.8, 1.0))
    for plane in drawn[fine_box(box, coarse.factors, drawn.shape)]:
        plane >>= BONE_BIT
    open_joints(bones, hu, heads, coarse.fine_spacing)
    coarse.rest()
    return organs_ml


def _chosen(
    share: Shares,
    shell: Bools,
    metallic: Bools,
    canal: Bools,
    coarse: CoarseScan,
    box: Box,
    step: Progress,
) -> tuple[Bools, Bools, list[Floats], float]:
    """What is bone all through, and where what is drawn as dense is bone, on the coarse grid.

    And where heads of bones may lie, and how many ml of organs were left out. Between its
    steps, which each take as much as half of the scan where the grid is fine, memory is
    given back.
    """
    coarse.rest()
    whole = np.zeros(shell.shape, bool)
    whole[box], organs = _whole(shell[box], metallic[box], canal[box], coarse, box, step)
    coarse.rest()
    heads = middles_of_heads(coarse.hu, whole, canal, coarse.spacing_kji)
    coarse.rest()
    share[box][organs] = 0
    shell[box] &= ~organs
    organs_ml = float(np.count_nonzero(organs)) * coarse.voxel_ml
    del organs
    cortex = share > 0
    kept = _seeded(whole | cortex, np.maximum(share, whole, out=share), coarse)
    coarse.rest()
    kept &= ~_edges_of_metal(kept, metallic, coarse)
    if coarse.large_voxels:
        kept &= ~_rim(whole, shell, coarse)
    coarse.rest()
    walls = shell | metallic
    marrow = whole & ~walls
    marrow[box] = walled_pieces(marrow[box], whole[box], coarse.spacing_kji)
    # what lies open stays out, however deep: it is as fat as marrow, and no wall
    inner = (marrow | (trimmed(whole) & walls)) & kept
    return inner, kept & (inner | cortex), heads, organs_ml


def _dense_pieces(coarse: CoarseScan) -> Bools:
    """Dense pieces that hold something as dense as only bone is."""
    least_hu = max(DENSE_HU, TISSUE_HU + ABOVE_NOISE * coarse.noise_hu)
    dense = coarse.soft & (coarse.hu > least_hu)
    return _seeded(dense, dense, coarse)


def _seeded(pieces: Bools, amount: NDArray[np.generic], coarse: CoarseScan) -> Bools:
    """The connected pieces that are large enough and hold something dense enough."""
    labels = components(pieces, 18)
    ml = sums(labels, amount) * coarse.voxel_ml
    seeded = np.zeros(len(ml), bool)
    seeds = coarse.hu > SEED_HU
    seeds &= coarse.soft
    seeded[labels[seeds]] = True
    # vessels of the hilum, calcified nodes and valves lie there, no bone of its own does
    inside = sums(labels, coarse.between_lungs) > 0.9 * sizes(labels)
    # a plate or a holder that touches the body lies at the air, bones lie under the skin
    at_skin = sums(labels, coarse.at_skin) > MAX_AT_SKIN * sizes(labels)
    if coarse.specimen:
        at_skin[:] = False
    wanted = (ml >= MIN_PIECE_ML) & seeded & ~at_skin & ~(inside & (ml < MAX_ISLAND_ML))
    return keep(labels, wanted)


def _cortex(
    hu: Values, near: Bools, coarse: CoarseScan, drawn: Bits, progress: Progress
) -> Shares:
    """Draw the dense voxels; their share of each coarse voxel."""
    spacing, factors = coarse.fine_spacing, coarse.factors
    blur, noise = coarse.fine_noise
    beside_mm = max(PEAK_MM, float(np.sqrt(blur)))
    blurred = blurred_axis(hu, spacing)
    halo = int(np.ceil(beside_mm / spacing[0]))
    if blurred is not None and blurred.axis == 0:
        halo = max(halo, blurred.reach)
    halo += reach(blur, spacing)
    least_hu = max(DENSE_HU, TISSUE_HU + ABOVE_NOISE * noise)
    edge_share = np.float32(EDGE_SHARE + BLURRED_SHARE * blur / beside_mm**2)
    share = np.zeros(near.shape, np.float16)

    def work(start: int, stop: int) -> None:
        box = bounding_box(near[start:stop])
        if box is None:
            return
        here = (slice(start, stop), *box[1:])
        fine = fine_box(here, factors, hu.shape)
        k = fine[0]
        first = max(0, k.start - halo)
        values = np.ascontiguousarray(hu[first : k.stop + halo, fine[1], fine[2]])
        if blur:
            values = smoothed(values, blur, spacing)
        own = slice(k.start - first, k.stop - first)
        wanted = spread(near[here], factors, values[own].shape) & (values[own] > least_hu)
        if not coarse.large_voxels:
            at = np.flatnonzero(wanted)
            level = peaks(values, beside_mm, spacing)[own].reshape(-1)[at] * edge_share
            wanted.reshape(-1)[at] = values[own].reshape(-1)[at] > level
        if blurred is not None:
            at = np.flatnonzero(wanted)
            before = own.start * values[0].size
            outside = beyond_edges(values, at + before, blurred, least_hu)
            wanted.reshape(-1)[at[outside]] = False
        drawn[fine] = wanted  # CORTEX
        share[here] = pooled(wanted, factors)

    step = max(1, min(SLAB, len(hu) // SLABS) // factors[0])
    each_slab(work, len(near), step, progress, "Finding the cortex")
    return share


def _whole(
    shell: Bools, metal: Bools, canal: Bools, coarse: CoarseScan, box: Box, progress: Progress
) -> tuple[Bools, Bools]:
    """The walls and what they enclose, but not the canal of the spine, within the box.

    And what looked like it but is an organ with contrast.
    """
    hu, soft, spacing = coarse.hu[box], coarse.soft[box], coarse.spacing_kji
    organs = np.zeros(shell.shape, bool)
    if not coarse.specimen:
        # before marrow is filled: that grows bowel and the bones beside it together
        trunk = trunk_below_lungs(coarse.body, coarse.lungs, spacing)[box[0]]
        organs = bowel_with_contrast(shell, hu, trunk, canal, spacing)
    walls, allowed = (shell & ~organs) | metal, soft & ~organs
    whole = with_marrow(walls, hu, allowed, canal, spacing, coarse.noise_hu, progress)
    coarse.rest()
    if not coarse.specimen:
        # not beside the upper part of the lungs: the heads of the arms may be as even
        low = below_lungs(coarse.lungs, BESIDE_LUNGS)[box[0]]
        organs |= organs_with_contrast(whole, hu, canal, spacing, low)
    return whole & ~organs, organs


def _edges_of_metal(pieces: Bools, metallic: Bools, coarse: CoarseScan) -> Bools:
    """What looks like bone beside metal in soft tissue, and small pieces beside any metal."""
    if not metallic.any():
        return metallic
    labels = components(pieces, 18)
    ml = sizes(labels) * coarse.voxel_ml
    beside = np.zeros(len(ml), bool)
    beside[labels[fringed(metallic)]] = True
    edges = keep(labels, beside & (ml < MAX_ISLAND_ML))
    del labels
    box = bounding_box(metallic, STREAK_MM + max(coarse.spacing_kji), coarse.spacing_kji)
    if box is not None:
        window = [2 * round(STREAK_MM / mm) + 1 for mm in coarse.spacing_kji]
        around = maximum_filter(components(metallic[box], 26), window)
        # the air in a mouth tells teeth from bone as little as from soft tissue
        around[metallic[box] | (coarse.hu[box] < SHADOW_HU)] = 0
        in_bone = sums(around, pieces[box]) > MIN_BONE_ROUND_METAL * np.maximum(
            sizes(around), 1
        )
        edges[box] |= keep(around, ~in_bone)
    return edges


def _thinner(shell: Bools, coarse: CoarseScan, drawn: Bits) -> Bools:
    """The shell with thin walls, drawn too: what is decided on are the voxels themselves."""
    thinner = with_thin_walls(
        shell, coarse.hu, coarse.soft, coarse.noise_hu, coarse.spacing_kji
    )
    drawn |= spread(thinner & ~shell, coarse.factors, drawn.shape).view(np.uint8)
    return thinner


def _rim(whole: Bools, shell: Bools, coarse: CoarseScan) -> Bools:
    """Voxels at the border that only share in the bone beside them, but no thin wall."""
    inside = whole.astype(np.float32)
    weight = np.maximum(uniform_filter(inside, 3), np.float32(0.01))
    mean = uniform_filter(np.minimum(coarse.hu, PEAK_HU) * inside, 3) / weight
    wall = rise(coarse.hu, RIM_SIDE_MM, coarse.spacing_kji) > RIM_RISE_HU
    return shell & ~trimmed(whole) & (coarse.hu < RIM_SHARE * mean) & ~wall


def _without_crumbs(pieces: Bools, voxel_ml: float) -> Bools:
    """The pieces without the smallest, which hung together by what isn't drawn."""
    labels = components(pieces, 26)
    return keep(labels, sizes(labels) * voxel_ml >= CRUMB_ML)


def _compose(
    drawn: Bits,
    hu: Values,
    inner: Bools,
    kept: Bools,
    coarse: CoarseScan,
    progress: Progress,
) -> None:
    """Cortex by its own voxels, marrow by coarse ones, without crumbs and pinholes.

    Bones are drawn beside the cortex, in a bit of their own.
    """
    factors, step = coarse.factors, max(1, SLAB // coarse.factors[0])
    thin = [mm <= FINE_MM for mm in coarse.fine_spacing]
    halo = max(1, HALO // factors[0])
    solid = coarse.hu > GAS_HU  # air cells stay open

    def work(start: int, stop: int) -> None:
        box = bounding_box(kept[start:stop])
        if box is None:
            return
        around = (slice(max(0, start - halo), stop + halo), *box[1:])
        k, j, i = fine_box(around, factors, drawn.shape)
        bony = spread(kept[around], factors, drawn[k, j, i].shape)
        mask = bony & (drawn[k, j, i] & CORTEX).view(bool)
        mask |= spread(inner[around], factors, mask.shape)
        if all(thin):
            mask = evened(mask)
        mask |= filled(mask) & spread(solid[around], factors, mask.shape)
        own = slice(start * factors[0] - k.start, stop * factors[0] - k.start)
        fine = fine_box((slice(start, stop), *box[1:]), factors, drawn.shape)
        fill_gaps(mask[own], bony[own].copy(), hu[fine])
        drawn[fine] |= mask[own].view(np.uint8) << BONE_BIT

    each_slab(work, len(kept), step, progress, "Filling the marrow")
