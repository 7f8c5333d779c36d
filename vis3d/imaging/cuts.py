"""Slices as radiologists expect them, whatever the order of the array's axes.

Axial pictures are seen from the patient's feet, coronal ones from the front: the patient's
right is on the left. Sagittal ones have the front on the left. The top is anterior or
superior. On an oblique grid each plane is the array plane nearest to it.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vis3d.errors import UsageError
from vis3d.geometry import FloatArray, Geometry
from vis3d.labels import LabelMap
from vis3d.volume import Volume

Plane: TypeAlias = Literal["axial", "coronal", "sagittal"]

PLANES: tuple[Plane, ...] = ("axial", "coronal", "sagittal")

_LAYOUT = {  # patient axis across the plane; down the picture; to its right, each with sign
    "axial": (2, (1, 1), (0, 1)),
    "coronal": (1, (2, -1), (0, 1)),
    "sagittal": (0, (2, -1), (1, 1)),
}

_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))

_SECOND_LETTER = 0.34
"""An axis that leans more than 20 degrees towards another side gets that letter too."""


@dataclass(frozen=True, eq=False)
class Cut:
    """One slice as it is displayed: `array` [row, column], row 0 at the top.

    `first_lps` is the centre of the pixel at row 0, column 0; `row_step_lps` and
    `column_step_lps` lead to the next pixel down and to the right, all in LPS mm.
    """

    array: NDArray[Any]
    plane: Plane
    index: int
    first_lps: FloatArray
    row_step_lps: FloatArray
    column_step_lps: FloatArray

    @property
    def pixel_spacing_mm(self) -> tuple[float, float]:
        """The distance between rows and between columns, as in DICOM's PixelSpacing."""
        between_rows = float(np.linalg.norm(self.row_step_lps))
        return between_rows, float(np.linalg.norm(self.column_step_lps))

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """The patient's sides at the picture's left, right, top and bottom.

        Two letters, the nearer side first, where the plane is clearly oblique.
        """
        right, down = self.column_step_lps, self.row_step_lps
        return _side(-right), _side(right), _side(-down), _side(down)

    def to_lps(self, row: ArrayLike, column: ArrayLike) -> FloatArray:
        """The points (..., 3) in LPS mm at (fractional) rows and columns."""
        rows, columns = np.asarray(row, float)[..., None], np.asarray(column, float)[..., None]
        points: FloatArray = (
            self.first_lps + rows * self.row_step_lps + columns * self.column_step_lps
        )
        return points

    def to_row_column(self, lps: ArrayLike) -> FloatArray:
        """The (fractional) rows and columns (..., 2) nearest to points (..., 3) in LPS mm."""
        steps = np.array([self.row_step_lps, self.column_step_lps])
        offsets = np.asarray(lps, float) - self.first_lps
        rows_columns: FloatArray = offsets @ steps.T / (steps**2).sum(axis=1)
        return rows_columns


def slice_count(geometry: Geometry, plane: Plane) -> int:
    """How many slices the grid has in that plane."""
    across = geometry.patient_axes[_layout(plane)[0]]
    return geometry.shape[2 - across]


def slice_index(geometry: Geometry, plane: Plane, lps: ArrayLike) -> int:
    """The slice nearest to a point in LPS mm (the first or last one for a point outside)."""
    across = geometry.patient_axes[_layout(plane)[0]]
    index = round(float(geometry.to_ijk(lps)[across]))
    return min(max(index, 0), slice_count(geometry, plane) - 1)


def cut(data: Volume | LabelMap, plane: Plane, index: int) -> Cut:
    """Slice `index` of a plane, counted along the array's axis, turned for display.

    The array is a view: glass.

    Raises:
        UsageError: no such plane, or no such slice.
    """
    geometry = data.geometry
    count = slice_count(geometry, plane)
    if not 0 <= index < count:
        raise UsageError(f"There is no {plane} slice {index}: they go from 0 to {count - 1}.")
    patient_axis, (down, down_sign), (right, right_sign) = _layout(plane)
    axes = geometry.patient_axes
    across, row_axis, column_axis = axes[patient_axis], axes[down], axes[right]
    first = np.zeros(3)
    first[across] = index
    array = np.moveaxis(data.array, (2 - across, 2 - row_axis, 2 - column_axis), (0, 1, 2))
    array = array[index]
    steps = np.zeros((2, 3))
    for dimension, axis, wanted in (
        (0, row_axis, (down, down_sign)),
        (1, column_axis, (right, right_sign)),
    ):
        steps[dimension, axis] = 1
        if geometry.direction[wanted[0], axis] * wanted[1] < 0:
            first[axis] = array.shape[dimension] - 1
            steps[dimension, axis] = -1
            array = np.flip(array, dimension)
    origin = geometry.to_lps(first)
    row_step, column_step = geometry.to_lps(first + steps) - origin
    return Cut(array, plane, index, origin, row_step, column_step)


def _layout(plane: Plane) -> tuple[int, tuple[int, int], tuple[int, int]]:
    if plane not in _LAYOUT:
        raise UsageError(f"A plane is one of {', '.join(PLANES)}, not {plane!r}.")
    return _LAYOUT[plane]


def _side(step_lps: FloatArray) -> str:
    unit = step_lps / np.linalg.norm(step_lps)
    order = np.argsort(-np.abs(unit), kind="stable")
    far = [axis for axis in order if abs(unit[axis]) > _SECOND_LETTER][:2]
    return "".join(_LETTERS[axis][int(unit[axis] > 0)] for axis in far)
