"""The plane on whose sides a body's bones and skin lie most alike."""

from dataclasses import dataclass
from operator import itemgetter
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.voxels.frame import Bools, Floats, Spacing, Whole
from vis3d.segmentation.voxels.grids import coarse_spacing, every, factors_for
from vis3d.segmentation.voxels.morphology import grown, indices, slabs

Places: TypeAlias = NDArray[np.int64]
"""Voxels (k, j, i) of the grid of a trunk, (n, 3)."""
GRID_MM = 4.0
AT_ONCE = 1 << 13
"""How many places are mirrored at a time: what that takes fits into a processor's cache."""
STEPS = (
    *((turned, 0.0, 0.0) for turned in (40.0, 20.0, 10.0, 5.0)),
    *(
        step
        for n in (20.0, 10.0, 5.0, 2.5)
        for step in ((n, 0.0, 0.0), (0.0, n, 0.0), (0.0, 0.0, n))
    ),
)
"""By how many degrees about the long axis, by how many front to back, and how many mm to the
left the middle of the body is moved while that brings its halves nearer to each other.

It is turned first: moved first it would stay on the spine of a patient who lies aslant."""
BONE_HU, NEAR_MM = 200, 4.0
"""Bone, and how near to its mirror image bone lies."""
OUTSIDE_WEIGHT, SAMPLES = 2.0, 8000
UNKNOWN = 3
"""What the scan doesn't show."""


@dataclass(frozen=True, eq=False)
class Middle:
    """The plane that parts a body into two halves alike.

    The point lies in LPS mm from the first voxel; the plane is turned by degrees about the
    long axis, then tilted about the one from front to back.
    """

    point_mm: NDArray[np.float64]
    turned: float = 0.0
    tilted: float = 0.0

    @property
    def axes(self) -> NDArray[np.float64]:
        """Rows: towards the left, the back and the head of the patient."""
        a, b = np.radians([self.turned, self.tilted])
        turn = np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]])
        tilt = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
        return np.asarray(tilt @ turn)

    def moved(self, turned: float, tilted: float, left_mm: float) -> "Middle":
        """The plane a little farther on."""
        point_mm = self.point_mm + left_mm * self.axes[0]
        return Middle(point_mm, self.turned + turned, self.tilted + tilted)

    def left_of_mm(self, shape: tuple[int, ...], steps_mm: NDArray[np.float64]) -> Floats:
        """How far to the left of it each voxel lies of a grid with the same first voxel.

        `steps_mm` are LPS mm of one step along k, j and i, in columns.
        """
        left = self.axes[0]
        k, j, i = (
            np.arange(n, dtype=np.float32) * np.float32(mm)
            for n, mm in zip(shape, left @ steps_mm, strict=True)
        )
        first = np.float32(left @ self.point_mm)
        return np.asarray(k[:, None, None] + j[:, None] + i - first)


class Trunk:
    """Body and densities on a grid coarse enough to compare its halves again and again."""

    def __init__(
        self,
        hu: Whole,
        body: Bools,
        unmeasured: Bools | None,
        spacing_kji: Spacing,
        steps_mm: NDArray[np.float64],
    ) -> None:
        self.factors = factors_for(spacing_kji, GRID_MM)
        self.sampled = every(self.factors)
        self.hu, self.body = hu[self.sampled], body[self.sampled]
        self.unmeasured = None if unmeasured is None else unmeasured[self.sampled]
        self.spacing = coarse_spacing(spacing_kji, self.factors)
        self.steps_mm = steps_mm * self.factors

    def across(
        self, places: Places, values: NDArray[np.uint8], middle: Middle
    ) -> NDArray[np.uint8]:
        """The values on the other side of the places.

        What lies beyond the grid's sides is as it is there; above and below it is 0.
        """
        left = middle.axes[0]
        to_left = np.linalg.solve(self.steps_mm, left)
        last = np.array(values.shape) - 1
        found = np.zeros(len(places), np.uint8)
        for some in slabs(places, AT_ONCE):
            left_mm = places[some] @ (left @ self.steps_mm) - left @ middle.point_mm
            mirrored = np.rint(places[some] - 2 * left_mm[:, None] * to_left)
            nearest = np.clip(mirrored, 0, last)
            within = nearest[:, 0] == mirrored[:, 0]
            found[some] = values[tuple(nearest.astype(int).T)] * within
        return found

    def middle_near(self, middle_mm: float, lungs: Bools) -> Middle:
        """The plane on whose sides bones and skin lie most alike; the lungs have no say.

        It is looked for near one that lies `middle_mm` to the left of the first voxel, and
        in the slices that hold `lungs`, which lie on the grid of the trunk, or in all.
        """
        heights = np.flatnonzero(lungs.any(axis=(1, 2)) | ~lungs.any())
        beside = np.zeros(self.body.shape, bool)
        beside[heights[0] : heights[-1] + 1] = self.body[heights[0] : heights[-1] + 1]
        if not beside.any():
            return Middle(np.array([middle_mm, 0.0, 0.0]))
        bone = beside & (self.hu > BONE_HU)
        kinds = beside.view(np.uint8) + grown(bone, NEAR_MM, self.spacing)
        if self.unmeasured is not None:
            kinds[self.unmeasured] = UNKNOWN
        inside, bony = (p[:: len(p) // SAMPLES + 1] for p in (indices(beside), indices(bone)))

        def judged(middle: Middle) -> tuple[float, Middle]:
            """How unlike the sides of a plane are, and the plane."""
            without_bone = _share_below(2, self.across(bony, kinds, middle))
            outside = _share_below(1, self.across(inside, kinds, middle))
            return without_bone + OUTSIDE_WEIGHT * outside, middle

        point_mm = self.steps_mm @ inside.mean(axis=0)
        best = judged(Middle(np.array([middle_mm, *point_mm[1:]])))
        for step in STEPS:
            before, beyond = (judged(best[1].moved(*(n * by for by in step))) for n in (-1, 1))
            best = min(before, best, beyond, key=itemgetter(0))
        return best[1]


def _share_below(least: int, kinds: NDArray[np.uint8]) -> float:
    """How much of what is known is of a lower kind."""
    known = np.count_nonzero(kinds < UNKNOWN)
    return float(np.count_nonzero(kinds < least) / known) if known else 1.0
