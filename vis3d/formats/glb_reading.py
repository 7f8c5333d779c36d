"""Binary glTF (.glb) as anybody writes it -> surfaces in LPS mm."""

import json
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError, TruncatedError, UnsupportedError
from vis3d.formats.amounts import bounded, check_parts
from vis3d.formats.frames import check_points, frame_said
from vis3d.formats.polygons import checked_triangles
from vis3d.surface import Surface
from vis3d.volume import Finding

MAGIC, JSON, BIN, TRIANGLES = 0x46546C67, 0x4E4F534A, 0x004E4942, 4
TYPES = {5126: "<f4", 5125: "<u4", 5123: "<u2", 5122: "<i2", 5121: "u1", 5120: "i1"}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}
LONGEST_DESCRIPTION = 1 << 26

LPS_FROM_GLTF = np.array(
    [[1000.0, 0, 0, 0], [0, 0, -1000.0, 0], [0, 1000.0, 0, 0], [0, 0, 0, 1]]
)
"""glTF looks at a model's face along -Z with Y up: X is left, Y superior, -Z posterior."""


def read_glb(path: Path) -> tuple[Surface, ...]:
    """Every triangle mesh of a glTF 2.0 file, placed by its nodes, in LPS mm.

    Raises:
        InputError: no such file, missing bytes, or triangles in a compressed extension.
    """
    content, binary = _chunks(path)
    packed = [word for word in _words(content, "extensionsRequired") if _packs(word)]
    if packed:
        raise UnsupportedError(f"{path}: triangles stored by {', '.join(packed)} aren't read.")
    try:
        with np.errstate(all="ignore"):
            placed = _placed_meshes(content)
        check_parts(len(placed), path)
        metadata = {"findings": _findings(content)}
        surfaces = (
            replace(_surface(content, binary, mesh, part, matrix, path), metadata=metadata)
            for mesh, matrix in placed
            for part in content["meshes"][mesh]["primitives"]
            if part.get("mode", TRIANGLES) == TRIANGLES
        )
        with np.errstate(all="ignore"):  # what isn't finite is refused with its points
            return tuple(bounded(surfaces, path))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: the glTF description is broken ({error}).") from error


def _srgb(linear: NDArray[np.floating]) -> NDArray[np.floating]:
    light = np.clip(linear, 0, 1)
    steps: NDArray[np.floating] = 1.055 * light ** (1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, light * 12.92, steps)


def _chunks(path: Path) -> tuple[dict[str, Any], memoryview]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}.") from error
    head = np.frombuffer(data[:20].ljust(20, b"\0"), "<u4").tolist()
    if head[0] != MAGIC or head[1] != 2 or head[4] != JSON:
        raise InputError(f"{path} is no binary glTF 2.0 file.")
    if head[3] > LONGEST_DESCRIPTION:
        raise InputError(f"{path}: a description of {head[3]:,} bytes is no surface's.")
    if head[2] > len(data) or 20 + head[3] > len(data):
        raise TruncatedError(f"{path} states {head[2]:,} bytes and has {len(data):,}.")
    try:
        content = json.loads(data[20 : 20 + head[3]])
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: the glTF description is no JSON.") from error
    at = 20 + head[3]
    length, kind = np.frombuffer(data[at : at + 8].ljust(8, b"\0"), "<u4").tolist()
    binary = memoryview(data)[at + 8 : at + 8 + length] if kind == BIN else memoryview(b"")
    if not isinstance(content, dict) or not content.get("meshes"):
        raise InputError(f"{path}: the glTF file has no meshes.")
    return content, binary


def _placed_meshes(content: dict[str, Any]) -> list[tuple[int, NDArray[np.float64]]]:
    """The meshes that the scene shows, each with the matrix from its points to LPS mm."""
    nodes = content.get("nodes", [])
    scenes = content.get("scenes") or [{"nodes": list(range(len(nodes)))}]
    shown = scenes[content.get("scene", 0)]["nodes"]
    waiting = deque((int(n), LPS_FROM_GLTF) for n in shown)
    placed, seen = [], 0
    while waiting:
        number, parent = waiting.popleft()
        seen += 1
        if seen > len(nodes) + 1:
            raise ValueError("nodes that are their own children")
        node = nodes[number]
        matrix = parent @ _matrix(node)
        if "mesh" in node:
            placed.append((int(node["mesh"]), matrix))
        waiting.extend((int(child), matrix) for child in node.get("children", []))
    return placed


def _matrix(node: dict[str, Any]) -> NDArray[np.float64]:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = (float(n) for n in node.get("rotation", (0, 0, 0, 1)))
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = np.array(node.get("translation", (0, 0, 0)), np.float64)
    return matrix


def _surface(
    content: dict[str, Any],
    binary: memoryview,
    mesh: int,
    part: dict[str, Any],
    matrix: NDArray[np.float64],
    path: Path,
) -> Surface:
    position = part["attributes"]["POSITION"]
    stored = _scaled(_values(content, binary, position, path), content["accessors"][position])
    points = (stored @ matrix[:3, :3].T + matrix[:3, 3]).astype(np.float32)
    check_points(points, path)
    if "indices" in part:
        corners = _values(content, binary, part["indices"], path).reshape(-1)
    else:
        corners = np.arange(len(points))
    triangles = corners[: len(corners) // 3 * 3].reshape(-1, 3).astype(np.int64)
    if np.linalg.det(matrix[:3, :3]) < 0:
        triangles = triangles[:, ::-1]
    checked_triangles(triangles, len(points), path)
    point_data = {}
    if "COLOR_0" in part["attributes"]:
        light = _values(content, binary, part["attributes"]["COLOR_0"], path)[:, :3]
        top = np.iinfo(light.dtype).max if light.dtype.kind in "iu" else 1
        point_data["colors"] = np.rint(255 * _srgb(light / top)).astype(np.uint8)
    for word, accessor in part["attributes"].items():
        if word.startswith("_") and content["accessors"][accessor]["type"] == "SCALAR":
            values = _values(content, binary, accessor, path).reshape(-1)
            if len(values) == len(points):
                point_data[word[1:].lower()] = values
    name = str(content["meshes"][mesh].get("name") or path.stem)
    return Surface(points, triangles, name, _color(content, part), point_data)


def _findings(content: dict[str, Any]) -> tuple[Finding, ...]:
    """Those that we wrote; glTF's frame needs no word."""
    extras = [node.get("extras") for node in content["nodes"]]
    rows = [row for one in extras if isinstance(one, dict) for row in one.get("remarks", [])]
    return frame_said("\n".join(["SPACE=LPS", *map(str, rows)]), "glTF")[1]


def _color(content: dict[str, Any], part: dict[str, Any]) -> tuple[int, int, int]:
    if "material" not in part:
        return (214, 214, 214)
    material = content["materials"][part["material"]].get("pbrMetallicRoughness", {})
    light = np.array(material.get("baseColorFactor", [1, 1, 1, 1])[:3], float)
    r, g, b = np.rint(255 * _srgb(light)).astype(int).tolist()
    return (r, g, b)


def _scaled(stored: NDArray[Any], accessor: dict[str, Any]) -> NDArray[Any]:
    """Whole numbers as the parts of one that they stand for (section 3.6.2.2), if they do."""
    if stored.dtype.kind == "f" or not accessor.get("normalized"):
        return stored
    return np.maximum(stored / np.iinfo(stored.dtype).max, -1.0)


def _words(content: dict[str, Any], key: str) -> list[str]:
    found = content.get(key)
    return [str(word)[:60] for word in found] if isinstance(found, list) else []


def _packs(extension: str) -> bool:
    """Whether an extension keeps triangles where others don't find them."""
    return "compression" in extension.lower()


def _values(
    content: dict[str, Any], binary: memoryview, number: int, path: Path
) -> NDArray[Any]:
    """An accessor's values, (count, width)."""
    accessor = content["accessors"][number]
    if "sparse" in accessor or "bufferView" not in accessor:
        raise UnsupportedError(f"{path}: sparse glTF values aren't read.")
    view = content["bufferViews"][accessor["bufferView"]]
    if view.get("buffer", 0) != 0 or content["buffers"][0].get("uri"):
        raise UnsupportedError(f"{path}: its triangles lie in another file.")
    dtype, width = np.dtype(TYPES[accessor["componentType"]]), WIDTHS[accessor["type"]]
    count, row = int(accessor["count"]), dtype.itemsize * width
    stride = int(view.get("byteStride", row))
    start = int(view.get("byteOffset", 0)) + int(accessor.get("byteOffset", 0))
    if (
        min(start, count) < 0
        or stride < row
        or start + (count - 1) * stride + row > len(binary)
    ):
        raise TruncatedError(f"{path}: {count:,} values are promised that the file hasn't got.")
    return np.ndarray((count, width), dtype, binary, start, (stride, dtype.itemsize)).copy()
