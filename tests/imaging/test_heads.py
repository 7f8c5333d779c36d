"""A head is seen by its skull, however the slices lie; chests, legs and hips show none."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import oblique_geometry
from vis3d.files import discover, load_volume
from vis3d.geometry import FloatArray, Geometry
from vis3d.imaging import shows_head
from vis3d.phantom import chest_phantom
from vis3d.volume import Volume

SPACING = (3.0, 3.4, 4.0)


def places(geometry: Geometry) -> FloatArray:
    return geometry.to_lps(np.stack(tuple(np.indices(geometry.shape)[::-1]), axis=-1))


def head(geometry: Geometry, *, skull_mm: float = 7.0, radius_mm: float = 75.0) -> Volume:
    """Scalp, skull and brain: tubes along the patient, so that rings lie across it alone."""
    offsets = places(geometry) - geometry.center_lps
    away_mm = np.linalg.norm(offsets[..., :2], axis=-1)
    away_mm[np.abs(offsets[..., 2]) > 50] = np.inf
    values = np.full(geometry.shape, -1000, np.int16)
    values[away_mm < radius_mm + 6] = 20
    values[away_mm < radius_mm] = 900
    values[away_mm < radius_mm - skull_mm] = 35
    return Volume(values, geometry)


def axes(names: str) -> FloatArray:
    """A grid's directions: i, j and k along these of the patient's axes."""
    columns = [np.eye(3)["LPS".index(name)] for name in names]
    if np.linalg.det(np.array(columns)) < 0:
        columns[1] = -columns[1]
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("names", ["LPS", "LSP", "PSL", "oblique"])
def test_a_skull_is_seen_in_any_orientation(names: str) -> None:
    direction = oblique_geometry().direction if names == "oblique" else axes(names)
    grid = Geometry((60, 70, 66), SPACING, (10.0, -20.0, 30.0), direction)
    assert shows_head(head(grid))


@pytest.mark.parametrize("names", ["LPS", "oblique"])
def test_a_head_that_the_field_of_view_cuts_is_seen(names: str) -> None:
    direction = oblique_geometry().direction if names == "oblique" else axes(names)
    grid = Geometry((60, 70, 66), SPACING, (10.0, -20.0, 30.0), direction)
    whole = head(grid)
    for box in (np.s_[:, :35, :], np.s_[:, :, 30:]):
        first = tuple(cut.start or 0 for cut in box)
        part = np.ascontiguousarray(whole.array[box])
        assert shows_head(whole.with_array(part, grid.cropped(first, part.shape)))


def test_a_childs_thin_skull_and_one_with_a_hole_are_seen() -> None:
    grid = Geometry((60, 80, 90), (2.0, 2.0, 3.0))
    assert shows_head(head(grid, skull_mm=4.0, radius_mm=55.0))
    holed = head(grid, skull_mm=6.0, radius_mm=60.0)
    values: NDArray[np.int16] = holed.array.astype(np.int16)
    values[:, 39:41, :][values[:, 39:41, :] > 500] = 35  # a suture of 4 mm right through
    assert shows_head(holed.with_array(values))


def test_bones_without_a_brain_in_them_are_no_head() -> None:
    grid = Geometry((40, 90, 90), (2.0, 2.0, 4.0))
    across = places(grid)[..., :2] - grid.center_lps[:2]
    away_mm = np.linalg.norm(across, axis=-1)
    values = np.full(grid.shape, -1000, np.int16)
    values[away_mm < 80] = 40
    values[away_mm < 17] = 1200  # a femur and its marrow
    values[away_mm < 10] = -50
    assert not shows_head(Volume(values, grid))
    ring = np.where(away_mm < 80, 40, -1000).astype(np.int16)
    ring[(away_mm < 75) & (away_mm > 68) & (across[..., 1] < 40)] = 900  # open behind
    assert not shows_head(Volume(ring, grid))
    for inside in (-1000, -100):  # a bottle of air, a belly of fat between bones
        tube = np.where((away_mm < 75) & (away_mm > 68), 900, inside).astype(np.int16)
        assert not shows_head(Volume(tube, grid))
    muscle = np.full(grid.shape, 40, np.int16)  # the field lies within a thigh
    assert not shows_head(Volume(muscle, grid))


def test_a_chest_and_what_is_no_ct_are_no_head() -> None:
    phantom = chest_phantom(shape=(40, 80, 88), spacing=(4.4, 4.8, 8.0))
    assert not shows_head(phantom.volume)
    grid = Geometry((60, 70, 66), SPACING)
    skull = head(grid)
    assert not shows_head(Volume(skull.array, grid, unit=""))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ge_tilted_head.zip", True),
        ("cmb_crc_01068.zip", False),
        ("lung_pet_ct_dx_a0002.zip", False),
        ("totalsegmentator/example_ct_dicom.zip", False),
    ],
)
def test_real_heads_are_told_from_real_chests(
    real_data: Path, name: str, expected: bool
) -> None:
    first = discover(real_data / name).series[0]
    volume = load_volume(real_data / name, series=str(first.index), gaps="interpolate")
    assert shows_head(volume) is expected
    _, nj, ni = volume.array.shape
    for box in (np.s_[:, : nj // 2, :], np.s_[:, nj // 5 : nj * 4 // 5, ni // 4 : ni * 3 // 4]):
        part = np.ascontiguousarray(volume.array[box])
        grid = volume.geometry.cropped(tuple(cut.start or 0 for cut in box), part.shape)
        assert shows_head(volume.with_array(part, grid)) is expected


def face(geometry: Geometry, *, air_mm: float = 13.0, widened: float = 1.0) -> Volume:
    """A cross-section without brain: two sinuses and a nose between them, in thin bone."""
    offsets = places(geometry) - geometry.center_lps
    across, back = offsets[..., 0], offsets[..., 1]
    values = np.full(geometry.shape, -1000, np.int16)
    values[np.hypot(across, back) < 85 * widened] = 40
    for center_mm in (-36.0, 0.0, 36.0):
        away_mm = np.hypot(across - center_mm, back + 45)
        values[away_mm < air_mm + 4] = 500
        values[away_mm < air_mm] = -950
    return Volume(values, geometry)


@pytest.mark.parametrize("names", ["LPS", "LSP", "oblique"])
def test_a_face_without_brain_is_seen_by_its_sinuses(names: str) -> None:
    direction = oblique_geometry().direction if names == "oblique" else axes(names)
    grid = Geometry((30, 76, 66), (3.9, 4.1, 4.3), (10.0, -20.0, 30.0), direction)
    assert shows_head(face(grid))
    assert not shows_head(face(grid, air_mm=6.0)), "small pockets are no sinuses"


def test_air_among_bones_is_no_face_in_slices_larger_than_a_head() -> None:
    grid = Geometry((12, 76, 66), (3.9, 4.1, 4.3), (10.0, -20.0, 30.0))
    assert shows_head(face(grid))
    assert not shows_head(face(grid, widened=1.5))


def test_the_face_of_a_real_head_is_seen_where_the_scan_holds_no_brain(
    real_data: Path,
) -> None:
    whole = load_volume(real_data / "ge_tilted_head.zip", gaps="interpolate")
    for slices in (3, 4, 5):
        part = np.ascontiguousarray(whole.array[:slices])
        assert shows_head(whole.with_array(part, whole.geometry.cropped((0, 0, 0), part.shape)))
