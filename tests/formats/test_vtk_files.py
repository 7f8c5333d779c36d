from pathlib import Path

import numpy as np
import pytest
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkIOXML import vtkXMLImageDataWriter, vtkXMLPolyDataWriter

from tests.formats.making import tetrahedron, volume
from vis3d.errors import InputError, TruncatedError, UnsupportedError
from vis3d.files import read_surface, read_volume
from vis3d.geometry import Geometry
from vis3d.vtk_data import to_vtk

MODES = ["SetDataModeToAscii", "SetDataModeToBinary", "SetDataModeToAppended"]
COMPRESSORS = ["None", "ZLib", "LZ4", "LZMA"]


def saved(writer: object, data: object, path: Path, mode: str, compressor: str) -> Path:
    """As VTK itself writes it, in one of its ways."""
    getattr(writer, mode)()
    getattr(writer, f"SetCompressorTypeTo{compressor}")()
    writer.SetFileName(str(path))
    writer.SetInputData(data)
    assert writer.Write()
    return path


@pytest.mark.parametrize("compressor", COMPRESSORS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("header_bits", [32, 64])
def test_every_way_in_which_vtk_writes_an_image_is_read(
    mode: str, compressor: str, header_bits: int, oblique: Geometry, tmp_path: Path
) -> None:
    scan = volume(oblique)
    writer = vtkXMLImageDataWriter()
    getattr(writer, f"SetHeaderTypeToUInt{header_bits}")()
    path = saved(writer, to_vtk(scan), tmp_path / "scan.vti", mode, compressor)
    read = read_volume(path)
    np.testing.assert_array_equal(read.array, scan.array)
    assert read.geometry.matches(oblique, 1e-4)


@pytest.mark.parametrize("encoded", [True, False])
def test_raw_and_encoded_appended_data_are_read(
    encoded: bool, oblique: Geometry, tmp_path: Path
) -> None:
    writer = vtkXMLImageDataWriter()
    writer.SetEncodeAppendedData(encoded)
    writer.SetByteOrderToBigEndian()
    scan = volume(oblique)
    path = saved(writer, to_vtk(scan), tmp_path / "scan.vti", MODES[2], "ZLib")
    np.testing.assert_array_equal(read_volume(path).array, scan.array)


def test_an_extent_that_does_not_start_at_zero_moves_the_origin(tmp_path: Path) -> None:
    image = vtkImageData()
    image.SetExtent(5, 8, -2, 1, 3, 7)
    image.SetSpacing(0.5, 1, 2)
    image.SetOrigin(10, 20, 30)
    image.GetPointData().SetScalars(numpy_to_vtk(np.arange(80, dtype=np.int16), deep=True))
    path = saved(vtkXMLImageDataWriter(), image, tmp_path / "part.vti", MODES[2], "ZLib")
    geometry = read_volume(path).geometry
    assert geometry.shape == (5, 4, 4)
    np.testing.assert_allclose(geometry.origin, (12.5, 18, 36))


@pytest.mark.parametrize("compressor", COMPRESSORS)
@pytest.mark.parametrize("mode", MODES)
def test_every_way_in_which_vtk_writes_a_surface_is_read(
    mode: str, compressor: str, tmp_path: Path
) -> None:
    surface = tetrahedron()
    path = saved(vtkXMLPolyDataWriter(), to_vtk(surface), tmp_path / "s.vtp", mode, compressor)
    read = read_surface(path)
    np.testing.assert_allclose(read.points, surface.points, atol=1e-4)
    np.testing.assert_array_equal(read.triangles, surface.triangles)
    assert [finding.code for finding in read.metadata["findings"]] == ["frame-assumed"]


IMAGE = """<VTKFile type="ImageData" byte_order="LittleEndian" header_type="UInt64">
<ImageData WholeExtent="{extent}" Origin="0 0 0" Spacing="{spacing}" Direction="{direction}">
<Piece Extent="{extent}"><PointData Scalars="v">
<DataArray type="{type}" Name="v" {more} format="appended" offset="0"/></PointData></Piece>
</ImageData><AppendedData encoding="raw">_"""
SOUND = {
    "extent": "0 1 0 1 0 1",
    "spacing": "1 1 1",
    "direction": "1 0 0 0 1 0 0 0 1",
    "type": "Int16",
    "more": "",
}
VALUES = np.uint64(16).tobytes() + bytes(16) + b"\n</AppendedData></VTKFile>"


def image_file(path: Path, content: bytes = VALUES, **changed: str) -> Path:
    path.write_bytes(IMAGE.format(**{**SOUND, **changed}).encode() + content)
    return path


def test_a_plain_image_is_read(tmp_path: Path) -> None:
    assert read_volume(image_file(tmp_path / "plain.vti")).array.shape == (2, 2, 2)


@pytest.mark.parametrize(
    "changed",
    [
        {"extent": "0 99999 0 99999 0 99999"},
        {"extent": "0 99 0 9 0 9"},
        {"extent": "0 -1 0 1 0 1"},
        {"extent": "0 1 0 1"},
        {"spacing": "1 nan 1"},
        {"spacing": "1 0 1"},
        {"direction": "1 0.5 0 0 1 0 0 0 1"},
        {"type": "Float128"},
        {"more": 'NumberOfComponents="3"'},
    ],
)
def test_an_image_that_is_none_is_refused(changed: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"odd\.vti") as caught:
        read_volume(image_file(tmp_path / "odd.vti", **changed))
    assert "\n" not in str(caught.value)


def test_missing_voxels_are_noticed(tmp_path: Path) -> None:
    with pytest.raises(TruncatedError, match=r"cut\.vti"):
        read_volume(image_file(tmp_path / "cut.vti", VALUES[:20]))


def test_entities_are_refused(tmp_path: Path) -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "ha">]><VTKFile>&b;</VTKFile>'
    (tmp_path / "bomb.vti").write_bytes(bomb)
    with pytest.raises(InputError, match="document type"):
        read_volume(tmp_path / "bomb.vti")


def test_a_file_of_many_empty_elements_is_refused(tmp_path: Path) -> None:
    (tmp_path / "many.vtp").write_bytes(b"<VTKFile>" + b"<a/>" * 200_000 + b"</VTKFile>")
    with pytest.raises(InputError, match="elements"):
        read_surface(tmp_path / "many.vtp")


def test_strips_and_pieces_are_refused(tmp_path: Path) -> None:
    text = (
        '<VTKFile type="PolyData" byte_order="LittleEndian"><PolyData>'
        '<Piece NumberOfPoints="0" NumberOfStrips="2"/>{}</PolyData></VTKFile>'
    )
    (tmp_path / "odd.vtp").write_text(text.format(""))
    with pytest.raises(UnsupportedError, match="strips"):
        read_surface(tmp_path / "odd.vtp")
    (tmp_path / "odd.vtp").write_text(text.format("<Piece/>"))
    with pytest.raises(UnsupportedError, match="2 pieces"):
        read_surface(tmp_path / "odd.vtp")
