"""Foam and blankets that the field of view cuts have the density of lung and are none."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.segmentation.simple_chest import chest, dice, turned
from vis3d.geometry import Geometry
from vis3d.segmentation import segment
from vis3d.volume import Volume

TURN = turned(3).direction @ turned(-8, axis=0).direction


def around(middle_mm: tuple[float, float], shape: tuple[int, int, int]) -> Geometry:
    """A slanting, anisotropic field of view around x and y in mm."""
    spacing = (1.7, 1.9, 4.5)
    half = TURN @ (np.array(shape[::-1]) * spacing / 2)
    return Geometry(shape, spacing, tuple(np.array([*middle_mm, 0]) - half), TURN)


def places(geometry: Geometry) -> NDArray[np.float64]:
    """x, y and z of all voxels in LPS mm."""
    k, j, i = np.indices(geometry.shape)
    return np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)


def folds_hu(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much layers of cloth, or lung, differ from their mean."""
    x, y, z = xyz
    return 110 * np.sin(x / 6 + z / 4) * np.cos(y / 7 - z / 5)


@pytest.mark.parametrize("wall_rows", [0, 4])
@pytest.mark.parametrize("foam_hu", [-760, -880])
def test_foam_that_the_field_of_view_cuts_before_the_table_is_no_body(
    foam_hu: int, wall_rows: int
) -> None:
    geometry = Geometry((20, 150, 160), (1.7, 1.5, 4.5), tuple(TURN @ (-136, -95, -45)), TURN)
    volume, truth = chest(geometry, table=False)
    array = volume.array.copy()
    y = places(geometry)[1]
    foam = (truth == 0) & (y > 0)  # from side to side, where there is room
    array[foam] += foam_hu + 1000
    row = np.arange(geometry.shape[1])[:, None]
    wall = foam & (np.abs(row - 140) < wall_rows / 2)  # thin and blurred, as vessels are
    array[wall] = -470
    body = segment(volume.with_array(array), ["body"]).mask("body").array
    assert np.count_nonzero(foam) > 0.05 * foam.size
    assert np.mean(body[foam & ~wall]) < 0.01
    assert dice(body, truth > 0) > 0.998


@pytest.mark.parametrize("foam_hu", [-900, -760])
@pytest.mark.parametrize("radius_mm", [400, 1e6])
def test_a_closed_table_full_of_foam_on_which_the_patient_lies_is_no_body(
    radius_mm: float, foam_hu: int
) -> None:
    geometry = Geometry((20, 190, 210), (1.7, 1.5, 4.5), tuple(TURN @ (-178, -95, -45)), TURN)
    volume, truth = chest(geometry, table=False)
    x, y, _ = places(geometry)
    depth_mm = y - 102 + radius_mm - np.sqrt(radius_mm**2 - np.minimum(np.abs(x), 140) ** 2)
    table = (depth_mm > 0) & (depth_mm < 56) & (np.abs(x) < 130) & (truth == 0)
    foam = (depth_mm > 7) & (depth_mm < 49) & (np.abs(x) < 123)
    array = np.where(table & foam, volume.array + 1000 + foam_hu, volume.array)
    array[table & ~foam] = 60
    body = segment(volume.with_array(array.astype(np.int16)), ["body"]).mask("body").array
    assert np.count_nonzero(table) > 0.05 * table.size
    assert np.mean(body[table]) < 0.03
    assert dice(body, truth > 0) > 0.995


@pytest.mark.parametrize("shape", [(20, 120, 200), (20, 140, 190)])
def test_a_blanket_round_the_patient_that_the_field_of_view_cuts_is_no_body(
    shape: tuple[int, int, int],
) -> None:
    geometry = around((0, 0), shape)
    volume, truth = chest(geometry, table=False)
    array = volume.array.copy()
    blanket = truth == 0
    array[blanket] += (200 + folds_hu(places(geometry)))[blanket].astype(np.int16)
    body = segment(volume.with_array(array), ["body"]).mask("body").array
    assert np.count_nonzero(blanket) > 0.1 * blanket.size
    assert dice(body, truth > 0) > 0.998


@pytest.mark.parametrize("middle_mm", [(-100, 10), (-103, 4)])
def test_lung_with_vessels_of_which_hardly_any_wall_is_seen_is_body(
    middle_mm: tuple[float, float],
) -> None:
    geometry = around(middle_mm, (20, 70, 52))
    volume, truth = chest(geometry, table=False)
    x, y, z = xyz = places(geometry)
    lung = (truth == 1) | (truth == 2)
    vessels = lung & (np.hypot((x + z / 2) % 20 - 10, (y - z) % 20 - 10) < 1.9)
    hu = volume.array + np.where(lung, folds_hu(xyz), 0)
    hu[vessels] = 40
    seen = Volume(hu.astype(np.int16), geometry, metadata=volume.metadata)
    body = segment(seen, ["body"]).mask("body").array
    assert np.mean(lung) > 0.7
    assert dice(body, truth > 0) > 0.998
