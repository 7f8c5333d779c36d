"""Where voxels lie in the patient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tests.conftest import oblique_geometry
from vis3d.geometry import Geometry, right_handed

mm = st.floats(0.1, 9.0)
positions = st.floats(-500, 500)
sizes = st.integers(1, 60)
angles = st.floats(-180, 180)


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    turn = Rotation.from_euler("xyz", [draw(angles) for _ in range(3)], degrees=True)
    return Geometry(
        shape=(draw(sizes), draw(sizes), draw(sizes)),
        spacing=(draw(mm), draw(mm), draw(mm)),
        origin=(draw(positions), draw(positions), draw(positions)),
        direction=turn.as_matrix(),
    )


@given(geometries(), st.tuples(positions, positions, positions))
def test_index_and_position_are_inverse(geometry: Geometry, lps: tuple[float, ...]) -> None:
    np.testing.assert_allclose(geometry.to_lps(geometry.to_ijk(lps)), lps, atol=1e-8)


@given(geometries())
def test_the_affine_says_the_same_as_to_lps(geometry: Geometry) -> None:
    ijk = np.array([3.0, 5.0, 7.0])
    by_matrix = (geometry.affine @ [*ijk, 1])[:3]
    np.testing.assert_allclose(geometry.to_lps(ijk), by_matrix, atol=1e-9)


@given(geometries())
def test_an_affine_gives_its_geometry_back(geometry: Geometry) -> None:
    assert Geometry.from_affine(geometry.affine, geometry.shape).matches(geometry)


def test_neighbours_along_an_axis_are_one_spacing_apart(oblique: Geometry) -> None:
    steps = oblique.to_lps(np.eye(3)) - oblique.to_lps((0, 0, 0))
    np.testing.assert_allclose(np.linalg.norm(steps, axis=1), oblique.spacing)


def test_points_keep_their_shape(oblique: Geometry) -> None:
    assert oblique.to_lps(np.zeros((4, 5, 3))).shape == (4, 5, 3)


def test_the_first_voxel_lies_at_the_origin(oblique: Geometry) -> None:
    np.testing.assert_allclose(oblique.to_lps((0, 0, 0)), oblique.origin)


@given(geometries())
def test_a_cropped_grid_has_its_voxels_where_they_were(geometry: Geometry) -> None:
    nk, nj, _ = geometry.shape
    cropped = geometry.cropped((nk // 2, nj // 3, -2), (4, 5, 6))
    np.testing.assert_allclose(
        cropped.to_lps((1, 2, 3)), geometry.to_lps((1 - 2, 2 + nj // 3, 3 + nk // 2)), atol=1e-8
    )


@given(geometries(), mm)
def test_other_spacing_holds_every_old_voxel(geometry: Geometry, spacing_mm: float) -> None:
    coarse = geometry.with_spacing((spacing_mm, spacing_mm, spacing_mm))
    face = geometry.to_lps((-0.5, -0.5, -0.5))
    np.testing.assert_allclose(coarse.to_lps((-0.5, -0.5, -0.5)), face, atol=1e-6)
    old_mm = np.array(geometry.shape[::-1]) * geometry.spacing
    new_mm = np.array(coarse.shape[::-1]) * coarse.spacing
    assert (new_mm > old_mm - 1e-4).all()
    assert (new_mm < old_mm + spacing_mm).all()


def test_spacing_far_beyond_the_box_leaves_one_voxel() -> None:
    assert oblique_geometry((3, 4, 5)).with_spacing((1e9, 1e9, 1e9)).shape == (1, 1, 1)


def test_axis_letters_name_the_side_an_axis_points_to() -> None:
    assert Geometry((2, 2, 2)).axis_letters == ("L", "P", "S")
    coronal = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]).T  # j runs down: to the feet
    assert Geometry((2, 2, 2), direction=coronal.T.astype(float)).axis_letters == (
        "L",
        "I",
        "P",
    )


@given(geometries())
def test_a_left_handed_grid_keeps_every_value_at_its_place(geometry: Geometry) -> None:
    nk, nj, ni = geometry.shape
    array = np.arange(nk * nj * ni).reshape(geometry.shape)
    mirrored = geometry.affine.copy()
    mirrored[:3, 1] *= -1
    turned, right = right_handed(array, mirrored)
    assert np.linalg.det(right.direction) > 0
    i, j, k = ni - 1, nj // 2, nk // 3
    there = (mirrored @ [i, j, k, 1])[:3]
    i2, j2, k2 = np.rint(right.to_ijk(there)).astype(int)
    assert turned[k2, j2, i2] == array[k, j, i]


def test_a_right_handed_grid_is_passed_through(oblique: Geometry) -> None:
    array = np.zeros(oblique.shape)
    same, geometry = right_handed(array, oblique.affine)
    assert same is array
    assert geometry.matches(oblique)


@settings(max_examples=20)
@given(geometries())
def test_a_moved_grid_does_not_match(geometry: Geometry) -> None:
    x, y, z = geometry.origin
    moved = Geometry(geometry.shape, geometry.spacing, (x, y + 0.1, z), geometry.direction)
    assert not geometry.matches(moved)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (0, 2, 2)}, "three positive numbers"),
        ({"spacing": (1, 0, 1)}, "spacing is three positive"),
        ({"spacing": (1, float("nan"), 1)}, "spacing is three positive"),
        ({"origin": (1, float("inf"), 1)}, "finite numbers"),
        ({"direction": np.diag([1.0, 1.0, -1.0])}, "right-handed"),
        ({"direction": np.diag([1.0, 2.0, 1.0])}, "orthogonal"),
        ({"direction": np.zeros((3, 3))}, "orthogonal"),
        ({"direction": np.full((3, 3), np.nan)}, "finite"),
    ],
)
def test_what_is_no_grid_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Geometry(**{"shape": (2, 2, 2), **arguments})  # type: ignore[arg-type]


def test_a_sheared_affine_is_refused() -> None:
    sheared = oblique_geometry().affine
    sheared[:3, 2] += 0.3 * sheared[:3, 1]
    with pytest.raises(ValueError, match="orthogonal"):
        Geometry.from_affine(sheared, (2, 2, 2))


def test_repr_is_for_people(oblique: Geometry) -> None:
    assert repr(Geometry((20, 30, 40), (0.7, 0.9, 2.5))) == (
        "Geometry(40 x 30 x 20, 0.70 x 0.90 x 2.50 mm, LPS)"
    )


def test_each_patient_axis_has_an_array_axis_of_its_own() -> None:
    assert Geometry((4, 5, 6)).patient_axes == (0, 1, 2)
    coronal = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)  # j runs up, k to the back
    assert Geometry((4, 5, 6), direction=coronal).patient_axes == (0, 2, 1)
    turned = Rotation.from_euler("x", 45, degrees=True).as_matrix()
    assert sorted(Geometry((4, 5, 6), direction=turned).patient_axes) == [0, 1, 2]
