"""Anonymized pixels: what measures stays, what is hidden between them goes."""

import imagecodecs
import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless

from tests.dicom.planted import MARKER, assert_traceless, saved, volume_at
from vis3d.dicom import anonymize, read_image


def test_comments_in_compressed_pixels_and_bytes_behind_them_are_gone(tmp_path, array, stack):
    comment = b"\xff\xfe" + (len(MARKER) + 2).to_bytes(2, "big") + MARKER.encode()
    for one, values in zip(stack, array, strict=True):
        stream = imagecodecs.jpegls_encode(values)
        stream = stream[:2] + comment + stream[2:] + MARKER.encode()
        one.PixelData = encapsulate([stream])
        one["PixelData"].VR, one["PixelData"].is_undefined_length = "OB", True
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID = JPEGLSLossless
    source = saved(tmp_path / "in", stack)
    anonymize(source, tmp_path / "out")
    assert_traceless(tmp_path / "out")
    np.testing.assert_array_equal(volume_at(tmp_path / "out").array, array.astype(int) - 1024)
    made = pydicom.dcmread(next((tmp_path / "out").rglob("*.dcm")))
    assert made.file_meta.TransferSyntaxUID == JPEGLSLossless


@pytest.mark.parametrize("compress", ["none", "rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000"])
@pytest.mark.parametrize("signed", [False, True])
def test_twelve_bits_survive_every_compression(tmp_path, array, stack, compress, signed):
    for one, values in zip(stack, array, strict=True):
        one.BitsStored, one.HighBit, one.PixelRepresentation = 12, 11, int(signed)
        one.PixelData = (values & 0xFFF).tobytes()
        one.add_new("PixelPaddingValue", "SS" if signed else "US", -7 if signed else 7)
    source = saved(tmp_path / "in", stack)
    anonymize(source, tmp_path / "out", compress=compress)
    before, after = volume_at(source), volume_at(tmp_path / "out")
    np.testing.assert_array_equal(after.array, before.array)
    assert after.padding == before.padding
    files = sorted(map(str, (tmp_path / "out").rglob("*.dcm")))
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(files)
    theirs = SimpleITK.GetArrayFromImage(reader.Execute())
    inside = after.inside_scan()
    np.testing.assert_array_equal(theirs[inside], after.array[inside])


def test_padding_that_was_written_unsigned_survives(tmp_path, array, stack):
    for one, values in zip(stack, array, strict=True):
        one.PixelRepresentation, one.RescaleIntercept = 1, "0"
        one.PixelData = (values.astype(np.int16) - 2000).tobytes()
        one.add_new("PixelPaddingValue", "US", 63536)
    source = saved(tmp_path / "in", stack)
    before = volume_at(source)
    assert before.padding == -2000
    for compress in ("same", "jpeg-ls", "rle"):
        anonymize(source, tmp_path / compress, compress=compress)
        after = volume_at(tmp_path / compress)
        np.testing.assert_array_equal(after.array, before.array)
        assert after.padding == before.padding


@pytest.mark.parametrize("compress", ["same", "rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000"])
@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_rle_2frame.dcm",
        "SC_rgb_small_odd.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "SC_rgb_dcmtk_+eb+cy+np.dcm",
        "JPEG-lossy.dcm",
    ],
)
def test_colours_and_loops_survive_every_compression(tmp_path, name, compress):
    source = get_testdata_file(name)
    done = anonymize(source, tmp_path / "out", compress=compress)
    assert not done.failed
    (made,) = (tmp_path / "out").rglob("*.dcm")
    for number in range(read_image(source).frames):
        np.testing.assert_array_equal(
            read_image(made, frame=number).pixels, read_image(source, frame=number).pixels
        )


def test_bits_above_the_stored_ones_and_surplus_pixels_are_gone(tmp_path, array, stack):
    for one, values in zip(stack, array, strict=True):
        one.BitsStored, one.HighBit = 12, 11
        one.PixelData = (values | 0xA000).tobytes() + MARKER.encode()
    anonymize(saved(tmp_path / "in", stack), tmp_path / "out")
    assert_traceless(tmp_path / "out")
    made = pydicom.dcmread(next((tmp_path / "out").rglob("*.dcm")))
    assert np.frombuffer(made.PixelData, "<u2").max() < 4096
    assert len(made.PixelData) == 2 * 30 * 40
