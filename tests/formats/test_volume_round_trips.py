from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vtkmodules.vtkIOXML import vtkXMLImageDataReader

from tests.formats.making import geometries, volume
from vis3d.files import read_volume, write_volume
from vis3d.formats import VOLUME_WRITERS, VOXEL_READERS
from vis3d.geometry import Geometry
from vis3d.volume import Volume
from vis3d.vtk_data import SCALARS

READABLE = sorted(VOLUME_WRITERS.keys() & VOXEL_READERS.keys())
ITK_READS = [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"]
folder_for_many = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("suffix", READABLE)
@given(geometry=geometries())
@folder_for_many
def test_what_was_written_is_read_back(suffix: str, geometry: Geometry, tmp_path: Path) -> None:
    written = volume(geometry)
    write_volume(written, tmp_path / f"scan{suffix}")
    read = read_volume(tmp_path / f"scan{suffix}")
    assert read.geometry.shape == geometry.shape
    assert np.abs(read.geometry.corners_lps - geometry.corners_lps).max() < 1e-4
    np.testing.assert_array_equal(read.array, written.array)
    assert read.array.dtype == np.int16


@pytest.mark.parametrize("suffix", READABLE)
def test_unit_padding_and_findings_travel_along(suffix: str, tmp_path: Path) -> None:
    written = volume()
    write_volume(written, tmp_path / f"scan{suffix}")
    read = read_volume(tmp_path / f"scan{suffix}")
    assert (read.unit, read.padding) == ("HU", -3024.0)
    assert read.findings == written.findings
    assert read.metadata["modality"] == "CT"


@pytest.mark.parametrize("suffix", READABLE)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_values_of_every_type_are_kept(
    suffix: str, dtype: type[np.generic], tmp_path: Path
) -> None:
    geometry = Geometry((3, 4, 5))
    values = np.random.default_rng(1).integers(0, 200, geometry.shape).astype(dtype)
    values[0, 0, 0] = 60_000 if np.dtype(dtype).itemsize > 1 else 250
    if np.issubdtype(dtype, np.floating):
        values += np.asarray(0.5, dtype)
    write_volume(Volume(values, geometry, ""), tmp_path / f"scan{suffix}")
    read = read_volume(tmp_path / f"scan{suffix}")
    np.testing.assert_array_equal(read.array, values)
    assert read.array.dtype == (np.int16 if dtype == np.uint8 else np.float32)


@pytest.mark.parametrize("suffix", ITK_READS)
@given(geometry=geometries(), seed=st.integers(0, 99))
@folder_for_many
def test_itk_finds_every_voxel_at_the_same_place(
    suffix: str, geometry: Geometry, seed: int, tmp_path: Path
) -> None:
    written = volume(geometry)
    write_volume(written, tmp_path / f"scan{suffix}")
    image = SimpleITK.ReadImage(str(tmp_path / f"scan{suffix}"))
    random = np.random.default_rng(seed)
    for kji in random.integers(0, geometry.shape, (5, 3)).tolist():
        ijk = kji[::-1]
        lps = image.TransformIndexToPhysicalPoint(ijk)
        np.testing.assert_allclose(lps, geometry.to_lps(ijk), atol=1e-4)
        assert image[ijk] == written.array[tuple(kji)]


@pytest.mark.parametrize("suffix", ITK_READS)
@pytest.mark.parametrize("left_handed", [False, True])
def test_what_itk_wrote_lies_where_itk_says(
    suffix: str, left_handed: bool, oblique: Geometry, tmp_path: Path
) -> None:
    array = volume(oblique).array
    image = SimpleITK.GetImageFromArray(array)
    direction = oblique.direction * ([1, -1, 1] if left_handed else [1, 1, 1])
    image.SetDirection(direction.ravel().tolist())
    image.SetSpacing(oblique.spacing)
    image.SetOrigin(oblique.origin)
    SimpleITK.WriteImage(image, str(tmp_path / f"scan{suffix}"), useCompression=True)
    read = read_volume(tmp_path / f"scan{suffix}")
    for kji in np.random.default_rng(3).integers(0, array.shape, (20, 3)).tolist():
        lps = image.TransformIndexToPhysicalPoint(kji[::-1])
        i, j, k = np.rint(read.geometry.to_ijk(lps)).astype(int)
        np.testing.assert_allclose(read.geometry.to_lps((i, j, k)), lps, atol=1e-4)
        assert read.array[k, j, i] == array[tuple(kji)]
    assert np.linalg.det(read.geometry.direction) > 0


def test_nibabel_finds_every_voxel_at_the_same_place(oblique: Geometry, tmp_path: Path) -> None:
    written = volume(oblique)
    write_volume(written, tmp_path / "scan.nii.gz")
    image = nibabel.load(tmp_path / "scan.nii.gz")
    header = image.header
    np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-4)
    assert (int(header["qform_code"]), int(header["sform_code"])) == (1, 1)
    assert header.get_xyzt_units()[0] == "mm"
    assert "HU" in header["descrip"].item().decode()
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, written.array)
    ras = nibabel.affines.apply_affine(image.affine, [3, 4, 5])
    np.testing.assert_allclose(ras * [-1, -1, 1], oblique.to_lps((3, 4, 5)), atol=1e-4)


def test_vtk_finds_every_voxel_at_the_same_place(oblique: Geometry, tmp_path: Path) -> None:
    written = volume(oblique)
    write_volume(written, tmp_path / "scan.vti")
    reader = vtkXMLImageDataReader()
    reader.SetFileName(str(tmp_path / "scan.vti"))
    reader.Update()
    image = reader.GetOutput()
    index = image.ComputePointId((3, 4, 5))
    lps = [0.0, 0.0, 0.0]
    image.TransformIndexToPhysicalPoint([3, 4, 5], lps)
    np.testing.assert_allclose(lps, oblique.to_lps((3, 4, 5)), atol=1e-9)
    assert image.GetPointData().GetScalars().GetName() == SCALARS
    assert image.GetPointData().GetScalars().GetTuple1(index) == written.array[5, 4, 3]


def test_an_npz_holds_values_and_place(oblique: Geometry, tmp_path: Path) -> None:
    written = volume(oblique)
    write_volume(written, tmp_path / "scan.npz")
    with np.load(tmp_path / "scan.npz") as content:
        np.testing.assert_array_equal(content["array"], written.array)
        np.testing.assert_allclose(content["affine"], oblique.affine)
        np.testing.assert_allclose(content["spacing"], oblique.spacing)
        assert str(content["frame"]) == "LPS"
        assert float(content["padding"]) == -3024


@pytest.mark.parametrize("suffix", sorted(VOLUME_WRITERS))
def test_nothing_but_the_files_named_is_left(suffix: str, tmp_path: Path) -> None:
    write_volume(volume(Geometry((2, 3, 4))), tmp_path / f"scan{suffix}")
    companions = {"scan.zraw"} if suffix == ".mhd" else set()
    assert {file.name for file in tmp_path.iterdir()} == {f"scan{suffix}", *companions}


@pytest.mark.parametrize("suffix", sorted(VOLUME_WRITERS))
def test_no_file_says_who_was_scanned(suffix: str, tmp_path: Path) -> None:
    scan = volume(Geometry((2, 3, 4)))
    named = Volume(
        scan.array, scan.geometry, "HU", None, {**scan.metadata, "description": "Doe^Jane"}
    )
    write_volume(named, tmp_path / f"scan{suffix}")
    assert b"Doe" not in (tmp_path / f"scan{suffix}").read_bytes()
