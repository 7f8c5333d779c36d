"""Single pictures: colours in every form, loops, localizers, detectors' images."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, pixel_array
from pydicom.uid import ExplicitVRBigEndian, SecondaryCaptureImageStorage

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_slice, ct_stack, write, write_one
from vis3d.dicom import discover, load_series, read_image
from vis3d.errors import InputError, NothingFoundError, TruncatedError, UsageError

RGB = np.random.default_rng(4).integers(0, 256, (6, 8, 3), np.uint8)
COLORS = [
    "ExplVR_BigEnd.dcm",
    "SC_jpeg_no_color_transform.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+s4.dcm",
    "SC_rgb_gdcm_KY.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    pytest.param(  # half a marker of Adobe says nothing
        "SC_rgb_jpeg.dcm", marks=pytest.mark.filterwarnings("ignore:Expected explicit VR")
    ),
    "SC_rgb_jpeg_lossy_gdcm.dcm",
    "SC_rgb_rle.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "SC_rgb_rle_32bit.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "examples_jpeg2k.dcm",
    "examples_palette.dcm",
    "examples_rgb_color.dcm",
    "examples_ybr_color.dcm",
]


def picture(pixels: np.ndarray, **elements: object) -> Dataset:
    """A colour secondary capture."""
    dataset = ct_slice(
        np.zeros(pixels.shape[:2], np.uint8),
        SOPClassUID=SecondaryCaptureImageStorage,
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        RescaleSlope=None,
        RescaleIntercept=None,
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
    )
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def with_palette(numbers: np.ndarray, tables: np.ndarray, bits: int) -> Dataset:
    dataset = picture(numbers, SamplesPerPixel=1, PhotometricInterpretation="PALETTE COLOR")
    for name, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        descriptor = [len(table), 0, bits]
        dataset.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", descriptor)
        dataset.add_new(f"{name}PaletteColorLookupTableData", "OW", table.tobytes())
    return dataset


@pytest.mark.parametrize("name", COLORS)
def test_colors_are_what_pydicom_makes_of_them(name: str) -> None:
    path = get_testdata_file(name, download=False)
    image = read_image(path)
    expected = pixel_array(dcmread(path), index=0)
    if name == "examples_palette.dcm":
        expected = apply_color_lut(expected, dcmread(path))
    bits = 8 * expected.dtype.itemsize
    assert image.is_color
    np.testing.assert_array_equal(image.pixels, (expected >> (bits - 8)).astype(np.uint8))


def test_one_picture_in_every_form_is_the_same_picture(real_data: Path) -> None:
    folder = real_data / "transfer_syntaxes"
    expected = read_image(folder / "TestPattern_RGB.dcm").pixels.astype(int)
    files = sorted(folder.glob("TestPattern_*.dcm"))
    assert len(files) > 6
    for file in files:
        found = read_image(file).pixels.astype(int)
        lossless = "-Lossless" in file.name
        assert np.abs(found - expected).mean() <= (0 if lossless else 2), file.name


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", ExplicitVRBigEndian])
def test_planes_and_byte_orders_are_told_apart(
    tmp_path: Path, planar: int, syntax: str
) -> None:
    stored = np.moveaxis(RGB, 2, 0) if planar else RGB
    big = syntax == ExplicitVRBigEndian
    stored = np.ascontiguousarray(stored)
    data = stored.reshape(-1, 2)[:, ::-1] if big else stored  # words of two pixels are turned
    dataset = picture(RGB, PlanarConfiguration=planar)
    dataset.PixelData = data.tobytes()
    write_one(tmp_path / "a", dataset, syntax)
    np.testing.assert_array_equal(read_image(tmp_path / "a").pixels, RGB)


def test_a_palette_of_16_bits_gives_its_colors(tmp_path: Path) -> None:
    tables = np.array([[0, 40_000, 65_535], [1000, 0, 300], [0, 0, 65_535]], np.uint16)
    numbers = np.array([[0, 1, 2, 1]], np.uint8)
    write_one(tmp_path / "a", with_palette(numbers, tables, 16))
    expected = (tables >> 8).T[numbers[0]]
    np.testing.assert_array_equal(read_image(tmp_path / "a").pixels[0], expected)


@pytest.mark.parametrize(("entries", "colors"), [(200, 200), (0, 65536)])
def test_a_palette_shorter_than_it_says_is_refused(
    tmp_path: Path, entries: int, colors: int
) -> None:
    dataset = with_palette(np.array([[0, 1]], np.uint8), np.zeros((3, 4), np.uint8), 8)
    dataset.BluePaletteColorLookupTableDescriptor = [entries, 0, 8]
    write_one(tmp_path / "a", dataset)
    with pytest.raises(InputError, match=f"a has a palette of 4 bytes for {colors} colours"):
        read_image(tmp_path / "a")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"PlanarConfiguration": 7}, "PlanarConfiguration 7"),
        ({"SamplesPerPixel": 4}, "4 samples per pixel of RGB"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "3 samples per pixel"),
        ({"PhotometricInterpretation": "YBR_PARTIAL_420"}, "aren't read"),
        ({"Rows": 60000, "Columns": 60000}, "truncated"),
    ],
)
def test_impossible_colors_are_refused(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    write_one(tmp_path / "a", picture(RGB, **change))
    with pytest.raises(InputError, match=words):
        read_image(tmp_path / "a")


def test_a_frame_of_a_loop_is_read_by_its_number(tmp_path: Path) -> None:
    frames = np.random.default_rng(2).integers(0, 200, (3, 5, 7), np.uint8)
    loop = ct_slice(frames[0], Modality="XA", NumberOfFrames=3, ImagePositionPatient=None)
    loop.PixelData = frames.tobytes() + b"\0"
    write_one(tmp_path / "a", loop)
    image = read_image(tmp_path / "a", frame=2)
    assert (image.frames, image.is_color) == (3, False)
    np.testing.assert_array_equal(image.pixels, frames[2])
    with pytest.raises(UsageError, match="3 frames"):
        read_image(tmp_path / "a", frame=3)


def test_values_are_measured_and_can_be_windowed(tmp_path: Path) -> None:
    stored = np.arange(48, dtype=np.uint16).reshape(6, 8)
    dataset = ct_slice(
        stored,
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        RescaleIntercept="-1024",
        WindowCenter="40",
        WindowWidth="400",
    )
    write_one(tmp_path / "a", dataset)
    image = read_image(tmp_path / "a")
    np.testing.assert_array_equal(image.pixels, stored.astype(int) - 1024)
    assert image.unit == "HU"
    assert image.pixel_spacing == (0.9, 0.7)
    volume = image.as_volume()
    assert volume.geometry.spacing[:2] == (0.7, 0.9)
    assert volume.metadata["windows"] == ((40.0, 400.0, "", "LINEAR"),)
    assert "Secret" not in repr(image)


def test_colors_have_no_window(tmp_path: Path) -> None:
    write_one(tmp_path / "a", picture(RGB))
    with pytest.raises(UsageError, match="no values to window"):
        read_image(tmp_path / "a").as_volume()


def test_a_page_of_colors_beside_slices_is_no_damage(tmp_path: Path) -> None:
    grid = oblique_geometry((4, 6, 8))
    stored = np.arange(192, dtype=np.int16).reshape(grid.shape)
    write(tmp_path, ct_stack(stored, grid))
    write_one(tmp_path / "page", picture(RGB))
    found = discover(tmp_path)
    (series,) = found.series
    (finding,) = series.findings
    assert (finding.code, finding.severity) == ("color-image", "note")
    assert [(file.path, file.damaged) for file in found.skipped] == [("page", False)]
    np.testing.assert_array_equal(load_series(series).array, stored)


def test_what_is_missing_or_cut_says_so(tmp_path: Path) -> None:
    with pytest.raises(NothingFoundError):
        read_image(tmp_path / "none")
    write_one(tmp_path / "a", picture(RGB))
    data = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(data[:-9])
    with pytest.raises(TruncatedError, match="a is truncated"):
        read_image(tmp_path / "a")


def test_who_loads_a_picture_is_told_how_to_see_it(tmp_path: Path) -> None:
    write_one(tmp_path / "page", picture(RGB))
    with pytest.raises(InputError, match=r"page is a colour image .* vis3d slices\."):
        discover(tmp_path / "page")
