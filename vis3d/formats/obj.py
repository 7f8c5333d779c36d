"""Wavefront OBJ (.obj) with its materials (.mtl): several structures, named and coloured."""

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError
from vis3d.formats.amounts import check_parts
from vis3d.formats.frames import (
    Coordinates,
    check_points,
    frame_said,
    in_frame,
    in_lps,
    remarks,
)
from vis3d.formats.polygons import checked_triangles, fans, only_used
from vis3d.surface import Surface
from vis3d.whole_file import whole_file

Color = tuple[int, int, int]
GREY: Color = (214, 214, 214)
LONGEST_MATERIALS = 1 << 22


def write_obj(
    surfaces: tuple[Surface, ...], path: Path, *, coordinates: Coordinates = "lps"
) -> None:
    """OBJ in mm and an .mtl of the same name beside it."""
    names = _distinct([surface.name or path.stem for surface in surfaces])
    with whole_file(path) as unfinished:
        materials = unfinished.with_suffix(".mtl")
        if materials == unfinished:
            raise InputError(f"{path} is a name for materials; an OBJ file ends in .obj.")
        with materials.open("w", encoding="utf-8", newline="\n") as stream:
            for name, surface in zip(names, surfaces, strict=True):
                r, g, b = (f"{channel / 255:.4f}" for channel in surface.color)
                stream.write(f"newmtl {_word(name)}\nKd {r} {g} {b}\nd 1\nillum 1\n\n")
        with unfinished.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(f"# {remark}\n" for remark in remarks(surfaces[0], coordinates))
            stream.write(f"mtllib {materials.name}\n")
            start = 1
            for name, surface in zip(names, surfaces, strict=True):
                stream.write(f"o {name}\nusemtl {_word(name)}\n")
                stream.writelines(
                    _rows("v %.9g %.9g %.9g\n", in_frame(surface.points, coordinates))
                )
                stream.writelines(
                    _rows("f %d %d %d\n", surface.triangles.astype(np.int64) + start)
                )
                start += len(surface.points)


def read_obj(path: Path) -> tuple[Surface, ...]:
    """OBJ, one surface an object (`o`, or `g` where there are none), coloured by material.

    Raises:
        InputError: no OBJ, or points that don't exist.
    """
    try:
        rows = path.read_bytes().replace(b"\\\n", b" ").splitlines()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}.") from error
    points = _points([row for row in rows if row[:2] in (b"v ", b"v\t")], path)
    comments = b"\n".join(row for row in rows[:100] if row.startswith(b"#"))
    frame, findings = frame_said(comments.decode("utf-8", "replace"), "OBJ")
    materials = _materials(rows, path)
    surfaces = []
    for number, (name, material, faces) in enumerate(_objects(rows, path.stem), 1):
        check_parts(number, path)
        triangles = checked_triangles(_triangles(faces, len(points), path), len(points), path)
        own_points, own_triangles = only_used(in_lps(points, frame), triangles)
        color = materials.get(material, GREY)
        metadata = {"findings": findings}
        surfaces.append(Surface(own_points, own_triangles, name, color, {}, metadata))
    if not surfaces:
        raise InputError(f"{path} holds no triangles, or is no OBJ file.")
    return tuple(surfaces)


def _distinct(names: list[str]) -> list[str]:
    """Names on one line, no two the same, nor their materials."""
    made: dict[str, str] = {}
    for name in names:
        plain = " ".join(name.split())
        tries = (plain if n == 1 else f"{plain} {n}" for n in count(1))
        found = next(one for one in tries if _word(one) not in made)
        made[_word(found)] = found
    return list(made.values())


def _word(name: str) -> str:
    return name.replace(" ", "_")


def _rows(form: str, table: NDArray[np.generic]) -> Iterator[str]:
    """The rows as text, some thousands at a time."""
    step = 20_000
    for start in range(0, len(table), step):
        part = table[start : start + step]
        yield (form * len(part)) % tuple(part.reshape(-1).tolist())


def _points(rows: list[bytes], path: Path) -> NDArray[np.float64]:
    width = len(rows[0].split()) - 1 if rows else 3
    try:
        words = b" ".join(row[2:] for row in rows).split()
        if len(words) != width * len(rows):  # points with and without a colour or weight
            words, width = [word for row in rows for word in row.split()[1:4]], 3
        points = np.array(words, np.float64).reshape(len(rows), width)[:, :3]
    except ValueError as error:
        raise InputError(f"{path}: a point isn't made of three numbers.") from error
    if points.shape != (len(rows), 3):
        raise InputError(f"{path}: a point isn't made of three numbers.")
    check_points(points, path)
    return points


def _objects(
    rows: list[bytes], name: str
) -> Iterator[tuple[str, str, list[tuple[int, bytes]]]]:
    """Name, material and faces of each object; a face with the points read before it."""
    opener = b"o " if any(row.startswith(b"o ") for row in rows) else b"g "
    material, faces, seen = "", list[tuple[int, bytes]](), 0
    for row in rows:
        if row[:2] in (b"f ", b"f\t"):
            faces.append((seen, row[2:]))
        elif row[:2] == b"v ":
            seen += 1
        elif row.startswith((opener, b"usemtl ")):
            word = row.partition(b" ")[2].decode("utf-8", "replace").strip()
            if faces and row.startswith(opener):
                yield name, material, faces
                faces = []
            name, material = (word, material) if row.startswith(opener) else (name, word)
    if faces:
        yield name, material, faces


_AFTER_SLASH = re.compile(rb"/\S*")


def _triangles(faces: list[tuple[int, bytes]], points: int, path: Path) -> NDArray[np.int64]:
    joined = b"\n".join(row for _, row in faces)
    if b"/" in joined:
        joined = _AFTER_SLASH.sub(b"", joined)
    rows = [row.split() for row in joined.split(b"\n")]
    sizes = np.array([len(row) for row in rows], np.int64)
    try:
        corners = np.array([word for row in rows for word in row], np.int64)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{path}: a triangle isn't made of whole numbers.") from error
    seen = np.repeat(np.array([count for count, _ in faces], np.int64), sizes)
    return fans(np.where(corners < 0, seen + corners, corners - 1), sizes)


def _materials(rows: list[bytes], path: Path) -> dict[str, Color]:
    """The colours in the .mtl file named, if it lies in the same folder."""
    row = next((row for row in rows[:1000] if row.startswith(b"mtllib ")), b"")
    name = row[7:].decode("utf-8", "replace").strip()
    if not name or name != Path(name).name or "\\" in name:
        return {}
    colors, current = dict[str, Color](), ""
    try:
        with (path.parent / name).open("rb") as stream:
            text = stream.read(LONGEST_MATERIALS).decode("utf-8", "replace")
    except (OSError, ValueError):
        return {}
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "newmtl":
            current = rest.strip()
        elif word == "Kd":
            colors[current] = _color(rest)
    return colors


def _color(text: str) -> Color:
    try:
        r, g, b = (min(255, max(0, round(255 * float(word)))) for word in text.split()[:3])
    except (ValueError, OverflowError):
        return GREY
    return (r, g, b)
