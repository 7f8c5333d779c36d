"""The values inside an ellipse or a polygon that a person draws in a slice."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import UsageError
from vis3d.geometry import FloatArray, Geometry
from vis3d.measurement.points import Point
from vis3d.measurement.region import Region, measure_values, measured
from vis3d.volume import Volume

PARALLEL = 1e-3
"""How far an outline's plane may lean against the slices (about 0.06 degrees)."""


@dataclass(frozen=True)
class Ellipse:
    """An ellipse by its centre and the ends of two half axes at right angles, LPS mm.

    Raises:
        UsageError: points that aren't finite, or axes that aren't at right angles.
    """

    center_lps: Point
    first_end_lps: Point
    second_end_lps: Point
    name: str = "ellipse"

    def __post_init__(self) -> None:
        first, second = self.half_axes_mm
        product = float(np.linalg.norm(first) * np.linalg.norm(second))
        if not np.isfinite(product) or not np.isfinite(self.center_lps).all():
            raise UsageError("An ellipse needs points of three finite numbers in LPS mm.")
        if product == 0 or abs(float(first @ second)) > 1e-3 * product:
            raise UsageError("An ellipse needs two half axes at right angles, of some length.")

    @property
    def half_axes_mm(self) -> tuple[FloatArray, FloatArray]:
        """From the centre to the end of each half axis, LPS mm."""
        center = np.asarray(self.center_lps, float)
        return np.asarray(self.first_end_lps) - center, np.asarray(self.second_end_lps) - center

    @property
    def area_mm2(self) -> float:
        """Its area."""
        first, second = self.half_axes_mm
        return float(np.pi * np.linalg.norm(first) * np.linalg.norm(second))

    @property
    def normal_lps(self) -> FloatArray:
        """Across its plane, of length 1."""
        return _unit(np.cross(*self.half_axes_mm))

    @property
    def points_lps(self) -> tuple[Point, ...]:
        """The points that define it."""
        return (self.center_lps, self.first_end_lps, self.second_end_lps)

    def holds(self, points_lps: FloatArray) -> NDArray[np.bool_]:
        """Which points (..., 3) of its plane lie inside, or on its line."""
        offsets = points_lps - self.center_lps
        shares = [offsets @ axis / (axis @ axis) for axis in self.half_axes_mm]
        return np.asarray(shares[0] ** 2 + shares[1] ** 2 <= 1 + 1e-9)


@dataclass(frozen=True)
class Polygon:
    """A closed polygon by its corners in order, about in one plane, LPS mm.

    Where it crosses itself, the even-odd rule says what is inside.

    Raises:
        UsageError: fewer than three corners, numbers that aren't finite, corners on one
            line, or far from one plane.
    """

    points_lps: tuple[Point, ...]
    name: str = "polygon"

    def __post_init__(self) -> None:
        points = np.asarray(self.points_lps, float)
        if points.ndim != 2 or points.shape[1] != 3 or len(points) < 3:
            raise UsageError("A polygon has at least three corners in LPS mm.")
        if not np.isfinite(points).all():
            raise UsageError("A polygon's corners are finite numbers in LPS mm.")
        spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
        if spread[1] <= 1e-6 * max(spread[0], 1e-9):
            raise UsageError("A polygon's corners lie on one line: it has no inside.")
        if spread[2] > 1e-2 * spread[1]:
            raise UsageError("A polygon's corners don't lie in one plane.")

    @property
    def center_lps(self) -> Point:
        """The middle of its corners."""
        x, y, z = np.asarray(self.points_lps, float).mean(axis=0).tolist()
        return x, y, z

    @property
    def normal_lps(self) -> FloatArray:
        """Across its plane, of length 1."""
        offsets = np.asarray(self.points_lps, float) - self.center_lps
        return np.asarray(np.linalg.svd(offsets)[2][2])

    @property
    def area_mm2(self) -> float:
        """Its area by Gauss's formula (of one that doesn't cross itself)."""
        points = np.asarray(self.points_lps, float) - self.center_lps
        turns = np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0)
        return float(np.linalg.norm(turns) / 2)

    def holds(self, points_lps: FloatArray) -> NDArray[np.bool_]:
        """Which points (..., 3) of its plane lie inside."""
        corners = np.asarray(self.points_lps, float) - self.center_lps
        plane = np.linalg.svd(corners)[2][:2]
        x, y = np.moveaxis((points_lps - self.center_lps) @ plane.T, -1, 0)
        outline = corners @ plane.T
        inside = np.zeros(x.shape, bool)
        for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
            if y0 != y1:
                crossed = x < (x1 - x0) * (y - y0) / (y1 - y0) + x0
                inside ^= ((y0 > y) != (y1 > y)) & crossed
        return inside


NUMBERS = ("voxels", "volume_ml", "mean_hu", "sd_hu", "min_hu", "median_hu", "max_hu")
"""What is said of the values inside an outline."""

Outline: TypeAlias = Ellipse | Polygon


@dataclass(frozen=True)
class OutlineStatistics:
    """The values of the voxels of one slice whose centres lie inside an outline.

    `area_mm2` is the outline's own, `region` has the voxels' volume and values.
    """

    outline: Outline
    region: Region = field(repr=False)

    @property
    def name(self) -> str:
        """The outline's name."""
        return self.outline.name

    @property
    def area_mm2(self) -> float:
        """The area that the outline encloses."""
        return self.outline.area_mm2

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        numbers = {
            key: getattr(self.region, key)
            for key in (
                "voxels",
                "volume_ml",
                "mean_hu",
                "sd_hu",
                "min_hu",
                "median_hu",
                "max_hu",
            )
        }
        return {
            "kind": type(self.outline).__name__.lower(),
            "name": self.name,
            "area_mm2": self.area_mm2,
            **numbers,
            "points_lps": [list(point) for point in self.outline.points_lps],
        }

    def __repr__(self) -> str:
        values = "no values"
        if self.region.mean_hu is not None:
            values = f"{self.region.mean_hu:.0f} ± {self.region.sd_hu:.0f} HU"
        return f"OutlineStatistics({self.name}, {self.area_mm2:.1f} mm2, {values})"


def measure_outline(volume: Volume, outline: Outline) -> OutlineStatistics:
    """The values inside an outline in the slice that lies nearest to it.

    Slices are those of the array along any of its three axes; padding counts nowhere.

    Raises:
        UsageError: the outline lies in no slice: across them, or beside the scan.
    """
    geometry = volume.geometry
    across = _axis_across(geometry, outline.normal_lps)
    ijk = geometry.to_ijk(outline.center_lps)
    index = int(np.floor(ijk[across] + 0.5))
    if not 0 <= index < geometry.shape[2 - across]:
        raise UsageError(f"The outline {outline.name!r} lies beside the scan.")
    values: NDArray[Any] = np.take(volume.array, [index], axis=2 - across)
    k, j, i = np.indices(values.shape)
    places = np.stack([i, j, k], axis=-1).astype(float)
    places[..., across] = ijk[across]  # in the outline's own plane
    inside = outline.holds(geometry.to_lps(places))
    start = [0, 0, 0]
    start[2 - across] = index
    grid = geometry.cropped((start[0], start[1], start[2]), values.shape)
    inside = measured(volume.with_array(values, grid), inside)
    hounsfield = volume.unit == "HU"
    region = measure_values(
        outline.name, values[inside], geometry.voxel_ml, hounsfield=hounsfield
    )
    return OutlineStatistics(outline, region)


def _axis_across(geometry: Geometry, normal_lps: FloatArray) -> int:
    """The array's axis (0 for i) across the slices in which an outline lies."""
    along = np.abs(normal_lps @ geometry.direction)
    axis = int(along.argmax())
    if along[axis] < 1 - PARALLEL**2:
        raise UsageError(
            "The outline lies across the scan's slices: draw it in an axial, coronal or "
            "sagittal slice."
        )
    return axis


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector))
