import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.formats.making import tetrahedron
from vis3d.errors import InputError, TooLargeError, TruncatedError, UnsupportedError
from vis3d.files import read_surface, read_surfaces, write_surface
from vis3d.formats import SURFACE_READERS

SUFFIXES = sorted(SURFACE_READERS)


@pytest.mark.parametrize("count", [1, 5, 2**32 - 1])
def test_an_stl_that_promises_more_triangles_than_it_has_is_refused(
    count: int, tmp_path: Path
) -> None:
    (tmp_path / "huge.stl").write_bytes(b" " * 80 + struct.pack("<I", count) + bytes(49))
    with pytest.raises(TruncatedError, match=r"huge\.stl: .* triangles need") as caught:
        read_surface(tmp_path / "huge.stl")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_points_that_lie_nowhere_are_refused(suffix: str, tmp_path: Path) -> None:
    whole = tetrahedron()
    points = whole.points.copy()
    points[2, 1] = np.nan
    broken = type(whole)(points, whole.triangles, "broken")
    write_surface(broken, tmp_path / f"nan{suffix}")
    with pytest.raises(InputError, match=rf"nan\{suffix}"):
        read_surface(tmp_path / f"nan{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"solid", b"ply\n", b"GIF89a" * 40, b"\0" * 400])
def test_what_is_no_surface_is_refused_in_one_line(
    suffix: str, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / f"not{suffix}").write_bytes(content)
    if suffix == ".stl" and content.startswith(b"\0"):
        content = b"\0" * 399
        (tmp_path / "not.stl").write_bytes(content)
    with pytest.raises(InputError, match=rf"not\{suffix}") as caught:
        read_surface(tmp_path / f"not{suffix}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_truncated_file_is_refused(suffix: str, tmp_path: Path) -> None:
    write_surface(tetrahedron(), tmp_path / f"cut{suffix}")
    content = (tmp_path / f"cut{suffix}").read_bytes()
    (tmp_path / f"cut{suffix}").write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(InputError, match=rf"cut\{suffix}"):
        read_surface(tmp_path / f"cut{suffix}")


PLY = """ply
format {order} 1.0
element vertex {vertices}
property float x
property float y
property float z
element face {faces}
property list {count} int vertex_indices
end_header
"""


@pytest.mark.parametrize("order", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize(
    "numbers",
    [
        {"vertices": 4_000_000_000, "faces": 1},
        {"vertices": 1, "faces": 4_000_000_000},
        {"vertices": -1, "faces": 1},
        {"vertices": 0, "faces": 3},
    ],
)
def test_a_ply_that_promises_too_much_is_refused(
    order: str, numbers: dict[str, int], tmp_path: Path
) -> None:
    text = PLY.format(order=order, count="uchar", **numbers).encode()
    (tmp_path / "huge.ply").write_bytes(text + b"\3" + bytes(27))
    with pytest.raises(InputError, match=r"huge\.ply"):
        read_surface(tmp_path / "huge.ply")


def test_a_list_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    text = PLY.format(order="binary_little_endian", count="int", vertices=1, faces=1).encode()
    (tmp_path / "long.ply").write_bytes(text + bytes(12) + struct.pack("<i", 2**31 - 1))
    with pytest.raises(InputError, match=r"long\.ply"):
        read_surface(tmp_path / "long.ply")


def test_a_ply_with_more_than_corners_is_read(tmp_path: Path) -> None:
    text = PLY.format(order="binary_little_endian", count="uchar", vertices=4, faces=2)
    text = text.replace("end_header", "property uchar red\nend_header")
    points = np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]).tobytes()
    same = struct.pack("<B3iB", 3, 0, 1, 2, 255) + struct.pack("<B3iB", 3, 0, 2, 3, 255)
    (tmp_path / "same.ply").write_bytes(text.encode() + points + same)
    assert read_surface(tmp_path / "same.ply").triangles.tolist() == [[0, 1, 2], [0, 2, 3]]
    mixed = struct.pack("<B4iB", 4, 0, 1, 2, 3, 255) + struct.pack("<B3iB", 3, 0, 2, 3, 255)
    (tmp_path / "mixed.ply").write_bytes(text.encode() + points + mixed)
    triangles = read_surface(tmp_path / "mixed.ply").triangles.tolist()
    assert triangles == [[0, 1, 2], [0, 2, 3], [0, 2, 3]]


@pytest.mark.parametrize("face", ["f 1 2 9", "f 1 2 0", "f 1 2 -9", "f 1 2 x", "f 1 2 1.5"])
def test_an_obj_of_points_that_do_not_exist_is_refused(face: str, tmp_path: Path) -> None:
    (tmp_path / "odd.obj").write_text(f"v 0 0 0\nv 1 0 0\nv 0 1 0\n{face}\n")
    with pytest.raises(InputError, match=r"odd\.obj"):
        read_surface(tmp_path / "odd.obj")


def test_materials_outside_the_folder_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "secret.mtl").write_text("newmtl a\nKd 1 0 0\n")
    (tmp_path / "inner").mkdir()
    text = "mtllib ../secret.mtl\nusemtl a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
    (tmp_path / "inner" / "odd.obj").write_text(text)
    assert read_surface(tmp_path / "inner" / "odd.obj").color == (214, 214, 214)


def glb(path: Path, content: object, binary: bytes = b"") -> Path:
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
    path.write_bytes(struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks)
    return path


ACCESSOR = {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}


def gltf(**changed: object) -> dict[str, object]:
    """A triangle, with one thing wrong."""
    sound: dict[str, object] = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [ACCESSOR],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "buffers": [{"byteLength": 36}],
    }
    return {**sound, **changed}


def test_a_triangle_without_indices_is_read(tmp_path: Path) -> None:
    assert len(read_surface(glb(tmp_path / "one.glb", gltf(), bytes(36))).triangles) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"nodes": [{"children": [0]}]},
        {"nodes": [{"mesh": 7}]},
        {"nodes": "none"},
        {"meshes": [{"primitives": [{"attributes": {}}]}]},
        {
            "accessors": [
                {"bufferView": 0, "componentType": 5126, "count": 10**12, "type": "VEC3"}
            ]
        },
        {"accessors": [{"bufferView": 0, "componentType": 5126, "count": -3, "type": "VEC3"}]},
        {"accessors": [{"bufferView": 0, "componentType": 1, "count": 3, "type": "VEC3"}]},
        {"bufferViews": [{"buffer": 0, "byteOffset": 8, "byteLength": 36}]},
        {"buffers": [{"uri": "/etc/passwd", "byteLength": 36}]},
    ],
)
def test_a_broken_glb_is_refused(changed: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"odd\.glb") as caught:
        read_surface(glb(tmp_path / "odd.glb", gltf(**changed), bytes(36)))
    assert "\n" not in str(caught.value)


def package(path: Path, model: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("3D/3dmodel.model", model)
    return path


def test_a_3mf_that_inflates_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vis3d.formats.threemf_reading.LARGEST_MODEL", 1 << 20)
    path = package(tmp_path / "bomb.3mf", b"<model>" + b" " * (1 << 23))
    with pytest.raises(TooLargeError, match="inflates"):
        read_surface(path)


def test_a_3mf_with_entities_is_refused(tmp_path: Path) -> None:
    model = b'<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a "b">]><model>&a;</model>'
    with pytest.raises(InputError, match="document type"):
        read_surface(package(tmp_path / "bomb.3mf", model))


def test_many_more_parts_or_points_than_a_file_can_honestly_hold_are_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "many.obj"
    path.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\n" + "o a\nf 1 2 3\n" * 10_001)
    with pytest.raises(TooLargeError, match=r"many\.obj holds 10,001 parts"):
        read_surfaces(path)
    path = tmp_path / "many.3mf"
    vertices = '<vertex x="0" y="0" z="0"/>' * 20_000
    model = (
        f'<model><resources><object id="1"><mesh><vertices>{vertices}</vertices><triangles>'
        f'<triangle v1="0" v2="1" v3="2"/></triangles></mesh></object></resources>'
        f"<build>{'<item objectid=' + chr(34) + '1' + chr(34) + '/>'}</build></model>"
    )
    model = model.replace("</build>", '<item objectid="1"/>' * 200 + "</build>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("3D/3dmodel.model", model)
    with pytest.raises(TooLargeError, match="so often"):
        read_surfaces(path)


def test_an_ascii_stl_of_words_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.stl").write_bytes(b"solid x\nfacet " + b"vertex " * 999)
    with pytest.raises(InputError, match="three corners"):
        read_surfaces(tmp_path / "words.stl")


def test_a_quantized_glb_of_another_program_lies_where_it_says(tmp_path: Path) -> None:
    steps = np.array([[0, 0, 0], [65535, 0, 0], [0, 65535, 0], [0, 0, 65535]], "<u2")
    padded = np.zeros((4, 4), "<u2")
    padded[:, :3] = steps
    corners = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], "u1").tobytes()
    content: dict[str, object] = {
        "asset": {"version": "2.0"},
        "extensionsRequired": ["KHR_mesh_quantization"],
        "scene": 0, "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "scale": [0.01, 0.02, 0.03], "translation": [1, 2, 3]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1,
                                    "extensions": {"KHR_materials_variants": {}}}]}],
        "buffers": [{"byteLength": 44}],
        "bufferViews": [{"buffer": 0, "byteLength": 32, "byteStride": 8},
                        {"buffer": 0, "byteOffset": 32, "byteLength": 12}],
        "accessors": [
            {"bufferView": 0, "componentType": 5123, "count": 4, "type": "VEC3",
             "normalized": True},
            {"bufferView": 1, "componentType": 5121, "count": 12, "type": "SCALAR"},
        ],
    }  # fmt: skip
    write_chunks(tmp_path / "small.glb", content, padded.tobytes() + corners)
    (surface,) = read_surfaces(tmp_path / "small.glb")
    low, high = surface.bounds_mm
    np.testing.assert_allclose(low, [1000, -3030, 2000], atol=1e-3)
    np.testing.assert_allclose(high, [1010, -3000, 2020], atol=1e-3)
    assert surface.volume_ml == pytest.approx(10 * 20 * 30 / 6000, rel=1e-3)


@pytest.mark.parametrize("word", ["EXT_meshopt_compression", "KHR_draco_mesh_compression"])
def test_a_compressed_glb_is_refused_by_the_name_of_its_extension(
    word: str, tmp_path: Path
) -> None:
    content = {"meshes": [{}], "nodes": [], "extensionsRequired": [word]}
    write_chunks(tmp_path / "packed.glb", content, b"")
    with pytest.raises(UnsupportedError, match=word):
        read_surfaces(tmp_path / "packed.glb")


def write_chunks(path: Path, content: dict[str, object], binary: bytes) -> None:
    """A binary glTF file."""
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack(
        "<5I", 0x46546C67, 2, 28 + len(text) + len(binary), len(text), 0x4E4F534A
    )
    path.write_bytes(head + text + struct.pack("<2I", len(binary), 0x004E4942) + binary)
