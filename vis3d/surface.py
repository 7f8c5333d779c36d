"""Surfaces: triangles in the patient."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vis3d.geometry import FloatArray


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles with outward normals.

    `points` (n, 3) are float LPS mm, `triangles` (m, 3) integer indices into them,
    counter-clockwise seen from outside. `color` is RGB 0 to 255. `point_data` has one value
    (or row) a point under each name. `metadata` holds non-identifying facts only.

    Raises:
        ValueError: arrays of other shapes, or triangles of points that don't exist.
    """

    points: NDArray[np.floating]
    triangles: NDArray[np.integer]
    name: str = ""
    color: tuple[int, int, int] = (214, 214, 214)
    point_data: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for array, word in ((self.points, "points"), (self.triangles, "triangles")):
            if array.ndim != 2 or array.shape[1] != 3:
                raise ValueError(f"The {word} of a surface are (n, 3), not {array.shape}.")
        if self.triangles.size and not (
            self.triangles.min() >= 0 and self.triangles.max() < len(self.points)
        ):
            raise ValueError("A triangle names a point that the surface hasn't got.")

    @property
    def bounds_mm(self) -> FloatArray:
        """The least and the greatest corner, (2, 3), LPS mm; zeros where it is empty."""
        if not len(self.points):
            return np.zeros((2, 3))
        return np.array([self.points.min(axis=0), self.points.max(axis=0)], float)

    @property
    def volume_ml(self) -> float:
        """The enclosed volume, positive where normals point outwards (divergence theorem)."""
        a, b, c = self._corners()
        return float(np.einsum("ij,ij->", a, np.cross(b, c))) / 6000

    @property
    def area_mm2(self) -> float:
        """The sum of the triangles' areas."""
        a, b, c = self._corners()
        return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()) / 2

    def _corners(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The triangles' corners, taken from the middle so that sums lose no digits."""
        points = self.points.astype(float) - self.bounds_mm.mean(axis=0)
        a, b, c = (points[self.triangles[:, corner]] for corner in range(3))
        return a, b, c

    def __repr__(self) -> str:
        return f"Surface({self.name or 'unnamed'}, {len(self.triangles):,} triangles, LPS mm)"
