"""The greys of slices are those that the standard and pydicom give."""

import shutil

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import MultiFrameGrayscaleByteSecondaryCaptureImageStorage
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
    dataset = ct_slice(STORED, pixel_spacing=(0.7, 0.7))
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
    assert "Colours" in line or "no place in the patient" in line
    assert not (tmp_path / "out").exists()


def loop_of(frames, **elements):
    """A grey loop without a place in the patient."""
    one = ct_slice(
        frames[0], Modality="OT", ImagePositionPatient=None, ImageOrientationPatient=None,
        SOPClassUID=MultiFrameGrayscaleByteSecondaryCaptureImageStorage, RescaleSlope=None,
        RescaleIntercept=None, PixelSpacing=None, NumberOfFrames=len(frames), **elements,
    )  # fmt: skip
    one.PixelData = frames.tobytes()
    return one


def test_a_grey_loop_becomes_a_picture_a_frame_in_one_window(tmp_path):
    """Else a loop would flicker: each frame would be stretched over all greys."""
    frames = np.stack([STORED // 16 + 30 * n for n in range(4)]).astype(np.uint8)
    write_one(tmp_path / "loop", loop_of(frames))
    out = tmp_path / "out"
    assert main(["slices", str(tmp_path / "loop"), "-o", str(out)]) == 0
    means = []
    for number, file in enumerate(sorted(out.iterdir())):
        with Image.open(file) as image:
            means.append(np.asarray(image).mean())
        assert file.name == f"{number:03d}.png"
    assert len(means) == 4
    assert np.diff(means).min() > 20
    words = ["--window", "100,50", "--bits", "16", "--every", "3"]
    assert main(["slices", str(tmp_path / "loop"), "-o", str(tmp_path / "deep"), *words]) == 0
    with Image.open(tmp_path / "deep" / "003.png") as image:
        share = np.clip((frames[3] - 75.0) / 50, 0, 1)
        assert np.abs(np.asarray(image) - share * 65535).max() <= 0.51
    assert len(list((tmp_path / "deep").iterdir())) == 2


@pytest.mark.parametrize("words", [["--plane", "coronal"], ["--montage", "m.png"]])
def test_a_loop_has_no_other_planes(tmp_path, refusal, words):
    write_one(tmp_path / "loop", loop_of(np.ones((3, 4, 5), np.uint8)))
    code, line = refusal("slices", tmp_path / "loop", "-o", tmp_path / "out", *words)
    assert (code, "no place in the patient" in line) == (2, True)


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz", ""])
def test_pictures_alone_are_shown_from_wherever_they_lie(echo, tmp_path, answer, suffix):
    path, colors = echo
    (tmp_path / "in").mkdir()
    path.rename(tmp_path / "in" / "b")
    write_one(tmp_path / "in" / "a", loop_of(np.ones((2, 4, 5), np.uint8)))
    if suffix:
        kind = "zip" if suffix == ".zip" else "gztar"
        shutil.make_archive(str(tmp_path / "in"), kind, tmp_path / "in")
    files = answer("slices", tmp_path / f"in{suffix}", "-o", tmp_path / "out")["files"]
    assert [file[-7:] for file in files] == ["000.png", "001.png", "002.png"]
    with Image.open(files[2]) as image:
        assert np.array_equal(np.asarray(image), colors)


def test_the_proportions_of_pixels_hold_without_a_spacing(echo, tmp_path):
    """PixelAspectRatio is height over width (PS3.3 section C.7.6.3.1.7)."""
    path, _ = echo
    dataset = dcmread(path)
    dataset.PixelSpacing, dataset.PixelAspectRatio = None, [3, 2]
    dataset.save_as(path)
    assert picture_of(path, tmp_path).shape == (30, 30, 3)
    grey = loop_of(STORED[None].astype(np.uint8), PixelAspectRatio=["2", "4"])
    write_one(tmp_path / "grey", grey)
    (tmp_path / "out").rename(tmp_path / "before")
    assert picture_of(tmp_path / "grey", tmp_path).shape == (20, 60)
