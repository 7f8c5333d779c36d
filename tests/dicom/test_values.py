"""Stored numbers become the measured ones: rescale, sign, bits, padding."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_slice, ct_stack, write
from vis3d.dicom import Series, discover, load_series
from vis3d.errors import UnsupportedError
from vis3d.segmentation import segment
from vis3d.volume import Volume

GRID = oblique_geometry((4, 5, 6))


def loaded(folder: Path, slices: list[Dataset]) -> Volume:
    write(folder, slices)
    return load_series(only_series(folder))


def only_series(folder: Path) -> Series:
    (series,) = discover(folder).series
    return series


def stored(low: int = -1000, high: int = 3000, dtype: type = np.int16) -> np.ndarray:
    return np.random.default_rng(3).integers(low, high, GRID.shape).astype(dtype)


def codes(volume: Volume) -> list[str]:
    return [finding.code for finding in volume.findings]


def test_unsigned_values_lose_the_intercept(tmp_path: Path) -> None:
    values = stored(0, 4000, np.uint16)
    volume = loaded(tmp_path, ct_stack(values, GRID, RescaleIntercept="-1024"))
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, values.astype(int) - 1024)
    assert volume.unit == "HU"


def test_a_whole_slope_stays_in_whole_numbers(tmp_path: Path) -> None:
    values = stored(0, 4000, np.uint16)
    slices = ct_stack(values, GRID, RescaleSlope="2", RescaleIntercept="-1024")
    volume = loaded(tmp_path, slices)
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, 2 * values.astype(int) - 1024)


def test_each_slice_has_its_own_rescale(tmp_path: Path) -> None:
    values = stored()
    slices = ct_stack(values, GRID)
    for k, dataset in enumerate(slices):
        dataset.RescaleSlope = str(1 + k / 4)
        dataset.RescaleIntercept = str(-10 * k)
    volume = loaded(tmp_path, slices)
    assert volume.array.dtype == np.float32
    (finding,) = (one for one in volume.findings if one.code == "per-slice-rescale")
    assert finding.severity == "warning"
    k = np.arange(4).reshape(4, 1, 1)
    np.testing.assert_allclose(volume.array, values * (1 + k / 4) - 10 * k, rtol=1e-6)


def test_values_beyond_int16_become_floats_instead_of_wrapping(tmp_path: Path) -> None:
    values = stored(0, 65536, np.uint16)
    volume = loaded(tmp_path, ct_stack(values, GRID, RescaleIntercept="-1024"))
    assert volume.array.dtype == np.float32
    np.testing.assert_array_equal(volume.array, values.astype(np.float32) - 1024)


@pytest.mark.parametrize("signed", [0, 1])
def test_bits_above_the_stored_ones_are_dropped(tmp_path: Path, signed: int) -> None:
    values = stored(-2048, 2048) if signed else stored(0, 4096)
    dirty = (values.view(np.uint16) & 0x0FFF) | 0x5000
    slices = ct_stack(dirty, GRID, BitsStored=12, HighBit=11, PixelRepresentation=signed)
    np.testing.assert_array_equal(loaded(tmp_path, slices).array, values)


def test_eight_bit_pixels_are_read(tmp_path: Path) -> None:
    values = stored(0, 256, np.uint8)
    np.testing.assert_array_equal(loaded(tmp_path, ct_stack(values, GRID)).array, values)


@pytest.mark.parametrize("rescale_type", [None, "HU"])
def test_greys_of_a_window_are_no_hounsfield_units(
    tmp_path: Path, rescale_type: str | None
) -> None:
    values = stored(0, 256, np.uint8)
    elements = {"RescaleType": rescale_type} if rescale_type else {}
    volume = loaded(tmp_path, ct_stack(values, GRID, RescaleSlope="1.5", **elements))
    assert volume.unit == ""
    with pytest.raises(UnsupportedError, match="no known unit, not in Hounsfield units"):
        segment(volume, ["lungs"])


def test_eight_bits_that_begin_at_air_are_hounsfield_units(tmp_path: Path) -> None:
    values = stored(0, 256, np.uint8)
    slices = ct_stack(values, GRID, RescaleSlope="16", RescaleIntercept="-1024")
    volume = loaded(tmp_path, slices)
    assert volume.unit == "HU"
    np.testing.assert_array_equal(volume.array, 16 * values.astype(int) - 1024)


def test_monochrome1_changes_the_display_not_the_values(tmp_path: Path) -> None:
    values = stored()
    slices = ct_stack(values, GRID, PhotometricInterpretation="MONOCHROME1")
    volume = loaded(tmp_path, slices)
    np.testing.assert_array_equal(volume.array, values)
    assert volume.metadata["photometric"] == "MONOCHROME1"


def test_signed_and_unsigned_slices_mean_the_same(tmp_path: Path) -> None:
    values = stored()
    slices = ct_stack(values, GRID)
    for k in (0, 2):
        slices[k].PixelData = (values[k].astype(int) + 2000).astype(np.uint16).tobytes()
        slices[k].PixelRepresentation, slices[k].RescaleIntercept = 0, "-2000"
    np.testing.assert_array_equal(loaded(tmp_path, slices).array, values)


def test_padding_below_all_tissue_keeps_its_rescaled_value(tmp_path: Path) -> None:
    values = stored()
    values[:, 0] = -2000
    slices = ct_stack(values, GRID, RescaleIntercept="-1024")
    for dataset in slices:  # -2000 written as an unsigned number, as GE does
        dataset.add_new("PixelPaddingValue", "US", 63536)
    volume = loaded(tmp_path, slices)
    assert volume.padding == -3024
    np.testing.assert_array_equal(volume.array, values - 1024)
    assert not volume.inside_scan()[:, 0].any()
    assert volume.inside_scan()[:, 1:].all()


def test_padding_that_tissue_could_have_moves_below_it(tmp_path: Path) -> None:
    values = stored(1, 3000, np.uint16)
    values[:, 0] = 0
    slices = ct_stack(values, GRID, RescaleIntercept="-1000")
    for dataset in slices:
        dataset.add_new("PixelPaddingValue", "US", 0)
    volume = loaded(tmp_path, slices)
    assert volume.padding is not None
    assert volume.padding < -1024
    assert (volume.array[:, 0] == volume.padding).all()
    np.testing.assert_array_equal(volume.array[:, 1:], values[:, 1:].astype(int) - 1000)


def test_a_padding_range_becomes_one_value(tmp_path: Path) -> None:
    values = stored(-1000, 3000)
    values[:, 0], values[:, 1] = -2000, -1990
    slices = ct_stack(values, GRID)
    for dataset in slices:
        dataset.add_new("PixelPaddingValue", "SS", -2000)
        dataset.add_new("PixelPaddingRangeLimit", "SS", -1990)
    volume = loaded(tmp_path, slices)
    assert (volume.array[:, :2] == volume.padding).all()
    np.testing.assert_array_equal(volume.array[:, 2:], values[:, 2:])


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_ct_without_rescale_says_that_it_may_not_be_hu(
    tmp_path: Path, nothing: str | None
) -> None:
    slices = ct_stack(stored(), GRID, RescaleSlope=nothing, RescaleIntercept=nothing)
    volume = loaded(tmp_path, slices)
    assert "no-rescale" in codes(volume)
    assert volume.unit == ""


def test_nothing_of_the_patient_is_in_the_volume(tmp_path: Path) -> None:
    volume = loaded(tmp_path, ct_stack(stored(), GRID, ConvolutionKernel="B30f"))
    assert volume.metadata["kernel"] == "B30f"
    assert "secret" not in f"{volume.metadata} {volume!r}".lower()


def test_an_image_without_a_place_is_one_picture(tmp_path: Path) -> None:
    image = ct_slice(stored()[0], ImagePositionPatient=None, ImageOrientationPatient=None)
    image.PixelSpacing, image.ImagerPixelSpacing = None, ["0.2", "0.1"]
    write(tmp_path, [image])
    series = only_series(tmp_path)
    assert series.geometry is None
    assert series.shape == (1, 5, 6)
    assert {"no-position", "magnified-spacing"} <= {f.code for f in series.findings}
    volume = load_series(series)
    assert volume.geometry.spacing == (0.1, 0.2, 1.0)


def with_table(image: Dataset, first: int, table: np.ndarray, kind: str) -> Dataset:
    """The image with a Modality LUT in place of slope and intercept."""
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(table), first, 16])
    item.ModalityLUTType = kind
    item.add_new("LUTData", "OW", table.astype("<u2").tobytes())
    image.ModalityLUTSequence = [item]
    del image.RescaleSlope, image.RescaleIntercept
    return image


@pytest.mark.parametrize("first", [0, -10])
def test_a_table_gives_values_their_meaning(tmp_path: Path, first: int) -> None:
    values = stored(-20 if first < 0 else 0, 40, np.int16 if first < 0 else np.uint16)
    table = np.arange(30) ** 2
    slices = [with_table(image, first, table, "HU") for image in ct_stack(values, GRID)]
    volume = loaded(tmp_path, slices)
    expected = table[np.clip(values.astype(int) - first, 0, 29)]
    np.testing.assert_array_equal(volume.array, expected)
    assert volume.unit == "HU"
    assert "modality-lut" in codes(volume)


def test_a_table_cut_short_refuses_its_file(tmp_path: Path) -> None:
    image = with_table(ct_slice(stored()[0]), 0, np.arange(30), "HU")
    image.ModalityLUTSequence[0].LUTData = b"\0\0" * 10
    write(tmp_path, [image])
    (skipped,) = discover(tmp_path).skipped
    assert skipped.reason == "has a ModalityLUTSequence of 10 entries, not 30"


@pytest.mark.parametrize(("calibration", "flagged"), [("", True), ("GEOMETRY", False)])
def test_a_detector_spacing_given_twice_is_still_the_detectors(
    tmp_path: Path, calibration: str, flagged: bool
) -> None:
    image = ct_slice(stored()[0], Modality="DX", ImagePositionPatient=None)
    image.PixelSpacing = image.ImagerPixelSpacing = ["0.2", "0.2"]
    if calibration:
        image.PixelSpacingCalibrationType = calibration
    write(tmp_path, [image])
    assert ("magnified-spacing" in {f.code for f in only_series(tmp_path).findings}) is flagged


def test_pixels_without_a_spacing_are_a_guess(tmp_path: Path) -> None:
    slices = ct_stack(stored(), GRID)
    for image in slices:
        del image.PixelSpacing
    volume = loaded(tmp_path, slices)
    assert volume.geometry.spacing == pytest.approx((1, 1, GRID.spacing[2]))
    assert "no-spacing" in codes(volume)


@pytest.mark.parametrize(
    ("said", "spacing", "words"),
    [
        ({"SliceThickness": "2.5"}, 2.5, "its thickness"),
        ({"SliceThickness": "-3"}, 1, "1 mm"),
        ({}, 1, "1 mm"),
    ],
)
def test_a_slice_alone_is_as_thick_as_it_says(
    tmp_path: Path, said: dict[str, str], spacing: float, words: str
) -> None:
    write(tmp_path, [ct_slice(stored()[0], **said)])
    series = only_series(tmp_path)
    assert load_series(series).geometry.spacing[2] == spacing
    (finding,) = [f for f in series.findings if f.code == "single-slice"]
    assert finding.message == f"One slice alone; {words} stands for spacing."


def circle(outside: int, inside: int = -1000) -> np.ndarray:
    """Slices whose corners lie outside a scanner's circle."""
    values = stored(inside, 900)
    values[:, [0, 0, -1, -1], [0, -1, 0, -1]] = outside
    return values


def test_the_outside_of_the_circle_is_found_by_its_corners(tmp_path: Path) -> None:
    values = circle(-2000)
    volume = loaded(tmp_path, ct_stack(values, GRID, RescaleIntercept="-1024"))
    assert volume.padding == -3024
    np.testing.assert_array_equal(volume.inside_scan(), values != -2000)
    assert "padding" in codes(volume)


@pytest.mark.parametrize(
    "values",
    [circle(-1024), circle(-2000, -2500), np.full(GRID.shape, -2000, np.int16)],
    ids=["air", "not the lowest", "nothing but it"],
)
def test_corners_that_prove_nothing_mark_nothing(tmp_path: Path, values: np.ndarray) -> None:
    volume = loaded(tmp_path, ct_stack(values, GRID))
    assert volume.padding is None
    np.testing.assert_array_equal(volume.array, values)


def test_one_corner_that_differs_marks_nothing(tmp_path: Path) -> None:
    values = circle(-2000)
    values[2, 0, -1] = -990
    assert loaded(tmp_path, ct_stack(values, GRID)).padding is None


def test_rounded_numbers_are_told(tmp_path: Path) -> None:
    values = np.full((5, 6), 2**24 + 1, np.uint32)
    write(tmp_path, [ct_slice(values)])
    series = only_series(tmp_path)
    assert "rounded-values" in [finding.code for finding in series.findings]
    assert load_series(series).array[0, 0, 0] == 2**24


@pytest.mark.parametrize(
    ("claimed", "said"),
    [("2.5", []), ("-2.5", []), ("2.2", ["note"]), ("1.25", ["warning"])],
)
def test_a_header_that_contradicts_the_positions_is_told(
    tmp_path: Path, claimed: str, said: list[str]
) -> None:
    volume = loaded(tmp_path, ct_stack(stored(), GRID, SpacingBetweenSlices=claimed))
    found = [finding for finding in volume.findings if finding.code == "spacing-differs"]
    assert [finding.severity for finding in found] == said
    assert volume.geometry.spacing[2] == pytest.approx(2.5)
    assert all(("missing" in finding.message) == (said == ["warning"]) for finding in found)


@pytest.mark.parametrize(
    ("agent", "said"),
    [("Ultravist 370", True), ("None", False), ("NO CONTRAST", False), ("", None)],
)
def test_an_agent_that_is_named_empty_or_none_is_told_apart(
    tmp_path: Path, agent: str, said: bool | None
) -> None:
    slices = ct_stack(stored(), GRID, ContrastBolusAgent=agent)
    metadata = loaded(tmp_path, slices).metadata
    assert metadata.get("contrast") is said
