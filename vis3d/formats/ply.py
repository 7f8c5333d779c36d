"""PLY: triangles with a colour at each point."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError
from vis3d.formats import byte_streams
from vis3d.formats.frames import (
    Coordinates,
    check_points,
    frame_said,
    in_frame,
    in_lps,
    remarks,
)
from vis3d.formats.merging import colors_of, merged, numbers_of
from vis3d.formats.polygons import checked_triangles, fans
from vis3d.surface import Surface
from vis3d.whole_file import whole_file

VERTEX = np.dtype([("point", "<f4", 3), ("color", "u1", 3)])
FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])
TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
CHANNELS = ("red", "green", "blue", "alpha")
LONGEST_HEADER = 1 << 20


def write_ply(
    surfaces: tuple[Surface, ...], path: Path, *, coordinates: Coordinates = "lps"
) -> None:
    """Binary little-endian PLY in mm: points with colours and numbers, triangles.

    Several surfaces become one.
    """
    surface = merged(surfaces)
    numbers = numbers_of(surface)
    columns = [(name, "<f4") for name in numbers]
    vertices = np.empty(len(surface.points), np.dtype([*VERTEX.descr, *columns]))
    for name, values in numbers.items():
        vertices[name] = values
    vertices["point"] = in_frame(surface.points, coordinates)
    vertices["color"] = colors_of(surface)
    faces = np.empty(len(surface.triangles), FACE)
    faces["count"], faces["corners"] = 3, surface.triangles
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        *(f"comment {remark}" for remark in remarks(surface, coordinates)),
        f"comment name {_ascii(surface.name)}",
        f"element vertex {len(vertices)}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {channel}" for channel in ("red", "green", "blue")),
        *(f"property float {name}" for name in numbers),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header\n",
    ]
    with whole_file(path) as unfinished, unfinished.open("wb") as stream:
        stream.write("\n".join(lines).encode("ascii"))
        stream.write(vertices.tobytes())
        stream.write(faces.tobytes())


def read_ply(path: Path) -> tuple[Surface, ...]:
    """ASCII or binary PLY; polygons become fans of triangles.

    Raises:
        InputError: no PLY, missing bytes, or points that don't exist.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}.") from error
    head = _head(content, path)
    vertices, faces = _body(content, head, path)
    with np.errstate(invalid="ignore", over="ignore"):  # what isn't finite is refused below
        points = np.stack([np.asarray(vertices[axis], np.float64) for axis in "xyz"], axis=1)
    if all(head.element("vertex").columns[axis] == ("f4",) for axis in "xyz"):
        points = points.astype(np.float32)
    check_points(points, path)
    checked_triangles(faces, len(points), path)
    frame, findings = frame_said("\n".join(head.comments), "PLY")
    name = next((c[5:] for c in head.comments if c.startswith("name ")), path.stem)
    color, point_data = _colors(vertices)
    point_data |= _numbers(vertices)
    metadata = {"findings": findings}
    return (Surface(in_lps(points, frame), faces, name, color, point_data, metadata),)


@dataclass
class Element:
    """One table of a PLY file: its rows, and its columns' types (of a list: size, values)."""

    name: str
    count: int
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def lists(self) -> list[str]:
        """The names of the columns that hold lists."""
        return [name for name, kinds in self.columns.items() if len(kinds) == 2]


@dataclass
class Head:
    """A PLY header; `size` is the number of bytes it takes."""

    order: str
    elements: list[Element]
    comments: list[str]
    size: int

    def element(self, name: str) -> Element:
        """The table of that name."""
        return next(element for element in self.elements if element.name == name)


def _ascii(text: str) -> str:
    return " ".join(text.encode("ascii", "replace").decode().split())


def _head(content: bytes, path: Path) -> Head:
    end = re.search(rb"end_header\r?\n", content[:LONGEST_HEADER])
    if not content.startswith(b"ply") or not end:
        raise InputError(f"{path} is no PLY file, or its header never ends.")
    head = Head("", [], [], end.end())
    try:
        for row in content[: end.start()].decode("latin-1").splitlines()[1:]:
            _read_row(row.split(), row, head)
        names = {element.name for element in head.elements}
        if not names >= {"vertex", "face"} or min(e.count for e in head.elements) < 0:
            raise ValueError("no vertices or faces")
        if not head.element("vertex").columns.keys() >= {"x", "y", "z"} or not head.order:
            raise ValueError("no x, y, z")
        if not head.element("face").lists:
            raise ValueError("faces without corners")
    except (ValueError, KeyError, IndexError) as error:
        raise InputError(f"{path}: the PLY header is broken ({error}).") from error
    return head


def _read_row(words: list[str], row: str, head: Head) -> None:
    match words:
        case ["format", kind, _]:
            orders = {"ascii": "a", "binary_little_endian": "<", "binary_big_endian": ">"}
            head.order = orders[kind]
        case ["comment", *_]:
            head.comments.append(row[len("comment ") :].strip())
        case ["element", name, count]:
            head.elements.append(Element(name, int(count)))
        case ["property", "list", size, kind, name]:
            head.elements[-1].columns[name] = (TYPES[size], TYPES[kind])
        case ["property", kind, name]:
            head.elements[-1].columns[name] = (TYPES[kind],)


def _body(content: bytes, head: Head, path: Path) -> tuple[Any, NDArray[np.int64]]:
    """The vertex table by column and the triangles."""
    if head.order == "a":
        return _text_body(content, head, path)
    at = head.size
    vertices: Any = None
    faces = np.zeros((0, 3), np.int64)
    for element in head.elements:
        if element.lists:
            triangles, at = _binary_lists(content, at, element, head.order, path)
            faces = triangles if element.name == "face" else faces
            continue
        dtype = np.dtype(
            [(name, head.order + kind) for name, (kind,) in element.columns.items()]
        )
        byte_streams.check_promise(path, element.count * dtype.itemsize, len(content) - at)
        table = np.frombuffer(content, dtype, element.count, at)
        at += element.count * dtype.itemsize
        vertices = table if element.name == "vertex" else vertices
    if vertices is None:
        raise InputError(f"{path}: the PLY file has lists where points should be.")
    return vertices, faces


def _binary_lists(
    content: bytes, at: int, element: Element, order: str, path: Path
) -> tuple[NDArray[np.int64], int]:
    """The element's first list as fans of triangles, and the byte after the element.

    Rows like the first one (as a rule, all) are read at once, else one by one.
    """
    if element.count == 0:
        return np.zeros((0, 3), np.int64), at
    byte_streams.check_promise(path, element.count, len(content) - at)
    first, _ = _row(content, at, element, order, path)
    record = np.dtype(
        [
            column
            for (name, kinds), values in zip(element.columns.items(), first, strict=True)
            for column in _fields(name, kinds, order, len(values))
        ]
    )
    if element.count * record.itemsize <= len(content) - at:
        table = np.frombuffer(content, record, element.count, at)
        if all((table[f"{n} #"] == table[f"{n} #"][0]).all() for n in element.lists):
            corners = table[next(iter(element.lists))]
            sizes = np.full(element.count, corners.shape[1])
            return fans(corners.reshape(-1), sizes), at + element.count * record.itemsize
    rows, chosen = [], list(element.columns).index(next(iter(element.lists)))
    for _ in range(element.count):
        values, at = _row(content, at, element, order, path)
        rows.append(values[chosen])
    return _fans_of(rows), at


def _fields(name: str, kinds: tuple[str, ...], order: str, length: int) -> list[Any]:
    """One column as NumPy's fields: a number, or how many and then as many."""
    if len(kinds) == 1:
        return [(name, order + kinds[0])]
    return [(f"{name} #", order + kinds[0]), (name, order + kinds[1], (length,))]


def _row(
    content: bytes, at: int, element: Element, order: str, path: Path
) -> tuple[list[NDArray[Any]], int]:
    """The values of each column of the row that begins at a byte, and where it ends."""
    row = []
    for kinds in element.columns.values():
        count = 1
        if len(kinds) == 2:
            size = np.dtype(order + kinds[0])
            byte_streams.check_promise(path, size.itemsize, len(content) - at)
            count = max(0, int(np.frombuffer(content, size, 1, at)[0]))
            at += size.itemsize
        kind = np.dtype(order + kinds[-1])
        byte_streams.check_promise(path, count * kind.itemsize, len(content) - at)
        row.append(np.frombuffer(content, kind, count, at))
        at += count * kind.itemsize
    return row, at


def _fans_of(rows: list[NDArray[np.integer]]) -> NDArray[np.int64]:
    sizes = np.array([len(row) for row in rows], np.int64)
    return fans(np.concatenate(rows) if rows else np.zeros(0, np.int64), sizes)


def _text_body(content: bytes, head: Head, path: Path) -> tuple[Any, NDArray[np.int64]]:
    rows = content[head.size :].split(b"\n")
    byte_streams.check_promise(path, sum(e.count for e in head.elements), len(rows))
    at, vertices, faces = 0, {}, np.zeros((0, 3), np.int64)
    try:
        for element in head.elements:
            table = [row.split() for row in rows[at : at + element.count]]
            at += element.count
            if element.name == "vertex":
                columns = np.array(table, np.float64).reshape(-1, len(element.columns)).T
                vertices = dict(zip(element.columns, columns, strict=True))
            elif element.name == "face":
                corners = [np.array(row[1 : 1 + int(row[0])], np.int64) for row in table]
                faces = _fans_of(corners)  # type: ignore[arg-type]
    except (ValueError, IndexError) as error:
        raise InputError(f"{path}: the numbers in the PLY file are broken.") from error
    return vertices, faces


def _colors(vertices: Any) -> tuple[tuple[int, int, int], dict[str, NDArray[np.generic]]]:
    """One colour where every point has the same, else a colour a point as well."""
    names = vertices.keys() if isinstance(vertices, dict) else vertices.dtype.names
    if not {"red", "green", "blue"} <= set(names) or not len(vertices["x"]):
        return (214, 214, 214), {}
    channels = [np.asarray(vertices[name]) for name in ("red", "green", "blue")]
    scale = 255 if channels[0].dtype.itemsize == 4 and channels[0].dtype.kind == "f" else 1
    colors = np.clip(np.stack(channels, axis=1) * scale, 0, 255).astype(np.uint8)
    r, g, b = colors[0].tolist()
    return (r, g, b), {} if (colors == colors[0]).all() else {"colors": colors}


def _numbers(vertices: Any) -> dict[str, NDArray[np.generic]]:
    """The columns of numbers that have a name of more than two letters and are no colour."""
    names = vertices.keys() if isinstance(vertices, dict) else vertices.dtype.names
    columns = {name: np.asarray(vertices[name]) for name in names if len(name) > 2}
    return {
        name: values.copy()
        for name, values in columns.items()
        if name not in CHANNELS and values.ndim == 1 and values.dtype.kind == "f"
    }
