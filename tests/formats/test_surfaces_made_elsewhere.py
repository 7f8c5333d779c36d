"""Surfaces as other programs write them: their headers, letters and extra columns."""

import struct
from pathlib import Path

import numpy as np
import pytest

from tests.formats.making import tetrahedron
from vis3d.errors import InputError
from vis3d.files import read_surface, read_surfaces
from vis3d.surface import Surface

RAS = np.array([-1, -1, 1])
SOLID = tetrahedron()
CORNERS = SOLID.points[SOLID.triangles].astype(np.float32)


def assert_same(surface: Surface, expected: np.ndarray = CORNERS) -> None:
    np.testing.assert_allclose(surface.points[surface.triangles], expected, atol=1e-4)
    assert surface.volume_ml == pytest.approx(SOLID.volume_ml, rel=1e-5)


def assumed(surface: Surface) -> bool:
    """Whether the reader had to guess the frame."""
    findings = surface.metadata["findings"]
    assert isinstance(findings, tuple)
    return "frame-assumed" in [finding.code for finding in findings]


def binary_stl(corners: np.ndarray) -> bytes:
    record = np.zeros(
        len(corners), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("color", "<u2")]
    )
    record["corners"] = corners
    record["color"] = 0x7FFF  # VisCAM and Magics keep colours there
    return struct.pack("<I", len(corners)) + record.tobytes()


def ascii_stl(corners: np.ndarray, name: str) -> str:
    loops = (
        "  facet normal 0 0 0\n    outer loop\n"
        + "".join(f"      vertex {x:e} {y:e} {z:e}\n" for x, y, z in triangle.tolist())
        + "    endloop\n  endfacet\n"
        for triangle in corners
    )
    return f"solid {name}\n{''.join(loops)}endsolid {name}\n"


@pytest.mark.parametrize(
    ("header", "ras", "silent"),
    [
        (b"3D Slicer output. SPACE=LPS", False, False),
        (b"3D Slicer output. SPACE=RAS", True, False),
        (b"Visualization Toolkit generated SLA File", False, True),
        (b"Exported from Blender-4.0.2", False, True),
        (b"solid part exported by SolidWorks", False, True),  # a binary file all the same
        (b"COLOR=\xff\xff\xff\xffMATERIAL=\xff\xff", False, True),
        (b"STLB ATF 12.0.2 COLOR=\xa0\xa0\xa0\xff", False, True),
        (b"\0" * 80, False, True),
    ],
)
def test_binary_stl_of_any_program(
    header: bytes, ras: bool, silent: bool, tmp_path: Path
) -> None:
    path = tmp_path / "part.stl"
    stored = CORNERS * RAS if ras else CORNERS
    path.write_bytes(header.ljust(80, b" ") + binary_stl(stored))
    read = read_surface(path)
    assert_same(read)
    assert assumed(read) is silent


@pytest.mark.parametrize("name", ["", "Exported from Blender", "my vertex group\t(facet 3)"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("upper", [False, True])
def test_ascii_stl_of_any_program(name: str, ends: str, upper: bool, tmp_path: Path) -> None:
    text = ascii_stl(CORNERS, name)
    text = (text.upper() if upper else text).replace("\n", ends)
    (tmp_path / "part.stl").write_bytes(text.encode())
    assert_same(read_surface(tmp_path / "part.stl"))


def test_several_solids_in_an_ascii_stl_are_one_surface(tmp_path: Path) -> None:
    text = ascii_stl(CORNERS[:2], "vertex") + "\n" + ascii_stl(CORNERS[2:], "facet")
    (tmp_path / "parts.stl").write_text(text)
    assert_same(read_surface(tmp_path / "parts.stl"))


@pytest.mark.parametrize(
    ("old", "new"),
    [("vertex", "vertx"), ("vertex -3", "vertex - 3"), ("e+0", "e+0 "), ("e", "f")],
)
def test_an_ascii_stl_with_a_broken_row_is_refused(old: str, new: str, tmp_path: Path) -> None:
    head, body = ascii_stl(CORNERS, "a").split("\n", 1)
    (tmp_path / "odd.stl").write_text(f"{head}\n{body.replace(old, new, 1)}")
    with pytest.raises(InputError, match=r"odd\.stl"):
        read_surface(tmp_path / "odd.stl")


PLY = """ply
format ascii 1.0
comment {comment}
element vertex 4
property float x
property float y
property float z
property float nx
property int flags
property uchar red
property uchar green
property uchar blue
property uchar alpha
property float quality
element face 4
property list uchar int {word}
property int flags
property list uchar float texcoord
end_header
"""


@pytest.mark.parametrize("word", ["vertex_index", "vertex_indices"])
@pytest.mark.parametrize(
    ("comment", "ras"),
    [("VCGLIB generated", False), ("3D Slicer output. SPACE=RAS", True)],
)
def test_ply_with_more_than_points_and_corners(
    word: str, comment: str, ras: bool, tmp_path: Path
) -> None:
    points = SOLID.points.astype(float) * (RAS if ras else 1)
    rows = [f"{x} {y} {z} 0 0 10 20 30 255 0.5" for x, y, z in points.tolist()]
    rows += [f"3 {a} {b} {c} 0 6 0 0 0 0 0 0" for a, b, c in SOLID.triangles.tolist()]
    text = PLY.format(comment=comment, word=word) + "\n".join(rows) + "\n"
    (tmp_path / "mesh.ply").write_text(text)
    read = read_surface(tmp_path / "mesh.ply")
    assert_same(read)
    assert assumed(read) is not ras
    assert (
        read.color == (10, 20, 30) or read.point_data["colors"].tolist() == [[10, 20, 30]] * 4
    )


@pytest.mark.parametrize(
    ("comment", "ras"),
    [
        ("Blender 4.0.2", False),
        ("3D Slicer output. SPACE=LPS", False),
        ("3D Slicer output. SPACE=RAS", True),
    ],
)
def test_obj_with_normals_textures_and_materials(
    comment: str, ras: bool, tmp_path: Path
) -> None:
    points = SOLID.points.astype(float) * (RAS if ras else 1)
    lines = [f"# {comment}", "mtllib part.mtl", "o Part.001"]
    lines += [f"v {x} {y} {z}" for x, y, z in points.tolist()]
    lines += ["vn 0.0 1.0 0.0", "vt 0.5 0.5", "s 0", "usemtl Bone White"]
    lines += [f"f {a + 1}/1/1 {b + 1}/1/1 {c + 1}/1/1" for a, b, c in SOLID.triangles.tolist()]
    (tmp_path / "part.obj").write_text("\n".join(lines) + "\n")
    (tmp_path / "part.mtl").write_text("newmtl Bone White\nNs 250\nKd 0.8 0.4 0.2\n")
    (read,) = read_surfaces(tmp_path / "part.obj")
    assert_same(read)
    assert (read.name, read.color) == ("Part.001", (204, 102, 51))
