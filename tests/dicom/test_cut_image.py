"""DICOM images without their background: what is kept is untouched, the rest says so."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_slice, write
from tests.dicom.test_enhanced import enhanced
from tests.needs import need
from vis3d.dicom import read_image, write_cut_image
from vis3d.errors import InputError, NothingFoundError, UnsupportedError, UsageError

SAMPLES = (
    "CT_small.dcm", "693_J2KI.dcm", "JPEG-lossy.dcm", "JPEG2000.dcm", "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "JPEGLSNearLossless_08.dcm",
    "ExplVR_BigEnd.dcm", "SC_rgb_rle_2frame.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_ybr_full_422_uncompressed.dcm", "SC_rgb_small_odd.dcm",
    "dicomdirtests/77654033/CR1/6154",
)  # fmt: skip


def opacity_of(shape: tuple[int, ...]) -> np.ndarray:
    """Three quarters kept, and a row that fades."""
    opacity = np.zeros(shape[:2], np.uint8)
    first, left = max(1, shape[0] // 4), max(1, shape[1] // 4)
    opacity[first:, left:] = 255
    opacity[first] //= 2
    return opacity


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_kept_is_untouched_by_every_reader(name: str, tmp_path: Path) -> None:
    source = get_testdata_file(name)
    assert source
    first = read_image(source)
    opacity = opacity_of(first.pixels.shape)
    out = write_cut_image(source, tmp_path / "out.dcm", lambda frame: opacity)
    for number in range(first.frames):
        before, after = (read_image(file, frame=number).pixels for file in (source, out))
        np.testing.assert_array_equal(after[opacity == 255], before[opacity == 255])
        ground = after[opacity == 0]
        assert (ground == ground[0]).all()
    made = dcmread(out)
    theirs = made.pixel_array  # pydicom's own
    assert theirs.shape[-3 if first.is_color else -2 :][:2] == opacity.shape


@pytest.mark.parametrize("name", SAMPLES)
def test_dciodvfy_finds_nothing_that_the_source_had_not(name: str, tmp_path: Path) -> None:
    need(shutil.which("dciodvfy") is not None, "dciodvfy (Debian package dicom3tools)")
    source = get_testdata_file(name)
    assert source
    opacity = opacity_of(read_image(source).pixels.shape)
    out = write_cut_image(source, tmp_path / "out.dcm", lambda frame: opacity)
    found = [
        {line for line in verdict.splitlines() if line.startswith("Error")}
        for verdict in (
            subprocess.run(
                ["dciodvfy", file],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            ).stderr
            for file in (source, out)
        )
    ]
    # It can't open near-lossless JPEG-LS, and so finds no error in such a source.
    assert name.startswith("JPEGLS") or found[1] <= found[0]


def test_it_is_a_new_image_of_the_same_patient(tmp_path: Path) -> None:
    stored = np.full((20, 30), 5, np.int16)
    stored[5:15, 5:25] = 900
    dataset = ct_slice(stored, InstanceNumber=7, BodyPartExamined="CHEST")
    dataset.add_new(0x00191010, "LO", "VENDOR")
    dataset.SmallestImagePixelValue = 5
    (source,) = write(tmp_path / "in", [dataset])
    out = write_cut_image(source, tmp_path / "out.dcm", lambda frame: opacity_of((20, 30)))
    made = dcmread(out)
    for keyword in ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "SOPClassUID",
                    "ImagePositionPatient", "RescaleIntercept", "InstanceNumber"):  # fmt: skip
        assert made[keyword].value == dataset[keyword].value
    assert made.SOPInstanceUID != dataset.SOPInstanceUID
    assert made.SeriesInstanceUID != dataset.SeriesInstanceUID
    assert made.ImageType[0] == "DERIVED"
    (reference,) = made.SourceImageSequence
    assert reference.ReferencedSOPInstanceUID == dataset.SOPInstanceUID
    assert not [element for element in made if element.tag.is_private]
    assert "SmallestImagePixelValue" not in made
    assert made.PixelPaddingValue == -32768 == made.pixel_array[0, 0]


@pytest.mark.parametrize(
    ("photometric", "background", "value"),
    [
        ("MONOCHROME2", None, 0),
        ("MONOCHROME2", (0, 0, 0), 0),
        ("MONOCHROME2", (255, 255, 255), 4095),
        ("MONOCHROME1", None, 4095),
        ("MONOCHROME1", (255, 255, 255), 0),
    ],
)
def test_black_is_what_looks_black(
    tmp_path: Path, photometric: str, background: tuple[int, int, int] | None, value: int
) -> None:
    stored = np.full((20, 30), 900, np.uint16)
    dataset = ct_slice(stored, PhotometricInterpretation=photometric, BitsStored=12, HighBit=11)
    (source,) = write(tmp_path / "in", [dataset])
    cut = opacity_of((20, 30))
    out = write_cut_image(source, tmp_path / "a.dcm", lambda frame: cut, background=background)
    made = dcmread(out)
    assert made.pixel_array[0, 0] == value
    assert made.get("PixelPaddingValue") == (value if background is None else None)
    assert made.pixel_array[5, 20] == pytest.approx((900 + value) / 2, abs=9)  # the faded row


def test_padding_that_something_kept_has_is_not_declared(tmp_path: Path) -> None:
    stored = np.zeros((20, 30), np.uint16)
    (source,) = write(tmp_path / "in", [ct_slice(stored)])
    out = write_cut_image(source, tmp_path / "a.dcm", lambda frame: opacity_of((20, 30)))
    assert "PixelPaddingValue" not in dcmread(out)


def test_a_colour_fills_the_background_of_colours(tmp_path: Path) -> None:
    source = get_testdata_file("SC_rgb_rle.dcm")
    assert source
    opacity = opacity_of(read_image(source).pixels.shape)
    out = write_cut_image(
        source, tmp_path / "a.dcm", lambda frame: opacity, background=(9, 200, 30)
    )
    assert read_image(out).pixels[0, 0].tolist() == [9, 200, 30]


def test_what_cannot_be_written_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    whole = np.full((20, 30), 255, np.uint8)
    out = tmp_path / "a.dcm"
    with pytest.raises(NothingFoundError):
        write_cut_image(tmp_path / "nowhere.dcm", out, lambda frame: whole)
    (tmp_path / "text.dcm").write_text("no")
    with pytest.raises(InputError, match=r"text\.dcm"):
        write_cut_image(tmp_path / "text.dcm", out, lambda frame: whole)
    (source,) = write(tmp_path / "in", [ct_slice(np.zeros((20, 30), np.uint16))])
    with pytest.raises(UsageError, match="black or white"):
        write_cut_image(source, out, lambda frame: whole, background=(1, 2, 3))
    grid = oblique_geometry((20, 30, 40))
    grid_values = np.zeros(grid.shape, np.int16)
    (many,) = write(
        tmp_path / "many", [enhanced(grid_values, grid, list(range(20)), [1.0] * 20)]
    )
    with pytest.raises(UnsupportedError, match="--format dcm"):
        write_cut_image(many, out, lambda frame: whole)
    assert not out.exists()
