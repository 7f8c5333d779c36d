"""Boards on which the patient lies without a gap, whatever they are made of."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from vis3d.segmentation.body.outside import SKIN_HU
from vis3d.segmentation.voxels.frame import AIR_HU, Bools, Spacing, Values
from vis3d.segmentation.voxels.grids import Factors

MAX_THICKNESS_MM = 40.0
MIN_WIDTH_MM, MIN_SLICES = 20.0, 0.6
"""A board sticks out beside the patient by as much on the whole, and as much of the patient
lies on it, in as many of the slices."""
MIN_SEEN = 0.7
"""How much of what ends there, from side to side, ends where the board does."""
EVEN_MM = 1.0
"""There its thickness and its underside change by no more than so."""
EVERY = 3
"""Which slices and columns are looked at."""
ROUNDS = 8
IN_ROWS, NEXT = np.ones((1, 3), bool), 2
"""Twice as many columns may lie between what is free of it and what the patient lies on."""


@dataclass(frozen=True, eq=False)
class Plank:
    """Where a board begins, in voxels along `axis` from its `far` end or the near one.

    `start` is known for each slice k and each column of the remaining axis; nan beside it.
    """

    axis: int
    far: bool
    start: NDArray[np.float64]

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


def find_planks(hu: Values, body: Bools, spacing_kji: Spacing) -> list[Plank]:
    """The boards on all four sides of the body, on its grid, [k, j, i] as in `PatientFrame`.

    Beside the patient a board is free on both sides and shows its thickness; its underside
    goes on under the patient as it was.
    """
    planks = []
    for axis in (1, 2):
        mm = (spacing_kji[0], spacing_kji[axis], spacing_kji[3 - axis])
        shape = (hu.shape[0], hu.shape[3 - axis])
        seen = _seen(hu, body, axis)
        for far in (True, False):
            start = _start(seen if far else seen.turned, mm, shape)
            if start is not None:
                planks.append(Plank(axis, far, start))
                body, hu = body.copy(), hu.copy()
                planks[-1].cut(body, False, (1, 1, 1))
                planks[-1].cut(hu, AIR_HU, (1, 1, 1))
                seen = _seen(hu, body, axis)
    return planks


class _Seen(NamedTuple):
    """Some slices (axis 0) and columns (axis 2), as they lie along axis 1."""

    hu: Values
    body: Bools
    solid: Bools

    @property
    def turned(self) -> "_Seen":
        """The same from the other end."""
        return _Seen(*(array[:, ::-1] for array in self))


def _seen(hu: Values, body: Bools, axis: int) -> _Seen:
    """What is looked at along an axis."""
    hu, body = (
        np.ascontiguousarray(np.moveaxis(array, axis, 1)[::EVERY, :, ::EVERY])
        for array in (hu, body)
    )
    return _Seen(hu, body, (hu > SKIN_HU) | body)


def _start(seen: _Seen, mm: Spacing, shape: tuple[int, int]) -> NDArray[np.float64] | None:
    """Where the board at the end of axis 1 begins; None without one.

    `shape` is how many slices and columns there are in all.
    """
    k, i = (np.arange(0, n, EVERY) for n in shape)
    end, run = _ends_and_runs(seen, int(MAX_THICKNESS_MM / mm[1]))
    x, z = (i * mm[2])[None, :], (k * mm[0])[:, None]
    terms = np.stack(np.broadcast_arrays(np.ones_like(z), x, z, x * x), axis=-1)
    scale = np.abs(terms).max(axis=(0, 1)) + 1e-9
    flaps = np.isfinite(run)
    good = flaps
    for _ in range(ROUNDS):
        if np.count_nonzero(good) * EVERY * EVERY * mm[2] * mm[0] < MIN_WIDTH_MM * mm[0]:
            return None
        factors = np.linalg.lstsq((terms / scale)[good], end[good], rcond=None)[0] / scale
        off = np.abs(terms @ factors - end) * mm[1]
        thick = np.median(run[good])
        limit = max(EVEN_MM, 2 * float(np.median(off[good])))
        before = good
        good = flaps & (off < limit) & (np.abs(run - thick) * mm[1] < max(EVEN_MM, limit))
        if (good == before).all():
            break
    if limit > 2 * EVEN_MM:
        return None
    under: Bools = np.isfinite(end) & ~flaps & (off < 2 * EVEN_MM)
    beside = binary_dilation(good, IN_ROWS, NEXT) & binary_dilation(under, IN_ROWS, NEXT)
    wide = [np.count_nonzero(m, axis=1) * EVERY * mm[2] > MIN_WIDTH_MM for m in (good, under)]
    if np.mean(wide[0] & wide[1] & beside.any(axis=1)) < MIN_SLICES:
        return None
    columns = np.flatnonzero((good | under).any(axis=0))
    between = slice(columns[0], columns[-1] + 1)
    there = np.isfinite(end[:, between])
    if np.count_nonzero((good | under)[:, between]) < MIN_SEEN * np.count_nonzero(there):
        return None
    columns *= EVERY
    everywhere = np.arange(shape[1])
    x, z = (everywhere * mm[2])[None, :], (np.arange(shape[0]) * mm[0])[:, None]
    start = factors[0] + factors[1] * x + factors[2] * z + factors[3] * x * x - thick
    start[:, (everywhere < columns[0] - EVERY) | (everywhere > columns[-1] + EVERY)] = np.nan
    return np.asarray(start)


def _ends_and_runs(seen: _Seen, most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where each column's last solid piece ends, in voxels, and how long it is; nan if more.

    Pieces that lie within `most` voxels beyond the whole body are looked at.
    """
    hu, body, solid = seen
    rows = np.flatnonzero(body.any(axis=(0, 2)))
    if not len(rows):
        nothing = np.full((hu.shape[0], hu.shape[2]), np.nan)
        return nothing, nothing
    n = min(hu.shape[1] - 1, int(rows[-1]) + 2)
    last = n - np.argmax(solid[:, n::-1], axis=1)
    any_ = solid[:, : n + 1].any(axis=1) & (last < hu.shape[1] - 1)
    steps = np.arange(most + 2)
    at = np.clip(last[:, None] - steps[:, None], 0, None)
    run = np.argmin(np.take_along_axis(solid, at, axis=1), axis=1)
    long = run == 0  # solid all the way
    first = last - run + 1
    end = last + _share(hu, last, last + 1)
    begin = first - _share(hu, first, first - 1)
    length = np.where(any_ & ~long, end - begin, np.nan)
    return np.where(any_, end, np.nan), length


def _share(hu: Values, inner: NDArray[np.intp], outer: NDArray[np.intp]) -> NDArray[np.float64]:
    """How far from the inner voxel towards the outer one the skin's level is crossed."""
    rows = hu.shape[1] - 1
    a, b = (
        np.take_along_axis(hu, np.clip(j, 0, rows)[:, None], 1)[:, 0].astype(float)
        for j in (inner, outer)
    )
    return np.asarray(np.clip((a - SKIN_HU) / np.maximum(a - b, 1.0), 0, 1))
