"""3MF (.3mf) as anybody writes it -> surfaces in LPS mm."""

import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias
from xml.parsers import expat

import numpy as np

from vis3d.errors import InputError, TooLargeError, UnsupportedError
from vis3d.formats.amounts import bounded, check_parts
from vis3d.formats.frames import check_points, frame_said, in_lps
from vis3d.formats.polygons import checked_triangles
from vis3d.geometry import FloatArray
from vis3d.surface import Surface

MODEL = "3d/3dmodel.model"
"""In small letters, as names are compared."""

RELATIONSHIPS = "_rels/.rels"
MODEL_RELATIONSHIP = "/3dmodel"

LARGEST_MODEL = 1 << 26
LARGEST_RATIO = 40
"""Bytes of XML that are read at most, unless the file is so much larger itself."""

DEEPEST = 100
"""Objects made of objects made of objects; a slicer writes two or three."""

MM_OF_UNIT = {
    "micron": 0.001, "millimeter": 1.0, "centimeter": 10.0,
    "inch": 25.4, "foot": 304.8, "meter": 1000.0,
}  # fmt: skip

EXTENSIONS = "http://schemas.microsoft.com/3dmanufacturing/"
UNDERSTOOD = ("material/2015/02", "production/2015/06", "trianglesets/2021/07")
"""Extensions that leave triangles where the core specification has them."""

GRAY = (214, 214, 214)
STEP = 1 << 16

Color: TypeAlias = tuple[int, int, int]
Start: TypeAlias = Callable[[str, dict[str, str]], None]


def read_3mf(path: Path) -> tuple[Surface, ...]:
    """The meshes that a 3MF file builds, each where it is wanted, in LPS mm.

    An object made of components gives a surface for each. Models in several parts (the
    production extension) are read.

    Raises:
        InputError: no 3MF, damaged or endless XML, or objects made of themselves.
        UnsupportedError: the model needs an extension that changes its shape.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            surfaces = tuple(bounded(_built(_Package(archive, path)), path))
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


@dataclass(frozen=True, eq=False)
class _Use:
    """An object of a part of the package, where the build or another object wants it.

    `matrix` (4, 4) takes rows (x, y, z, 1) to the build, as 3MF writes it; `within` are the
    objects that it is a component of.
    """

    part: str
    number: str
    matrix: FloatArray
    name: str = ""
    color: Color | None = None
    within: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, attributes: dict[str, str], part: str) -> "_Use":
        """What an <item> or a <component> of `part` says."""
        words = (value for key, value in attributes.items() if key.endswith(":path"))
        matrix = np.eye(4)
        if "transform" in attributes:
            matrix[:, :3] = np.array(attributes["transform"].split(), float).reshape(4, 3)
        return cls(next(words, part), attributes["objectid"], matrix)


class _Object:
    def __init__(self, attributes: dict[str, str]) -> None:
        self.name = attributes.get("name", "")
        self.material = (attributes.get("pid", ""), int(attributes.get("pindex", "0")))
        self.points = array("d")
        self.triangles = array("q")
        self.components: list[dict[str, str]] = []


class _Model:
    """What the XML of one part holds, gathered as it is parsed."""

    def __init__(self, path: Path) -> None:
        self._path = path
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
        elif word == "component" and self._object:
            self._object.components.append(attributes)
        elif word == "object":
            self._object = self.objects[attributes["id"]] = _Object(attributes)
        elif word == "item":
            self.items.append(attributes)
        elif word in ("basematerials", "colorgroup"):
            self._group = attributes["id"]
            self.colors[self._group] = []
        elif word in ("base", "color"):
            color = attributes.get("displaycolor") or attributes.get("color", "")
            self.colors[self._group].append(color)
        elif word == "model":
            self.unit = attributes.get("unit", "millimeter")
            self._check_extensions(attributes)
        self._texts = word == "metadata"

    def text(self, text: str) -> None:
        """Text of the metadata, where our files name their frame."""
        if self._texts and len(self.said) < STEP:
            self.said += text

    def _check_extensions(self, attributes: dict[str, str]) -> None:
        for prefix in attributes.get("requiredextensions", "").split():
            space = attributes.get(f"xmlns:{prefix}", prefix).removeprefix(EXTENSIONS)
            if space not in UNDERSTOOD:
                raise UnsupportedError(
                    f"{self._path}: the 3MF model needs the extension {space[:80]!r}, which "
                    "isn't read."
                )

    def color_of(self, found: _Object) -> Color | None:
        """The colour of an object's material, if it has one."""
        group, index = found.material
        colors = self.colors.get(group, [])
        text = colors[index] if 0 <= index < len(colors) else ""
        try:
            channels = bytes.fromhex(text.lstrip("#"))
        except ValueError:
            return None
        return (channels[0], channels[1], channels[2]) if len(channels) >= 3 else None


class _Package:
    """The parts of a 3MF file, each parsed when it is first needed."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self.path = path
        self._archive = archive
        self._files = {name.lower(): name for name in archive.namelist()}
        self._most = max(LARGEST_MODEL, LARGEST_RATIO * path.stat().st_size)
        self._bytes = 0
        self._models: dict[str, _Model] = {}
        self.root = self._root()

    def model(self, part: str) -> _Model:
        """A part by its name, in letters of any case as packages want it."""
        name = part.lower().lstrip("/")
        if name not in self._models:
            model = self._models[name] = _Model(self.path)
            self._parse(name, model.start, model.text)
        return self._models[name]

    def _root(self) -> str:
        """The part that the package begins with."""
        targets: list[str] = []

        def start(tag: str, attributes: dict[str, str]) -> None:
            if attributes.get("Type", "").endswith(MODEL_RELATIONSHIP):
                targets.append(attributes.get("Target", ""))

        if RELATIONSHIPS in self._files:
            self._parse(RELATIONSHIPS, start)
        models = (name for name in self._files if name.endswith(".model"))
        candidates = (*(target.lower().lstrip("/") for target in targets), MODEL, *models)
        return next((name for name in candidates if name in self._files), MODEL)

    def _parse(
        self, name: str, start: Start, text: Callable[[str], None] | None = None
    ) -> None:
        parser = expat.ParserCreate()
        parser.StartElementHandler = start
        parser.CharacterDataHandler = text
        parser.buffer_text = True

        def refuse(*_: object) -> None:
            raise InputError(
                f"{self.path}: a 3MF model has no document type; this one isn't read."
            )

        parser.StartDoctypeDeclHandler = refuse
        with self._archive.open(self._files[name]) as stream:
            while block := stream.read(STEP):
                self._bytes += len(block)
                if self._bytes > self._most:
                    raise TooLargeError(
                        f"{self.path}: the 3MF model inflates beyond {self._most:,} bytes."
                    )
                parser.Parse(block, False)
        parser.Parse(b"", True)


def _built(package: _Package) -> Iterator[Surface]:
    root = package.model(package.root)
    frame, findings = frame_said(root.said, "3MF")
    scale = MM_OF_UNIT[root.unit]
    for use, found in _meshes(package):
        points = np.frombuffer(found.points, np.float64).reshape(-1, 3)
        turn, shift = use.matrix[:3, :3], use.matrix[3, :3]
        with np.errstate(all="ignore"):  # what isn't finite is refused below
            points = (points @ turn + shift) * scale
        check_points(points, package.path)
        triangles = np.frombuffer(found.triangles, np.int64).reshape(-1, 3)
        if np.linalg.det(turn) < 0:
            triangles = triangles[:, ::-1]
        checked_triangles(triangles, len(points), package.path)
        lps = in_lps(points, frame).astype(np.float32)
        name = use.name or package.path.stem
        yield Surface(lps, triangles, name, use.color or GRAY, {}, {"findings": findings})


def _meshes(package: _Package) -> Iterator[tuple[_Use, _Object]]:
    """Every object with triangles that the build holds, by itself or in another one."""
    root = package.model(package.root)
    waiting = [_Use.of(item, package.root) for item in reversed(root.items)]
    seen = 0
    while waiting:
        use = waiting.pop()
        seen += 1
        check_parts(seen, package.path)
        model = package.model(use.part)
        if model.unit != root.unit:
            raise InputError(f"{package.path}: its parts are in {root.unit} and {model.unit}.")
        found = model.objects[use.number]
        color = model.color_of(found) or use.color
        use = replace(use, name=found.name or use.name, color=color)
        if found.triangles or not found.components:
            yield use, found
        parts = [_component(one, use, package.path) for one in found.components]
        waiting.extend(reversed(parts))


def _component(attributes: dict[str, str], whole: _Use, path: Path) -> _Use:
    """A component of `whole`, placed by its own matrix and then that one's."""
    part = _Use.of(attributes, whole.part)
    within = (*whole.within, (whole.part, whole.number))
    if (part.part, part.number) in within:
        raise InputError(f"{path}: an object of the 3MF model is made of itself.")
    if len(within) > DEEPEST:
        raise TooLargeError(f"{path}: objects are nested more than {DEEPEST} deep.")
    with np.errstate(all="ignore"):
        matrix = part.matrix @ whole.matrix
    return replace(part, matrix=matrix, name=whole.name, color=whole.color, within=within)
