"""NRRD (.nrrd) as anybody writes it, with the segments that 3D Slicer names."""

import re
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError, UnsupportedError
from vis3d.formats import byte_streams
from vis3d.formats.nrrd import FACTS, TYPES
from vis3d.formats.structures import structure
from vis3d.formats.voxels import VoxelFile, facts_from_json, refuse_values
from vis3d.geometry import FloatArray
from vis3d.labels import Structure
from vis3d.progress import Progress
from vis3d.volume import Finding

SIGNS = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
"""What turns each space of the NRRD format into LPS."""

MM_OF_UNIT = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "µm": 0.001}
ENCODINGS = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
TEXT_ENCODINGS = ("ascii", "text", "txt")
LONGEST_HEADER = 1 << 24
MOST_LAYERS = 1000


def open_nrrd(path: Path) -> VoxelFile:
    """The header of an NRRD file, checked against its size.

    Raises:
        InputError: no NRRD, missing bytes, colours, vectors, a broken or sheared grid.
    """
    header, start = _header(path)
    sizes, spatial, frames = _axes(header, path)
    dtype = _dtype(header, path)
    affine, findings = _affine(header, spatial, path)
    interleaved = frames > 1 and _frame_axis(header, sizes) == 0
    shape = _shape([sizes[axis] for axis in spatial])
    count = int(np.prod(sizes, dtype=object))
    encoding = str(header.get("encoding", "raw")).lower()
    _check_size(path, encoding, count, dtype, path.stat().st_size - start)

    def load(frame: int, progress: Progress) -> NDArray[np.generic]:
        values = _values(path, header, start, encoding, dtype, count, progress)
        if interleaved:
            return np.ascontiguousarray(values[frame::frames]).reshape(shape)
        size = count // frames
        return values[frame * size : (frame + 1) * size].reshape(shape)

    facts, told = facts_from_json(_unescaped(str(header.get(FACTS, ""))))
    if not facts and isinstance(header.get("sample units"), str):
        facts = _unit(str(header["sample units"]))
    return VoxelFile(
        path,
        "NRRD",
        shape,
        affine,
        dtype,
        load,
        frames,
        facts,
        tuple(_structures(header, layer) for layer in range(min(frames, MOST_LAYERS))),
        (*told, *findings),
    )


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """The header's fields and the byte after it."""
    rows, length = list[str](), 0
    try:
        with path.open("rb") as stream:
            while length < LONGEST_HEADER and (row := stream.readline(LONGEST_HEADER)):
                length += len(row)
                rows.append(row.decode("utf-8", "replace"))
                if not row.strip():
                    break
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}.") from error
    if any(row.lower().startswith(("data file:", "datafile:")) for row in rows):
        raise UnsupportedError(
            f"{path}: the voxels lie in another file; write it with the voxels attached."
        )
    try:
        with np.errstate(all="ignore"):  # numbers that don't fit are refused where they matter
            header = nrrd.read_header(rows)
    except (
        nrrd.NRRDError,
        ValueError,
        IndexError,
        KeyError,
        TypeError,
        StopIteration,
    ) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} is no NRRD file that can be read: {reason}") from error
    return dict(header), length


def _axes(header: dict[str, Any], path: Path) -> tuple[list[int], list[int], int]:
    """The size of each axis, which of them (fastest first) lie in space, and the frames."""
    sizes = [int(size) for size in np.atleast_1d(header.get("sizes", [])).tolist()]
    if not sizes or min(sizes) < 1 or len(sizes) != int(header.get("dimension", 0)):
        raise InputError(f"{path}: the header's sizes {sizes} make no image.")
    other = _frame_axis(header, sizes)
    spatial = [axis for axis in range(len(sizes)) if axis != other]
    if not 1 <= len(spatial) <= 3:
        raise refuse_values(path, "NRRD", f"{len(spatial)} dimensions")
    if other not in (None, 0, len(sizes) - 1):
        raise refuse_values(path, "NRRD", "several values a voxel, among its axes")
    kind = _kinds(header)[other] if other is not None and _kinds(header) else ""
    if kind.lower() in ("rgb-color", "rgba-color", "vector", "3-vector", "3-color", "4-color"):
        raise refuse_values(path, "NRRD", f"a {kind}")
    return sizes, spatial, 1 if other is None else sizes[other]


def _kinds(header: dict[str, Any]) -> list[str]:
    return [str(kind) for kind in header.get("kinds", [])]


def _frame_axis(header: dict[str, Any], sizes: list[int]) -> int | None:
    """The axis that isn't in space, if any: colours, times, layers of a segmentation."""
    directions = header.get("space directions")
    if directions is not None:
        rows = [np.asarray(row if row is not None else np.nan, float) for row in directions]
        outside = [axis for axis, row in enumerate(rows) if np.isnan(row).all()]
        return outside[0] if outside else None
    return 3 if len(sizes) == 4 else None


def _shape(sizes: list[int]) -> tuple[int, int, int]:
    ni, nj, nk = [*sizes, 1, 1][:3]
    return (nk, nj, ni)


def _dtype(header: dict[str, Any], path: Path) -> np.dtype[np.generic]:
    word = " ".join(str(header.get("type", "")).lower().split())
    code = next((code for code, words in TYPES.items() if word in words), None)
    if code is None:
        raise refuse_values(path, "NRRD", f"values of type {word!r}")
    order = ">" if str(header.get("endian", "little")).lower() == "big" else "<"
    return np.dtype(order + code)


def _affine(
    header: dict[str, Any], spatial: list[int], path: Path
) -> tuple[FloatArray, tuple[Finding, ...]]:
    """IJK -> LPS mm; LPS and unit spacing are assumed where the header is silent."""
    space = str(header.get("space", "")).lower().removesuffix("-time")
    findings = []
    if space not in SIGNS:
        said = f"names the space {space!r}" if space else "names no space"
        message = f"NRRD {said}: left, posterior and superior are assumed, not known."
        findings.append(Finding("no-position", "warning", message))
    matrix = np.eye(4)
    try:
        matrix[:3, :3] = _axis_vectors(header, spatial).T
        origin = np.asarray(header.get("space origin", np.zeros(3)), float).reshape(-1)
        matrix[: min(3, len(origin)), 3] = origin[:3]
    except (ValueError, TypeError, IndexError) as error:
        raise InputError(f"{path}: the header's directions or origin are broken.") from error
    signs = np.diag([*SIGNS.get(space, (1, 1, 1)), 1.0])
    with np.errstate(invalid="ignore"):  # the geometry refuses what isn't finite
        return signs @ np.diag([_millimetres(header)] * 3 + [1.0]) @ matrix, tuple(findings)


def _axis_vectors(header: dict[str, Any], spatial: list[int]) -> FloatArray:
    """One row an axis (i, j, k): the step to the next voxel, in the file's space."""
    vectors = np.eye(3)
    directions, spacings = header.get("space directions"), header.get("spacings")
    if directions is not None:
        for row, axis in enumerate(spatial):
            step = np.asarray(directions[axis], float)
            vectors[row] = [*step, *np.zeros(3 - len(step))]
        if len(spatial) == 2:
            vectors[2] = np.cross(vectors[0], vectors[1])
            vectors[2] /= np.linalg.norm(vectors[2]) or np.nan
    elif spacings is not None:
        steps = np.asarray(spacings, float)[spatial]
        vectors[range(len(steps)), range(len(steps))] = np.where(np.isnan(steps), 1.0, steps)
    return vectors


def _millimetres(header: dict[str, Any]) -> float:
    units = header.get("space units") or ["mm"]
    return MM_OF_UNIT.get(str(units[0]).strip('"').lower(), 1.0)


def _check_size(
    path: Path, encoding: str, count: int, dtype: np.dtype[np.generic], stored: int
) -> None:
    if encoding in TEXT_ENCODINGS:
        byte_streams.check_promise(path, 2 * count - 1, stored)
    elif encoding not in ENCODINGS:
        raise UnsupportedError(
            f"{path}: the encoding {encoding!r} isn't read; use gzip or raw."
        )
    else:
        ratios = {"raw": 1, "gzip": byte_streams.DEFLATE_RATIO, "bzip2": 1 << 20}
        promised = count * dtype.itemsize
        byte_streams.check_promise(path, promised, stored, ratio=ratios[ENCODINGS[encoding]])


def _values(
    path: Path,
    header: dict[str, Any],
    start: int,
    encoding: str,
    dtype: np.dtype[np.generic],
    count: int,
    progress: Progress,
) -> NDArray[np.generic]:
    with path.open("rb") as stream:
        stream.seek(start)
        for _ in range(int(header.get("line skip", 0))):
            if not stream.readline():
                break
        if encoding in TEXT_ENCODINGS:
            return _numbers(stream.read(), path, dtype, count)
        skip = int(header.get("byte skip", 0))
        if skip < 0:
            stream.seek(path.stat().st_size - count * dtype.itemsize)
            skip = 0
        opened = byte_streams.inflated(stream, ENCODINGS[encoding])
        byte_streams.skip(opened, skip)
        return byte_streams.read_array(opened, path, dtype, count, progress)


def _numbers(
    text: bytes, path: Path, dtype: np.dtype[np.generic], count: int
) -> NDArray[np.generic]:
    try:
        values = np.array(text.replace(b",", b" ").split(), np.float64)
    except ValueError as error:
        raise InputError(f"{path}: not every voxel is a number.") from error
    if len(values) < count:
        byte_streams.check_promise(path, count * 8, len(values) * 8)
    return values[:count].astype(dtype.newbyteorder("="))


def _unescaped(value: str) -> str:
    return re.sub(r"\\(n|\\)", lambda found: "\n" if found[1] == "n" else "\\", value)


def _unit(text: str) -> dict[str, object]:
    word = text.strip().strip('"')
    return {"unit": "HU" if word.lower() in ("hu", "hounsfield", "[hnsf'u]") else word}


_SEGMENT = re.compile(r"Segment(\d+)_LabelValue")


def _structures(header: dict[str, Any], layer: int) -> tuple[Structure, ...]:
    """The segments of one layer that 3D Slicer's keys name."""
    numbers = [found[1] for key in header if (found := _SEGMENT.fullmatch(key))]
    named = (_structure(header, f"Segment{number}_", layer) for number in numbers)
    return tuple({part.label: part for part in named if part is not None}.values())


def _structure(header: dict[str, Any], prefix: str, layer: int) -> Structure | None:
    try:
        label = int(header[prefix + "LabelValue"])
        own_layer = int(header.get(prefix + "Layer", 0) or 0)
        channels = [float(word) for word in str(header.get(prefix + "Color", "")).split()]
        color = [min(255, max(0, round(255 * channel))) for channel in channels]
    except (ValueError, OverflowError):
        return None
    name = _unescaped(str(header.get(prefix + "Name", ""))).strip() or f"label {label}"
    if not 0 < label <= 65535 or layer != own_layer:
        return None
    return structure(label, name, (color[0], color[1], color[2]) if len(color) == 3 else None)
