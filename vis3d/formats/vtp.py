"""VTK surfaces (.vtp), with a value a point under each name."""

import re
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError, UnsupportedError
from vis3d.formats.amounts import check_parts
from vis3d.formats.frames import (
    Coordinates,
    check_points,
    frame_said,
    in_frame,
    in_lps,
    remarks,
)
from vis3d.formats.merging import colors_of, merged
from vis3d.formats.polygons import checked_triangles, fans
from vis3d.formats.vtk_xml import TYPES, WORDS, XmlFile, XmlWriter, read_xml
from vis3d.surface import Surface
from vis3d.whole_file import whole_file

NAME, COLORS, REMARKS = "Name", "colors", "Remarks"
NUMBER, TABLE_NAMES, TABLE_COLORS = "structure", "structure_names", "structure_colors"


def write_vtp(
    surfaces: tuple[Surface, ...], path: Path, *, coordinates: Coordinates = "lps"
) -> None:
    """A compressed VTK surface in mm with its point data.

    Of several, each triangle has its number as `structure` in the cell data, and the field
    data name and colour them.
    """
    surface = merged(surfaces)
    writer = XmlWriter()
    corners = surface.triangles.astype(np.int64).reshape(-1)
    offsets = np.arange(3, len(corners) + 1, 3, dtype=np.int64)
    point_data = {**_plain(surface), COLORS: colors_of(surface)}
    arrays = "".join(writer.array(name, values) for name, values in point_data.items())
    points = writer.array("Points", _real(in_frame(surface.points, coordinates)))
    body = (
        f"<PolyData>\n<FieldData>\n{writer.text('SPACE', coordinates.upper())}"
        f"{writer.text(REMARKS, chr(10).join(remarks(surface, coordinates)))}"
        f"{writer.text(NAME, surface.name)}{writer.text('UNITS', 'mm')}"
        f"{_table(surfaces, writer)}</FieldData>\n"
        f'<Piece NumberOfPoints="{len(surface.points)}" NumberOfVerts="0" NumberOfLines="0" '
        f'NumberOfStrips="0" NumberOfPolys="{len(surface.triangles)}">\n'
        f'<PointData Scalars="{COLORS}">\n{arrays}</PointData>\n'
        f"<CellData>\n{_numbers(surfaces, writer)}</CellData>\n"
        f"<Points>\n{points}</Points>\n"
        f"<Polys>\n{writer.array('connectivity', corners)}{writer.array('offsets', offsets)}"
        f"</Polys>\n</Piece>\n</PolyData>\n"
    )
    with whole_file(path) as unfinished:
        writer.write(unfinished, "PolyData", body)


def read_vtp(path: Path) -> tuple[Surface, ...]:
    """A VTK surface, or the structures that `write_vtp` put into one.

    Polygons become fans of triangles, lines and single points are left out.

    Raises:
        InputError: no VTK surface, missing bytes, or points that don't exist.
    """
    file = read_xml(path)
    piece = file.dataset("PolyData").find("Piece")
    if piece is None or _count(piece, "NumberOfStrips", path):
        raise UnsupportedError(f"{path}: triangle strips aren't read; write plain triangles.")
    count = _count(piece, "NumberOfPoints", path)
    stored = file.array(_array(piece, "Points", path), 3 * count).reshape(-1, 3)
    real = np.float64 if stored.dtype == np.float64 else np.float32
    points: NDArray[np.floating] = stored.astype(real, copy=False)
    check_points(points, path)
    triangles = checked_triangles(_triangles(file, piece, path), count, path)
    words = {a.get("Name"): file.text(a) for a in file.root.iter("Array")}
    said = f"SPACE={words.get('SPACE', '')}\n{words.get(REMARKS, '')}"
    frame, findings = frame_said(said, "VTK")
    color, point_data = _point_data(file, piece, count)
    name = words.get(NAME) or path.stem
    metadata = {"findings": findings}
    surface = Surface(in_lps(points, frame), triangles, name, color, point_data, metadata)
    return _structures(file, piece, surface) or (surface,)


def _table(surfaces: tuple[Surface, ...], writer: XmlWriter) -> str:
    if len(surfaces) == 1:
        return ""
    colors = np.array([surface.color for surface in surfaces], np.uint8)
    table = writer.array(TABLE_COLORS, colors).replace(
        "<DataArray", f'<DataArray NumberOfTuples="{len(surfaces)}"'
    )
    return writer.text(TABLE_NAMES, *(surface.name for surface in surfaces)) + table


def _numbers(surfaces: tuple[Surface, ...], writer: XmlWriter) -> str:
    if len(surfaces) == 1:
        return ""
    counts = [len(surface.triangles) for surface in surfaces]
    return writer.array(NUMBER, np.repeat(np.arange(len(surfaces), dtype=np.int32), counts))


def _structures(file: XmlFile, piece: Element, surface: Surface) -> tuple[Surface, ...]:
    """The surface taken apart as its field data say; none where they don't."""
    texts = file.root.find(f".//Array[@Name='{TABLE_NAMES}']")
    table = file.root.find(f".//FieldData/DataArray[@Name='{TABLE_COLORS}']")
    element = piece.find(f"CellData/DataArray[@Name='{NUMBER}']")
    if texts is None or table is None or element is None:
        return ()
    names = file.texts(texts)
    check_parts(len(names), file.path)
    colors = file.array(table, 3 * len(names)).reshape(-1, 3).astype(np.uint8).tolist()
    numbers = file.array(element, _count(piece, "NumberOfPolys", file.path)).astype(np.int64)
    if len(numbers) != len(surface.triangles) or not (
        not len(numbers) or 0 <= numbers.min() <= numbers.max() < len(names)
    ):
        raise InputError(f"{file.path}: its triangles belong to structures that it hasn't got.")
    rows = np.split(
        np.argsort(numbers, kind="stable"),
        np.cumsum(np.bincount(numbers, minlength=len(names)))[:-1],
    )
    return tuple(
        _one(surface, own, name, (r, g, b))
        for own, name, (r, g, b) in zip(rows, names, colors, strict=True)
    )


def _one(
    whole: Surface, own: NDArray[np.int64], name: str, color: tuple[int, int, int]
) -> Surface:
    """Those triangles alone, with the points that they use."""
    used, triangles = np.unique(whole.triangles[own], return_inverse=True)
    point_data = {key: values[used] for key, values in whole.point_data.items()}
    colors = point_data.get(COLORS)
    if colors is not None and (colors == color).all():
        del point_data[COLORS]
    triangles = triangles.reshape(-1, 3)
    return Surface(whole.points[used], triangles, name, color, point_data, whole.metadata)


def _plain(surface: Surface) -> dict[str, NDArray[Any]]:
    """The point data that VTK can hold."""
    return {
        name: values.view(np.uint8) if values.dtype == np.bool_ else values
        for name, values in surface.point_data.items()
        if name != COLORS
        and values.ndim <= 2
        and (values.dtype == np.bool_ or values.dtype.str[1:] in WORDS)
    }


def _real(points: NDArray[np.floating]) -> NDArray[np.floating]:
    return points if points.dtype == np.float64 else points.astype(np.float32)


def _count(piece: Element, key: str, path: Path) -> int:
    try:
        count = int(piece.get(key, "0"))
    except ValueError:
        count = -1
    if count < 0:
        raise InputError(f"{path}: the {key} is no count.")
    return count


def _array(piece: Element, where: str, path: Path) -> Element:
    found = piece.find(f"{where}/DataArray") if "[" not in where else piece.find(where)
    if found is None or found.get("type") not in TYPES:
        raise InputError(f"{path}: the VTK surface lacks its {where}.")
    return found


def _triangles(file: XmlFile, piece: Element, path: Path) -> NDArray[np.int64]:
    polygons = _count(piece, "NumberOfPolys", path)
    if polygons == 0:
        return np.zeros((0, 3), np.int64)
    ends = file.array(_array(piece, "Polys/DataArray[@Name='offsets']", path), polygons)
    stops = ends.astype(np.int64)
    if stops[0] < 1 or (stops[1:] <= stops[:-1]).any():
        raise InputError(f"{path}: the polygons' offsets don't rise.")
    sizes = stops - np.append(0, stops[:-1])
    element = _array(piece, "Polys/DataArray[@Name='connectivity']", path)
    corners = file.array(element, int(sizes.sum())).astype(np.int64)
    return fans(corners, sizes)


def _point_data(
    file: XmlFile, piece: Element, count: int
) -> tuple[tuple[int, int, int], dict[str, NDArray[np.generic]]]:
    point_data: dict[str, NDArray[np.generic]] = {}
    for element in piece.findall("PointData/DataArray"):
        words = element.get("NumberOfComponents") or "1"
        components = int(words) if re.fullmatch("[0-9]{1,9}", words) else 0
        if element.get("type") in TYPES and 1 <= components <= 16 and count:
            values = file.array(element, count * components)
            name = element.get("Name", "")
            point_data[name] = values.reshape(count, components) if components > 1 else values
    colors = point_data.get(COLORS)
    if colors is None or colors.shape != (count, 3) or colors.dtype != np.uint8:
        return (214, 214, 214), point_data
    if (colors == colors[0]).all():
        del point_data[COLORS]
    r, g, b = (int(channel) for channel in colors[0])
    return (r, g, b), point_data
