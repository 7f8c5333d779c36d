"""MetaImage (.mha, and .mhd with its .raw): LPS, as ITK defines it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError, UnsupportedError
from vis3d.formats import byte_streams
from vis3d.formats.structures import structure
from vis3d.formats.voxels import (
    VoxelFile,
    facts_from_json,
    facts_json,
    findings_json,
    little_endian,
    refuse_values,
)
from vis3d.geometry import FloatArray, Geometry
from vis3d.labels import LabelMap, Structure
from vis3d.progress import Progress, silent
from vis3d.volume import Finding, Volume
from vis3d.whole_file import whole_file

TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2",
    "MET_INT": "i4", "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
WORDS = {code: word for word, code in reversed(TYPES.items())}
LONGEST_HEADER = 1 << 16
FACTS, STRUCTURES = "vis3d", "vis3d_structures"


def open_metaimage(path: Path) -> VoxelFile:
    """The header of a MetaImage, checked against the size of the voxels' file.

    Raises:
        InputError: no MetaImage, missing bytes, colours, vectors, a broken or sheared grid.
    """
    header, start = _header(path)
    sizes = _numbers(header, "DimSize", path, int)
    if not 2 <= len(sizes) <= 4 or min(sizes) < 1:
        raise InputError(f"{path}: the header's DimSize {header.get('DimSize')} is no image.")
    if _numbers(header, "ElementNumberOfChannels", path, int, (1,)) != [1]:
        raise refuse_values(path, "MetaImage", "several values a voxel")
    dtype = _dtype(header, path)
    ni, nj, nk, frames = (*sizes, 1, 1)[:4]
    count = ni * nj * nk
    data, offset = _data_file(header, path, start)
    compressed = _is(header, "CompressedData")
    ratio = byte_streams.DEFLATE_RATIO if compressed else 1
    stored = _size(data, path) - max(offset, 0)
    byte_streams.check_promise(path, count * frames * dtype.itemsize, stored, ratio=ratio)

    def load(frame: int, progress: Progress) -> NDArray[np.generic]:
        with data.open("rb") as stream:
            whole = count * frames * dtype.itemsize
            stream.seek(offset if offset >= 0 else _size(data, path) - whole)
            opened = byte_streams.inflated(stream, "zlib" if compressed else "raw")
            byte_streams.skip(opened, frame * count * dtype.itemsize)
            values = byte_streams.read_array(opened, path, dtype, count, progress)
        return values.reshape(nk, nj, ni)

    facts, told = facts_from_json(header.get(FACTS, ""))
    if not facts and header.get("Modality", "").upper() == "MET_MOD_CT":
        facts = {"modality": "CT", "unit": "HU"}
    affine, findings = _affine(header, path)
    return VoxelFile(
        path,
        "MetaImage",
        (nk, nj, ni),
        affine,
        dtype,
        load,
        frames,
        facts,
        (_structures(header),) * frames,
        (*told, *findings),
    )


def write_volume(volume: Volume, path: Path, progress: Progress = silent) -> None:
    """A volume as compressed MetaImage (.mhd: its voxels in a .zraw beside it)."""
    _save(volume.array, volume.geometry, {FACTS: facts_json(volume)}, path, progress)


def write_labelmap(labelmap: LabelMap, path: Path, progress: Progress = silent) -> None:
    """A label map as compressed MetaImage, names and colours in a key of its own."""
    rows = [[part.label, part.name, *part.color] for part in labelmap.structures]
    keys = {STRUCTURES: json.dumps(rows)}
    if labelmap.report.findings:
        keys[FACTS] = findings_json(labelmap)
    _save(labelmap.array, labelmap.geometry, keys, path, progress)


def _save(
    array: NDArray[Any],
    geometry: Geometry,
    keys: dict[str, str],
    path: Path,
    progress: Progress,
) -> None:
    voxels = little_endian(array)
    packed = byte_streams.zlib_stream(voxels, progress)
    apart = path.name.lower().endswith(".mhd")
    data_name = path.with_suffix(".zraw").name if apart else "LOCAL"
    header = _header_text(voxels.dtype, geometry, keys, len(packed), data_name)
    with whole_file(path) as unfinished:
        if apart:
            (unfinished.parent / data_name).write_bytes(packed)
            unfinished.write_bytes(header)
            return
        with unfinished.open("wb") as stream:
            stream.write(header)
            stream.write(packed)


def _header_text(
    dtype: np.dtype[Any], geometry: Geometry, keys: dict[str, str], size: int, data_name: str
) -> bytes:
    rows = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "True",
        "CompressedDataSize": str(size),
        "TransformMatrix": _text(geometry.direction.T.ravel()),  # axis after axis
        "Offset": _text(geometry.origin),
        "CenterOfRotation": "0 0 0",
        "AnatomicalOrientation": "RAI",  # as ITK always writes for LPS, whatever the matrix
        "ElementSpacing": _text(geometry.spacing),
        "DimSize": " ".join(str(size) for size in geometry.shape[::-1]),
        **keys,
        "ElementType": WORDS[dtype.str[1:]],
        "ElementDataFile": data_name,
    }
    return "".join(f"{key} = {value}\n" for key, value in rows.items()).encode("utf-8")


def _text(numbers: Any) -> str:
    return " ".join(f"{float(number):.17g}" for number in numbers)


def _header(path: Path) -> tuple[dict[str, str], int]:
    """The header's keys and the byte after it."""
    try:
        with path.open("rb") as stream:
            start = stream.read(LONGEST_HEADER)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}.") from error
    at, header = 0, dict[str, str]()
    while "ElementDataFile" not in header:
        end = start.find(b"\n", at)
        key, equals, value = start[at:end].partition(b"=")
        if end < 0 or not equals:
            raise InputError(f"{path} is no MetaImage, or its header ends early.")
        header[key.decode("utf-8", "replace").strip()] = value.decode(
            "utf-8", "replace"
        ).strip()
        at = end + 1
    if header.get("ObjectType", "Image") != "Image":
        raise InputError(f"{path}: a MetaImage of type {header['ObjectType'][:40]}, no image.")
    return header, at


def _numbers(
    header: dict[str, str],
    key: str,
    path: Path,
    kind: type[int] | type[float],
    default: tuple[float, ...] = (),
) -> list[Any]:
    try:
        return [kind(word) for word in header[key].split()] if key in header else [*default]
    except ValueError as error:
        raise InputError(f"{path}: the header's {key} isn't made of numbers.") from error


def _is(header: dict[str, str], key: str) -> bool:
    return header.get(key, "").lower() in ("true", "1", "yes")


def _dtype(header: dict[str, str], path: Path) -> np.dtype[np.generic]:
    word = header.get("ElementType", "")
    if word not in TYPES:
        raise refuse_values(path, "MetaImage", f"values of type {word[:40]!r}")
    if not _is(header, "BinaryData") and "BinaryData" in header:
        raise UnsupportedError(f"{path}: voxels as text aren't read; write them as binary.")
    swapped = _is(header, "BinaryDataByteOrderMSB") or _is(header, "ElementByteOrderMSB")
    return np.dtype((">" if swapped else "<") + TYPES[word])


def _data_file(header: dict[str, str], path: Path, start: int) -> tuple[Path, int]:
    """Where the voxels are: the file, and the byte they begin at (-1: at its end)."""
    name = header["ElementDataFile"]
    if name.upper() == "LOCAL":
        return path, start
    odd = any(sign in name for sign in "\\:\0%") or name.split()[:1] == ["LIST"]
    if odd or name != Path(name).name:
        raise UnsupportedError(
            f"{path}: its voxels must lie in one file of the same folder, not in {name[:80]!r}."
        )
    offset = _numbers(header, "HeaderSize", path, int, (0,))
    return path.parent / name, offset[0] if offset and offset[0] >= -1 else 0


def _size(data: Path, path: Path) -> int:
    try:
        return data.stat().st_size
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: its voxels in {data.name} can't be read.") from error


def _affine(header: dict[str, str], path: Path) -> tuple[FloatArray, tuple[Finding, ...]]:
    names = ("TransformMatrix", "Rotation", "Orientation")
    key = next((name for name in names if name in header), names[0])
    rank = len(header["DimSize"].split())
    default = tuple(np.eye(rank).ravel().tolist())
    axes = np.array(_numbers(header, key, path, float, default))
    place = next(
        (name for name in ("Offset", "Position", "Origin") if name in header), "Offset"
    )
    origin = _numbers(header, place, path, float, (0.0,) * rank)
    sizes = "ElementSpacing" if "ElementSpacing" in header else "ElementSize"
    spacing = _numbers(header, sizes, path, float, (1.0,) * rank)
    if not (axes.size == rank * rank and len(origin) == rank and len(spacing) == rank):
        raise InputError(f"{path}: the header's place or spacing hasn't {rank} dimensions.")
    inside = min(rank, 3)
    matrix = np.eye(4)
    matrix[:inside, :inside] = axes.reshape(rank, rank).T[:inside, :inside] * spacing[:inside]
    matrix[:inside, 3] = origin[:inside]
    if key in header:
        return matrix, ()
    message = "The MetaImage states no orientation: axes along left, posterior, superior."
    return matrix, (Finding("no-position", "warning", message),)


def _structures(header: dict[str, str]) -> tuple[Structure, ...]:
    try:
        rows = json.loads(header.get(STRUCTURES, "[]"))
        return tuple(
            structure(int(label), str(name), (int(r), int(g), int(b)))
            for label, name, r, g, b in rows
            if 0 < int(label) <= 65535 and 0 <= min(r, g, b) <= max(r, g, b) <= 255
        )
    except (ValueError, TypeError, RecursionError, OverflowError):
        return ()
