"""3MF (.3mf) for printing: millimetres, structures as named and coloured objects."""

import zipfile
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError, TooLargeError, UnsupportedError
from vis3d.formats.amounts import bounded
from vis3d.formats.frames import (
    Coordinates,
    check_points,
    frame_said,
    in_frame,
    in_lps,
    remarks,
)
from vis3d.formats.polygons import checked_triangles
from vis3d.surface import Surface
from vis3d.whole_file import whole_file

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
MODEL = "3D/3dmodel.model"
LARGEST_MODEL = 1 << 26
LARGEST_RATIO = 40
"""Bytes of XML that are read at most, unless the file is so much larger itself."""

MM_OF_UNIT = {
    "micron": 0.001, "millimeter": 1.0, "centimeter": 10.0,
    "inch": 25.4, "foot": 304.8, "meter": 1000.0,
}  # fmt: skip
PACKAGE = "application/vnd"
CONTENT_TYPES = f"""<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">\
<Default Extension="rels" ContentType="{PACKAGE}.openxmlformats-package.relationships+xml"/>\
<Default Extension="model" ContentType="{PACKAGE}.ms-package.3dmanufacturing-3dmodel+xml"/>\
</Types>"""
RELATIONSHIPS = f"""<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">\
<Relationship Target="/{MODEL}" Id="rel0" \
Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>"""
STEP = 1 << 16


def write_3mf(
    surfaces: tuple[Surface, ...], path: Path, *, coordinates: Coordinates = "lps"
) -> None:
    """3MF in mm, an object a surface, where it lies in the patient."""
    with (
        whole_file(path) as unfinished,
        zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package,
    ):
        package.writestr("[Content_Types].xml", CONTENT_TYPES)
        package.writestr("_rels/.rels", RELATIONSHIPS)
        with package.open(MODEL, "w", force_zip64=True) as stream:
            for text in _model(surfaces, coordinates):
                stream.write(text.encode("utf-8"))


def read_3mf(path: Path) -> tuple[Surface, ...]:
    """The objects that a 3MF file builds, in LPS mm.

    Raises:
        InputError: no 3MF, damaged or endless XML, objects made of others.
    """
    model = _Model()
    try:
        with zipfile.ZipFile(path) as package, package.open(_model_name(package)) as stream:
            _parse(stream, model, path)
        surfaces = tuple(bounded(_built(model, path), path))
    except (zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError) as error:
        raise InputError(f"{path} is no 3MF file, or damaged.") from error
    except (OSError, EOFError, RuntimeError) as error:
        raise InputError(f"{path} can't be read: {error}.") from error
    except (expat.ExpatError, ValueError, OverflowError, LookupError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: the 3MF model is broken ({error}).") from error
    if not surfaces:
        raise InputError(f"{path}: the 3MF model builds no object.")
    return surfaces


def _model(surfaces: tuple[Surface, ...], coordinates: Coordinates) -> Iterator[str]:
    bases = "".join(
        f"<base name={quoteattr(surface.name or 'surface')} "
        f'displaycolor="#{bytes(surface.color).hex().upper()}"/>'
        for surface in surfaces
    )
    said = "\n".join(remarks(surfaces[0], coordinates))
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<model unit="millimeter" xmlns="{CORE}">\n'
        f'<metadata name="Application">vis3d</metadata>\n'
        f'<metadata name="Description">{escape(said)}</metadata>\n'
        f'<resources>\n<basematerials id="1">{bases}</basematerials>\n'
    )
    for number, surface in enumerate(surfaces):
        name = quoteattr(surface.name or "surface")
        yield f'<object id="{number + 2}" type="model" name={name} pid="1" pindex="{number}">'
        yield "<mesh><vertices>\n"
        yield from _rows(
            '<vertex x="%.9g" y="%.9g" z="%.9g"/>\n', in_frame(surface.points, coordinates)
        )
        yield "</vertices><triangles>\n"
        yield from _rows('<triangle v1="%d" v2="%d" v3="%d"/>\n', surface.triangles)
        yield "</triangles></mesh></object>\n"
    items = "".join(f'<item objectid="{number + 2}"/>' for number in range(len(surfaces)))
    yield f"</resources>\n<build>{items}</build>\n</model>\n"


def _rows(form: str, table: NDArray[np.generic]) -> Iterator[str]:
    step = 20_000
    for start in range(0, len(table), step):
        part = table[start : start + step]
        yield (form * len(part)) % tuple(part.reshape(-1).tolist())


class _Object:
    def __init__(self, attributes: dict[str, str]) -> None:
        self.name = attributes.get("name", "")
        self.material = (attributes.get("pid", ""), int(attributes.get("pindex", "0")))
        self.points = array("d")
        self.triangles = array("q")
        self.parts = False


class _Model:
    """What the XML holds, gathered as it is parsed."""

    def __init__(self) -> None:
        self.unit = "millimeter"
        self.objects: dict[str, _Object] = {}
        self.items: list[dict[str, str]] = []
        self.colors: dict[str, list[str]] = {}
        self.said = ""
        self._object: _Object | None = None
        self._group = ""
        self._texts = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins; prefixes of namespaces don't matter."""
        word = tag.rpartition(":")[2]
        if word == "vertex" and self._object:
            self._object.points.extend(float(attributes[axis]) for axis in "xyz")
        elif word == "triangle" and self._object:
            corners = (int(attributes[corner]) for corner in ("v1", "v2", "v3"))
            self._object.triangles.extend(corners)
        elif word == "object":
            self._object = self.objects[attributes["id"]] = _Object(attributes)
        elif word == "components" and self._object:
            self._object.parts = True
        elif word == "item":
            self.items.append(attributes)
        elif word == "basematerials":
            self._group = attributes["id"]
            self.colors[self._group] = []
        elif word == "base":
            self.colors[self._group].append(attributes.get("displaycolor", ""))
        elif word == "model":
            self.unit = attributes.get("unit", "millimeter")
        self._texts = word == "metadata"

    def text(self, text: str) -> None:
        """Text of the metadata, where our files name their frame."""
        if self._texts and len(self.said) < STEP:
            self.said += text


def _model_name(package: zipfile.ZipFile) -> str:
    if MODEL in package.namelist():
        return MODEL
    return next((name for name in package.namelist() if name.endswith(".model")), MODEL)


def _parse(stream: Any, model: _Model, path: Path) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = model.start
    parser.CharacterDataHandler = model.text
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise InputError(f"{path}: a 3MF model has no document type; this one isn't read.")

    parser.StartDoctypeDeclHandler = refuse
    total, most = 0, max(LARGEST_MODEL, LARGEST_RATIO * path.stat().st_size)
    while block := stream.read(STEP):
        total += len(block)
        if total > most:
            raise TooLargeError(f"{path}: the 3MF model inflates to more than {most:,} bytes.")
        parser.Parse(block, False)
    parser.Parse(b"", True)


def _built(model: _Model, path: Path) -> Iterator[Surface]:
    frame, findings = frame_said(model.said, "3MF")
    scale = MM_OF_UNIT[model.unit]
    for item in model.items:
        found = model.objects[item["objectid"]]
        if found.parts:
            raise UnsupportedError(f"{path}: objects made of other objects aren't read.")
        points = np.frombuffer(found.points, np.float64).reshape(-1, 3)
        matrix = np.array(item.get("transform", "1 0 0 0 1 0 0 0 1 0 0 0").split(), np.float64)
        with np.errstate(all="ignore"):  # what isn't finite is refused below
            points = (points @ matrix[:9].reshape(3, 3) + matrix[9:]) * scale
        check_points(points, path)
        triangles = np.frombuffer(found.triangles, np.int64).reshape(-1, 3)
        if np.linalg.det(matrix[:9].reshape(3, 3)) < 0:
            triangles = triangles[:, ::-1]
        checked_triangles(triangles, len(points), path)
        color = _color(model, found)
        metadata = {"findings": findings}
        name = found.name or path.stem
        lps = in_lps(points, frame).astype(np.float32)
        yield Surface(lps, triangles, name, color, {}, metadata)


def _color(model: _Model, found: _Object) -> tuple[int, int, int]:
    group, index = found.material
    colors = model.colors.get(group, [])
    text = colors[index] if 0 <= index < len(colors) else ""
    try:
        channels = bytes.fromhex(text.lstrip("#"))
    except ValueError:
        channels = b""
    return (channels[0], channels[1], channels[2]) if len(channels) >= 3 else (214, 214, 214)
