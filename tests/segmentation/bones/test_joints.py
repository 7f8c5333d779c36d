"""Joints that curve round a head stay open; what lies in one bone is filled."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from tests.conftest import oblique_geometry
from vis3d.segmentation import segment
from vis3d.volume import Volume

PARTS = 2
"""Voxels are drawn in so many parts along each axis."""
HEAD_MM, SOCKET_MM, CORTEX_MM, KERNEL_MM = 20.0, 9.0, 1.2, 0.5
Bools = NDArray[np.bool_]
Drawn = NDArray[np.float32]


def scanned(
    spacing: tuple[float, float, float], gap_mm: float, lowest_mm: float = 0.0
) -> Volume:
    """A limb with a bone's head in a socket that begins at a height: fluid between them."""
    shape = tuple(round(n / mm) for n, mm in zip((84, 88, 92), spacing[::-1], strict=True))
    x, y, z = centres(shape, spacing, PARTS)
    depth, away = np.hypot(x, y), np.sqrt(x**2 + y**2 + z**2)
    hu = np.select([depth < 36, depth < 40], [55.0, -100.0], -1000.0)
    head = HEAD_MM - away
    socket = np.minimum(
        np.minimum(away - HEAD_MM - gap_mm, HEAD_MM + gap_mm + SOCKET_MM - away), z - lowest_mm
    )
    inside = np.maximum(head, socket)
    hu[inside > 0] = 800.0
    hu[(head > CORTEX_MM) | (socket > CORTEX_MM)] = 230.0
    for axis in (1, 2):
        hu = gaussian_filter1d(hu, KERNEL_MM * PARTS / spacing[2 - axis], axis)
    cut = [n for size in shape for n in (size, PARTS)]
    values = hu.reshape(cut).mean(axis=(1, 3, 5))
    values += np.random.default_rng(3).normal(0, 12, shape)
    array = np.rint(values).astype(np.int16)
    geometry = oblique_geometry(shape, spacing)
    return Volume(array, geometry, metadata={"modality": "CT"})


def centres(
    shape: tuple[int, ...], spacing: tuple[float, float, float], parts: int = 1
) -> tuple[Drawn, Drawn, Drawn]:
    """x, y and z in mm from the middle of the grid, along its own axes i, j and k."""
    k, j, i = np.indices([n * parts for n in shape], np.float32)
    x, y, z = (
        ((index + 0.5) / parts - size / 2) * mm
        for index, size, mm in zip((i, j, k), shape[::-1], spacing, strict=True)
    )
    return x, y, z


def filled_gap(volume: Volume, gap_mm: float) -> float:
    """How much of the middle of the gap is bone, away from its rim."""
    x, y, z = centres(volume.array.shape, volume.geometry.spacing)
    away = np.sqrt(x**2 + y**2 + z**2)
    middle = (np.abs(away - HEAD_MM - gap_mm / 2) < 0.5) & (z > 5)
    return float(segment(volume, ["bones"]).mask("bones").array[middle].mean())


@pytest.mark.parametrize(
    ("spacing", "gap_mm"),
    [((0.9, 1.0, 1.2), 2.5), ((0.8, 0.8, 2.0), 3.0), ((1.1, 0.9, 3.0), 4.0)],
)
def test_a_joint_round_the_head_of_a_bone_stays_open(
    spacing: tuple[float, float, float], gap_mm: float
) -> None:
    assert filled_gap(scanned(spacing, gap_mm), gap_mm) < 0.1


def test_a_dark_layer_that_no_free_surface_goes_on_from_is_marrow() -> None:
    volume = scanned((0.9, 1.0, 1.2), 4.0, lowest_mm=-40.0)
    assert filled_gap(volume, 4.0) > 0.95
