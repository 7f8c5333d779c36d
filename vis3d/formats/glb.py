"""Binary glTF (.glb): metres and Y up, structures with names and colours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import UsageError
from vis3d.formats.frames import Coordinates, remarks
from vis3d.formats.glb_reading import BIN, JSON, MAGIC, TYPES
from vis3d.formats.merging import numbers_of
from vis3d.surface import Surface
from vis3d.whole_file import whole_file

ARRAY, ELEMENTS = 34962, 34963

TURN = [-(0.5**0.5), 0.0, 0.0, 0.5**0.5]
"""The quaternion that stands LPS upright: posterior becomes -Z and superior Y."""


def write_glb(
    surfaces: tuple[Surface, ...], path: Path, *, coordinates: Coordinates = "lps"
) -> None:
    """GlTF 2.0: LPS mm under one node that turns and scales them, so no digit is lost.

    Points stay floats: VTK 9.7 refuses quantized ones (KHR_mesh_quantization), and rounding
    would join points of fine surfaces.

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
