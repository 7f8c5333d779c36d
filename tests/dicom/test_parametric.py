"""Floating-point pixels and single bits, in objects that highdicom and pydicom write."""

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pack_bits
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    RLELossless,
    generate_uid,
)

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_slice, ct_stack, write
from vis3d.dicom import anonymize, discover, load_series, read_image
from vis3d.errors import InputError, UnsupportedError
from vis3d.volume import Volume

GRID = oblique_geometry((5, 6, 7))
VALUES = np.random.default_rng(8).normal(1.5, 40, GRID.shape)
SQUARE_MM_A_SECOND = Code("mm2/s", "UCUM", "square millimeter per second")


def meaning(
    unit: Code, slope: float = 1.0, intercept: float = 0.0
) -> hd.pm.RealWorldValueMapping:
    return hd.pm.RealWorldValueMapping(
        lut_label="1",
        lut_explanation="made up",
        unit=unit,
        value_range=(-1000.0, 1000.0) if slope == 1.0 else (0, 4095),
        slope=slope,
        intercept=intercept,
    )


def parametric_map(values: np.ndarray, *meanings: hd.pm.RealWorldValueMapping) -> Dataset:
    """A parametric map over a made-up CT on the oblique grid."""
    sources = ct_stack(np.zeros(GRID.shape, np.int16), GRID)
    for number, source in enumerate(sources):
        source.InstanceNumber, source.SliceThickness = number + 1, 2.5
        source.file_meta = FileMetaDataset()
        source.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        for keyword in (
            "AccessionNumber", "StudyDate", "StudyTime", "StudyID", "PatientBirthDate",
            "PatientSex", "ReferringPhysicianName", "PositionReferenceIndicator",
        ):  # fmt: skip
            setattr(source, keyword, None)
    i_mm, j_mm, k_mm = GRID.spacing
    return hd.pm.ParametricMap(
        source_images=sources,
        pixel_array=values,
        series_instance_uid=generate_uid(),
        series_number=1,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="somebody",
        manufacturer_model_name="something",
        software_versions="1",
        device_serial_number="1",
        contains_recognizable_visual_features=False,
        real_world_value_mappings=list(meanings),
        voi_lut_transformations=[hd.VOILUTTransformation(window_center=0, window_width=100)],
        pixel_measures=hd.PixelMeasuresSequence((j_mm, i_mm), k_mm),
    )


def loaded(folder: Path) -> Volume:
    (series,) = discover(folder).series
    return load_series(series)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_map_of_numbers_keeps_its_values_place_and_unit(tmp_path: Path, dtype: type) -> None:
    values = VALUES.astype(dtype)
    values[2, 3, 4] = np.nan
    parametric_map(values, meaning(SQUARE_MM_A_SECOND)).save_as(tmp_path / "map.dcm")
    volume = loaded(tmp_path)
    assert volume.geometry.matches(GRID, tolerance_mm=1e-4)
    assert volume.array.dtype == np.float32
    np.testing.assert_array_equal(volume.array, values.astype(np.float32))
    assert volume.unit == "mm2/s"
    rounded = [one for one in volume.findings if one.code == "rounded-values"]
    assert len(rounded) == (dtype is np.float64)


def test_a_map_is_in_hounsfield_units_only_where_it_says_so(tmp_path: Path) -> None:
    for number, (unit, expected) in enumerate(
        [(codes.UCUM.HounsfieldUnit, "HU"), (codes.UCUM.NoUnits, "")]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        parametric_map(VALUES, meaning(unit)).save_as(folder / "map.dcm")
        assert loaded(folder).unit == expected


def test_whole_numbers_of_a_map_become_what_they_mean(tmp_path: Path) -> None:
    stored = np.random.default_rng(1).integers(0, 4096, GRID.shape).astype(np.uint16)
    parametric_map(stored, meaning(SQUARE_MM_A_SECOND, 0.001, -0.5)).save_as(
        tmp_path / "map.dcm"
    )
    volume = loaded(tmp_path)
    np.testing.assert_allclose(volume.array, stored * 0.001 - 0.5, atol=1e-6)
    assert volume.unit == "mm2/s"


def test_values_of_several_meanings_are_left_as_stored(tmp_path: Path) -> None:
    stored = np.random.default_rng(1).integers(0, 4096, GRID.shape).astype(np.uint16)
    two = (meaning(SQUARE_MM_A_SECOND, 0.001), meaning(codes.UCUM.HounsfieldUnit, 2.0))
    made = parametric_map(stored, *two[:1])
    sequence = made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence
    sequence.append(two[1])
    made.save_as(tmp_path / "map.dcm")
    volume = loaded(tmp_path)
    np.testing.assert_array_equal(volume.array, stored)
    assert volume.unit == ""


def floating(values: np.ndarray, **elements: object) -> Dataset:
    """One slice of floating-point numbers."""
    dataset = ct_slice(np.zeros(values.shape, np.int16), **elements)
    for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(dataset, keyword)
    dataset.BitsAllocated = values.dtype.itemsize * 8
    keyword = {"f4": "FloatPixelData", "f8": "DoubleFloatPixelData"}[values.dtype.str[1:]]
    setattr(dataset, keyword, values.tobytes())
    return dataset


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_a_slice_of_numbers_is_read_in_any_order_of_bytes(tmp_path: Path, syntax: str) -> None:
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    write(tmp_path, [floating(VALUES[0].astype(f"{order}f4"))], syntax)
    np.testing.assert_array_equal(loaded(tmp_path).array[0], VALUES[0].astype(np.float32))


def test_padding_of_numbers_is_outside_the_scan(tmp_path: Path) -> None:
    values = VALUES[0].astype("<f8")
    values[:2] = -9999.5
    write(tmp_path, [floating(values, DoubleFloatPixelPaddingValue=-9999.5)])
    volume = loaded(tmp_path)
    assert volume.padding == -9999.5
    assert np.count_nonzero(~volume.inside_scan()) == 2 * values.shape[1]


def test_numbers_that_are_cut_mislabelled_or_too_large_are_refused(tmp_path: Path) -> None:
    short, wrong = floating(VALUES[0].astype("<f4")), floating(VALUES[0].astype("<f4"))
    short.FloatPixelData = short.FloatPixelData[:-4]
    wrong.BitsAllocated = 64
    large = floating(VALUES[0].astype("<f8") * 1e300)
    said = []
    for dataset in (short, wrong, large):
        (path,) = write(tmp_path, [dataset])
        with pytest.raises(InputError) as caught:
            read_image(path)
        said.append(str(caught.value))
    assert "truncated" in said[0]
    assert "32 bits and says 64" in said[1]
    assert "beyond those of 32 bits" in said[2]


def bits(masks: np.ndarray, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    """Pictures of one bit a pixel, packed across them."""
    dataset = ct_slice(np.zeros(masks.shape[1:], np.uint8))
    dataset.SOPClassUID = MultiFrameSingleBitSecondaryCaptureImageStorage
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope",
                    "RescaleIntercept"):  # fmt: skip
        delattr(dataset, keyword)
    dataset.Modality, dataset.NumberOfFrames = "OT", len(masks)
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    packed = pack_bits(masks, pad=True)
    if syntax == ExplicitVRBigEndian:
        packed = np.frombuffer(packed, "<u2").astype(">u2").tobytes()
    dataset.PixelData = packed
    return dataset


MASKS = np.random.default_rng(5).integers(0, 2, (4, 5, 7)).astype(np.uint8)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_single_bits_are_read_where_frames_begin_within_bytes(
    tmp_path: Path, syntax: str
) -> None:
    (path,) = write(tmp_path, [bits(MASKS, syntax)], syntax)
    for number, mask in enumerate(MASKS):
        image = read_image(path, frame=number)
        np.testing.assert_array_equal(image.pixels, mask)
        assert image.unit == ""
    if syntax == ExplicitVRLittleEndian:  # pydicom 3.0 doesn't turn words of single bits
        np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, MASKS)


def test_single_bits_that_are_cut_or_compressed_are_refused(tmp_path: Path) -> None:
    short = bits(MASKS)
    short.PixelData = short.PixelData[:-2]
    (path,) = write(tmp_path, [short])
    with pytest.raises(InputError, match="truncated: 16 of 18"):
        read_image(path)
    packed = bits(MASKS)
    packed.PixelData = encapsulate([b"\0" * 64] * len(MASKS))
    packed["PixelData"].is_undefined_length = True
    (path,) = write(tmp_path, [packed], RLELossless)
    with pytest.raises(UnsupportedError, match="compressed single bits"):
        read_image(path)


def test_numbers_and_bits_survive_the_loss_of_an_identity(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    parametric_map(VALUES, meaning(SQUARE_MM_A_SECOND)).save_as(source / "map.dcm")
    write(source, [bits(MASKS)])
    anonymize(source, out, compress="rle")
    (series,) = discover(out).series
    np.testing.assert_array_equal(load_series(series).array, VALUES.astype(np.float32))
    assert series.unit == "mm2/s"
    (path,) = (one for one in out.rglob("*.dcm") if "PixelData" in pydicom.dcmread(one))
    np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, MASKS)
