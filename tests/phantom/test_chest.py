"""The phantom's chest is what it says it is."""

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from vis3d.phantom import chest_phantom
from vis3d.phantom.anatomy import anatomy
from vis3d.phantom.canvas import Canvas, Solid

SMALL = (30, 48, 44)


def test_patient_left_is_plus_x() -> None:
    phantom = chest_phantom(shape=SMALL)
    for name, sign in (("left lung", 1), ("right lung", -1)):
        kji = np.argwhere(phantom.labels.mask(name).array)
        lps = phantom.volume.geometry.to_lps(kji[:, ::-1])
        assert (sign * lps[:, 0] > 0).all()


def test_right_lung_is_the_larger_one() -> None:
    labels = chest_phantom(shape=SMALL).labels
    assert labels.volume_ml("right lung") > 1.05 * labels.volume_ml("left lung") > 1000


def test_truth_of_its_own_grid_is_its_labels() -> None:
    phantom = chest_phantom(shape=SMALL, direction=oblique_geometry().direction, seed=3)
    again = phantom.truth_on(phantom.volume.geometry)
    np.testing.assert_array_equal(again.array, phantom.labels.array)


@pytest.mark.parametrize("layer", [x for x in anatomy(0)[0] if isinstance(x.shape, Solid)])
def test_a_solid_painted_by_blocks_is_the_sign_of_its_field(layer) -> None:
    grid = chest_phantom(shape=SMALL, direction=oblique_geometry().direction).volume.geometry
    canvas = Canvas(grid.affine, grid.shape, 0.0, 0.0)
    canvas.paint(canvas.sample(layer.shape), 0.0, 1)
    lps = grid.to_lps(
        np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)[..., ::-1]
    )
    x, y, z = (np.float32(lps[..., n]) for n in range(3))
    distance = layer.shape.field(x, y, z)
    low, high = np.array(layer.shape.low), np.array(layer.shape.high)
    away = ((lps < low - 1e-3) | (lps > high + 1e-3)).any(axis=-1)
    clear = np.abs(distance) > 1e-3
    assert not (away & (distance < 0)).any()
    np.testing.assert_array_equal((canvas.label_array() == 1)[clear], (distance < 0)[clear])
