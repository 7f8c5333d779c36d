"""Enhanced multi-frame objects: places by functional groups, not by the frames' order."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_slice, write
from vis3d.dicom import discover, load_series
from vis3d.geometry import Geometry

GRID = oblique_geometry((5, 6, 7))
STORED = np.random.default_rng(4).integers(0, 3000, GRID.shape, np.int16)


def item(**elements: object) -> list[Dataset]:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return [dataset]


def enhanced(
    array: np.ndarray, geometry: Geometry, order: list[int], slopes: list[float]
) -> Dataset:
    """An Enhanced CT object whose frames lie in the given order, rescaled each on its own."""
    dataset = ct_slice(np.concatenate([array[k] for k in order]))
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(dataset, keyword)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    dataset.NumberOfFrames, dataset.Rows = len(order), array.shape[1]
    i_mm, j_mm, k_mm = geometry.spacing
    shared = Dataset()
    shared.PixelMeasuresSequence = item(PixelSpacing=[j_mm, i_mm], SliceThickness=k_mm)
    shared.PlaneOrientationSequence = item(
        ImageOrientationPatient=[f"{c:.12f}" for c in geometry.direction[:, :2].T.ravel()]
    )
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = []
    for k in order:
        group = Dataset()
        position = [f"{mm:.10f}" for mm in geometry.to_lps((0, 0, k))]
        group.PlanePositionSequence = item(ImagePositionPatient=position)
        group.PixelValueTransformationSequence = item(
            RescaleSlope=slopes[k], RescaleIntercept=-1000, RescaleType="HU"
        )
        group.FrameContentSequence = item(StackID="1", TemporalPositionIndex=1)
        dataset.PerFrameFunctionalGroupsSequence.append(group)
    return dataset


def test_frames_are_placed_by_their_groups(tmp_path: Path) -> None:
    slopes = [1.0, 1.0, 2.0, 1.5, 1.0]
    write(tmp_path, [enhanced(STORED, GRID, [3, 0, 4, 1, 2], slopes)])
    (series,) = discover(tmp_path).series
    volume = load_series(series)
    assert volume.geometry.matches(GRID)
    expected = STORED * np.array(slopes).reshape(-1, 1, 1) - 1000
    np.testing.assert_allclose(volume.array, expected)
    assert volume.unit == "HU"
    assert series.files == ("F000",)


def test_time_points_are_volumes_of_their_own(tmp_path: Path) -> None:
    dataset = enhanced(STORED, GRID, [0, 1, 2, 3, 4], [1.0] * 5)
    again = enhanced(STORED + 1, GRID, [0, 1, 2, 3, 4], [1.0] * 5)
    for group in again.PerFrameFunctionalGroupsSequence:
        group.FrameContentSequence[0].TemporalPositionIndex = 2
    dataset.PerFrameFunctionalGroupsSequence += again.PerFrameFunctionalGroupsSequence
    dataset.PixelData += again.PixelData
    dataset.NumberOfFrames = 10
    write(tmp_path, [dataset])
    first, second = discover(tmp_path).series
    np.testing.assert_array_equal(load_series(first).array, STORED - 1000)
    np.testing.assert_array_equal(load_series(second).array, STORED - 999)


def test_stacks_are_volumes_of_their_own(tmp_path: Path) -> None:
    dataset = enhanced(STORED, GRID, [0, 1, 2, 3, 4], [1.0] * 5)
    for group in dataset.PerFrameFunctionalGroupsSequence[3:]:
        group.FrameContentSequence[0].StackID = "2"
    write(tmp_path, [dataset])
    assert sorted(series.shape[0] for series in discover(tmp_path).series) == [2, 3]


def test_groups_that_miss_frames_are_refused(tmp_path: Path) -> None:
    dataset = enhanced(STORED, GRID, [0, 1, 2, 3, 4], [1.0] * 5)
    del dataset.PerFrameFunctionalGroupsSequence[-1]
    write(tmp_path, [dataset])
    (left_out,) = discover(tmp_path).skipped
    assert left_out.reason == "has 4 functional groups for 5 frames"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_frames_are_read_inside_an_archive(tmp_path: Path, method: int) -> None:
    (file,) = write(tmp_path, [enhanced(STORED, GRID, [3, 0, 4, 1, 2], [1.0] * 5)])
    with zipfile.ZipFile(tmp_path / "scan.zip", "w", method) as archive:
        archive.write(file)
    (series,) = discover(tmp_path / "scan.zip").series
    np.testing.assert_array_equal(load_series(series).array, STORED - 1000)


@pytest.mark.real
@pytest.mark.parametrize("size", ["23x38x3", "24x38x3"])
def test_a_real_enhanced_ct_equals_its_single_slices(real_data: Path, size: str) -> None:
    folder = real_data / "seg_objects" / "dcmqi" / "segmentations" / size
    (slices,), (frames,) = (discover(folder / n).series for n in ("image", "multiframe"))
    one, other = load_series(slices), load_series(frames)
    np.testing.assert_array_equal(one.array, other.array)
    assert one.geometry.matches(other.geometry)


def test_parts_of_one_object_make_one_volume(tmp_path: Path) -> None:
    slopes = [1.0] * 5
    parts = [enhanced(STORED, GRID, order, slopes) for order in ([4, 0], [2, 1, 3])]
    write(tmp_path, parts)
    (series,) = discover(tmp_path).series
    np.testing.assert_array_equal(load_series(series).array, STORED - 1000)


@pytest.mark.parametrize(
    ("sequence", "keyword", "both"),
    [
        ("CTXRayDetailsSequence", "KVP", (80, 140)),
        (
            "FrameContentSequence",
            "FrameAcquisitionDateTime",
            ("20200101120000", "20200101120030"),
        ),
    ],
)
def test_frames_that_take_turns_are_parted_by_their_groups(
    tmp_path: Path, sequence: str, keyword: str, both: tuple[object, object]
) -> None:
    order = [k for k in range(5) for _ in both]
    dataset = enhanced(STORED, GRID, order, [1.0] * 5)
    pixels = np.frombuffer(dataset.PixelData, np.int16).reshape(10, *GRID.shape[1:]).copy()
    pixels[1::2] += 7
    dataset.PixelData = pixels.tobytes()
    for number, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        if sequence not in group:
            setattr(group, sequence, item())
        setattr(group[sequence].value[0], keyword, both[number % 2])
    write(tmp_path, [dataset])
    volumes = [load_series(series).array for series in discover(tmp_path).series]
    np.testing.assert_array_equal(volumes, [STORED - 1000, STORED - 993])


def test_a_localizer_among_frames_is_left_out_and_told(tmp_path: Path) -> None:
    dataset = enhanced(STORED, GRID, [0, 1, 2, 3, 4, 2], [1.0] * 5)
    dataset.PerFrameFunctionalGroupsSequence[5].CTImageFrameTypeSequence = item(
        FrameType=["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"]
    )
    write(tmp_path, [dataset])
    (series,) = discover(tmp_path).series
    assert [finding.code for finding in series.findings] == ["localizer"]
    np.testing.assert_array_equal(load_series(series).array, STORED - 1000)
