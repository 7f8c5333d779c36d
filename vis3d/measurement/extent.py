"""How large a mask is: its box in the patient and its diameters."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import cdist

from vis3d.geometry import FloatArray, Geometry
from vis3d.volume import Mask

Point = tuple[float, float, float]
CHUNK = 2000
"""Rows of a distance matrix worked on at a time."""


@dataclass(frozen=True)
class Extent:
    """The box and the diameters of a structure, in mm, with their ends in LPS mm.

    Lengths reach to the middles of the outer faces of the voxels, as the vertices of a
    surface between inside and outside do: a ball of radius r measures 2 r.

    - `box_lps_mm`: the least and the greatest l, p, s that the voxels reach.
    - `diameter_mm`: the largest distance between two points, the maximum Feret diameter (as
      "Maximum 3D diameter" of van Griethuysen et al., Cancer Res 2017;77:e104-e107).
    - `axial_diameter_mm`: the largest distance in one axial slice (RECIST 1.1, Eisenhauer et
      al., Eur J Cancer 2009;45:228-247); on an oblique grid the slices nearest to axial.
    - `perpendicular_mm`: how far the structure reaches in that slice across that diameter.
    - `short_axis_mm`: the least distance of two parallel lines that hold the structure in
      that slice, the minimum Feret diameter: what callipers close to.
    """

    box_lps_mm: tuple[Point, Point]
    diameter_mm: float
    diameter_ends_lps: tuple[Point, Point]
    axial_diameter_mm: float
    axial_ends_lps: tuple[Point, Point]
    perpendicular_mm: float
    short_axis_mm: float

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def extent_of(mask: Mask) -> Extent | None:
    """The extent of a mask; None where it is empty."""
    outlines = list(_outlines(mask))
    if not outlines:
        return None
    geometry = mask.geometry
    half_mm = np.array(geometry.spacing) / 2
    corners = np.concatenate(outlines) * geometry.spacing  # (n, 3) in mm
    reach = np.abs(geometry.direction) @ half_mm
    lps = corners @ geometry.direction.T + geometry.origin
    diameter = _longest(_hull(corners), np.diag(half_mm))
    best = _widest_slice(outlines, geometry)
    return Extent(
        (_point(lps.min(axis=0) - reach), _point(lps.max(axis=0) + reach)),
        *_placed(diameter, geometry),
        *_placed(best, geometry),
        *_across(best, geometry),
    )


@dataclass(frozen=True, eq=False)
class _Span:
    """Two ends (2, 3) in mm along the array's axes (i, j, k), and what they were chosen of."""

    ends_mm: FloatArray
    among_mm: FloatArray
    steps_mm: FloatArray

    @property
    def length_mm(self) -> float:
        return float(np.linalg.norm(self.ends_mm[1] - self.ends_mm[0]))


def _outlines(mask: Mask) -> Iterator[FloatArray]:
    """Per axial slice the corners (n, 3) of the convex hull of its voxel centres, (i, j, k)."""
    across = 2 - mask.geometry.patient_axes[2]
    rows_axis, columns_axis = (axis for axis in range(3) if axis != across)
    stack = np.moveaxis(mask.array, across, 0)
    for n in np.flatnonzero(stack.any(axis=(1, 2))).tolist():
        plane = stack[n]
        rows = np.flatnonzero(plane.any(axis=1))
        first = plane[rows].argmax(axis=1)
        last = plane.shape[1] - 1 - plane[rows, ::-1].argmax(axis=1)
        hull = _convex(rows, first, last)
        ijk = np.empty((len(hull), 3))
        ijk[:, 2 - across] = n
        ijk[:, 2 - rows_axis], ijk[:, 2 - columns_axis] = hull.T
        yield ijk


def _convex(
    rows: NDArray[np.intp], first: NDArray[np.intp], last: NDArray[np.intp]
) -> FloatArray:
    """The corners of the convex hull of rows of voxels from `first` to `last`."""
    chains = [
        _chain(list(zip(rows.tolist(), (sign * ends).tolist(), strict=True)))
        for ends, sign in ((first, 1), (last, -1))
    ]
    left, right = (np.array(chain, float) for chain in chains)
    right[:, 1] *= -1
    return np.unique(np.concatenate([left, right]), axis=0)


def _chain(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of points in order of rows that bulge to the lower columns (Andrew 1979)."""
    kept: list[tuple[int, int]] = []
    for row, column in points:
        while len(kept) > 1 and (kept[-1][0] - kept[-2][0]) * (column - kept[-2][1]) <= (
            kept[-1][1] - kept[-2][1]
        ) * (row - kept[-2][0]):
            kept.pop()
        kept.append((row, column))
    return kept


def _hull(points: FloatArray) -> FloatArray:
    """The corners of the convex hull, or all points where they lie in a plane."""
    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except (QhullError, ValueError):
        return points


def _longest(corners_mm: FloatArray, steps_mm: FloatArray) -> _Span:
    """The two points farthest apart on voxels centred at the corners.

    `steps_mm` (n, 3) lead from a voxel's centre to the middles of its faces, both ways.
    """
    slack = 2 * float(np.linalg.norm(steps_mm, axis=1).max())
    parts = range(0, len(corners_mm), CHUNK)
    most = max(float(cdist(corners_mm[n : n + CHUNK], corners_mm).max()) for n in parts)
    faces = np.concatenate([steps_mm, -steps_mm])
    best, ends = -1.0, np.zeros((2, 3))
    for n in parts:
        distances = cdist(corners_mm[n : n + CHUNK], corners_mm)
        a, b = np.nonzero(distances >= max(most - slack, best - slack))
        between = corners_mm[b] - corners_mm[a + n]
        for start, stop in product(faces, faces):
            lengths = np.linalg.norm(between + (stop - start), axis=1)
            if len(lengths) and lengths.max() > best:
                at = int(lengths.argmax())
                best = float(lengths[at])
                ends = np.stack([corners_mm[a[at] + n] + start, corners_mm[b[at]] + stop])
    return _Span(ends, corners_mm, steps_mm)


def _widest_slice(outlines: list[FloatArray], geometry: Geometry) -> _Span:
    """The longest distance in any slice."""
    axial = geometry.patient_axes[2]
    half_mm = np.array(geometry.spacing) / 2
    steps = np.diag(half_mm)[[axis for axis in range(3) if axis != axial]]
    best: _Span | None = None
    for ijk in outlines:
        corners = ijk * geometry.spacing
        at_most = np.linalg.norm(np.ptp(corners, axis=0)) + 2 * np.linalg.norm(half_mm)
        if best is not None and at_most <= best.length_mm:
            continue
        span = _longest(corners, steps)
        if best is None or span.length_mm > best.length_mm:
            best = span
    assert best is not None  # there is at least one outline
    return best


def _across(span: _Span, geometry: Geometry) -> tuple[float, float]:
    """The widths of a slice across its diameter and where it is narrowest."""
    plane = [axis for axis in range(3) if axis != geometry.patient_axes[2]]
    corners, steps = span.among_mm[:, plane], span.steps_mm[:, plane]
    along = np.diff(span.ends_mm, axis=0)[0, plane]
    hull = _hull(corners) if len(corners) > 2 else corners
    around = hull - hull.mean(axis=0)
    order = np.argsort(np.arctan2(around[:, 1], around[:, 0]))
    edges = np.diff(hull[order], axis=0, append=hull[order[:1]])
    diamond = np.array([steps.sum(axis=0), np.subtract(*steps)])
    narrowest = min(
        _width(corners, steps, edge) for edge in (*edges, *diamond) if np.any(edge != 0)
    )
    return _width(corners, steps, along), narrowest


def _width(corners: FloatArray, steps: FloatArray, along: FloatArray) -> float:
    """How far voxels centred at the corners reach across a direction in the plane."""
    normal = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    return float(np.ptp(corners @ normal) + 2 * np.abs(steps @ normal).max())


def _placed(span: _Span, geometry: Geometry) -> tuple[float, tuple[Point, Point]]:
    ends = span.ends_mm @ geometry.direction.T + geometry.origin
    return span.length_mm, (_point(ends[0]), _point(ends[1]))


def _point(lps: FloatArray) -> Point:
    x, y, z = lps.tolist()
    return x, y, z
