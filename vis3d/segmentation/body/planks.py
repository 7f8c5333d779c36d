"""Boards on which the patient lies without a gap, whatever they are made of."""

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.body.outside import SKIN_HU
from vis3d.segmentation.voxels.frame import AIR_HU, Bools, Spacing, Values
from vis3d.segmentation.voxels.grids import Factors

MAX_THICKNESS_MM = 40.0
MIN_WIDTH_MM, MIN_SLICES = 20.0, 0.6
"""A board is seen free beside the patient by as much, in as many of the slices."""
MIN_LIES = 0.1
"""In as many the patient lies on as much of it: legs touch it at the calves alone."""
MIN_SEEN = 0.7
"""How much of what ends there, from side to side, is the board or lies on it."""
EVEN_MM = 1.0
"""Its face is as even, and its thickness and its underside are within twice as much."""
MAX_BENT = 1 / 1000
"""A cradle bends round the patient; limbs and trunks bend away, with radii below 500 mm."""
EVEN_HU, SKIN_MM = 25.0, 3.0
"""What the field of view cuts is the board where it is as dense as the board beside the
patient, this far behind the skin: fat, muscle and bone differ by more."""
EVERY = 3
"""Which slices and columns are looked at."""
ROUNDS = 8
Voxels = NDArray[np.float64]
T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Plank:
    """Where a board begins, in voxels along `axis` from its `far` end or the near one.

    `start` is known for each slice k and each column of the remaining axis; nan beside it.
    """

    axis: int
    far: bool
    start: Voxels

    def cut(self, array: NDArray[np.generic], air: float, factors: Factors) -> None:
        """Write air where it lies, in an array whose voxels are `factors` smaller, in place."""
        seen = np.moveaxis(array, self.axis, 1)
        if not self.far:
            seen = seen[:, ::-1]
        rows = np.arange(seen.shape[1])[:, None]
        # read from its end, a grid that the last block doesn't fill begins within that block
        short = 0 if self.far else -seen.shape[1] % factors[self.axis]
        for k in range(len(seen)):
            start = np.repeat(self.start[k // factors[0]], factors[3 - self.axis])
            limit = (start[: seen.shape[2]] + 0.5) * factors[self.axis] - 0.5 - short
            seen[k][rows > limit] = air


def find_planks(
    hu: Values, body: Bools, unmeasured: Bools | None, spacing_kji: Spacing
) -> list[Plank]:
    """The boards on all four sides of the body, on its grid, [k, j, i] as in `PatientFrame`.

    Beside the patient the face of a board is free, and straight. Under the patient its
    underside goes on as it was or, where the field of view ends before that, its density.
    """
    planks = []
    for axis in (1, 2):
        mm = (spacing_kji[0], spacing_kji[axis], spacing_kji[3 - axis])
        shape = (hu.shape[0], hu.shape[3 - axis])
        seen = _seen(hu, body, unmeasured, axis)
        for far in (True, False):
            start = _start(seen if far else seen.turned, mm, shape)
            if start is not None:
                planks.append(Plank(axis, far, start))
                body, hu = body.copy(), hu.copy()
                planks[-1].cut(body, False, (1, 1, 1))
                planks[-1].cut(hu, AIR_HU, (1, 1, 1))
                seen = _seen(hu, body, unmeasured, axis)
    return planks


class _Seen(NamedTuple):
    """Some slices (axis 0) and columns (axis 2), as they lie along axis 1."""

    hu: Values
    body: Bools
    solid: Bools
    unmeasured: Bools | None

    @property
    def turned(self) -> "_Seen":
        """The same from the other end."""
        hu, body, solid = (array[:, ::-1] for array in self[:3])
        beyond = None if self.unmeasured is None else self.unmeasured[:, ::-1]
        return _Seen(hu, body, solid, beyond)


def _seen(hu: Values, body: Bools, unmeasured: Bools | None, axis: int) -> _Seen:
    """What is looked at along an axis."""

    def some(array: NDArray[T]) -> NDArray[T]:
        return np.ascontiguousarray(np.moveaxis(array, axis, 1)[::EVERY, :, ::EVERY])

    hu, body = some(hu), some(body)
    beyond = None if unmeasured is None else some(unmeasured)
    return _Seen(hu, body, (hu > SKIN_HU) | body, beyond)


class _Columns(NamedTuple):
    """The last solid piece of each column, (slices, columns), in voxels along it."""

    end: Voxels
    """Where it ends, or where the field of view does; nan in empty columns."""
    face: Voxels
    """Where it begins; nan where it is thicker than any board, as the patient on it is."""
    cut: Bools
    """Whether the field of view ends within it."""


class _Face(NamedTuple):
    """The face of a board as a plane, which may be bent from side to side."""

    factors: Voxels
    free: Bools
    """Where it is seen."""
    thick: float
    """How thick the board is, in voxels; infinite where the field of view cuts it all along."""


def _start(seen: _Seen, mm: Spacing, shape: tuple[int, int]) -> Voxels | None:
    """Where the board at the end of axis 1 begins; None without one.

    `shape` is how many slices and columns there are in all.
    """
    columns = _columns(seen, int(MAX_THICKNESS_MM / mm[1]))
    terms = _terms(shape, EVERY, mm)
    face = _face(columns, terms, mm)
    if face is None:
        return None
    plane = terms @ face.factors
    known, alike = _density(seen.hu, plane, columns, face.free, mm[1])
    ends = np.abs(plane + face.thick - columns.end) * mm[1] < 2 * EVEN_MM
    there = np.isfinite(columns.end) & (~columns.cut | known)
    under: Bools = there & np.isnan(columns.face) & np.where(columns.cut, alike, ends)
    if not _is_board(face.free, under, there, EVERY * mm[2]):
        return None
    start = _terms(shape, 1, mm) @ face.factors
    those = np.flatnonzero((face.free | under).any(axis=0)) * EVERY
    start[:, : max(those[0] - EVERY, 0)] = np.nan
    start[:, those[-1] + EVERY + 1 :] = np.nan
    return np.asarray(start)


def _terms(shape: tuple[int, int], every: int, mm: Spacing) -> Voxels:
    """What the factors of a face are multiplied with in each column, (slices, columns, 4)."""
    k, i = (np.arange(0, n, every) for n in shape)
    x, z = (i * mm[2])[None, :], (k * mm[0])[:, None]
    return np.stack(np.broadcast_arrays(np.ones_like(z), x, z, x * x), axis=-1)


def _face(columns: _Columns, terms: Voxels, mm: Spacing) -> _Face | None:
    """The plane on which straight faces lie, or most of them; None without."""
    end, face, cut = columns
    run, seen = end - face, np.isfinite(face)
    free = _straight(face, mm[1])
    for _ in range(ROUNDS):
        if np.count_nonzero(free) * EVERY * EVERY * mm[2] < MIN_WIDTH_MM:
            return None
        factors = np.linalg.lstsq(terms[free], face[free], rcond=None)[0]
        off = np.abs(terms @ factors - face) * mm[1]
        whole = run[free & ~cut]
        thick = float(np.median(whole)) if len(whole) else np.inf
        limit = max(EVEN_MM, 2 * float(np.median(off[free])))
        before = free
        free = seen & (off < limit) & (cut | (np.abs(run - thick) * mm[1] < limit))
        if (free == before).all():
            break
    if limit > 2 * EVEN_MM or factors[3] * mm[1] > MAX_BENT:
        return None
    return _Face(np.asarray(factors), free, thick)


def _straight(face: Voxels, mm: float) -> Bools:
    """Where a face lies in a line with those of the columns beside it: limbs are round."""
    before, after = face[:, :-2], face[:, 2:]
    bent_mm = np.abs(before - 2 * face[:, 1:-1] + after) * mm
    return np.pad(bent_mm < EVEN_MM / 2, ((0, 0), (1, 1)))


def _density(
    hu: Values, plane: Voxels, columns: _Columns, free: Bools, mm: float
) -> tuple[Bools, Bools]:
    """Where it is known how dense it is behind a plane, and where as dense as the board."""
    first = np.clip(np.ceil(plane + SKIN_MM / mm), 0, hu.shape[1]).astype(np.intp)
    past = np.where(np.isfinite(columns.end), columns.end, 0).astype(np.intp)
    known = past > first
    total = np.cumsum(np.pad(hu, ((0, 0), (1, 0), (0, 0))), axis=1, dtype=float)
    to, of = (np.take_along_axis(total, row[:, None], 1)[:, 0] for row in (past, first))
    mean = (to - of) / np.maximum(past - first, 1)
    known &= columns.cut
    board, under = mean[free & known], np.isnan(columns.face) & known
    if not len(board) or not under.any():
        return known, np.zeros_like(known)
    low, usual, high = np.percentile(board, (16, 50, 84))
    alike = known & (np.abs(mean - usual) < EVEN_HU + high - low)
    if high - low > 2 * EVEN_HU or np.mean(alike[under]) < MIN_SEEN:
        alike[:] = False
    return known, alike


def _is_board(free: Bools, under: Bools, there: Bools, step_mm: float) -> bool:
    """Whether enough of a board is seen free beside the patient, and lies under the patient."""
    wide, lain_on = (
        np.count_nonzero(m, axis=1) * step_mm > MIN_WIDTH_MM for m in (free, under)
    )
    if np.mean(wide) < MIN_SLICES or np.mean(wide & lain_on) < MIN_LIES:
        return False
    seen = free | under
    columns = np.flatnonzero(seen.any(axis=0))
    between = slice(columns[0], columns[-1] + 1)
    least = MIN_SEEN * np.count_nonzero(there[:, between])
    return bool(np.count_nonzero(seen[:, between]) >= least)


def _columns(seen: _Seen, most: int) -> _Columns:
    """What ends each column; pieces longer than `most` voxels have no face.

    What lies more than two voxels beyond the whole body isn't looked at.
    """
    hu, body, solid, unmeasured = seen
    rows = np.flatnonzero(body.any(axis=(0, 2)))
    n = min(hu.shape[1] - 1, int(rows.max(initial=-3)) + 2)
    there = solid[:, : n + 1].any(axis=1)
    last = n - np.argmax(solid[:, n::-1], axis=1)
    cut = last == hu.shape[1] - 1
    if unmeasured is not None:
        after = np.minimum(last + 1, hu.shape[1] - 1)
        cut |= np.take_along_axis(unmeasured, after[:, None], axis=1)[:, 0]
    steps = np.arange(most + 2)
    at = np.clip(last[:, None] - steps[:, None], 0, None)
    run = np.argmin(np.take_along_axis(solid, at, axis=1), axis=1)
    first = last - run + 1
    end = np.where(cut, last + 0.5, last + _share(hu, last, last + 1))
    face = first - _share(hu, first, first - 1)
    return _Columns(
        np.where(there, end, np.nan), np.where(there & (run > 0), face, np.nan), cut & there
    )


def _share(hu: Values, inner: NDArray[np.intp], outer: NDArray[np.intp]) -> Voxels:
    """How far from the inner voxel towards the outer one the skin's level is crossed."""
    rows = hu.shape[1] - 1
    a, b = (
        np.take_along_axis(hu, np.clip(j, 0, rows)[:, None], 1)[:, 0].astype(float)
        for j in (inner, outer)
    )
    return np.asarray(np.clip((a - SKIN_HU) / np.maximum(a - b, 1.0), 0, 1))
