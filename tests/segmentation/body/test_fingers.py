"""Bones of a finger: small, and with no soft tissue far from an edge."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.conftest import oblique_geometry
from tests.segmentation.simple_chest import dice
from vis3d.segmentation import segment
from vis3d.volume import Volume


def finger(
    spacing: tuple[float, float, float], shape: tuple[int, int, int]
) -> tuple[Volume, np.ndarray]:
    """A finger of three phalanges under fat and skin on an oblique grid, and its bones."""
    geometry = oblique_geometry(shape, spacing, (-30.0, 20.0, 50.0))
    middle = geometry.to_lps(np.array(shape[::-1]) / 2)
    places = np.moveaxis(np.indices(shape)[::-1], 0, -1)
    x, y, z = np.moveaxis(geometry.to_lps(places) - middle, -1, 0)
    away = np.hypot(x, y)
    bone = (away < 5.5) & (np.mod(z + 20, 45) > 3)
    hu = np.full(shape, -1000.0)
    for radius_mm, value in ((10, 20), (8.8, -90), (6.5, 60)):
        hu[away < radius_mm] = value
    hu[bone] = 1100
    hu[bone & (away < 3.5) & (np.mod(z + 20, 45) > 6)] = 250
    hu = gaussian_filter(hu, [0.6 / mm for mm in spacing[::-1]])
    hu += np.random.default_rng(1).normal(0, 20, shape)
    return Volume(hu.round().astype(np.int16), geometry, metadata={"modality": "CT"}), bone


@pytest.mark.parametrize(
    ("spacing", "shape"),
    [((0.5, 0.6, 0.7), (130, 75, 90)), ((0.9, 0.8, 1.5), (80, 65, 60))],
)
def test_the_bones_of_a_finger_are_found(
    spacing: tuple[float, float, float], shape: tuple[int, int, int]
) -> None:
    volume, bone = finger(spacing, shape)
    assert dice(segment(volume, ["bones"]).mask("bones").array, bone) > 0.93
