"""The door to VTK: same memory, same place."""

import numpy as np
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

from tests.test_surface import tetrahedron
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume
from vis3d.vtk_data import surface_from_vtk, to_pyvista, to_vtk


def test_a_voxel_lies_in_vtk_where_it_lies_in_the_patient(oblique: Geometry) -> None:
    array = np.zeros(oblique.shape, np.int16)
    array[3, 5, 7] = 1234
    image = to_vtk(Volume(array, oblique))
    index = image.ComputePointId((7, 5, 3))
    assert image.GetPointData().GetScalars().GetTuple1(index) == 1234
    np.testing.assert_allclose(image.GetPoint(index), oblique.to_lps((7, 5, 3)), atol=1e-9)


def test_voxels_are_shared_not_copied(oblique: Geometry) -> None:
    volume = Volume(np.zeros(oblique.shape, np.float32), oblique)
    seen = vtk_to_numpy(to_vtk(volume).GetPointData().GetScalars())
    assert np.shares_memory(seen, volume.array)


def test_voxels_outlive_the_volume_they_came_from(oblique: Geometry) -> None:
    image = to_vtk(Volume(np.full(oblique.shape, 7, np.int16), oblique))
    np.zeros(oblique.shape, np.int16)  # takes the memory, were it free
    assert (vtk_to_numpy(image.GetPointData().GetScalars()) == 7).all()


@pytest.mark.parametrize("kind", [Volume, Mask, LabelMap])
def test_every_kind_of_voxels_passes(oblique: Geometry, kind: type) -> None:
    dtype = {Volume: np.int16, Mask: bool, LabelMap: np.uint8}[kind]
    array = np.zeros(oblique.shape, dtype)
    array[2, 1, 0] = 1
    grid = to_pyvista(kind(array, oblique))
    assert np.array(grid.point_data.active_scalars).sum() == 1
    np.testing.assert_allclose(grid.index_to_physical_matrix, oblique.affine, atol=1e-9)


def test_flying_edges_find_a_blob_where_it_lies_in_the_patient(oblique: Geometry) -> None:
    array = np.zeros(oblique.shape, np.int16)
    array[9:12, 14:17, 19:22] = 100
    edges = vtkFlyingEdges3D()
    edges.SetInputData(to_vtk(Volume(array, oblique)))
    edges.SetValue(0, 50)
    edges.Update()
    surface = surface_from_vtk(edges.GetOutput())
    np.testing.assert_allclose(
        surface.points.mean(axis=0), oblique.to_lps((20, 15, 10)), atol=0.05
    )


def test_a_surface_comes_back_from_vtk_as_it_went() -> None:
    surface = tetrahedron()
    back = surface_from_vtk(to_vtk(surface), name=surface.name)
    np.testing.assert_array_equal(back.points, surface.points)
    np.testing.assert_array_equal(back.triangles, surface.triangles)


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint16])
def test_triangles_of_every_kind_pass_and_those_of_32_bits_are_shared(kind: type) -> None:
    before = tetrahedron()
    triangles = before.triangles.astype(kind)
    polydata = to_vtk(Surface(before.points, triangles))
    after = surface_from_vtk(polydata).triangles
    assert (after == before.triangles).all()
    assert np.shares_memory(after, triangles) == (kind is not np.uint16)


def test_values_at_points_travel_along() -> None:
    bare = tetrahedron()
    surface = Surface(bare.points, bare.triangles, point_data={"deviation": np.arange(4.0)})
    assert to_pyvista(surface).point_data["deviation"].tolist() == [0, 1, 2, 3]


def test_an_empty_surface_passes_both_ways() -> None:
    empty = Surface(np.zeros((0, 3), np.float32), np.zeros((0, 3), int))
    assert len(surface_from_vtk(to_vtk(empty)).triangles) == 0
