"""Polygons as triangles."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError


def fans(corners: NDArray[np.integer], sizes: NDArray[np.integer]) -> NDArray[np.int64]:
    """Polygons, one after the other in `corners`, as triangles round their first corner.

    A polygon of `sizes[n]` corners gives `sizes[n]` - 2 triangles, or none.
    """
    starts = np.cumsum(sizes) - sizes
    counts = np.maximum(sizes - 2, 0)
    first = np.repeat(starts, counts)
    step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    indices = np.stack([first, first + step + 1, first + step + 2], axis=1)
    triangles: NDArray[np.int64] = corners[indices].astype(np.int64)
    return triangles


def checked_triangles(
    triangles: NDArray[np.int64], points: int, path: Path
) -> NDArray[np.int64]:
    """The triangles, once it is certain that their points exist.

    Raises:
        InputError: an index outside the points.
    """
    if len(triangles) and not 0 <= triangles.min() <= triangles.max() < points:
        raise InputError(f"{path}: a triangle names a point that the file hasn't got.")
    return triangles


def only_used(
    points: NDArray[np.floating], triangles: NDArray[np.int64]
) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    """The points that triangles use, in their order, and the triangles renumbered."""
    used = np.zeros(len(points), bool)
    used[triangles] = True
    number = np.cumsum(used) - 1
    return points[used], number[triangles]
