"""The greys of slices are those that the standard and pydicom give."""

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from vis3d_cli.main import main

from tests.dicom.stacks import ct_slice, write_one

STORED = np.random.default_rng(8).integers(0, 2000, (20, 30)).astype(np.uint16)


def slice_with(tmp_path, **elements):
    path = tmp_path / "slice.dcm"
    wanted = {
        "RescaleIntercept": "-1000",
        "WindowCenter": ["40", "-600"],
        "WindowWidth": ["80", "1500"],
        "WindowCenterWidthExplanation": ["BRAIN", "LUNG_WIDE"],
        **elements,
    }
    wanted = {keyword: value for keyword, value in wanted.items() if value is not None}
    write_one(path, ct_slice(STORED, pixel_spacing=(0.7, 0.7), **wanted))
    return path


def picture_of(path, tmp_path, *words):
    out = tmp_path / "out"
    assert main(["slices", str(path), "-o", str(out), *words]) == 0
    (file,) = out.iterdir()
    with Image.open(file) as image:
        return np.asarray(image)


def expected(path, index, white=255, *, prefer_lut=False):
    """The shades that pydicom gives."""
    dataset = dcmread(path)
    values = apply_modality_lut(dataset.pixel_array, dataset).astype(np.int16)
    shown = apply_voi_lut(values, dataset, index=index, prefer_lut=prefer_lut)
    # pydicom's windows span the range of the stored values; shades are its share.
    low, high = (-1000, 65535 - 1000) if not prefer_lut else (0, 65535)
    return (shown - low) / (high - low) * white


@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(
    ("word", "index"), [("1", 0), ("2", 1), ("brain", 0), ("LUNG_WIDE", 1)]
)
def test_the_files_own_windows_by_number_and_name(tmp_path, function, word, index):
    path = slice_with(tmp_path, VOILUTFunction=function)
    shades = picture_of(path, tmp_path, "--window", word)
    assert np.abs(shades - expected(path, index)).max() <= 0.51


def test_the_first_window_of_the_file_is_used_unasked(tmp_path):
    path = slice_with(tmp_path)
    assert np.abs(picture_of(path, tmp_path) - expected(path, 0)).max() <= 0.51


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_sixteen_bits_keep_what_eight_lose(tmp_path, format):
    path = slice_with(tmp_path)
    deep = picture_of(path, tmp_path, "--window", "2", "--bits", "16", "--format", format)
    assert deep.dtype == np.uint16
    assert np.abs(deep - expected(path, 1, 65535)).max() <= 0.51
    assert len(np.unique(deep)) > 256


def table(first=-200, count=400, explanation="GAMMA"):
    item = Dataset()
    item.add_new("LUTDescriptor", "SS", [count, first, 16])
    bent = 65535 * (np.arange(count) / (count - 1)) ** 2
    item.add_new("LUTData", "US", np.rint(bent).astype(int).tolist())
    item.LUTExplanation = explanation
    return item


def test_a_voi_lut_is_a_table_of_shades(tmp_path):
    path = slice_with(
        tmp_path, VOILUTSequence=[table()], WindowCenter=None, WindowWidth=None,
        WindowCenterWidthExplanation=None,
    )  # fmt: skip
    unasked = picture_of(path, tmp_path)
    assert np.abs(unasked - expected(path, 0, prefer_lut=True)).max() <= 0.51
    for word in ("1", "gamma"):
        assert np.array_equal(picture_of(path, tmp_path, "--window", word), unasked)


def test_tables_are_counted_after_windows(tmp_path):
    path = slice_with(tmp_path, VOILUTSequence=[table()])
    shades = picture_of(path, tmp_path, "--window", "3")
    assert np.abs(shades - expected(path, 0, prefer_lut=True)).max() <= 0.51


def test_a_broken_table_leaves_the_picture(tmp_path):
    broken = table()
    broken.add_new("LUTData", "US", [1, 2, 3])
    path = slice_with(tmp_path, VOILUTSequence=[broken])
    assert np.abs(picture_of(path, tmp_path) - expected(path, 0)).max() <= 0.51


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--window", "7"], "2 windows of its own"),
        (["--bits", "16", "--format", "jpeg"], "png or tiff"),
        (["--window", "heart"], "lung"),
    ],
)
def test_what_cannot_be_shown_is_refused(tmp_path, refusal, words, said):
    path = slice_with(tmp_path)
    code, line = refusal("slices", path, "-o", tmp_path / "out", *words)
    assert code == 2
    assert said in line
    assert not (tmp_path / "out").exists()


@pytest.fixture
def echo(tmp_path):
    """A colour picture, and its pixels."""
    colors = np.random.default_rng(1).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    dataset = ct_slice(STORED)
    dataset.Modality = "US"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration, dataset.PixelRepresentation = 0, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = colors.tobytes()
    write_one(tmp_path / "echo", dataset)
    return tmp_path / "echo", colors


def test_colours_are_shown_as_they_are(echo, tmp_path):
    path, colors = echo
    assert np.array_equal(picture_of(path, tmp_path), colors)


@pytest.mark.parametrize(
    "words",
    [["--window", "lung"], ["--bits", "16"], ["--plane", "coronal"], ["--montage", "m.png"]],
)
def test_no_option_is_passed_over_for_colours(echo, tmp_path, refusal, words):
    code, line = refusal("slices", echo[0], "-o", tmp_path / "out", *words)
    assert code == 2
    assert "colours" in line
    assert not (tmp_path / "out").exists()
