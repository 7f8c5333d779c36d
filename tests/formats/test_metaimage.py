from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from tests.formats.making import volume
from vis3d.errors import InputError, TooLargeError, TruncatedError, UnsupportedError
from vis3d.files import load_volume, read_volume, write_volume
from vis3d.geometry import Geometry
from vis3d.volume import Finding

HEADER = """ObjectType = Image
NDims = 3
DimSize = {sizes}
ElementType = {type}
{more}ElementDataFile = {data}
"""


def written(
    path: Path,
    content: bytes,
    *,
    sizes: str = "2 3 4",
    kind: str = "MET_SHORT",
    more: str = "",
    data: str = "LOCAL",
) -> Path:
    head = HEADER.format(sizes=sizes, type=kind, more=more, data=data)
    path.write_bytes(head.encode() + content)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kind", "code"), [("MET_SHORT", "i2"), ("MET_USHORT", "u2"), ("MET_FLOAT", "f4")]
)
def test_plain_voxels_of_both_orders_are_read(
    order: str, kind: str, code: str, tmp_path: Path
) -> None:
    array = np.arange(24).astype(order + code).reshape(4, 3, 2)
    more = f"BinaryDataByteOrderMSB = {order == '>'}\n"
    path = written(tmp_path / "plain.mha", array.tobytes(), kind=kind, more=more)
    read = read_volume(path)
    np.testing.assert_array_equal(read.array, array)
    assert "no-position" in [finding.code for finding in read.findings]


def test_an_oblique_matrix_means_what_itk_means(oblique: Geometry, tmp_path: Path) -> None:
    rows = " ".join(str(number) for number in oblique.direction.T.ravel())
    more = f"TransformMatrix = {rows}\nOffset = 1 2 3\nElementSpacing = 0.7 0.9 2.5\n"
    path = written(tmp_path / "turned.mha", bytes(48), more=more)
    image = SimpleITK.ReadImage(str(path))
    lps = image.TransformIndexToPhysicalPoint((1, 2, 3))
    np.testing.assert_allclose(read_volume(path).geometry.to_lps((1, 2, 3)), lps, atol=1e-9)


def test_two_and_four_dimensions_are_read(tmp_path: Path) -> None:
    flat = SimpleITK.GetImageFromArray(np.arange(12, dtype=np.int16).reshape(3, 4))
    SimpleITK.WriteImage(flat, str(tmp_path / "flat.mha"))
    assert read_volume(tmp_path / "flat.mha").geometry.shape == (1, 3, 4)
    series = np.arange(120, dtype=np.int16).reshape(2, 3, 4, 5)
    many = SimpleITK.JoinSeries([SimpleITK.GetImageFromArray(one) for one in series])
    SimpleITK.WriteImage(many, str(tmp_path / "four.mha"), useCompression=True)
    second = load_volume(tmp_path / "four.mha", series=2)
    np.testing.assert_array_equal(second.array, series[1])


def test_itk_reads_a_header_with_many_findings(oblique: Geometry, tmp_path: Path) -> None:
    scan = volume(oblique)
    notes = [Finding("thickness-differs", "note", f"Slice {n} " + "x" * 60) for n in range(100)]
    write_volume(scan.with_findings(*notes), tmp_path / "many.mha")
    image = SimpleITK.ReadImage(str(tmp_path / "many.mha"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), scan.array)
    assert len(read_volume(tmp_path / "many.mha").findings) == 101


def test_a_wrong_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TruncatedError, match="promises"):
        read_volume(written(tmp_path / "huge.mha", bytes(48), sizes="9999999 9999999 9999"))
    with pytest.raises(TruncatedError, match="promises"):
        more = "CompressedData = True\n"
        read_volume(written(tmp_path / "huge.mha", bytes(48), sizes="99999 999 99", more=more))


@pytest.mark.parametrize("sizes", ["0 1 1", "-2 3 4", "2 x 4", "", "1 2 3 4 5"])
def test_sizes_that_make_no_image_are_refused(sizes: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="DimSize"):
        read_volume(written(tmp_path / "odd.mha", bytes(48), sizes=sizes))


@pytest.mark.parametrize(
    "data", ["/etc/hostname", "../secret.raw", "..\\x.raw", "C:x.raw", "LIST", "slice%03d.raw"]
)
def test_voxels_elsewhere_are_refused(data: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="same folder"):
        read_volume(written(tmp_path / "apart.mhd", b"", data=data))


def test_a_missing_raw_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.raw"):
        read_volume(written(tmp_path / "apart.mhd", b"", data="gone.raw"))


@pytest.mark.parametrize(
    "more",
    [
        "ElementSpacing = 1 nan 1\n",
        "ElementSpacing = 1 0 1\n",
        "Offset = 1 2\n",
        "TransformMatrix = 1 0 0 0.3 1 0 0 0 1\n",
        "ElementNumberOfChannels = 3\n",
    ],
)
def test_headers_that_place_nothing_are_refused(more: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"odd\.mha"):
        read_volume(written(tmp_path / "odd.mha", bytes(48), more=more))


def test_damaged_compression_is_refused(tmp_path: Path) -> None:
    more = "CompressedData = True\n"
    with pytest.raises(InputError, match=r"bad\.mha"):
        read_volume(written(tmp_path / "bad.mha", b"\x78\x9cgarbage" * 20, more=more))


def test_a_volume_larger_than_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "plain.mha", bytes(48))
    monkeypatch.setattr("vis3d.memory.free_bytes", lambda: 50)
    with pytest.raises(TooLargeError, match=r"plain\.mha: a volume of 2 x 3 x 4 voxels"):
        read_volume(path)
