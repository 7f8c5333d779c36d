"""Solids and tubes painted on a grid: values with partial volumes, labels by the sign.

The grid is kept in blocks of 4 x 4 x 4 voxels. A solid is asked for its distance at the
middle of each block first, and voxel by voxel only where its surface may pass.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.geometry import FloatArray
from vis3d.phantom.fields import Field, Floats, Vector

EDGE = 4
"""Voxels along the edge of a block."""

PAIRS_AT_ONCE = 20_000
"""Tube segments x blocks that are evaluated together (bounds the memory)."""


@dataclass(frozen=True)
class Solid:
    """What a field is negative in, within the box from `low` to `high` (LPS mm).

    `steepness` is the most that the field changes per mm.
    """

    field: Field
    low: Vector
    high: Vector
    steepness: float = 1.6


@dataclass(frozen=True, eq=False)
class Tubes:
    """Round or flat bars: segments (n, 3) in LPS mm with a radius at either end.

    `flat` (n, 3) is half the length in mm by which a segment's cross section is drawn out
    to both sides: a rib is higher than thick.
    """

    starts: FloatArray
    ends: FloatArray
    start_radii: FloatArray
    end_radii: FloatArray
    flat: FloatArray

    def grown(self, mm: float) -> "Tubes":
        """The same bars, thicker by `mm` all round."""
        return replace(self, start_radii=self.start_radii + mm, end_radii=self.end_radii + mm)

    def moved(self, by_lps: Vector) -> "Tubes":
        """The same bars elsewhere."""
        return replace(self, starts=self.starts + by_lps, ends=self.ends + by_lps)

    def mirrored(self) -> "Tubes":
        """The same bars on the patient's other side."""
        flip = np.array([-1.0, 1.0, 1.0])
        return replace(
            self, starts=self.starts * flip, ends=self.ends * flip, flat=self.flat * flip
        )

    def distance(self, segment: NDArray[np.intp], x: Floats, y: Floats, z: Floats) -> Floats:
        """Distance of points (n, 64) in mm from the segment of each row."""

        def column(values: FloatArray) -> Floats:
            return values[segment].astype(np.float32)[:, None]

        axis = self.ends - self.starts
        length_squared = np.maximum((axis**2).sum(axis=1), 1e-9)
        u, v, w = (p - column(self.starts[:, n]) for n, p in enumerate((x, y, z)))
        a, b, c = (column(axis[:, n]) for n in range(3))
        along = np.clip((u * a + v * b + w * c) / column(length_squared), 0, 1)
        u, v, w = u - along * a, v - along * b, w - along * c
        if self.flat.any():
            half_mm = np.linalg.norm(self.flat, axis=1)
            wide = self.flat / np.maximum(half_mm, 1e-9)[:, None]
            a, b, c = (column(wide[:, n]) for n in range(3))
            aside = u * a + v * b + w * c
            aside = np.clip(aside, -column(half_mm), column(half_mm))
            u, v, w = u - aside * a, v - aside * b, w - aside * c
        thin, thick = column(self.start_radii), column(self.end_radii)
        distance: Floats = np.sqrt(u**2 + v**2 + w**2) - (thin + along * (thick - thin))
        return distance


@dataclass(frozen=True, eq=False)
class Sample:
    """Where a shape lies: whole blocks, and blocks with a distance (n, 64) in mm."""

    inside: NDArray[np.intp]
    band: NDArray[np.intp]
    distance: Floats

    def shrunk(self, mm: float) -> "Sample":
        """The shape without its outer `mm` (no more than the `reach_mm` of its sampling)."""
        return replace(self, distance=self.distance + mm)


class Canvas:
    """HU and labels of a grid while shapes are painted on it, later ones on top.

    `affine` is the 4x4 matrix from (i, j, k) to LPS mm; it may be sheared, as a tilted
    gantry's is. Edges fade over `edge_mm`, half way where the label changes; 0 paints
    labels alone.
    """

    def __init__(
        self, affine: FloatArray, shape: tuple[int, int, int], edge_mm: float, air_hu: float
    ) -> None:
        self.shape = shape
        self.edge_mm = edge_mm
        self._affine = affine
        self._blocks = tuple(-(-n // EDGE) for n in shape)
        count = int(np.prod(self._blocks))
        self.hu = np.full((count if edge_mm else 0, EDGE**3), air_hu, np.float32)
        self.labels = np.zeros((count, EDGE**3), np.uint8)
        kji = np.indices((EDGE,) * 3).reshape(3, -1)
        self._offsets = affine[:3, :3] @ (kji[::-1] - (EDGE - 1) / 2)
        self._radius_mm = float(np.linalg.norm(self._offsets, axis=0).max())

    def sample(self, shape: Solid | Tubes, reach_mm: float = 0.0) -> Sample:
        """Where a shape lies, with distances at least `reach_mm` to both sides."""
        if isinstance(shape, Solid):
            return self._sample_solid(shape, reach_mm)
        return self._sample_tubes(shape, reach_mm)

    def paint(
        self,
        sample: Sample,
        hu: float,
        label: int | None = None,
        within_hu: float | None = None,
    ) -> None:
        """Fill a shape with a value, and with a label unless that is None.

        A shape that lies wholly in one of `within_hu` takes its share of a voxel from that
        one alone: what lies outside of both keeps its own, however thin the outer one is.
        """
        if self.edge_mm:
            self.hu[sample.inside] = hu
            before = self.hu[sample.band]
            change = hu - (before if within_hu is None else within_hu)
            self.hu[sample.band] = before + self._share(sample) * change
        if label is not None:
            self.labels[sample.inside] = label
            marked = self.labels[sample.band]
            marked[sample.distance < 0] = label
            self.labels[sample.band] = marked

    def shade(self, sample: Sample, hu: Field) -> None:
        """Add a value that changes with the place, inside a shape."""
        if self.edge_mm:
            self.hu[sample.inside] += hu(*self._voxels(sample.inside))
            self.hu[sample.band] += self._share(sample) * hu(*self._voxels(sample.band))

    def hu_array(self) -> Floats:
        """The values as an array [k, j, i]."""
        return self._unblocked(self.hu)

    def label_array(self) -> NDArray[np.uint8]:
        """The labels as an array [k, j, i]."""
        return self._unblocked(self.labels)

    def _sample_solid(self, solid: Solid, reach_mm: float = 0.0) -> Sample:
        middle, half = _middle_and_half(np.array([solid.low]), np.array([solid.high]))
        blocks = self._blocks_near(middle, half)[1]
        x, y, z = (axis.astype(np.float32) for axis in self._centers(blocks))
        distance = solid.field(x, y, z)
        reach = solid.steepness * self._radius_mm + self.edge_mm / 2 + reach_mm
        band = blocks[np.abs(distance) <= reach]
        return Sample(blocks[distance < -reach], band, solid.field(*self._voxels(band)))

    def _sample_tubes(self, tubes: Tubes, reach_mm: float = 0.0) -> Sample:
        """Where bars lie; the nearest one counts."""
        radii = np.maximum(tubes.start_radii, tubes.end_radii) + self.edge_mm / 2 + reach_mm
        margin = np.abs(tubes.flat) + radii[:, None]
        middle, half = _middle_and_half(
            np.minimum(tubes.starts, tubes.ends) - margin,
            np.maximum(tubes.starts, tubes.ends) + margin,
        )
        segment, block = self._blocks_near(middle, half)
        order = np.argsort(block, kind="stable")
        segment, block = segment[order], block[order]
        band, first = np.unique(block, return_index=True)
        distance = np.full((len(band), EDGE**3), np.inf, np.float32)
        for some in _chunks(first, len(block)):
            rows = slice(
                first[some.start], first[some.stop] if some.stop < len(first) else None
            )
            each = tubes.distance(segment[rows], *self._voxels(block[rows]))
            distance[some] = np.minimum.reduceat(each, first[some] - first[some.start], axis=0)
        return Sample(np.zeros(0, np.intp), band, distance)

    def _share(self, sample: Sample) -> Floats:
        """How much of each voxel (n, 64) is inside."""
        share: Floats = np.clip(0.5 - sample.distance / self.edge_mm, 0, 1)
        return share

    def _unblocked(self, blocked: NDArray[Any]) -> NDArray[Any]:
        split = blocked.reshape(*self._blocks, EDGE, EDGE, EDGE)
        whole = split.transpose(0, 3, 1, 4, 2, 5).reshape([EDGE * n for n in self._blocks])
        nk, nj, ni = self.shape
        return np.ascontiguousarray(whole[:nk, :nj, :ni])

    def _centers(self, blocks: NDArray[np.intp]) -> FloatArray:
        """The middles of blocks, (3, n), in LPS mm."""
        kji = np.array(np.unravel_index(blocks, self._blocks))
        centers: FloatArray = (
            self._affine[:3, :3] @ (kji[::-1] * EDGE + (EDGE - 1) / 2) + self._affine[:3, 3:]
        )
        return centers

    def _voxels(self, blocks: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
        """The voxels of blocks: three arrays (n, 64) in LPS mm."""
        x, y, z = (
            (center[:, None] + offset).astype(np.float32)
            for center, offset in zip(self._centers(blocks), self._offsets, strict=True)
        )
        return x, y, z

    def _blocks_near(
        self, middle: FloatArray, half: FloatArray
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Pairs (box, block) of the boxes (n, 3) in LPS mm and the blocks that they touch."""
        to_ijk = np.linalg.inv(self._affine[:3, :3])
        center_ijk = (middle - self._affine[:3, 3]) @ to_ijk.T
        half_ijk = half @ np.abs(to_ijk).T
        limit = np.array(self._blocks[::-1])
        first = np.floor((center_ijk - half_ijk) / EDGE).clip(0, limit).astype(np.intp)
        stop = np.floor((center_ijk + half_ijk) / EDGE + 1).clip(0, limit).astype(np.intp)
        size = np.maximum(stop - first, 0)
        count = size.prod(axis=1)
        box = np.repeat(np.arange(len(count)), count)
        rank = np.arange(len(box)) - np.repeat(np.cumsum(count) - count, count)
        ni, nj = size[box, 0], size[box, 1]
        i, j, k = rank % ni, rank // ni % nj, rank // (ni * nj)
        at = first[box]
        kji = (at[:, 2] + k, at[:, 1] + j, at[:, 0] + i)
        return box, np.ravel_multi_index(kji, self._blocks).astype(np.intp)


def _middle_and_half(low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    return (low + high) / 2, (high - low) / 2


def _chunks(first: NDArray[np.intp], pairs: int) -> Iterator[slice]:
    """Runs of blocks whose pairs, beginning at `first`, are about PAIRS_AT_ONCE."""
    start = 0
    while start < len(first):
        stop = int(np.searchsorted(first, first[start] + PAIRS_AT_ONCE))
        stop = max(stop, start + 1)
        yield slice(start, min(stop, len(first)))
        start = stop
