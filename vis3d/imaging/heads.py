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
LEAST_FACES = 3
"""One such slice may be chance; of faces, which are higher, two."""

AIR_HU = -300
THIN_BONE_HU = 150
"""The walls of the sinuses are thinner than a voxel."""

WALL_MM = 5.0
LEAST_NEAR_BONE = 0.7
"""Of an air space's border: the nose and its sinuses lie among bones, the windpipe doesn't."""

SINUS_MM2 = (50.0, 1500.0)
LEAST_SINUSES_MM2 = 600.0
"""Of all air spaces among bones in a slice, and they are several: of a chest cut to the size
of a head, windpipe and tips of the lungs lie among bones, too, but seldom together.
"""

LARGEST_HEAD_MM2 = 45_000.0
"""A chest is larger, and so is a belly; a limb is as small and has no air in it."""


def shows_head(volume: Volume) -> bool:
    """Whether slices across the patient hold brain between walls of bone, or a face's bones.

    The field of view may cut the head. A face without brain shows itself by the air spaces
    among its bones. Only scans in HU are judged; others show none.
    """
    if volume.unit != "HU":
        return False
    axis = _axis_along_patient(volume)
    steps = [max(1, int(SAMPLE_MM / mm)) for mm in volume.geometry.spacing_kji]
    sizes_mm = [mm * step for mm, step in zip(volume.geometry.spacing_kji, steps, strict=True)]
    thickness_mm, along = sizes_mm.pop(axis), steps.pop(axis)
    slices: NDArray[Any] = np.moveaxis(volume.array, axis, 0)[::along]
    needed = min(max(1, round(LEAST_HEIGHT_MM / thickness_mm)), len(slices))
    needed_of_faces = min(max(LEAST_FACES, needed), len(slices))
    pixel_mm = sizes_mm[0], sizes_mm[1]
    skulls = faces = 0
    for values in slices:
        skulls = skulls + 1 if _shows_skull(values[:: steps[0], :: steps[1]], pixel_mm) else 0
        faces = faces + 1 if _shows_sinuses(values, steps, pixel_mm) else 0
        if skulls >= needed or faces >= needed_of_faces:
            return True
    return False


def _axis_along_patient(volume: Volume) -> int:
    """The array's axis that runs most along the patient."""
    upwards = np.abs(volume.geometry.direction[2])
    return 2 - int(upwards.argmax())


def _shows_sinuses(
    values: NDArray[Any], steps: list[int], pixel_mm: tuple[float, float]
) -> bool:
    """Whether a slice as small as a head has air among bones, as nose and sinuses are."""
    rows, columns = (n // step for n, step in zip(values.shape, steps, strict=True))
    blocks = values[: rows * steps[0], : columns * steps[1]].reshape(
        rows, steps[0], columns, steps[1]
    )
    pixel_mm2 = pixel_mm[0] * pixel_mm[1]
    air = blocks.mean(axis=(1, 3), dtype=np.float32) < AIR_HU
    labels, count = ndimage.label(air)
    outside = np.unique(np.concatenate([labels[[0, -1]].ravel(), labels[:, [0, -1]].ravel()]))
    if np.count_nonzero(~np.isin(labels, outside) | ~air) * pixel_mm2 > LARGEST_HEAD_MM2:
        return False
    reach = np.ones([2 * max(1, round(WALL_MM / mm)) + 1 for mm in pixel_mm], bool)
    near = ndimage.binary_dilation(blocks.max(axis=(1, 3)) > THIN_BONE_HU, reach)
    sizes_mm2 = np.bincount(labels.ravel(), minlength=count + 1) * pixel_mm2
    border = air & ~ndimage.binary_erosion(air)
    lengths = np.bincount(labels[border], minlength=count + 1)
    walled = np.bincount(labels[border & near], minlength=count + 1)
    sinuses = (walled >= LEAST_NEAR_BONE * lengths) & (lengths > 0)
    sinuses &= (sizes_mm2 >= SINUS_MM2[0]) & (sizes_mm2 <= SINUS_MM2[1])
    sinuses[outside] = False
    return bool(sinuses.sum() > 1 and sizes_mm2[sinuses].sum() >= LEAST_SINUSES_MM2)


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
