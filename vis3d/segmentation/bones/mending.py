"""Bones drawn without crumbs, pinholes and gaps between cortex and marrow."""

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.bones.marrow import GAS_HU
from vis3d.segmentation.voxels.frame import Bools, Values
from vis3d.segmentation.voxels.morphology import kji_of

FEWEST, MOST = 5, 17
"""Of the 27 voxels round one: with fewer bony ones it's a crumb, with more it's a hole."""
Places = NDArray[np.intp]
"""Places in a flat array."""


def fill_gaps(mask: Bools, bony: Bools, hu: Values) -> None:
    """Fill, in place, what is left between cortex and marrow, which is drawn by coarse voxels.

    It lies in `bony` coarse voxels, which may be changed, and is no gas; and no way in its
    slice leads from it to what is neither that nor in the mask, such as the spinal canal.
    """
    gap = np.greater(bony, mask, out=bony)
    gap[:, [0, -1]] = gap[:, :, [0, -1]] = False  # nothing is known beyond
    left, row = gap.reshape(-1), mask.shape[2]
    at = np.flatnonzero(gap)
    left[at] = hu[kji_of(at, hu.shape)] > GAS_HU
    at = at[left[at]]
    shut = (mask | gap).reshape(-1)
    ways = np.array([-row, -1, 1, row])
    open_ = at[~np.logical_and.reduce([shut[at + way] for way in ways])]
    left[open_] = False
    while len(open_):
        open_ = take_beside(open_, left, ways)
    mask |= gap


def take_beside(at: Places, left: Bools, ways: Places) -> Places:
    """The places on any of the ways from some that are `left`, each once; they are taken."""
    found = []
    for way in ways:
        to = (at + way) % left.size  # what lies at both ends of an array is no bone
        to = to[left[to]]
        left[to] = False
        found.append(to)
    return np.concatenate(found)


def drop_crumbs(gone: Places, bones: Bools) -> None:
    """Take, in place, what is left of bone in shreds beside places in the flat array."""
    left = bones.reshape(-1)
    plane, row = bones[0].size, bones.shape[2]
    faces = np.array([-plane, -row, -1, 1, row, plane])
    ways = (np.indices((3, 3, 3)).reshape(3, -1).T - 1) @ np.array([plane, row, 1])
    while len(gone):
        near = take_beside(gone, left, ways)
        left[near] = True
        few = near[_count(near, left, faces) < FEWEST - 1]  # quickly: most have more
        gone = few[_count(few, left, ways) < FEWEST]
        left[gone] = False


def _count(at: Places, left: Bools, ways: Places) -> NDArray[np.uint8]:
    """On how many of the ways from each place something is left."""
    count = np.zeros(len(at), np.uint8)
    for way in ways:
        count += left.take(at + way, mode="wrap")
    return count


def evened(mask: Bools) -> Bools:
    """The mask without crumbs and pinholes."""
    count = mask.astype(np.uint8)
    for axis in range(3):
        before, turned = np.moveaxis(count.copy(), axis, 0), np.moveaxis(count, axis, 0)
        turned[1:] += before[:-1]
        turned[:-1] += before[1:]
    return np.asarray((mask & (count >= FEWEST)) | (count > MOST))
