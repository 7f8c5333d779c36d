"""One scan and what was found in it, each part computed once and only if needed."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vis3d.progress import Progress, part
from vis3d.segmentation.body.body import outside_and_padding
from vis3d.segmentation.body.specimens import is_specimen
from vis3d.segmentation.bones.bones import CoarseScan, find_bones
from vis3d.segmentation.bones.canal import ThickBone, thick_bone
from vis3d.segmentation.bones.contrast import Contrast, find_contrast
from vis3d.segmentation.bones.cortical import cortical_bone
from vis3d.segmentation.bones.half_height import end_half_way
from vis3d.segmentation.bones.vessels import drop_vessels
from vis3d.segmentation.field import CutField
from vis3d.segmentation.lungs.airway_tree import AirwayTree
from vis3d.segmentation.lungs.airways import grow_airways
from vis3d.segmentation.lungs.bronchi import sides_missing
from vis3d.segmentation.lungs.lungs import (
    Chest,
    CoarseLungs,
    air_threshold,
    airy_parts,
    find_lungs,
)
from vis3d.segmentation.lungs.middle import Middle, Trunk
from vis3d.segmentation.lungs.sides import LeftMm, mean_mm
from vis3d.segmentation.lungs.trachea import Chains, beyond_gaps, find_trachea, slender_chains
from vis3d.segmentation.metal import drop_streaks, find_metal
from vis3d.segmentation.scan import STEPS, Scan
from vis3d.segmentation.voxels.frame import Bools, PatientFrame, Whole
from vis3d.segmentation.voxels.grids import (
    coarse_spacing,
    every,
    factors_for,
    fine_box,
    mostly,
)
from vis3d.segmentation.voxels.morphology import bounding_box, grown
from vis3d.segmentation.voxels.noise import blur_needed, calmed, noise_hu
from vis3d.segmentation.voxels.small import enlargement
from vis3d.segmentation.voxels.sparse import sparse_zeros
from vis3d.threads import at_once

MIN_ANIMAL = 4.9
"""What has lungs and is enlarged as often has a trunk of 25 cm2 or less, as no newborn has."""
AIRWAY_WALL_MM = 2.0
ROUND_AIR_MM = 4.0
"""Airways are looked for no farther from the air in the body."""
ROUND_LUNGS_MM = 25.0
"""What lies farther from the air has no say in where the lungs end."""
SPINE_GRID_MM = 4.0
"""Of a vertebra, some 40 mm wide, it shows enough."""
SECOND_AIR_HU = -500
"""The level between lung and tissue where the scan's own one led to no plausible lungs."""


class Anatomy(Scan):
    """What the methods found in one scan."""

    def __init__(self, frame: PatientFrame, progress: Progress) -> None:
        super().__init__(frame, progress)
        self.lung_voxels: Mapping[int, int] = {}
        """How many voxels of the scan each side has, once they are drawn."""

    @property
    def with_bones(self) -> "Anatomy":
        """The scan as bones are looked for: a mouse or a rat as large as a person."""
        larger = self._enlarged
        if larger is None or larger.frame.enlarged < MIN_ANIMAL or not larger.airy.any():
            return self
        return larger

    @property
    def grown_up(self) -> "Anatomy":
        """The scan as lungs and airways are looked for: a small patient as large as others."""
        return self._enlarged or self

    @cached_property
    def _enlarged(self) -> "Anatomy | None":
        """None for most scans: kept in itself, an anatomy would outlast its use."""
        times = enlargement(self.body, self.unmeasured, self.spacing)
        if times == 1:
            return None
        return Anatomy(
            self.frame.enlarged_to(times), part(self._progress, STEPS["bones"][1], 1)
        )

    @cached_property
    def threshold_hu(self) -> int:
        """The level between lung and tissue."""
        return air_threshold(self.hu, self.body)

    @property
    def air(self) -> Bools:
        """Everything airy inside the body, on the 2 mm grid (made anew each time)."""
        return (self.hu < self.threshold_hu) & self.body

    @cached_property
    def airy(self) -> Bools:
        """The large airy parts."""
        air = self.air
        self.step("air")(0.0, "Finding the air in the body")
        return airy_parts(self.hu, air, self.spacing)

    @cached_property
    def trachea(self) -> Bools:
        """The trachea on the 2 mm grid."""
        return find_trachea(self._chains, self.hu.shape, self.spacing)

    @cached_property
    def _chains(self) -> Chains | None:
        """What may be trachea or bronchus."""
        return slender_chains(
            self.hu, self.body, self.beside_padding, lambda: self.airy, self.spacing
        )

    @property
    def airways(self) -> AirwayTree:
        """The airway tree at full resolution."""
        return self._airways_and_missing[0]

    @property
    def without_bronchus(self) -> tuple[str, ...]:
        """The sides to which the airways don't come."""
        return self._airways_and_missing[1]

    @cached_property
    def _airways_and_missing(self) -> tuple[AirwayTree, tuple[str, ...]]:
        step = self.step("airways")
        tree = self._airways_from(self.trachea, part(step, 0.0, 0.7))
        missing = self._sides_missing(tree)
        if not missing or self._chains is None:
            return tree, missing
        seeds = beyond_gaps(self._chains, self.trachea, self.spacing)
        further = self._airways_from(seeds, part(step, 0.7, 1.0))
        still = self._sides_missing(further)
        return (further, still) if len(still) < len(missing) else (tree, missing)

    def _sides_missing(self, tree: AirwayTree) -> tuple[str, ...]:
        steps_mm = self._left_steps_mm()
        return sides_missing(tree, self.trachea, steps_mm, self.factors, self.spacing)

    def _airways_from(self, trachea: Bools, progress: Progress) -> AirwayTree:
        box = bounding_box(self.air, ROUND_AIR_MM, self.spacing)
        if box is None:
            return AirwayTree(np.zeros(0, np.int64), self.frame.hu.shape)
        return grow_airways(
            self.frame.hu,
            trachea,
            self._lung_hu,
            self.factors,
            self.frame.spacing_kji,
            box,
            progress,
        )

    @cached_property
    def _lung_hu(self) -> float:
        """The median of the large airy parts."""
        lung = self.hu[self.airy]
        return float(np.median(lung)) if len(lung) else -1000.0

    @cached_property
    def coarse_airways(self) -> Bools:
        """The airways on the 2 mm grid, with their walls."""
        return grown(self.lumen_percent >= 30, AIRWAY_WALL_MM, self.spacing)

    @cached_property
    def lumen_percent(self) -> NDArray[np.uint8]:
        """How much of each voxel of the 2 mm grid is lumen of the airways."""
        return self.airways.percent(self.factors, self.hu.shape)

    @cached_property
    def coarse_lungs(self) -> CoarseLungs:
        """Left and right lung on the 2 mm grid, by whichever method fails fewer checks."""
        step = self.step("lungs")
        first = self._lungs_in(self.air, self.coarse_airways, self.body, part(step, 0.0, 0.6))
        if first.plausible:
            return first
        # without the outline of the body, the level found in it, and the bronchi
        inside = ~outside_and_padding(self.hu, self.unmeasured, self.spacing)
        air = (self.hu < SECOND_AIR_HU) & inside
        trachea = grown(self.trachea, AIRWAY_WALL_MM, self.spacing)
        second = self._lungs_in(air, trachea, inside, part(step, 0.6, 1.0), dark=True)
        return replace(second if second.plausible else first, tried=2, second=second.plausible)

    def _lungs_in(
        self, air: Bools, airways: Bools, body: Bools, progress: Progress, *, dark: bool = False
    ) -> CoarseLungs:
        box = bounding_box(air, ROUND_LUNGS_MM, self.spacing)
        if box is None:
            nothing = np.zeros(air.shape, bool)
            return CoarseLungs(nothing, nothing, nothing)
        chest = Chest(
            self.hu[box],
            air[box],
            airways[box],
            self.lumen_percent[box] > 50,
            body[box],
            self.spacing,
            self._left_mm().within(box, self.middle_mm),
            lambda: self.middle.left_of_mm(air.shape, self.steps_mm)[box],
        )
        found = find_lungs(
            chest,
            progress,
            dark=dark,
            even=dark and self.specimen,
        )
        return found.placed(box, air.shape)

    @cached_property
    def noise(self) -> tuple[float, float]:
        """The blur in mm2 that the bones need against noise, and the noise in HU then left."""
        return blur_needed(self.frame.hu, self.frame.spacing_kji)

    @cached_property
    def calm_hu(self) -> Whole:
        """The box of the body, smoothed if it is noisy."""
        hu = self.hu[self.box]
        calm = calmed(hu, self.spacing)
        return hu if calm is hu else np.rint(calm, out=calm).astype(np.int16)

    @cached_property
    def specimen(self) -> bool:
        """Whether the scan shows a phantom or a dry bone."""
        return is_specimen(self.calm_hu, self.body[self.box], self.spacing)

    @cached_property
    def contrast(self) -> Contrast:
        """Where contrast fills vessels and organs, in the box of the body."""
        if self.box is None:
            return Contrast(np.zeros(self.body.shape, bool))
        return find_contrast(
            self.calm_hu,
            self.body[self.box],
            self.airy[self.box],
            self.spacing,
            self.step("contrast"),
            metal=self.coarse_metal,
            specimen=self.specimen,
        )

    @cached_property
    def bones(self) -> Bools:
        """The bones at full resolution."""
        return self._bones_and_organs[0]

    @cached_property
    def organs_ml(self) -> float:
        """How much of organs with contrast the bones left out because they have no cortex."""
        return self._bones_and_organs[1]

    @cached_property
    def _bones_and_organs(self) -> tuple[Bools, float]:
        bones: Bools = sparse_zeros(self.frame.hu.shape, bool)
        noise, box = at_once(lambda: self.noise, lambda: self.box)
        if box is None:
            return bones, 0.0
        fine = fine_box(box, self.factors, bones.shape)
        scan = CoarseScan(
            self.calm_hu,
            noise_hu(self.calm_hu, self.spacing[2]),
            noise,
            self.body[box],
            self.airy[box],
            self.contrast,
            self.specimen,
            self.factors,
            self.spacing,
            self.coarse_metal,
        )
        here, hu = bones[fine], self.frame.hu[fine]
        step = self.step("bones")
        ml = find_bones(hu, scan, here, part(step, 0.0, 0.8))
        if self.metal is not None:
            np.copyto(here, False, where=self.metal[fine])
            drop_streaks(here, hu, self.metal[fine], self.factors, scan.fine_spacing)
        drop_vessels(here, hu, scan)
        end_half_way(bones, self.frame.hu, scan.fine_spacing, part(step, 0.8, 0.9))
        del self.calm_hu  # nothing else needs it
        return self.frame.measured(bones), ml

    @cached_property
    def metal(self) -> Bools | None:
        """Metal at full resolution; None without any."""
        return find_metal(self.frame.hu, self.body, self.factors, self.frame.voxel_ml)

    @cached_property
    def coarse_metal(self) -> Bools | None:
        """Where the 2 mm grid holds any metal, in the box of the body; None without any."""
        if self.metal is None:
            return None
        return mostly(self.metal, self.factors, 0.0)[self.box]

    @cached_property
    def all_metal(self) -> Bools:
        """Metal at full resolution, be it none."""
        return np.zeros(self.frame.hu.shape, bool) if self.metal is None else self.metal

    @cached_property
    def cortical(self) -> Bools:
        """The cortex of the bones at full resolution."""
        bones, step = self.bones, part(self.step("bones"), 0.9, 1.0)
        return cortical_bone(self.frame.hu, bones, self.frame.spacing_kji, step)

    def _left_mm(self) -> LeftMm:
        """How far to the patient's left the voxels of the 2 mm grid lie."""
        return LeftMm.of(self.hu.shape, self._left_steps_mm())

    def _left_steps_mm(self) -> NDArray[np.float32]:
        """How far to the left one step along k, j and i of the 2 mm grid leads."""
        return np.asarray(self.steps_mm[0], np.float32)

    def from_middle_mm(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """How far to the left of the body's middle places (k, j, i) of the 2 mm grid lie."""
        return np.asarray(places @ self._left_steps_mm() - self.middle_mm)

    @property
    def upright(self) -> Middle:
        """The plane straight up and back through the middle of the body."""
        return Middle(np.array([self.middle_mm, 0.0, 0.0]))

    @cached_property
    def middle(self) -> Middle:
        """The plane that parts the body, where it holds large airy parts, into like halves."""
        trunk = Trunk(self.hu, self.body, self.unmeasured, self.spacing, self.steps_mm)
        return trunk.middle_near(self.middle_mm, self.airy[trunk.sampled])

    @property
    def middle_mm(self) -> float:
        """Where the middle of the body lies, in mm to the left of the first voxel."""
        return self._middle_mm[0]

    @property
    def middle_shown(self) -> bool:
        """Whether anything in the scan shows where that is."""
        return self._middle_mm[1]

    @cached_property
    def _middle_mm(self) -> tuple[float, bool]:
        if not self.body.any():
            return 0.0, True
        padded = self.beside_padding is not None and (self.body & self.beside_padding).any()
        whole = not (padded or self.body[:, :, [0, -1]].any())
        shown = None if whole else self._middle_of_cut_body_mm()
        if shown is None:
            return mean_mm(self.body, self._left_steps_mm()), whole
        return shown, True

    def _middle_of_cut_body_mm(self) -> float | None:
        left_mm = self._left_mm().array
        field = CutField(self.body, self.airy, self.beside_padding, left_mm)
        trachea = mean_mm(self.trachea, self._left_steps_mm()) if self.trachea.any() else None
        return field.middle_mm(self._thick_bone(), trachea)

    def _thick_bone(self) -> ThickBone | None:
        """Where the spine seems to lie, looked for coarsely."""
        factors = factors_for(self.spacing, SPINE_GRID_MM)
        some = every(factors)
        return thick_bone(
            self.hu[some],
            self.body[some],
            self.airy[some],
            self._left_mm().within(some).array,
            coarse_spacing(self.spacing, factors),
        )
