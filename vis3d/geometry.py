"""Where voxels lie in the patient: array indices <-> LPS millimetres."""

from dataclasses import dataclass, replace
from itertools import permutations
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]

ORTHOGONAL_TOLERANCE = 1e-4
"""How far direction cosines may be from orthonormal (as DICOM writers round them)."""

SAME_GRID_MM = 0.05
"""How far two files' headers, rounded, may place the corners of one and the same grid apart."""

_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))
"""Where the -/+ ends of the LPS axes lie: L, P and S are the positive ends."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """A regular grid of voxels in the patient.

    `shape` is (nk, nj, ni), as a C-ordered array [k, j, i] has it. `spacing` is in mm in
    the order (i, j, k). `origin` is the centre of voxel (0, 0, 0) in LPS mm. `direction`
    is a right-handed rotation whose columns are the i, j and k axes.

    Raises:
        ValueError: sizes or spacings that aren't positive, or a direction that is no
            right-handed rotation.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: FloatArray = None  # type: ignore[assignment]  # identity, see __post_init__

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        spacing = tuple(float(mm) for mm in self.spacing)
        origin = tuple(float(mm) for mm in self.origin)
        direction = np.eye(3) if self.direction is None else np.array(self.direction, float)
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(f"A shape is three positive numbers (nk, nj, ni), not {shape}.")
        if len(spacing) != 3 or not all(np.isfinite(mm) and mm > 0 for mm in spacing):
            raise ValueError(f"A spacing is three positive numbers in mm, not {spacing}.")
        if len(origin) != 3 or not np.isfinite(origin).all():
            raise ValueError(f"An origin is three finite numbers in LPS mm, not {origin}.")
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "spacing", spacing)
        object.__setattr__(self, "origin", origin)
        object.__setattr__(self, "direction", _rotation(direction))

    @classmethod
    def from_affine(cls, affine: ArrayLike, shape: tuple[int, int, int]) -> Self:
        """The grid whose IJK -> LPS matrix (4x4, right-handed, unsheared) is `affine`."""
        matrix = np.array(affine, float)
        spacing = np.linalg.norm(matrix[:3, :3], axis=0)
        if not np.isfinite(matrix).all() or (spacing == 0).any():
            raise ValueError("An affine matrix needs three finite axes of some length.")
        i_mm, j_mm, k_mm = spacing.tolist()
        x, y, z = matrix[:3, 3].tolist()
        return cls(shape, (i_mm, j_mm, k_mm), (x, y, z), matrix[:3, :3] / spacing)

    @property
    def affine(self) -> FloatArray:
        """The 4x4 matrix that takes (i, j, k, 1) to (l, p, s, 1) in mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.direction * self.spacing
        matrix[:3, 3] = self.origin
        return matrix

    @property
    def spacing_kji(self) -> tuple[float, float, float]:
        """The spacing in mm in array order."""
        i_mm, j_mm, k_mm = self.spacing
        return (k_mm, j_mm, i_mm)

    @property
    def voxel_ml(self) -> float:
        """The volume of one voxel in ml."""
        return float(np.prod(self.spacing)) / 1000

    @property
    def center_lps(self) -> FloatArray:
        """The middle of the grid in LPS mm."""
        return self.to_lps((np.array(self.shape[::-1]) - 1) / 2)

    @property
    def corners_lps(self) -> FloatArray:
        """The centres of the eight corner voxels, (8, 3), LPS mm."""
        ends = np.array(self.shape[::-1]) - 1
        return self.to_lps(np.array(list(np.ndindex(2, 2, 2))) * ends)

    @property
    def axis_letters(self) -> tuple[str, str, str]:
        """The patient's side that each of the i, j and k axes points to: L R P A S I."""
        nearest = np.abs(self.direction).argmax(axis=0)
        letters = [
            _LETTERS[axis][int(self.direction[axis, column] > 0)]
            for column, axis in enumerate(nearest)
        ]
        return (letters[0], letters[1], letters[2])

    @property
    def patient_axes(self) -> tuple[int, int, int]:
        """The array axis (0 for i, 1 for j, 2 for k) nearest to each of L, P and S.

        All three together, so that no axis serves twice on a grid turned by 45 degrees.
        """
        nearness = np.abs(self.direction)
        i, j, k = max(permutations((0, 1, 2)), key=lambda axes: nearness[(0, 1, 2), axes].sum())
        return i, j, k

    def to_lps(self, ijk: ArrayLike) -> FloatArray:
        """Points (..., 3) in LPS mm of (fractional) voxel indices (i, j, k)."""
        return np.asarray(ijk, float) @ (self.direction * self.spacing).T + self.origin

    def to_ijk(self, lps: ArrayLike) -> FloatArray:
        """Fractional voxel indices (i, j, k) of points (..., 3) in LPS mm."""
        return ((np.asarray(lps, float) - self.origin) @ self.direction) / self.spacing

    def matches(self, other: "Geometry", tolerance_mm: float = 1e-3) -> bool:
        """Whether both grids have the same voxels at the same places."""
        return self.shape == other.shape and bool(
            np.abs(self.corners_lps - other.corners_lps).max() <= tolerance_mm
        )

    def cropped(
        self, start_kji: tuple[int, int, int], shape: tuple[int, int, int]
    ) -> "Geometry":
        """The grid of the `shape` voxels from index `start_kji` on (negative: padded)."""
        x, y, z = self.to_lps(start_kji[::-1]).tolist()
        return replace(self, shape=shape, origin=(x, y, z))

    def with_spacing(self, spacing: tuple[float, float, float]) -> "Geometry":
        """A grid of other spacing (i, j, k) over the same box, outer voxel faces kept.

        The number of voxels is rounded up, so nothing of the old grid falls outside.
        """
        lengths_mm = np.array(self.shape[::-1]) * self.spacing
        ni, nj, nk = np.ceil(lengths_mm / spacing - 1e-6).clip(1).astype(int).tolist()
        first_face = self.to_lps((-0.5, -0.5, -0.5))
        x, y, z = (first_face + self.direction @ (np.array(spacing) / 2)).tolist()
        return Geometry((nk, nj, ni), spacing, (x, y, z), self.direction)

    def __repr__(self) -> str:
        nk, nj, ni = self.shape
        sizes = " x ".join(f"{mm:.2f}" for mm in self.spacing)
        return f"Geometry({ni} x {nj} x {nk}, {sizes} mm, {''.join(self.axis_letters)})"


def right_handed(
    array: NDArray[np.generic], affine: ArrayLike
) -> tuple[NDArray[np.generic], Geometry]:
    """The array [k, j, i] and its grid, right-handed, physical positions unchanged.

    A left-handed grid has its k axis reversed together with the data: the slices come in
    the other order, and no picture in the plane of a slice is mirrored. That copies the
    array; a right-handed one is passed through.
    """
    matrix = np.array(affine, float)
    nk, nj, ni = array.shape
    if np.linalg.det(matrix[:3, :3]) < 0:
        matrix[:3, 3] += matrix[:3, 2] * (nk - 1)
        matrix[:3, 2] *= -1
        array = np.ascontiguousarray(array[::-1])
    return array, Geometry.from_affine(matrix, (nk, nj, ni))


def _rotation(direction: FloatArray) -> FloatArray:
    """The rotation nearest to a direction whose cosines were rounded."""
    if direction.shape != (3, 3) or not np.isfinite(direction).all():
        raise ValueError("A direction is a 3x3 matrix of finite numbers.")
    if np.abs(direction.T @ direction - np.eye(3)).max() > 10 * ORTHOGONAL_TOLERANCE:
        raise ValueError("The axes of a direction must be orthogonal and of length 1.")
    u, _, vt = np.linalg.svd(direction)
    rotation: FloatArray = u @ vt
    if np.linalg.det(rotation) < 0:
        raise ValueError("A direction must be right-handed; see geometry.right_handed.")
    rotation.flags.writeable = False
    return rotation
