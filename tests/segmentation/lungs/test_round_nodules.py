"""Round nodules at a slanting pleura on an anisotropic grid, and what only looks like one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vis3d.segmentation.lungs import round_nodules
from vis3d.segmentation.lungs.nodules import REACH_MM, TISSUE_HU
from vis3d.segmentation.voxels.enclosure import open_directions

MM = (2.5, 1.6, 1.9)
"""The spacing (k, j, i)."""
SHAPE = (36, 56, 48)
OUT = np.array([0.36, 0.48, -0.8])
"""From the lung to the chest wall, on the side away from the body's middle of a right lung."""
INTO_WALL = OUT / np.linalg.norm(OUT)
ALONG = np.cross(INTO_WALL, [0.0, 0.0, 1.0]) / np.linalg.norm(
    np.cross(INTO_WALL, [0.0, 0.0, 1.0])
)
MIDDLE = (np.array(SHAPE) - 1) * MM / 2

Bools = NDArray[np.bool_]
STEPS = np.moveaxis(np.indices(SHAPE), 0, -1) * MM - MIDDLE
"""From a point on the pleura to each voxel, in mm."""
LUNG = STEPS @ INTO_WALL < 0
CORNER = LUNG & (STEPS @ (-0.48, -0.36, -0.8) < 4)
"""Between this wall and another one, also away from the middle."""


def ball(radius_mm: float, depth_mm: float) -> Bools:
    """A ball with its middle so deep in the lung."""
    away = STEPS + depth_mm * INTO_WALL
    return np.asarray((away**2).sum(axis=-1) <= radius_mm**2)


def tube(radius_mm: float, depth_mm: float = 0.0) -> Bools:
    """A vessel along the pleura, half of it in the lung, or deeper."""
    along = (STEPS @ ALONG)[..., None] * ALONG
    return np.asarray(
        ((STEPS + depth_mm * INTO_WALL - along) ** 2).sum(axis=-1) <= radius_mm**2
    )


def found(
    solid: Bools,
    hu_of_it: float = 35.0,
    *,
    lung: Bools = LUNG,
    air: Bools | None = None,
    is_right: bool = True,
) -> Bools:
    """What is found where something solid lies in a lung at a chest wall of muscle."""
    noise = np.random.default_rng(4).normal(0, 1, SHAPE)
    hu = np.where(lung, -850.0, 40.0) + 10 * noise
    hu[solid] = hu_of_it + 10 * noise[solid]
    if air is not None:
        hu[air] = -1000
    airy = lung & ~solid if air is None else lung & ~solid & ~air
    whole = np.rint(hu).astype(np.int16)
    tissue = (whole > TISSUE_HU[0]) & (whole < TISSUE_HU[1])
    around = 26 - open_directions(airy, REACH_MM, MM)
    return round_nodules.round_nodules(airy, tissue, whole, around, MM, is_right=is_right)


@pytest.mark.parametrize("radius_mm", [5.0, 7.0, 10.0, 12.5])
@pytest.mark.parametrize("depth", [0.0, 0.4, 0.8])
def test_of_a_nodule_what_was_lung_is_found_and_little_else(
    radius_mm: float, depth: float
) -> None:
    nodule = ball(radius_mm, depth * radius_mm)
    answer = found(nodule)
    was_lung = nodule & LUNG
    assert np.count_nonzero(answer & was_lung) > 0.75 * np.count_nonzero(was_lung)
    assert np.count_nonzero(answer & ~LUNG) < 0.55 * np.count_nonzero(was_lung)


def test_a_nodule_that_fills_the_corner_between_two_walls_is_found() -> None:
    nodule = ball(10.0, 6.0)
    was_lung = nodule & CORNER
    answer = found(nodule, lung=CORNER)
    assert np.count_nonzero(answer & was_lung) > 0.7 * np.count_nonzero(was_lung)


def test_a_wall_without_a_nodule_is_no_nodule() -> None:
    assert not found(np.zeros(SHAPE, bool)).any()


def test_a_pad_of_fat_is_no_nodule() -> None:
    nodule = ball(10.0, 3.0)
    assert not found(nodule, -100.0).any()
    assert found(nodule).any()
    assert found(nodule, -300.0).any()


@pytest.mark.parametrize(("radius_mm", "depth_mm"), [(8.0, 4.0), (8.0, 6.0), (7.0, 7.0)])
def test_a_ridge_twice_as_long_as_wide_is_no_nodule(radius_mm: float, depth_mm: float) -> None:
    steps = STEPS + depth_mm * INTO_WALL
    half_along = (steps @ ALONG)[..., None] * ALONG / 2
    assert not found(((steps - half_along) ** 2).sum(axis=-1) <= radius_mm**2).any()


def test_a_vessel_along_the_pleura_is_no_nodule() -> None:
    vessel = tube(9.0)
    assert np.count_nonzero(found(vessel)) < 0.05 * np.count_nonzero(vessel & LUNG)


def test_a_vessel_in_the_lung_is_no_nodule() -> None:
    assert not found(tube(7.0, 18.0)).any()


@pytest.mark.parametrize(("radius_mm", "depth_mm"), [(8.0, -5.0), (10.0, -6.0)])
def test_a_shallow_dent_is_no_nodule(radius_mm: float, depth_mm: float) -> None:
    assert not found(ball(radius_mm, depth_mm)).any()


def test_what_holds_a_bronchus_is_no_nodule() -> None:
    nodule = ball(10.0, 3.0)
    assert not found(nodule, air=ball(2.5, 1.0)).any()


def test_towards_the_heart_half_of_a_nodule_must_be_seen() -> None:
    nodule = ball(10.0, -1.0)
    assert found(nodule, lung=CORNER).any()
    assert not found(nodule, lung=CORNER, is_right=False).any()
    assert found(ball(10.0, 6.0), is_right=False).any()
