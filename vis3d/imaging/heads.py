"""Whether a CT scan shows a head, from which a face could be made."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vis3d.volume import Volume

SAMPLE_MM = 3.0
"""A skull is seen at this resolution; finer voxels are passed over."""

BONE_HU = 250
BRAIN_HU = (-10.0, 80.0)
GAP_MM = 4.0
"""Sutures, and walls thinner than a voxel, open a skull's ring by less."""

LEAST_INSIDE_MM2 = 3000.0
"""Of a skull, a small child's too; the marrow of no other bone has as much in a slice."""

LEAST_BRAIN = 0.6
"""Of the inside, that is as dense as brain; a belly has more fat or gas in it."""

LEAST_WALL = 0.4
"""Of the inside's border, that is bone: where the scan cuts a head, less than all of it."""

LEAST_HEIGHT_MM = 9.0
"""One such slice may be chance."""


def shows_head(volume: Volume) -> bool:
    """Whether slices across the patient hold brain between walls of bone.

    The field of view may cut the skull. Only scans in HU are judged; others show none, nor
    does a face of which the scan holds no brain.
    """
    if volume.unit != "HU":
        return False
    axis = _axis_along_patient(volume)
    steps = [max(1, int(SAMPLE_MM / mm)) for mm in volume.geometry.spacing_kji]
    array: NDArray[Any] = volume.array[tuple(slice(None, None, step) for step in steps)]
    sizes_mm = [mm * step for mm, step in zip(volume.geometry.spacing_kji, steps, strict=True)]
    thickness_mm = sizes_mm.pop(axis)
    needed = max(1, round(LEAST_HEIGHT_MM / thickness_mm))
    run = 0
    for values in np.moveaxis(array, axis, 0):
        run = run + 1 if _shows_skull(values, (sizes_mm[0], sizes_mm[1])) else 0
        if run >= min(needed, array.shape[axis]):
            return True
    return False


def _axis_along_patient(volume: Volume) -> int:
    """The array's axis that runs most along the patient."""
    upwards = np.abs(volume.geometry.direction[2])
    return 2 - int(upwards.argmax())


def _shows_skull(values: NDArray[Any], pixel_mm: tuple[float, float]) -> bool:
    size = tuple(2 * max(1, round(GAP_MM / 2 / mm)) + 1 for mm in pixel_mm)
    reach = max(size)
    bone = np.pad(values > BONE_HU, reach)
    wall = ndimage.binary_closing(bone, np.ones(size, bool))[reach:-reach, reach:-reach]
    labels, _ = ndimage.label(~wall)
    areas_mm2 = np.bincount(labels.ravel()) * pixel_mm[0] * pixel_mm[1]
    smooth = ndimage.uniform_filter(values.astype(np.float32), 3)
    brain = (smooth > BRAIN_HU[0]) & (smooth < BRAIN_HU[1])
    return any(
        brain[labels == label].mean() >= LEAST_BRAIN
        and _walled_share(labels == label) >= LEAST_WALL
        for label in np.flatnonzero(areas_mm2 >= LEAST_INSIDE_MM2)
        if label
    )


def _walled_share(inside: NDArray[np.bool_]) -> float:
    """How much of a region's border isn't the picture's."""
    wall = ndimage.binary_dilation(inside) & ~inside
    open_sides = sum(int(side.sum()) for side in (inside[0], inside[-1], *inside.T[[0, -1]]))
    return float(wall.sum() / max(1, wall.sum() + open_sides))
