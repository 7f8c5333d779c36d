"""Corrections by hand: what a tool changes of a mask, as a difference that can be undone.

Each tool is a function of the mask and of sizes and points in LPS mm. It changes nothing
itself: its `Edit` says which voxels change sides, and `EditHistory` (or `Edit.applied_to`)
makes it so.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vis3d.errors import UsageError
from vis3d.geometry import FloatArray, Geometry
from vis3d.segmentation.voxels import morphology
from vis3d.segmentation.voxels.frame import Bools
from vis3d.segmentation.voxels.sparse import sparse_copy
from vis3d.volume import Mask, Volume

Box = tuple[slice, slice, slice]
Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Edit:
    """Voxels of a mask that change sides, all inside a box of the array.

    `start_kji` and `shape` are the box, no larger than needed; `packed` holds a bit for
    each of its voxels [k, j, i], compressed. `voxels` is how many change, 0 for an edit
    that does nothing. The same edit does and undoes: twice gives the start.
    """

    name: str
    start_kji: Shape
    shape: Shape
    packed: bytes
    voxels: int

    @property
    def box(self) -> Box:
        """Where the array changes; nothing outside it does."""
        k, j, i = (
            slice(start, start + n) for start, n in zip(self.start_kji, self.shape, strict=True)
        )
        return (k, j, i)

    def changes(self) -> Bools:
        """Which voxels of the box change sides."""
        bits = np.frombuffer(zlib.decompress(self.packed), np.uint8)
        flat = np.unpackbits(bits, count=int(np.prod(self.shape)))
        return flat.view(bool).reshape(self.shape)

    def toggle(self, array: Bools) -> None:
        """Do it, or undo it, in an array of one's own."""
        part, changes = array[self.box], self.changes()
        rows = changes.any(axis=-1)  # the others stay untouched, see `sparse_zeros`
        part[rows] ^= changes[rows]

    def applied_to(self, mask: Mask) -> Mask:
        """The mask after the edit, a copy."""
        array = sparse_copy(mask.array)
        self.toggle(array)
        return replace(mask, array=array)

    def __repr__(self) -> str:
        return f"Edit({self.name}, {self.voxels:,} voxels)"


def edit_of(changes: Bools, start_kji: Shape, name: str) -> Edit:
    """The edit in which `changes`, a box of the array from `start_kji` on, change sides."""
    box = morphology.bounding_box(changes)
    if box is None:
        return Edit(name, (0, 0, 0), (0, 0, 0), zlib.compress(b""), 0)
    tight = changes[box]
    k, j, i = (start + part.start for start, part in zip(start_kji, box, strict=True))
    nk, nj, ni = tight.shape
    packed = zlib.compress(np.packbits(tight).tobytes(), 1)
    return Edit(name, (k, j, i), (nk, nj, ni), packed, int(np.count_nonzero(tight)))


def difference(before: Mask, after: Mask, name: str) -> Edit:
    """The edit that leads from one mask to another: makes any mask operation undoable.

    Raises:
        UsageError: the masks lie on different grids.
    """
    if not before.geometry.matches(after.geometry):
        raise UsageError("An edit leads from one mask to another on the same grid.")
    return edit_of(before.array ^ after.array, (0, 0, 0), name)


@dataclass(frozen=True)
class Brush:
    """A ball, or a disc in a plane, of a radius in mm.

    With `normal_lps` it is a disc: one voxel thick, in the slice nearest to the plane
    through the first point. With `range_hu` it touches only voxels of `low` to `high`,
    both included.

    Raises:
        UsageError: a radius that isn't above zero, or a normal without direction.
    """

    radius_mm: float
    normal_lps: Sequence[float] | None = None
    range_hu: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not 0 < self.radius_mm < np.inf:
            raise UsageError(f"A brush has a radius above 0 mm, not {self.radius_mm:g}.")
        if self.normal_lps is not None and not np.linalg.norm(self.normal_lps) > 0:
            raise UsageError("A plane's normal is three numbers that aren't all zero.")


def paint(
    mask: Mask,
    stroke_lps: ArrayLike,
    brush: Brush,
    *,
    volume: Volume | None = None,
    name: str = "brush",
) -> Edit:
    """Add what a brush passes over on its way through points (n, 3) or a point (3,), LPS mm.

    A voxel is passed over where its centre is. `volume` is needed for the brush's range of
    HU; with it padding is never painted.

    Raises:
        UsageError: points that aren't finite, or a range without values to limit.
    """
    reached, box = _swept(mask.geometry, stroke_lps, brush, volume)
    return edit_of(reached & ~mask.array[box], _start(box), name)


def erase(
    mask: Mask,
    stroke_lps: ArrayLike,
    brush: Brush,
    *,
    volume: Volume | None = None,
    name: str = "eraser",
) -> Edit:
    """Take away what a brush passes over; as `paint`."""
    reached, box = _swept(mask.geometry, stroke_lps, brush, volume)
    return edit_of(reached & mask.array[box], _start(box), name)


def _swept(
    geometry: Geometry, stroke_lps: ArrayLike, brush: Brush, volume: Volume | None
) -> tuple[Bools, Box]:
    """The voxels of a box over which the brush passes."""
    points_mm = _stroke_mm(geometry, stroke_lps)
    normal = _normal(geometry, brush)
    if normal is not None:  # the whole stroke lies in the plane of its first point
        points_mm = points_mm - np.outer((points_mm - points_mm[0]) @ normal, normal)
    box = _box(geometry, points_mm, brush.radius_mm, normal)
    reached = np.zeros(tuple(part.stop - part.start for part in box), bool)
    for start, stop in zip(points_mm, np.vstack([points_mm[1:], points_mm[-1:]]), strict=True):
        piece = _box(geometry, np.stack([start, stop]), brush.radius_mm, normal)
        inner = tuple(
            slice(part.start - whole.start, part.stop - whole.start)
            for part, whole in zip(piece, box, strict=True)
        )
        reached[inner] |= _near(geometry, piece, (start, stop), brush.radius_mm, normal)
    return _allowed(reached, box, geometry, brush, volume), box


def _stroke_mm(geometry: Geometry, stroke_lps: ArrayLike) -> FloatArray:
    """The stroke's points in mm along the array's axes (k, j, i), voxel 0 at 0."""
    points = np.atleast_2d(np.asarray(stroke_lps, float))
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise UsageError("A stroke is points (n, 3) in LPS mm.")
    if not np.isfinite(points).all():
        raise UsageError("A stroke's points are finite numbers.")
    return geometry.to_ijk(points)[:, ::-1] * geometry.spacing_kji


def _normal(geometry: Geometry, brush: Brush) -> FloatArray | None:
    """The plane's normal along (k, j, i), of length 1."""
    if brush.normal_lps is None:
        return None
    normal: FloatArray = (np.asarray(brush.normal_lps, float) @ geometry.direction)[::-1]
    return np.asarray(normal / np.linalg.norm(normal))


def _half_thickness(geometry: Geometry, normal: FloatArray) -> float:
    """Half of what a voxel measures along the normal: planes so thick have no gaps."""
    return float(np.abs(normal) @ geometry.spacing_kji) / 2


def _box(
    geometry: Geometry, points_mm: FloatArray, radius_mm: float, normal: FloatArray | None
) -> Box:
    """The voxels whose centres a brush can reach from the points, clipped to the grid."""
    reach = np.full(3, radius_mm)
    if normal is not None:
        across = np.abs(normal) * _half_thickness(geometry, normal)
        reach = radius_mm * np.sqrt(np.maximum(0, 1 - normal**2)) + across
    low = np.ceil((points_mm.min(axis=0) - reach) / geometry.spacing_kji - 1e-9)
    high = np.floor((points_mm.max(axis=0) + reach) / geometry.spacing_kji + 1e-9) + 1
    starts = np.clip(low, 0, geometry.shape).astype(int)
    stops = np.maximum(np.clip(high, 0, geometry.shape).astype(int), starts)
    k, j, i = (slice(a, b) for a, b in zip(starts.tolist(), stops.tolist(), strict=True))
    return (k, j, i)


def _near(
    geometry: Geometry,
    box: Box,
    ends_mm: tuple[FloatArray, FloatArray],
    radius_mm: float,
    normal: FloatArray | None,
) -> Bools:
    """Which voxel centres lie within the radius of a line, and in the plane if there is one."""
    start, stop = ends_mm
    offsets = [
        (np.arange(part.start, part.stop) * mm - at).astype(np.float32)
        for part, mm, at in zip(box, geometry.spacing_kji, start, strict=True)
    ]
    distance2 = _sum([offset**2 for offset in offsets])
    along, length2 = stop - start, float(((stop - start) ** 2).sum())
    if length2 > 0:
        ahead = _sum([o * np.float32(a) for o, a in zip(offsets, along, strict=True)])
        share = np.clip(ahead / np.float32(length2), 0, 1)
        distance2 = distance2 - share * (2 * ahead - share * np.float32(length2))
    if normal is None:
        return np.asarray(distance2 <= radius_mm**2)
    height = _sum([o * np.float32(n) for o, n in zip(offsets, normal, strict=True)])
    half = np.float32(_half_thickness(geometry, normal))
    slack = np.float32(1e-4 * half)  # a plane halfway between slices takes one of them
    in_plane = (height >= slack - half) & (height < half + slack)
    return np.asarray(in_plane & (distance2 - height**2 <= radius_mm**2))


def _sum(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    k, j, i = parts
    return np.asarray(k[:, None, None] + j[None, :, None] + i[None, None, :])


def _allowed(
    reached: Bools, box: Box, geometry: Geometry, brush: Brush, volume: Volume | None
) -> Bools:
    """What of the box may be touched: measured voxels within the brush's range."""
    if volume is None:
        if brush.range_hu is not None:
            raise UsageError("A brush limited to a range of HU needs the volume.")
        return reached
    if not volume.geometry.matches(geometry):
        raise UsageError("The volume lies on another grid than the mask.")
    values: NDArray[Any] = volume.array[box]
    if brush.range_hu is not None:
        low, high = brush.range_hu
        reached &= (values >= low) & (values <= high)
    if volume.padding is not None:
        reached &= values != volume.padding
    return reached


def _start(box: Box) -> Shape:
    k, j, i = (part.start for part in box)
    return (k, j, i)
