"""JPEG 2000 and HTJ2K streams that are written, as other decoders and the standard see them.

Pillow and OpenCV decode by OpenJPEG, SimpleITK by GDCM; HTJ2K is encoded by OpenJPH.
"""

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
import SimpleITK
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack, write
from vis3d.dicom import anonymize, discover, load_series, read_image, write_derived_series

GRID = oblique_geometry((3, 37, 50))
KINDS = ("jpeg-2000", "htj2k")
STORED = {
    "signed": (np.int16, -2000, 3000, {}),
    "16 bits": (np.uint16, 0, 65535, {}),
    "12 bits": (np.uint16, 0, 4095, {"BitsStored": 12, "HighBit": 11}),
    "bytes": (np.uint8, 0, 255, {}),
}


def stream_of(image: Dataset) -> bytes:
    count = int(image.get("NumberOfFrames", 1))
    return next(generate_frames(image.PixelData, number_of_frames=count))


def by_pillow(image: Dataset) -> np.ndarray:
    """Stored values: Pillow lifts signed ones above zero and widens 12 bits to 16."""
    with Image.open(BytesIO(stream_of(image))) as picture:
        values = np.asarray(picture).astype(int)
    bits = image.BitsStored
    if image.PixelRepresentation:
        return values - (1 << (bits - 1))
    return values >> (16 - bits) if 8 < bits < 16 else values


def claims(stream: bytes) -> tuple[int, bool, bool, bool]:
    """(bits, signed, colours mixed, reversible) by the SIZ and COD markers (ISO 15444-1)."""
    size, coding = stream.index(b"\xff\x51"), stream.index(b"\xff\x52")
    depth = stream[size + 40]
    mixed, wavelet = stream[coding + 8], stream[coding + 13]
    return (depth & 0x7F) + 1, bool(depth >> 7), bool(mixed), wavelet == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", STORED)
def test_other_decoders_find_every_stored_value(kind: str, how: str, tmp_path: Path) -> None:
    dtype, low, high, elements = STORED[how]
    values = np.random.default_rng(1).integers(low, high + 1, GRID.shape).astype(dtype)
    write(tmp_path / "in", ct_stack(values, GRID, **elements))
    anonymize(tmp_path / "in", tmp_path / "out", compress=kind)
    files = sorted((tmp_path / "out").rglob("*.dcm"))
    assert len(files) == len(values)
    for image in map(dcmread, files):
        k = round(float(GRID.to_ijk([float(mm) for mm in image.ImagePositionPatient])[2]))
        np.testing.assert_array_equal(by_pillow(image), values[k])
        signed = bool(image.PixelRepresentation)
        assert claims(stream_of(image)) == (image.BitsStored, signed, False, True)
        if not signed:  # OpenCV refuses signed ones
            pixels = np.frombuffer(stream_of(image), np.uint8)
            np.testing.assert_array_equal(cv2.imdecode(pixels, -1), values[k])


@pytest.mark.parametrize("kind", KINDS)
def test_colours_are_said_to_be_as_they_are_stored(kind: str, tmp_path: Path) -> None:
    source = get_testdata_file("SC_rgb_rle.dcm")
    assert source
    anonymize(source, tmp_path, compress=kind, pixels_reviewed=True)
    (file,) = tmp_path.rglob("*.dcm")
    image = dcmread(file)
    np.testing.assert_array_equal(by_pillow(image), read_image(source).pixels)
    np.testing.assert_array_equal(read_image(file).pixels, read_image(source).pixels)
    _, _, mixed, reversible = claims(stream_of(image))
    assert image.PhotometricInterpretation == ("YBR_RCT" if mixed else "RGB")
    assert reversible


@pytest.mark.parametrize("kind", KINDS)
def test_a_derived_series_holds_the_same_in_other_decoders(kind: str, tmp_path: Path) -> None:
    values = np.random.default_rng(2).integers(-1000, 3000, GRID.shape).astype(np.int16)
    write(tmp_path / "in", ct_stack(values, GRID, RescaleIntercept="-24"))
    (series,) = discover(tmp_path / "in").series
    files = write_derived_series(
        load_series(series), series, tmp_path / "out", description="again", compress=kind
    )
    for file, expected in zip(files, values, strict=True):
        np.testing.assert_array_equal(by_pillow(dcmread(file)), expected)
    if kind == "jpeg-2000":  # GDCM doesn't know HTJ2K
        theirs = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage([str(one) for one in files]))
        np.testing.assert_array_equal(theirs, values.astype(int) - 24)
