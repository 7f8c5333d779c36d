"""Surfaces."""

import numpy as np
import pytest

from vis3d.surface import Surface

TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def tetrahedron(shift_mm: float = 0.0) -> Surface:
    points = np.array([[0, 0, 0], [10, 0, 0], [0, 20, 0], [0, 0, 30]], float)
    return Surface((points + shift_mm).astype(np.float32), TETRAHEDRON, "tetrahedron")


def test_a_tetrahedron_has_its_volume_and_area() -> None:
    assert tetrahedron().volume_ml == pytest.approx(1.0)
    slanted = np.linalg.norm(np.cross([-10, 20, 0], [-10, 0, 30])) / 2
    assert tetrahedron().area_mm2 == pytest.approx(100 + 150 + 300 + slanted)


def test_volume_does_not_depend_on_the_place() -> None:
    assert tetrahedron(shift_mm=5000).volume_ml == pytest.approx(1.0, rel=1e-5)


def test_inward_normals_make_a_negative_volume() -> None:
    inside_out = Surface(tetrahedron().points, TETRAHEDRON[:, ::-1])
    assert inside_out.volume_ml == pytest.approx(-1.0)


def test_bounds_are_the_least_and_greatest_corner() -> None:
    np.testing.assert_allclose(tetrahedron(2).bounds_mm, [[2, 2, 2], [12, 22, 32]])


def test_an_empty_surface_measures_nothing() -> None:
    empty = Surface(np.zeros((0, 3)), np.zeros((0, 3), int))
    assert (empty.volume_ml, empty.area_mm2, empty.bounds_mm.sum()) == (0, 0, 0)


def test_triangles_of_missing_points_are_refused() -> None:
    with pytest.raises(ValueError, match="hasn't got"):
        Surface(np.zeros((3, 3)), np.array([[0, 1, 3]]))
    with pytest.raises(ValueError, match="hasn't got"):
        Surface(np.zeros((3, 3)), np.array([[0, 1, -1]]))
    with pytest.raises(ValueError, match=r"\(n, 3\)"):
        Surface(np.zeros((3, 2)), np.array([[0, 1, 2]]))


def test_repr_is_for_people() -> None:
    assert repr(tetrahedron()) == "Surface(tetrahedron, 4 triangles, LPS mm)"
