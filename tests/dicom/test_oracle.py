"""SimpleITK, which shares no code with this reader, agrees where every voxel lies."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import dcm2niix
import highdicom
import nibabel
import numpy as np
import pydicom
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless

from tests.conftest import oblique_geometry
from tests.dicom.stacks import compress, ct_stack, write
from vis3d.dicom import discover, load_series
from vis3d.geometry import Geometry
from vis3d.volume import Volume


def assert_agrees_with_simpleitk(volume: Volume, folder: Path, uid: str = "") -> None:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid))
    image = reader.Execute()
    generator = np.random.default_rng(1)
    nk, nj, ni = volume.array.shape
    for _ in range(50):
        i, j, k = (int(n) for n in generator.integers(0, (ni, nj, nk)))
        lps = volume.geometry.to_lps((i, j, k))
        index = image.TransformPhysicalPointToContinuousIndex(lps.tolist())
        np.testing.assert_allclose(index, np.rint(index), atol=2e-2)
        there = tuple(int(n) for n in np.rint(index))
        assert image[there] == volume.array[k, j, i]


turns = st.tuples(*[st.floats(-180, 180)] * 3)
sizes = st.tuples(st.integers(2, 7), st.integers(2, 9), st.integers(2, 9))
spacings = st.tuples(*[st.floats(0.3, 5)] * 3)


def turned(degrees: tuple[float, float, float]) -> np.ndarray:
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        a, b = [n for n in range(3) if n != axis]
        turn = np.eye(3)
        turn[a, a], turn[a, b] = np.cos(angle), -np.sin(angle)
        turn[b, a], turn[b, b] = np.sin(angle), np.cos(angle)
        matrix = matrix @ turn
    return matrix


@settings(deadline=None, max_examples=25)
@given(sizes, spacings, turns, st.booleans(), st.integers(0, 2**31))
def test_any_oblique_shuffled_stack_agrees_with_simpleitk(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    degrees: tuple[float, float, float],
    reverse: bool,
    seed: int,
) -> None:
    geometry = Geometry(shape, spacing, (11.0, -42.0, 7.5), turned(degrees))
    stored = np.random.default_rng(seed).integers(-1000, 3000, shape, np.int16)
    slices = ct_stack(stored, geometry)
    for number, dataset in enumerate(slices[::-1] if reverse else slices):
        dataset.InstanceNumber = number
    with TemporaryDirectory() as folder:
        write(Path(folder), slices)
        (series,) = discover(folder).series
        volume = load_series(series)
        assert volume.geometry.matches(geometry, tolerance_mm=1e-3)
        np.testing.assert_array_equal(volume.array, stored)
        assert_agrees_with_simpleitk(volume, Path(folder))


def test_shuffled_files_give_the_same_volume(tmp_path: Path) -> None:
    geometry = oblique_geometry((6, 7, 8))
    stored = np.arange(6 * 7 * 8, dtype=np.int16).reshape(6, 7, 8)
    slices = ct_stack(stored, geometry)
    write(tmp_path / "one", slices)
    write(tmp_path / "other", slices[::-1])
    one, other = (load_series(discover(tmp_path / name).series[0]) for name in ("one", "other"))
    np.testing.assert_array_equal(one.array, other.array)
    assert one.geometry.matches(other.geometry)
    assert one.geometry.matches(geometry)


def assert_agrees_with_dcm2niix(volume: Volume, folder: Path) -> None:
    with TemporaryDirectory() as out:
        dcm2niix.main(["-z", "n", "-b", "n", "-o", out, str(folder)])
        (file,) = Path(out).glob("*.nii")
        image = nibabel.load(file)
        stored = np.asarray(image.dataobj)
    to_index = np.linalg.inv(image.affine)
    for k, j, i in np.random.default_rng(1).integers(0, volume.array.shape, (50, 3)):
        ras = volume.geometry.to_lps((i, j, k)) * (-1, -1, 1)
        index = to_index @ (*ras, 1)
        np.testing.assert_allclose(index, np.rint(index), atol=2e-2)
        there = tuple(np.rint(index[:3]).astype(int))
        assert stored[there] == volume.array[k, j, i]


def assert_agrees_with_highdicom(volume: Volume, folder: Path) -> None:
    theirs = highdicom.get_volume_from_series([pydicom.dcmread(f) for f in folder.iterdir()])
    indices_kji = np.random.default_rng(1).integers(0, volume.array.shape, (50, 3))
    points_lps = volume.geometry.to_lps(indices_kji[:, ::-1])
    indices = np.array(theirs.map_reference_to_indices(points_lps))
    np.testing.assert_allclose(indices, np.rint(indices), atol=2e-2)
    for ours, there in zip(indices_kji, np.rint(indices).astype(int), strict=True):
        assert theirs.array[tuple(there)] == volume.array[tuple(ours)]


@settings(deadline=None, max_examples=10)
@given(st.tuples(st.integers(3, 7), st.integers(8, 16), st.integers(8, 16)), spacings, turns)
def test_dcm2niix_and_highdicom_put_every_voxel_where_we_do(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    degrees: tuple[float, float, float],
) -> None:
    geometry = Geometry(shape, spacing, (11.0, -42.0, 7.5), turned(degrees))
    stored = np.random.default_rng(0).integers(-1000, 3000, shape, np.int16)
    with TemporaryDirectory() as folder:
        write(Path(folder), ct_stack(stored, geometry))
        volume = load_series(discover(folder).series[0])
        assert_agrees_with_dcm2niix(volume, Path(folder))
        assert_agrees_with_highdicom(volume, Path(folder))


def with_rescales(slices: list[Dataset]) -> None:
    for k, dataset in enumerate(slices):
        dataset.RescaleSlope, dataset.RescaleIntercept = str(1 + k % 3), str(-100 * k)


def inverted(slices: list[Dataset]) -> None:
    for dataset in slices:
        dataset.PhotometricInterpretation = "MONOCHROME1"


def in_twelve_bits(slices: list[Dataset]) -> None:
    for dataset in slices:
        stored = np.frombuffer(dataset.PixelData, np.int16).clip(0) + 1024
        dataset.PixelData = stored.astype(np.uint16).tobytes()
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0
        dataset.RescaleIntercept = "-1024"


def compressed(slices: list[Dataset]) -> None:
    for dataset in slices:
        compress(dataset, JPEGLSLossless)


@settings(deadline=None, max_examples=12)
@given(
    st.tuples(st.integers(3, 7), st.integers(8, 16), st.integers(8, 16)),
    spacings,
    turns,
    st.sampled_from([with_rescales, inverted, in_twelve_bits, compressed]),
)
def test_values_agree_however_they_are_stored(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    degrees: tuple[float, float, float],
    change: Callable[[list[Dataset]], None],
) -> None:
    geometry = Geometry(shape, spacing, (11.0, -42.0, 7.5), turned(degrees))
    stored = np.random.default_rng(0).integers(-1000, 2000, shape, np.int16)
    slices = ct_stack(stored, geometry)
    change(slices)
    syntax = JPEGLSLossless if change is compressed else ExplicitVRLittleEndian
    with TemporaryDirectory() as folder:
        write(Path(folder), slices, syntax)
        volume = load_series(discover(folder).series[0])
        assert_agrees_with_dcm2niix(volume, Path(folder))
        if change is not inverted:  # the others show such values turned round
            assert_agrees_with_simpleitk(volume, Path(folder))
            assert_agrees_with_highdicom(volume, Path(folder))
