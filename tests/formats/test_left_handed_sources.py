"""What came from a left-handed grid lies where it lay, in every format that is written."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import trimesh
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOXML import vtkXMLImageDataReader

from tests.conftest import oblique_geometry
from vis3d import files
from vis3d.formats import LABELMAP_WRITERS, SURFACE_WRITERS, VOLUME_WRITERS
from vis3d.labels import LabelMap, Structure
from vis3d.meshing import extract_surface

GRID = oblique_geometry(shape=(11, 14, 17), spacing=(0.7, 0.9, 2.5))
BY_ITK = sorted((set(VOLUME_WRITERS) | set(LABELMAP_WRITERS)) - {".npz", ".vti"})

BY_TRIMESH = (".stl", ".ply", ".obj")


@pytest.fixture(params=[(0,), (1,), (2,), (0, 1, 2)], ids=str)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> SimpleITK.Image:
    """An image with axes reversed, in the patient where `GRID` lies."""
    values = np.random.default_rng(6).integers(-1000, 1000, GRID.shape).astype(np.int16)
    image = SimpleITK.GetImageFromArray(values)
    image.SetSpacing(GRID.spacing)
    image.SetOrigin(GRID.origin)
    signs = np.array([-1 if axis in request.param else 1 for axis in range(3)])
    direction = GRID.direction * signs
    assert np.linalg.det(direction) < 0
    image.SetDirection(direction.ravel().tolist())
    SimpleITK.WriteImage(image, tmp_path / "source.nrrd")
    return image


def same_everywhere(image: SimpleITK.Image, other: SimpleITK.Image) -> bool:
    """Whether every voxel of one is a voxel of the other with the same value."""
    on_first = SimpleITK.Resample(
        other, image, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor, -9999
    )
    return bool(
        (SimpleITK.GetArrayViewFromImage(image) == SimpleITK.GetArrayViewFromImage(on_first))
        .all()
        .item()
    )


def test_every_volume_file_has_each_value_where_it_was(
    source: SimpleITK.Image, tmp_path: Path
) -> None:
    volume = files.read_volume(tmp_path / "source.nrrd")
    for suffix in BY_ITK:
        files.write_volume(volume, tmp_path / f"made{suffix}")
        made = SimpleITK.ReadImage(tmp_path / f"made{suffix}")
        assert same_everywhere(source, made), suffix
    files.write_volume(volume, tmp_path / "made.vti")
    vtk = vtkXMLImageDataReader()
    vtk.SetFileName(str(tmp_path / "made.vti"))
    vtk.Update()
    for index in ((0, 0, 0), (3, 5, 7), (16, 13, 10)):
        point = source.TransformIndexToPhysicalPoint(index)
        found = vtk.GetOutput().FindPoint(point)
        values = vtk_to_numpy(vtk.GetOutput().GetPointData().GetScalars())
        assert values[found] == source[index]


def test_every_label_map_and_surface_lies_where_the_voxels_lay(
    source: SimpleITK.Image, tmp_path: Path
) -> None:
    inside = SimpleITK.Image(source.GetSize(), SimpleITK.sitkUInt8)
    inside.CopyInformation(source)
    inside[3:9, 2:11, 4:8] = 1
    SimpleITK.WriteImage(inside, tmp_path / "labels.nrrd")
    read = files.read_labelmap(tmp_path / "labels.nrrd")
    labels = LabelMap(read.array, read.geometry, (Structure(1, "box", (9, 8, 7)),))
    for suffix in LABELMAP_WRITERS:
        files.write_labelmap(labels, tmp_path / f"made{suffix}")
        assert same_everywhere(inside, SimpleITK.ReadImage(tmp_path / f"made{suffix}")), suffix
    corners = [
        inside.TransformContinuousIndexToPhysicalPoint((float(i), float(j), float(k)))
        for i in (2.5, 8.5) for j in (1.5, 10.5) for k in (3.5, 7.5)
    ]  # fmt: skip
    center = np.mean(corners, axis=0)
    surface = extract_surface(labels.mask("box"))
    for suffix in SURFACE_WRITERS:
        files.write_surface(surface, tmp_path / f"made{suffix}")
        points = files.read_surface(tmp_path / f"made{suffix}").points
        assert np.linalg.norm(points.mean(axis=0) - center) < 0.1, suffix
        if suffix in BY_TRIMESH:
            mesh = trimesh.load(tmp_path / f"made{suffix}", force="mesh")
            assert mesh.volume > 0, suffix
            assert np.linalg.norm(mesh.center_mass - center) < 0.1, suffix
