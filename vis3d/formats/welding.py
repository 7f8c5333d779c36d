"""Triangles by their corners -> points and indices."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vis3d.formats.frames import check_points

_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)


def welded(
    corners: NDArray[np.float32], path: Path
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Points (n, 3), equal ones made one, and triangles (m, 3) of corners (3 m, 3).

    Raises:
        InputError: a coordinate isn't finite.
    """
    check_points(corners, path)
    corners = np.ascontiguousarray(corners, np.float32) + np.float32(0)  # -0.0 equals 0.0
    bits = corners.view(np.uint32).astype(np.uint64)
    hashes = (bits * _FACTORS).sum(axis=1, dtype=np.uint64)
    _, first, number = np.unique(hashes, return_index=True, return_inverse=True)
    points, triangles = corners[first], number.reshape(-1, 3).astype(np.int64)
    if not np.array_equal(points[number], corners):  # two points of one hash: 1 in 10 million
        points, number = np.unique(corners, axis=0, return_inverse=True)
        triangles = number.reshape(-1, 3).astype(np.int64)
    return points, triangles
