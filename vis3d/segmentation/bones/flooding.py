"""Flooding from markers: what lies between them goes to the one with the lowest way to it."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.voxels.frame import Bools

Bytes: TypeAlias = NDArray[np.uint8]
Places: TypeAlias = NDArray[np.int64]
OPEN = 255


def flooded(markers: Bytes, within: Bools, heights: Bytes) -> Bytes:
    """The markers, and each voxel of `within` with the marker that reaches it face by face.

    A watershed (Meyer 1991): water rises from all markers at once, level by level, over a
    relief of 256 heights; what the water of one level reaches first has its marker for good.
    What no marker reaches stays 0. It takes 2 bytes a voxel and some for those of `within`;
    a heap of voxels with exact heights takes twenty and answers alike but for ties.
    """
    state = np.pad(np.where(markers, markers, within * np.uint8(OPEN)), 1)
    flat, height_of = state.reshape(-1), np.pad(heights, 1).reshape(-1)
    _, rows, columns = state.shape
    steps = (-rows * columns, -columns, -1, 1, columns, rows * columns)
    waiting: list[list[Places]] = [[] for _ in range(256)]
    _put(waiting, shore := _shore(flat, steps), height_of[shore])
    for level, places in enumerate(waiting):
        while places:
            front = np.concatenate(places)
            places.clear()
            reached = np.concatenate([_spread(flat, front, step) for step in steps])
            _put(waiting, reached, np.maximum(height_of[reached], np.uint8(level)))
    flat[flat == OPEN] = 0
    return state[1:-1, 1:-1, 1:-1]


def _shore(flat: Bytes, steps: tuple[int, ...]) -> Places:
    """The voxels of markers that touch an open one."""
    places = np.flatnonzero((flat > 0) & (flat < OPEN))
    touching = np.zeros(len(places), bool)
    for step in steps:
        touching |= flat[places + step] == OPEN
    return np.asarray(places[touching])


def _spread(flat: Bytes, front: Places, step: int) -> Places:
    """Give the open voxels one step from the front its markers; which they are."""
    is_open: Bools = flat[front + step] == OPEN
    reached: Places = front[is_open] + step
    flat[reached] = flat[front[is_open]]
    return reached


def _put(waiting: list[list[Places]], places: Places, levels: Bytes) -> None:
    """Let each place wait for its level."""
    order = np.argsort(levels, kind="stable")
    places, levels = places[order], levels[order]
    starts = np.flatnonzero(np.diff(levels, prepend=levels[:1])).tolist()
    for start, stop in zip([0, *starts], [*starts, len(places)], strict=True):
        if stop > start:
            waiting[levels[start]].append(places[start:stop])
