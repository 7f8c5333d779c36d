"""Planes along the grid and turned, slabs, and where in the patient they lie."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.conftest import oblique_geometry
from vis3d.errors import UsageError
from vis3d.geometry import Geometry
from vis3d.imaging import PLANES, Plane, cut, labels_shown, shown, stack
from vis3d.labels import STRUCTURES, LabelMap
from vis3d.volume import Volume

GEOMETRY = oblique_geometry()
TURN = Rotation.from_euler("xyz", (25, -15, 40), degrees=True).as_matrix()
SLOPE_LPS = np.array([3.0, -2.0, 5.0])


def sloping(**options: Any) -> Volume:
    """A volume whose value is a linear function of the place in the patient."""
    ijk = np.stack(np.indices(GEOMETRY.shape)[::-1], axis=-1)
    values = (GEOMETRY.to_lps(ijk) @ SLOPE_LPS).astype(np.float32)
    return Volume(values, GEOMETRY, **options)


@pytest.mark.parametrize("plane", PLANES)
def test_a_straight_stack_has_the_grids_own_slices(plane: Plane) -> None:
    volume = sloping()
    where = stack(GEOMETRY, plane)
    for index in (0, where.count - 1):
        expected = cut(volume, plane, index)
        seen = shown(volume, where, index)
        assert np.array_equal(seen.array, expected.array)
        sheet = where.sheet(index, seen.array)
        assert np.allclose(sheet.first_lps, expected.first_lps)
        assert np.allclose(sheet.row_step_lps, expected.row_step_lps)


@pytest.mark.parametrize("plane", PLANES)
def test_a_turned_slice_shows_what_lies_there_in_the_patient(plane: Plane) -> None:
    where = stack(GEOMETRY, plane, TURN)
    seen = shown(sloping(), where, where.count // 2)
    rows, columns = np.indices(seen.array.shape)
    expected = seen.to_lps(rows, columns) @ SLOPE_LPS
    ijk = GEOMETRY.to_ijk(seen.to_lps(rows, columns))
    last = np.array(GEOMETRY.shape[::-1]) - 1
    between = ((ijk >= 0) & (ijk <= last)).all(axis=-1)
    beyond = ((ijk < -0.51) | (ijk > last + 0.51)).any(axis=-1)
    assert between.mean() > 0.2
    assert np.abs(seen.array - expected)[between].max() < 0.05, "of 5 per mm"
    assert np.isnan(seen.array[beyond]).all()
    assert not np.isnan(seen.array[between]).any()


@pytest.mark.parametrize("plane", PLANES)
def test_a_turned_stack_is_turned_by_that_much_and_covers_the_scan(plane: Plane) -> None:
    straight, turned = stack(GEOMETRY, plane), stack(GEOMETRY, plane, TURN)
    for step in ("column_step_lps", "row_step_lps", "slice_step_lps"):
        before, after = getattr(straight, step), getattr(turned, step)
        unit = before / np.linalg.norm(before)
        assert np.allclose(after / np.linalg.norm(after), TURN @ unit)
    steps = np.array([turned.column_step_lps, turned.row_step_lps, turned.slice_step_lps])
    places = (GEOMETRY.corners_lps - turned.first_lps) @ steps.T / (steps**2).sum(axis=1)
    ends = np.array([turned.columns, turned.rows, turned.count]) - 1
    assert (places >= -1e-5).all()
    assert (places <= ends + 1e-5).all()


def test_a_quarter_turn_of_the_axial_plane_is_the_axial_plane_turned() -> None:
    geometry = Geometry((9, 11, 13), (1.0, 1.0, 1.0))
    volume = Volume(np.random.default_rng(3).normal(size=geometry.shape), geometry)
    turn = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    turned = shown(volume, stack(geometry, "axial", turn), 4)
    # The picture's right was L and is now P; its lower edge was P and is now R.
    assert turned.letters == ("A", "P", "L", "R")
    assert np.allclose(turned.array, volume.array[4].T[::-1], atol=1e-5)


def test_padding_is_never_mixed_into_a_turned_slice() -> None:
    array = np.full(GEOMETRY.shape, 100, np.int16)
    array[:, :, :9] = -2000
    volume = Volume(array, GEOMETRY, padding=-2000)
    where = stack(GEOMETRY, "axial", TURN)
    values = shown(volume, where, where.count // 2).array
    assert np.nanmin(values) == pytest.approx(100)
    assert np.nanmax(values) == pytest.approx(100)
    assert np.isnan(values).any()


def test_a_slab_takes_the_slices_within_half_its_thickness() -> None:
    geometry = Geometry((20, 4, 5), (0.7, 0.9, 2.5))
    array = np.broadcast_to(np.arange(20)[:, None, None] ** 2, geometry.shape)
    volume = Volume(array.astype(np.int16), geometry)
    where = stack(geometry, "axial")

    def middle(**slab: Any) -> float:
        return float(shown(volume, where, 10, **slab).array[2, 2])

    assert middle() == 100
    assert middle(blend="mip", thickness_mm=4.9) == 100
    assert middle(blend="mip", thickness_mm=5.0) == 121
    assert middle(blend="minip", thickness_mm=10) == 64
    assert middle(blend="mean", thickness_mm=10) == pytest.approx(
        (64 + 81 + 100 + 121 + 144) / 5
    )
    edge = shown(volume, where, 19, blend="minip", thickness_mm=10)
    assert edge.array[0, 0] == 17**2


def test_padding_takes_no_part_in_a_slab() -> None:
    array = np.full((5, 4, 4), 10, np.int16)
    array[1:4] = -2000
    array[1:4, 0, 0] = -2000
    array[:, 3, 3] = -2000
    volume = Volume(array, Geometry((5, 4, 4)), padding=-2000)
    for blend in ("mean", "mip", "minip"):
        seen = shown(volume, stack(volume.geometry, "axial"), 2, blend=blend, thickness_mm=4)
        assert seen.array[0, 0] == 10
        assert np.isnan(seen.array[3, 3])


def test_labels_of_a_turned_slice_lie_where_the_values_do() -> None:
    volume = sloping()
    marked = LabelMap((volume.array > 0).astype(np.uint8) * 4, GEOMETRY, (STRUCTURES[3],))
    for turn in (None, TURN):
        where = stack(GEOMETRY, "coronal", turn)
        index = where.count // 2
        values = shown(volume, where, index).array
        labels = labels_shown(marked, where, index)
        clear = np.abs(np.nan_to_num(values)) > 20  # more than a voxel from the border
        assert clear.any()
        assert np.array_equal(labels[clear] == 4, values[clear] > 0)
        assert (labels[np.isnan(values)] == 0).all()


@pytest.mark.parametrize("index", [-1, 10_000])
def test_a_slice_that_is_not_there_is_refused(index: int) -> None:
    with pytest.raises(UsageError, match="slice"):
        shown(sloping(), stack(GEOMETRY, "axial", TURN), index)


def test_only_rotations_turn_a_plane() -> None:
    with pytest.raises(UsageError, match="rotation"):
        stack(GEOMETRY, "axial", 2 * np.eye(3))


def test_a_single_slice_can_be_turned() -> None:
    volume = sloping()
    first = replace(GEOMETRY, shape=(1, *GEOMETRY.shape[1:]))
    single = replace(volume, array=volume.array[:1], geometry=first)
    where = stack(single.geometry, "axial", TURN)
    assert np.isfinite(shown(single, where, where.count // 2).array).any()
