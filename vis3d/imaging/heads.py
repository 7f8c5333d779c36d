"""Whether a CT scan shows a head, from which a face could be made."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vis3d.volume import Volume

SAMPLE_MM = 3.0
"""A skull is seen at this resolution; finer voxels are passed over."""

BONE_HU = 250
BODY_HU = -300
GAP_MM = 4.0
"""Sutures, and walls thinner than a voxel, open a skull's ring by less."""

LEAST_INSIDE_MM2 = 4500.0
"""Of a skull, a small child's too; the marrow of no other bone has as much in a slice."""

LEAST_SHARE = 0.4
"""Of the cross-section, that the inside of a skull fills; ribs and hips aren't closed rings."""

LEAST_BRAIN = 0.8
"""Of the inside, that is soft tissue."""

LEAST_HEIGHT_MM = 9.0
"""One such slice may be chance."""


def shows_head(volume: Volume) -> bool:
    """Whether slices across the patient hold closed rings of bone with soft tissue inside.

    Only scans in HU are judged; others show none. What a scan's borders cut off can hide it.
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
    pixel_mm2 = pixel_mm[0] * pixel_mm[1]
    bone = values > BONE_HU
    if bone.sum() * pixel_mm2 < 300:
        return False
    size = tuple(2 * max(1, round(GAP_MM / 2 / mm)) + 1 for mm in pixel_mm)
    reach = max(size)
    ring = ndimage.binary_closing(np.pad(bone, reach), np.ones(size, bool))[
        reach:-reach, reach:-reach
    ]
    filled = ndimage.binary_fill_holes(ring)
    labels, count = ndimage.label(filled & ~ring)
    if not count:
        return False
    areas = np.bincount(labels.ravel())[1:]
    inside = labels == 1 + areas.argmax()
    body = ndimage.binary_fill_holes(values > BODY_HU)
    around, _ = ndimage.label(body)
    own = around == around[tuple(np.argwhere(inside)[0])]
    area_mm2 = float(areas.max()) * pixel_mm2
    soft = ((values > BODY_HU) & (values < BONE_HU))[inside].mean()
    return bool(
        area_mm2 >= LEAST_INSIDE_MM2
        and areas.max() >= LEAST_SHARE * own.sum()
        and soft >= LEAST_BRAIN
    )
