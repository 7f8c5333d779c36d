"""Children's arms and small animals are bodies, although they are as thin as a table."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import oblique_geometry
from tests.segmentation.simple_chest import dice
from vis3d.geometry import Geometry
from vis3d.segmentation import segment
from vis3d.volume import Volume

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def middle_mm(geometry: Geometry) -> Floats:
    """Where the voxels lie from the middle of the grid: x, y, z in LPS mm."""
    k, j, i = np.indices(geometry.shape)
    lps = geometry.to_lps(np.stack([i, j, k], axis=-1))
    return np.moveaxis(lps - lps.reshape(-1, 3).mean(axis=0), -1, 0)


def limb(hu: Floats, away_mm: Floats, radius_mm: float) -> Bools:
    """Draw skin, fat, muscle and bone round an axis, and tell where."""
    for depth_mm, value in ((0.0, 20), (1.0, -100), (3.0, 55)):
        hu[away_mm < radius_mm - depth_mm] = value
    hu[away_mm < radius_mm / 4] = 600
    return away_mm < radius_mm


def body_in(hu: Floats, geometry: Geometry) -> Bools:
    noisy = hu + np.random.default_rng(4).normal(0, 15, hu.shape)
    volume = Volume(noisy.round().astype(np.int16), geometry, metadata={"modality": "CT"})
    return segment(volume, ["body"]).mask("body").array


@pytest.mark.parametrize("radius_mm", [9.0, 11.0])
def test_the_arm_of_an_infant_beside_the_trunk_is_body(radius_mm: float) -> None:
    geometry = oblique_geometry((26, 230, 300), (0.8, 0.7, 1.9))
    x, y, z = middle_mm(geometry)
    hu = np.full(geometry.shape, -1000.0)
    trunk = limb(hu, np.hypot(x + 20, y * 1.2), 50)
    arm = limb(hu, np.hypot(x - 58 - z / 6, y + 8), radius_mm)
    body = body_in(hu, geometry)
    assert np.mean(body[arm]) > 0.97
    assert dice(body, trunk | arm) > 0.995


def test_a_young_mouse_is_found_and_its_bed_is_left() -> None:
    geometry = oblique_geometry((24, 110, 120), (0.25, 0.22, 0.4))
    x, y, z = middle_mm(geometry)
    hu = np.full(geometry.shape, -1000.0)
    mouse = limb(hu, np.hypot(x + z / 10, y * 1.1), 5.8)
    bed = (y > 5.4) & (y < 6.4)
    hu[bed] = 100
    body = body_in(hu, geometry)
    assert dice(body & ~bed, mouse & ~bed) > 0.99
    assert np.mean(body[bed]) < 0.1
