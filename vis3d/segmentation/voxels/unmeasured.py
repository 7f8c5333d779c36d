"""What of a scan was never measured: padding, and what another program filled in instead."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

Bools: TypeAlias = NDArray[np.bool_]
Values: TypeAlias = NDArray[Any]

LOWEST_SENSIBLE_HU = -1500
"""Values below belong to no tissue: scanners write them outside the circle of the scan."""
CIRCLE_PIXELS, MAX_OFF_CIRCLE, MIN_CIRCLE_PIXELS = 1.5, 0.02, 24
"""How far and how often the outline of a disc may stray from a circle, by its own length."""
SAMPLED_SLICES = 16
SAMPLES, MIN_BEYOND = 64, 0.01
"""Along each axis; and how much of a scan at least was filled in, where anything was."""
MOST_CORNERS = 4
ROUNDING_HU = 1.0
"""By how much fractions of a HU differ from the one value that was filled in."""
AIRY_HU, DEEP, MIN_AIR = -350, 2, 0.05
"""How much of what lies so many samples inside the edge of a scan is air, in the room or in
the lungs; inside of skin nothing is."""


def unmeasured(array: Values, padding: float | None) -> Bools | None:
    """What of a scan was never measured [k, j, i]; None where there is nothing.

    One slice stands for all where they are the same: the others would only cost memory.
    """
    where = _padding(array, padding)
    if where is None:
        where = outside_circle(array)
        if where is not None:
            return where
    beyond = beyond_scan(array, where)
    if beyond is None:
        return where
    return beyond if where is None else where | beyond


def _padding(array: Values, padding: float | None) -> Bools | None:
    """The padding and what no tissue has, slice by slice."""
    if padding is None and array.dtype.kind != "f" and array.min() >= LOWEST_SENSIBLE_HU:
        return None
    first = _unmeasured_in(array[0], padding)
    where: Bools | None = None
    for k, plane in enumerate(array):
        here = _unmeasured_in(plane, padding)
        if where is None and (here != first).any():
            where = np.repeat(first[None], len(array), axis=0)
        if where is not None:
            where[k] = here
    where = first[None] if where is None else where
    return where if where.any() else None


def _unmeasured_in(plane: Values, padding: float | None) -> Bools:
    where: Bools = ~(plane >= LOWEST_SENSIBLE_HU)  # NaN too
    return where if padding is None else where | (plane == padding)


def outside_circle(array: Values) -> Bools | None:
    """Where a scan was never measured, though no padding says so; None if nowhere.

    Scanners measure a circle and fill the corners of the picture with one value. Those
    corners are told from still air by their outline: what they leave is a disc.
    """
    for axis in range(3):
        corners = np.moveaxis(array, axis, 0)[:, [0, 0, -1, -1], [0, -1, 0, -1]]
        if not corners.size or (corners != corners.flat[0]).any():
            continue
        some = np.moveaxis(array, axis, 0)[:: max(1, array.shape[axis] // SAMPLED_SLICES)]
        if not _is_disc((some != corners.flat[0]).any(axis=0)):
            continue
        filled = np.asarray((array == corners.flat[0]).all(axis=axis))
        if _is_disc(~filled):
            return np.expand_dims(filled, axis)
    return None


def _is_disc(inside: Bools) -> bool:
    """Whether a region is a disc to a pixel or two, as far as the picture holds it."""
    if inside.all() or not inside.any():
        return False
    edge = inside & ~ndimage.binary_erosion(inside, border_value=1)
    j, i = (axis.astype(float) for axis in np.nonzero(edge))
    if len(j) < MIN_CIRCLE_PIXELS:
        return False
    # a circle is linear in (2 cj, 2 ci, r^2 - cj^2 - ci^2)
    terms = np.stack([j, i, np.ones(len(j))], axis=-1)
    solution = np.linalg.lstsq(terms, j * j + i * i, rcond=None)[0]
    middle_j, middle_i = solution[:2] / 2
    radius = np.sqrt(max(0.0, float(solution[2] + middle_j**2 + middle_i**2)))
    jj, ii = np.ogrid[: inside.shape[0], : inside.shape[1]]
    away = np.hypot(jj - middle_j, ii - middle_i)
    wrong = np.where(inside, away > radius + CIRCLE_PIXELS, away < radius - CIRCLE_PIXELS)
    return bool(np.count_nonzero(wrong) <= MAX_OFF_CIRCLE * np.count_nonzero(edge))


def beyond_scan(array: Values, known: Bools | None) -> Bools | None:
    """Where a scan that was turned or cut has one value filled in; None if nowhere.

    It is told from still air by what it leaves, which is convex, as only a field of view is,
    and has air at its edge. `known` wasn't measured anyhow.
    """
    corners = np.ix_(*([[0, -1]] * 3))
    at_corners = array[corners]
    values = np.unique(at_corners)  # of two values as frequent the lower one is no air
    alike = [np.count_nonzero(_holds(at_corners, value)) for value in values]
    fill = values[int(np.argmax(alike))]
    if max(alike) < MOST_CORNERS:
        return None
    here = False if known is None else np.broadcast_to(known, array.shape)[corners]
    if np.all(here | ~_holds(at_corners, fill)):
        return None
    step = tuple(slice(None, None, max(1, n // SAMPLES)) for n in array.shape)
    some = array[step]
    outside = _at_border(_holds(some, fill))
    share = np.count_nonzero(outside) / outside.size
    if not MIN_BEYOND < share < 1 or not _is_field(~outside, some):
        return None
    near = ndimage.binary_dilation(outside, np.ones((3, 3, 3), bool))
    for axis, (n, every) in enumerate(zip(array.shape, step, strict=True)):
        near = near.take(np.minimum(np.arange(n) // every.step, near.shape[axis] - 1), axis)
    near &= _holds(array, fill)
    return near


def _holds(values: Values, fill: float) -> Bools:
    """Where values are the one filled in, but for what interpolation leaves of a fraction."""
    if values.dtype.kind != "f":
        return np.asarray(values == fill)
    return np.asarray((values > fill - ROUNDING_HU) & (values < fill + ROUNDING_HU))


def _at_border(mask: Bools) -> Bools:
    """The pieces of a mask that reach the border."""
    labels, count = ndimage.label(mask)
    reaching = np.zeros(count + 1, bool)
    for axis in range(3):
        reaching[np.take(labels, [0, -1], axis)] = True
    reaching[0] = False
    return reaching[labels]


def _is_field(inside: Bools, values: Values) -> bool:
    """Whether a region is convex, and has air at its edge."""
    k, j = np.nonzero(inside.any(axis=2))
    rows = inside[k, j]
    last = rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1)
    points = np.concatenate([np.stack([k, j, i], 1) for i in (rows.argmax(axis=1), last)])
    if len(points) < MIN_CIRCLE_PIXELS or np.ptp(points, axis=0).min() == 0:
        return False
    if np.count_nonzero(inside) < ConvexHull(points).volume:
        return False
    deeper = ndimage.binary_erosion(inside, iterations=DEEP, border_value=1)
    shell = values[deeper & ~ndimage.binary_erosion(deeper, border_value=1)]
    return bool(len(shell) and np.mean(shell < AIRY_HU) > MIN_AIR)
