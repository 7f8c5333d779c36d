"""Nodules at the pleura that are light or dense, and what looks like them and is none."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.segmentation.simple_chest import chest, turned
from vis3d.segmentation import segment
from vis3d.segmentation.lungs.nodules import pleural_nodules
from vis3d.volume import Volume

Bools = NDArray[np.bool_]
SHAPE, MM = (26, 34, 36), (2.5, 1.8, 1.9)
STEPS = np.moveaxis(np.indices(SHAPE), 0, -1) * MM - np.array([31.0, 30.0, 33.0])
INTO_WALL = np.array([0.25, 0.3, -0.92]) / np.linalg.norm([0.25, 0.3, -0.92])
"""A slanting wall on the right: outside a right lung, towards the heart of a left one."""
LUNG = STEPS @ INTO_WALL < 0


def ball(radius_mm: float, depth_mm: float) -> Bools:
    return np.asarray(((STEPS - depth_mm * INTO_WALL) ** 2).sum(axis=-1) < radius_mm**2)


def found(solid: Bools, hu_of_it: float, sd_hu: float = 10, *, is_right: bool = True) -> Bools:
    noise = np.random.default_rng(2).normal(size=SHAPE)
    hu = np.where(LUNG, -850, 40) + 10 * noise
    hu[solid] = hu_of_it + sd_hu * noise[solid]
    whole, airy = np.rint(hu).astype(np.int16), LUNG & ~solid
    everywhere = np.ones(SHAPE, bool)
    return pleural_nodules(airy, airy, whole, everywhere, MM, is_right=is_right)[0]


@pytest.mark.parametrize("hu", [-320, 30, 210, 700])
def test_nodules_of_any_density_are_lung(hu: float) -> None:
    nodule = ball(7, -3) & LUNG
    assert np.count_nonzero(found(nodule, hu) & nodule) > 0.85 * np.count_nonzero(nodule)


def test_what_is_lighter_than_soft_tissue_and_uneven_is_no_nodule() -> None:
    assert not found(ball(7, -3) & LUNG, -300, 90).any()


def test_only_small_nodules_hold_so_much_lung_in_their_voxels() -> None:
    small, large = ball(5, -3) & LUNG, ball(7, -3) & LUNG
    assert np.count_nonzero(found(small, -275, 80) & small) > 0.7 * np.count_nonzero(small)
    assert not found(large, -275, 80).any()


def test_what_is_as_dense_as_contrast_towards_the_heart_is_no_nodule() -> None:
    nodule = ball(7, -3) & LUNG
    soft, dense = (found(nodule, hu, is_right=False) for hu in (40, 320))
    assert np.count_nonzero(soft & nodule) > 0.85 * np.count_nonzero(nodule)
    assert not dense.any()


def test_a_shallow_rib_that_dents_the_lung_is_no_nodule() -> None:
    along = np.cross(INTO_WALL, [0.3, 0.9, 0.1])
    along /= np.linalg.norm(along)
    across = STEPS - 3 * INTO_WALL - (STEPS @ along)[..., None] * along
    rib = (across**2).sum(axis=-1) < 8**2
    assert not found(rib & LUNG, 400).any()


def test_calcified_nodules_in_a_chest_are_lung() -> None:
    volume, truth = chest(turned(17, axis=1, spacing_mm=2.2))
    kji = np.indices(volume.array.shape)
    x, y, z = np.moveaxis(volume.geometry.to_lps(np.stack(kji[::-1], axis=-1)), -1, 0)
    nodules = np.zeros(truth.shape, bool)
    for side, label, width in ((1, 1, 50), (-1, 2, 56)):
        middle = side * (78 + width - 4)
        nodules |= ((x - middle) ** 2 + y**2 + (z + 10) ** 2 < 7**2) & (truth == label)
    array = volume.array.copy()
    array[nodules] = 600
    painted = Volume(array, volume.geometry, metadata=volume.metadata)
    lungs = segment(painted, ["lungs"]).mask("lungs").array
    assert np.count_nonzero(lungs & nodules) > 0.8 * np.count_nonzero(nodules)
