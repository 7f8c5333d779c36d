"""Scissors: cut a mask along an outline drawn in a slice or in a 3D view."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import binary_dilation
from skimage.draw import line, polygon

from vis3d.errors import UsageError
from vis3d.geometry import FloatArray
from vis3d.progress import Progress, silent
from vis3d.segmentation.masks.edits import Edit, edit_of
from vis3d.segmentation.voxels import morphology
from vis3d.segmentation.voxels.frame import Bools
from vis3d.volume import Mask

Side: TypeAlias = Literal["inside", "outside"]

RASTER = 1024
"""Pixels along the longer side of an outline; near its line voxels are tested exactly."""
MARGIN = 4
OUT, IN, LINE = range(3)
Indices: TypeAlias = NDArray[Any]


def scissors(
    mask: Mask,
    outline_lps: ArrayLike,
    direction_lps: ArrayLike,
    *,
    remove: Side = "inside",
    depth_mm: float | None = None,
    name: str = "scissors",
    progress: Progress | None = None,
) -> Edit:
    """Take away what lies inside (or outside) a closed outline, through the whole mask.

    The outline's points (n, 3) in LPS mm lie about in one plane; it is moved along
    `direction_lps`, both ways. `depth_mm` limits the cut to a slab of that thickness round
    the outline's plane across the direction; voxels beyond it stay. An outline that crosses
    itself has an inside by the even-odd rule.

    Raises:
        UsageError: fewer than three points, numbers that aren't finite, or no direction.
    """
    points = np.asarray(outline_lps, float)
    ahead = np.asarray(direction_lps, float)
    if points.ndim != 2 or points.shape[1:] != (3,) or ahead.shape != (3,):
        raise UsageError("An outline is points (n, 3), a direction three numbers, in LPS mm.")
    if not np.isfinite(ahead).all() or not np.linalg.norm(ahead) > 0:
        raise UsageError("The scissors' direction needs three finite numbers, not all zero.")
    across = np.linalg.svd(ahead[None])[2][1:]  # two unit vectors across the direction
    unit = ahead / np.linalg.norm(ahead)
    middle = points.mean(axis=0) if len(points) else np.zeros(3)
    projection = np.zeros((4, 4))
    projection[:2, :3], projection[2, :3], projection[3, 3] = across, unit, 1
    projection[:3, 3] = -projection[:3, :3] @ middle
    half = np.inf if depth_mm is None else depth_mm / 2
    outline = _Outline((points - middle) @ across.T)
    cut = _Cut(projection, outline, remove, half)
    return _cut(mask, cut, name, progress or silent)


def scissors_in_view(
    mask: Mask,
    outline_xy: ArrayLike,
    projection: ArrayLike,
    *,
    remove: Side = "inside",
    name: str = "scissors",
    progress: Progress | None = None,
) -> Edit:
    """Take away what a camera sees inside (or outside) a closed outline, at any depth.

    `projection` is the camera's 4x4 matrix from (l, p, s, 1) in mm to homogeneous (x, y,
    depth, w) of the view, perspective or parallel, and the outline's points (n, 2) are
    x / w, y / w in that view. What lies behind the camera (w <= 0) isn't seen: it stays.

    Raises:
        UsageError: fewer than three points, or numbers that aren't finite.
    """
    matrix = np.asarray(projection, float)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise UsageError("A projection is a 4x4 matrix of finite numbers.")
    cut = _Cut(matrix, _Outline(np.asarray(outline_xy, float)), remove, np.inf)
    return _cut(mask, cut, name, progress or silent)


@dataclass(frozen=True, eq=False)
class _Cut:
    projection: FloatArray
    outline: "_Outline"
    remove: Side
    half_depth: float

    def takes(self, to_view: FloatArray, i: Indices, j: Indices, k: Indices) -> Bools:
        """Which voxels, given by their indices, are taken away from the mask."""
        x, y, depth, w = (row[0] * i + row[1] * j + row[2] * k + row[3] for row in to_view)
        seen = (w > 0) & (np.abs(depth) <= self.half_depth)
        if not seen.all():
            w = np.where(seen, w, 1)
        inside = self.outline.holds(x / w, y / w)
        return np.asarray(seen & (inside if self.remove == "inside" else ~inside))


class _Outline:
    """A closed polygon that tells which points lie inside it: a raster, exact at its line."""

    def __init__(self, points: FloatArray) -> None:
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
            raise UsageError("An outline has at least three points.")
        if not np.isfinite(points).all():
            raise UsageError("An outline's points are finite numbers.")
        self._points = points
        extent = float(np.ptp(points, axis=0).max())
        self._pixels_per = (RASTER - 1) / extent if extent > 0 else 1.0
        self._offset = MARGIN - points.min(axis=0) * self._pixels_per
        self._raster = self._drawn()

    def _drawn(self) -> NDArray[np.uint8]:
        """OUT and IN by each pixel's middle; LINE where the outline may pass."""
        places = self._points * self._pixels_per + self._offset
        size = np.ceil(places.max(axis=0)).astype(int) + MARGIN + 1
        raster, border = np.zeros(tuple(size), np.uint8), np.zeros(tuple(size), bool)
        raster[polygon(places[:, 0], places[:, 1], raster.shape)] = IN
        corners = np.rint(places).astype(int)
        for start, stop in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            border[line(*start, *stop)] = True
        raster[binary_dilation(border, np.ones((5, 5), bool))] = LINE
        return raster

    def holds(self, x: FloatArray, y: FloatArray) -> Bools:
        """Whether each point lies inside, by the even-odd rule."""
        places = [
            np.clip(values * self._pixels_per + (offset + 0.5), 0, size - 1).astype(np.int32)
            for values, offset, size in zip(
                (x, y), self._offset, self._raster.shape, strict=True
            )
        ]
        found = self._raster[places[0], places[1]]
        answer = found == IN
        close = found == LINE
        answer[close] = _crossings_odd(x[close], y[close], self._points)
        return np.asarray(answer)


def _crossings_odd(x: FloatArray, y: FloatArray, outline: FloatArray) -> Bools:
    """Even-odd rule: a ray to the right crosses the outline an odd number of times."""
    odd = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        spans = (y0 > y) != (y1 > y)
        odd ^= spans & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return odd


def _cut(mask: Mask, cut: _Cut, name: str, progress: Progress) -> Edit:
    if cut.remove not in ("inside", "outside"):
        raise UsageError(f"Scissors remove 'inside' or 'outside', not {cut.remove!r}.")
    box = morphology.bounding_box(mask.array)
    if box is None:
        return edit_of(mask.array[:0, :0, :0], (0, 0, 0), name)
    to_view = cut.projection @ mask.geometry.affine
    inside = mask.array[box]
    start = (box[0].start, box[1].start, box[2].start)
    axis = _constant_axis(to_view)
    if axis is not None and not np.isfinite(cut.half_depth):
        k, j, i = np.indices([1 if n == axis else size for n, size in enumerate(inside.shape)])
        once = cut.takes(
            to_view, *(index + s for index, s in zip((i, j, k), start[::-1], strict=True))
        )
        return edit_of(inside & once, start, name)
    changes = np.zeros(inside.shape, bool)
    for plane in range(len(inside)):
        progress(plane / len(inside), "Cutting")
        j, i = np.nonzero(inside[plane])
        k = np.full(1, plane + start[0])
        changes[plane, j, i] = cut.takes(to_view, i + start[2], j + start[1], k)
    return edit_of(changes, start, name)


def _constant_axis(to_view: FloatArray) -> int | None:
    """The array axis (0 for k) along which nothing moves in the view, if there is one."""
    moves = np.abs(to_view[[0, 1, 3], :3]).max(axis=0)
    still = np.flatnonzero(moves < 1e-9 * moves.max())
    return 2 - int(still[0]) if len(still) else None
