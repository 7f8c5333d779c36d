"""Slices look as radiologists expect them, on grids in every order and direction."""

from itertools import permutations, product

import numpy as np
import pytest

from vis3d.errors import UsageError
from vis3d.geometry import FloatArray, Geometry
from vis3d.imaging import PLANES, cut, slice_count, slice_index
from vis3d.volume import Volume

SPACING = (0.7, 0.9, 2.5)
SHAPE = (20, 30, 40)
CENTER = np.array((12.0, -140.0, 300.0))
FAR_UP = np.array((0, 0, 1e4))


def right_handed_turns() -> list[FloatArray]:
    """The 24 ways in which array axes can lie along the patient's axes."""
    turns = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        direction = np.zeros((3, 3))
        direction[list(order), range(3)] = signs
        if np.linalg.det(direction) > 0:
            turns.append(direction)
    return turns


def small_tilt() -> FloatArray:
    c, s = np.cos(np.radians(12)), np.sin(np.radians(12))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) @ np.array(
        [[1, 0, 0], [0, c, -s], [0, s, c]]
    )


def grid(direction: FloatArray) -> Geometry:
    """A grid around CENTER whose axes point along `direction`."""
    half = (np.array(SHAPE[::-1]) - 1) / 2
    origin = CENTER - (direction * SPACING) @ half
    return Geometry(SHAPE, SPACING, tuple(origin.tolist()), direction)


def volume_with_blob(geometry: Geometry, lps: FloatArray) -> tuple[Volume, FloatArray]:
    """Air with one bright voxel, the one nearest to `lps`, and that voxel's place."""
    array = np.full(geometry.shape, -1000, np.int16)
    i, j, k = np.round(geometry.to_ijk(lps)).astype(int)
    array[k, j, i] = 1000
    return Volume(array, geometry), geometry.to_lps((i, j, k))


GRIDS = [
    grid(tilt @ turn) for tilt in (np.eye(3), small_tilt()) for turn in right_handed_turns()
]
IDS = [f"{''.join(g.axis_letters)}-{n // 24}" for n, g in enumerate(GRIDS)]


@pytest.mark.parametrize("geometry", GRIDS, ids=IDS)
def test_blob_appears_where_it_lies_in_the_patient(geometry: Geometry) -> None:
    volume, place = volume_with_blob(geometry, CENTER + np.array((3.0, 4.0, -3.5)))
    for plane in PLANES:
        scan = cut(volume, plane, slice_index(geometry, plane, place))
        row, column = np.argwhere(scan.array == 1000)[0]
        assert np.allclose(scan.to_lps(row, column), place)
        assert np.allclose(scan.to_row_column(place), (row, column))


@pytest.mark.parametrize("geometry", GRIDS, ids=IDS)
def test_pictures_follow_the_radiological_convention(geometry: Geometry) -> None:
    right, down = {}, {}
    for plane in PLANES:
        scan = cut(Volume(np.zeros(geometry.shape, np.int16), geometry), plane, 0)
        right[plane] = scan.column_step_lps / np.linalg.norm(scan.column_step_lps)
        down[plane] = scan.row_step_lps / np.linalg.norm(scan.row_step_lps)
        assert scan.pixel_spacing_mm == pytest.approx(
            (np.linalg.norm(scan.row_step_lps), np.linalg.norm(scan.column_step_lps))
        )
        letters = [letter[0] for letter in scan.letters]
        assert (
            letters
            == {
                "axial": ["R", "L", "A", "P"],
                "coronal": ["R", "L", "S", "I"],
                "sagittal": ["A", "P", "S", "I"],
            }[plane]
        )
    assert min(right["axial"][0], down["axial"][1]) > 0.9
    assert min(right["coronal"][0], -down["coronal"][2]) > 0.9
    assert min(right["sagittal"][1], -down["sagittal"][2]) > 0.9


def test_an_axis_serves_only_one_plane_on_a_grid_turned_by_45_degrees() -> None:
    half = np.sqrt(0.5)
    geometry = grid(np.array([[half, -half, 0], [half, half, 0], [0, 0, 1.0]]))
    assert sorted(slice_count(geometry, plane) for plane in PLANES) == [20, 30, 40]


def test_letters_of_an_oblique_grid_name_both_sides() -> None:
    c, s = np.cos(np.radians(30)), np.sin(np.radians(30))
    geometry = grid(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]))
    scan = cut(Volume(np.zeros(SHAPE, np.int16), geometry), "axial", 3)
    assert scan.letters == ("RA", "LP", "AL", "PR")


def test_spacing_is_that_of_rows_and_columns() -> None:
    scan = cut(Volume(np.zeros(SHAPE, np.int16), grid(np.eye(3))), "coronal", 3)
    assert scan.array.shape == (20, 40)
    assert scan.pixel_spacing_mm == pytest.approx((2.5, 0.7))


def test_a_slice_outside_says_which_there_are() -> None:
    volume = Volume(np.zeros(SHAPE, np.int16), grid(np.eye(3)))
    with pytest.raises(UsageError, match="no axial slice 20: they go from 0 to 19"):
        cut(volume, "axial", 20)
    with pytest.raises(UsageError, match="axial, coronal, sagittal, not 'diagonal'"):
        slice_count(volume.geometry, "diagonal")  # type: ignore[arg-type]


def test_a_point_outside_gives_the_nearest_slice() -> None:
    geometry = grid(np.eye(3))
    assert slice_index(geometry, "axial", CENTER + FAR_UP) == 19
    assert slice_index(geometry, "axial", CENTER - FAR_UP) == 0
