"""Binary glTF (.glb): metres and Y up, structures with names and colours."""

import json
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError, TruncatedError, UnsupportedError, UsageError
from vis3d.formats.amounts import bounded, check_parts
from vis3d.formats.frames import Coordinates, check_points, frame_said, remarks
from vis3d.formats.merging import numbers_of
from vis3d.formats.polygons import checked_triangles
from vis3d.surface import Surface
from vis3d.volume import Finding
from vis3d.whole_file import whole_file

MAGIC, JSON, BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
FLOAT, UINT32, UINT16, UINT8 = 5126, 5125, 5123, 5121
ARRAY, ELEMENTS, TRIANGLES = 34962, 34963, 4
TYPES = {FLOAT: "<f4", UINT32: "<u4", UINT16: "<u2", UINT8: "u1"}
LONGEST_DESCRIPTION = 1 << 26
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}

LPS_FROM_GLTF = np.array(
    [[1000.0, 0, 0, 0], [0, 0, -1000.0, 0], [0, 1000.0, 0, 0], [0, 0, 0, 1]]
)
"""glTF looks at a model's face along -Z with Y up: X is left, Y superior, -Z posterior."""

TURN = [-(0.5**0.5), 0.0, 0.0, 0.5**0.5]
"""The quaternion that stands LPS upright: posterior becomes -Z and superior Y."""


def write_glb(
    surfaces: tuple[Surface, ...], path: Path, *, coordinates: Coordinates = "lps"
) -> None:
    """GlTF 2.0: LPS mm under one node that turns and scales them, so no digit is lost.

    Raises:
        UsageError: RAS was asked for; glTF has a frame of its own.
    """
    if coordinates != "lps":
        raise UsageError("A .glb file has its own frame (Y up); write .stl or .ply for RAS.")
    binary = _Binary()
    meshes = [_mesh(number, surface, binary) for number, surface in enumerate(surfaces)]
    nodes = [
        {"name": surface.name or f"surface {number + 1}", "mesh": number}
        for number, surface in enumerate(surfaces)
    ]
    patient = {
        "name": "patient",
        "rotation": TURN,
        "scale": [0.001] * 3,
        "children": list(range(len(nodes))),
        "extras": {"SPACE": "LPS", "UNITS": "mm", "remarks": remarks(surfaces[0], "lps")},
    }
    content = {
        "asset": {"version": "2.0", "generator": "vis3d"},
        "scene": 0,
        "scenes": [{"nodes": [len(nodes)]}],
        "nodes": [*nodes, patient],
        "meshes": meshes,
        "materials": [_material(surface) for surface in surfaces],
        "accessors": binary.accessors,
        "bufferViews": binary.views,
        "buffers": [{"byteLength": binary.size}],
    }
    text = json.dumps(content, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + binary.size
    with whole_file(path) as unfinished, unfinished.open("wb") as stream:
        stream.write(np.array([MAGIC, 2, total, len(text), JSON], "<u4").tobytes() + text)
        stream.write(np.array([binary.size, BIN], "<u4").tobytes())
        stream.writelines(binary.parts)


def read_glb(path: Path) -> tuple[Surface, ...]:
    """Every triangle mesh of a glTF 2.0 file, placed by its nodes, in LPS mm.

    Raises:
        InputError: no such file, missing bytes, or triangles in a compressed extension.
    """
    content, binary = _chunks(path)
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


class _Binary:
    """The one buffer, and the views and accessors into it."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.views: list[dict[str, object]] = []
        self.accessors: list[dict[str, object]] = []
        self.size = 0

    def add(self, array: NDArray[Any], kind: str, target: int, **more: object) -> int:
        """The number of a new accessor to the values (4-byte aligned)."""
        content = array.tobytes()
        view = {"buffer": 0, "byteOffset": self.size, "byteLength": len(content)}
        self.views.append({**view, "target": target})
        self.parts.append(content + b"\0" * (-len(content) % 4))
        self.size += len(self.parts[-1])
        component = next(code for code, text in TYPES.items() if np.dtype(text) == array.dtype)
        accessor = {"bufferView": len(self.views) - 1, "componentType": component}
        self.accessors.append({**accessor, "count": len(array), "type": kind, **more})
        return len(self.accessors) - 1


def _mesh(number: int, surface: Surface, binary: _Binary) -> dict[str, object]:
    points = np.ascontiguousarray(surface.points, "<f4")
    if not len(surface.triangles):
        raise UsageError("A .glb file can't hold a surface without triangles.")
    least, greatest = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    attributes = {"POSITION": binary.add(points, "VEC3", ARRAY, min=least, max=greatest)}
    attributes["NORMAL"] = binary.add(_normals(surface).astype("<f4"), "VEC3", ARRAY)
    colors = surface.point_data.get("colors")
    if colors is not None and colors.shape == (len(points), 3):
        opaque = np.full((len(points), 4), 255, np.uint8)
        opaque[:, :3] = np.rint(255 * _linear(colors.astype(float) / 255))
        attributes["COLOR_0"] = binary.add(opaque, "VEC4", ARRAY, normalized=True)
    for name, values in numbers_of(surface).items():  # names of one's own begin so
        attributes[f"_{name.upper()}"] = binary.add(values, "SCALAR", ARRAY)
    width = "<u2" if len(points) < 65535 else "<u4"
    indices = binary.add(surface.triangles.astype(width).reshape(-1), "SCALAR", ELEMENTS)
    part = {"attributes": attributes, "indices": indices, "material": number}
    return {"name": surface.name, "primitives": [part]}


def _normals(surface: Surface) -> NDArray[np.floating]:
    """A unit normal at each point: the mean of its triangles', by their area."""
    a, b, c = (surface.points[surface.triangles[:, n]].astype(np.float64) for n in range(3))
    faces = np.cross(b - a, c - a)
    normals = np.zeros((len(surface.points), 3))
    for corner in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(
                surface.triangles[:, corner], faces[:, axis], len(surface.points)
            )
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    up = np.array([0.0, 0.0, 1.0])  # glTF wants unit length, even where a point has no side
    return np.where(lengths > 0, normals / np.where(lengths > 0, lengths, 1), up)


def _material(surface: Surface) -> dict[str, object]:
    painted = "colors" in surface.point_data
    color = [1.0] * 3 if painted else _linear(np.array(surface.color) / 255).tolist()
    return {
        "name": surface.name,
        "pbrMetallicRoughness": {
            "baseColorFactor": [*color, 1.0],
            "metallicFactor": 0.0,
            "roughnessFactor": 0.7,
        },
    }


def _linear(srgb: NDArray[np.floating]) -> NDArray[np.floating]:
    """Colours 0 to 1 as glTF counts them: light, not sRGB's steps."""
    light: NDArray[np.floating] = ((srgb + 0.055) / 1.055) ** 2.4
    return np.where(srgb <= 0.04045, srgb / 12.92, light)


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
    if "extensions" in part:
        names = ", ".join(sorted(part["extensions"]))
        raise UnsupportedError(f"{path}: triangles stored by {names} aren't read.")
    stored = _values(content, binary, part["attributes"]["POSITION"], path)
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
        top = np.iinfo(light.dtype).max if light.dtype.kind == "u" else 1
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
