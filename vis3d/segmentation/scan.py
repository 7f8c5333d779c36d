"""One scan on the grid where everything is decided first, and the body in it."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vis3d.progress import Progress, part
from vis3d.segmentation.body.body import Body, drop_thin_layers, find_body
from vis3d.segmentation.body.outside import SKIN_EDGE_HU
from vis3d.segmentation.voxels.frame import AIR_HU, Bools, PatientFrame, Spacing, Whole
from vis3d.segmentation.voxels.grids import (
    Factors,
    coarse_spacing,
    factors_for,
    give_back_much,
    leave_out_unmeasured,
    mostly,
    pooled_hu,
    refined,
    shares,
)
from vis3d.segmentation.voxels.morphology import bounding_box, fringed, trimmed

COARSE_MM = 2.0
"""Where lungs and airways are decided on."""
ROUND_BODY_MM = 4.0
"""Bones are looked for no farther from the body."""
STEPS = {
    "look": (0.0, 0.1),
    "body": (0.1, 0.2),
    "air": (0.2, 0.25),
    "contrast": (0.25, 0.35),
    "bones": (0.35, 0.55),
    "airways": (0.55, 0.7),
    "lungs": (0.7, 0.9),
    "border": (0.9, 1.0),
}
"""From where to where each step of the work brings the progress."""


class Scan:
    """A scan in the patient's order of axes, its grid of 2 mm, and its body."""

    def __init__(self, frame: PatientFrame, progress: Progress) -> None:
        self.frame = frame
        self._progress = progress
        self.body_voxels = 0
        """How many the body has, once it is drawn."""

    def step(self, name: str) -> Progress:
        """The progress of one step, on its stretch of the whole.

        Before those that work on the whole scan, what is free is given back where it is much.
        """
        if name in ("bones", "border"):
            give_back_much(self.factors)
        return part(self._progress, *STEPS[name])

    @cached_property
    def factors(self) -> Factors:
        """How many voxels make one of the 2 mm grid."""
        return factors_for(self.frame.spacing_kji, COARSE_MM)

    @cached_property
    def spacing(self) -> Spacing:
        """The spacing of the 2 mm grid."""
        return coarse_spacing(self.frame.spacing_kji, self.factors)

    @cached_property
    def hu(self) -> Whole:
        """The scan on the 2 mm grid."""
        padding = self.frame.unmeasured
        if padding is None:
            return pooled_hu(self.frame.hu, self.factors, self.step("look"))
        means = pooled_hu(self.frame.hu, self.factors, self.step("look"), lowest=AIR_HU)
        return leave_out_unmeasured(means, shares(padding, self.factors))

    @cached_property
    def unmeasured(self) -> Bools | None:
        """Where the 2 mm grid was mostly not measured."""
        padding = self.frame.unmeasured
        return None if padding is None else mostly(padding, self.factors)

    @cached_property
    def beside_padding(self) -> Bools | None:
        """The voxels of the 2 mm grid that touch the padding; None without any."""
        padding = self.unmeasured
        if padding is None:
            return None
        one = padding if padding.strides[0] else padding[:1]
        return np.broadcast_to(fringed(one) & ~one, padding.shape)

    @property
    def body(self) -> Bools:
        """The body on the 2 mm grid."""
        return self._found_body.mask

    @cached_property
    def _found_body(self) -> Body:
        hu = self.hu  # looked at before the body is begun
        self.step("body")(0.0, "Finding the body")
        return find_body(
            hu,
            self.unmeasured,
            self.frame.hu,
            self.factors,
            self.spacing,
        )

    @property
    def fine_body(self) -> Bools:
        """The body at full resolution (made anew each time)."""
        axes = (1, 2) if self.factors[0] == 1 else (0, 1, 2)  # as thick as they were decided
        beyond = self.body if self.unmeasured is None else self.body | self.unmeasured
        certain = self.body & trimmed(beyond, axes)
        body = refined(
            self.body,
            certain,
            hu=self.frame.hu,
            range_hu=(SKIN_EDGE_HU, np.inf),
            factors=self.factors,
            progress=part(self.step("body"), 0.0, 0.7),
        )
        self._found_body.leave_out_things(body, self.frame.hu, self.factors, self.hu)
        drop_thin_layers(body, self.frame.spacing_kji, part(self.step("body"), 0.7, 1.0))
        self.frame.measured(body)
        self.body_voxels = int(np.count_nonzero(body))
        return body

    @cached_property
    def box(self) -> tuple[slice, slice, slice] | None:
        """What of the 2 mm grid holds the body and a margin; None without a body."""
        return bounding_box(self.body, ROUND_BODY_MM, self.spacing)

    @property
    def steps_mm(self) -> NDArray[np.float64]:
        """The steps along k, j and i of the 2 mm grid in LPS mm, as columns."""
        return np.asarray(self.frame.affine[:3, :3][:, ::-1] * self.factors)
