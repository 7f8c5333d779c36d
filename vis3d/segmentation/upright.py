"""A scan set upright: on a grid whose rows lead straight to the patient's back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from vis3d.segmentation.anatomy import Anatomy
from vis3d.segmentation.lungs.middle import Middle
from vis3d.segmentation.voxels.frame import Spacing, T
from vis3d.segmentation.voxels.grids import coarse_spacing, factors_for

LINES_MM = 4.0
"""How far apart the lines to the back run."""
STRAIGHT = 1e-3
"""Grids turned by less are straight: a tenth of a voxel at the end of a hundred."""


@dataclass(frozen=True, eq=False)
class Upright:
    """A grid [k, j, i] that runs up, to the back and to the left of a patient.

    The plane from which it is turned lies in the middle of its columns i.
    """

    shape: tuple[int, ...]
    spacing_kji: Spacing
    steps: NDArray[np.float64]
    """One step along k, j and i in voxels of the 2 mm grid, as columns."""
    corner: NDArray[np.float64]
    """Where its first voxel lies there."""

    @classmethod
    def along(cls, middle: Middle, anatomy: Anatomy, *, row_mm: float) -> "Upright":
        """As the axes of a plane run, round all that the scan shows.

        Rows have a voxel every `row_mm` or so, but no more than the 2 mm grid.
        """
        k, _, i = factors_for(anatomy.spacing, LINES_MM)
        _, j, _ = factors_for(anatomy.spacing, row_mm)
        spacing_kji = coarse_spacing(anatomy.spacing, (k, j, i))
        steps_mm = middle.axes[::-1].T * spacing_kji
        steps = np.asarray(np.linalg.solve(anatomy.steps_mm, steps_mm), np.float64)
        point = np.linalg.solve(anatomy.steps_mm, middle.point_mm)
        ends = np.array(list(np.ndindex(2, 2, 2))) * (np.array(anatomy.hu.shape) - 1)
        corners = np.linalg.solve(steps, (ends - point).T)
        first, last = np.floor(corners.min(axis=1)), np.ceil(corners.max(axis=1))
        last[2] = max(-first[2], last[2])
        first[2] = -last[2]
        shape = tuple((last - first + 1).astype(int).tolist())
        return cls(shape, spacing_kji, steps, point + steps @ first)

    def seen(self, values: NDArray[T], beyond: int = 0) -> NDArray[T]:
        """What lies nearest of values on the 2 mm grid; a value for what lies beyond it."""
        along = np.diag(self.steps)
        if np.allclose(self.steps, np.diag(along), atol=STRAIGHT):
            return self._seen_straight(values, along, beyond)
        flat: NDArray[Any] = values.view(np.uint8) if values.dtype == bool else values
        seen = affine_transform(
            flat, self.steps, self.corner, self.shape, order=0, cval=beyond, output=flat.dtype
        )
        return seen.view(values.dtype)

    def _seen_straight(
        self, values: NDArray[T], along: NDArray[np.float64], beyond: int
    ) -> NDArray[T]:
        """The same, much faster, where both grids run alike: every how manyth voxel."""
        here, there = [], []
        for first, step, n, size in zip(
            np.rint(self.corner).astype(int),
            np.rint(along).astype(int),
            self.shape,
            values.shape,
            strict=True,
        ):
            places = first + step * np.arange(n)
            inside = np.flatnonzero((places >= 0) & (places < size))
            here.append(slice(inside[0], inside[-1] + 1))
            stop = places[inside[-1]] + step
            there.append(slice(places[inside[0]], stop if stop >= 0 else None, step))
        seen = np.full(self.shape, beyond, values.dtype)
        seen[tuple(here)] = values[tuple(there)]
        return seen

    def on_coarse(self, places: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
        """The nearest voxels of the 2 mm grid to places (n, 3)."""
        nearest = np.rint(places @ self.steps.T + self.corner).astype(np.int64)
        return np.clip(nearest, 0, np.array(shape) - 1)
