"""Lungs in one slice or a few, on whatever grid."""

import numpy as np
import pytest

from tests.segmentation.simple_chest import TRUTH, chest, dice, turned, upright
from vis3d.geometry import Geometry
from vis3d.segmentation import segment
from vis3d.volume import Volume

SIDES = ("left lung", "right lung")
TURNED = turned(20, spacing_mm=2.4)
GRIDS = [
    pytest.param(upright((1.8, 2.3, 5.0)), id="anisotropic"),
    pytest.param(TURNED, id="turned"),
    pytest.param(turned(15, axis=1), id="leaning"),
]


def part(geometry: Geometry, k: slice, i: slice = slice(None)) -> Geometry:
    """Some slices of a grid, and some columns of them."""
    _, nj, ni = geometry.shape
    first = geometry.to_lps(np.array([i.start or 0, 0, k.start]))
    shape = (k.stop - k.start, nj, len(range(*i.indices(ni))))
    return Geometry(shape, geometry.spacing, tuple(first.tolist()), geometry.direction)


@pytest.mark.parametrize("geometry", GRIDS)
@pytest.mark.parametrize("height", [0.35, 0.5, 0.65])
def test_both_lungs_are_found_in_one_slice(geometry: Geometry, height: float) -> None:
    k = round(geometry.shape[0] * height)
    volume, truth = chest(part(geometry, slice(k, k + 1)))
    labels = segment(volume, ["lungs"])
    for name in SIDES:
        assert dice(labels.mask(name).array, truth == TRUTH[name]) > 0.97, name


@pytest.mark.parametrize("geometry", [upright((1.8, 2.3, 5.0)), TURNED])
def test_heads_of_the_arms_are_no_spine_that_tells_the_sides(geometry: Geometry) -> None:
    nk, _, ni = geometry.shape
    k, i = round(nk * 0.75), round(ni * 0.105)
    volume, truth = chest(part(geometry, slice(k, k + 3), slice(i, ni - i)))
    grid = volume.geometry
    ijk = np.moveaxis(np.indices(grid.shape)[::-1], 0, -1)
    x, y, _ = np.moveaxis(grid.to_lps(ijk), -1, 0)
    heads = (np.hypot(x - 149, y - 24) < 23) | (np.hypot(x + 149, y - 24) < 19)
    array = np.where(heads & (truth == TRUTH["body"]), 520, volume.array).astype(np.int16)
    spine = np.hypot(x, y - 62)
    array[spine < 20] = 40
    array[spine < 14] = 400
    labels = segment(Volume(array, grid, metadata={"modality": "CT"}), ["lungs"])
    for name in SIDES:
        assert dice(labels.mask(name).array, truth == TRUTH[name]) > 0.95, name


@pytest.mark.parametrize("across", [0, 1, 2])
def test_one_slice_of_a_thick_bone_is_bone(across: int) -> None:
    shape = [100, 120, 130]
    shape[across] = 1
    geometry = Geometry(tuple(shape), (1.3, 1.5, 1.1), (3, -7, 11), TURNED.direction)
    mm = np.moveaxis(np.indices(shape), 0, -1) * geometry.spacing_kji
    away = np.linalg.norm(mm - (np.array(shape) - 1) / 2 * geometry.spacing_kji, axis=-1)
    array = np.select([away < 22, away < 25, away < 50], [250, 700, 40], -1000)
    labels = segment(Volume(array.astype(np.int16), geometry, "HU"), ["bones"])
    assert dice(labels.mask("bones").array, away < 25) > 0.9
