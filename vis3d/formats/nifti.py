"""NIfTI-1 and NIfTI-2 (.nii, .nii.gz): RAS in the file, LPS here."""

import gzip
import struct
import xml.etree.ElementTree as ElementTree
import zlib
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError, TruncatedError, UnsupportedError
from vis3d.formats import byte_streams
from vis3d.formats.structures import structure
from vis3d.formats.voxels import (
    VoxelFile,
    facts_from_json,
    facts_json,
    findings_json,
    refuse_values,
)
from vis3d.geometry import FloatArray, Geometry
from vis3d.labels import LabelMap, Structure
from vis3d.progress import Progress, silent
from vis3d.volume import Finding, Volume
from vis3d.whole_file import whole_file

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
MM_OF_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""NIFTI_UNITS: unknown (taken as mm), metre, mm, micrometre."""

SCANNER = 1
"""NIFTI_XFORM_SCANNER_ANAT."""

COMMENT = 6
"""NIFTI_ECODE_COMMENT."""

LONGEST_HEADER = 1 << 24
VALUE_TYPES = {2, 4, 8, 16, 64, 256, 512, 768, 1024, 1280}
"""Datatype codes of single integers and floats."""

COLOR_TYPES = {128: "RGB colours", 2304: "RGBA colours", 32: "complex numbers"}
HEADERS = {348: "Nifti1Header", 540: "Nifti2Header"}
"""Classes of nibabel, which is imported where a NIfTI file is met: it brings pydicom along."""


def open_nifti(path: Path) -> VoxelFile:
    """The header of a NIfTI file, checked against its size.

    Raises:
        InputError: no NIfTI, missing bytes, colours, vectors, a broken matrix.
    """
    with _opened(path) as stream:
        header, extensions = _header(stream, path)
    shape, frames = _shape(header, path)
    dtype = _dtype(header, path)
    offset = _data_offset(header, path)
    frame_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    compressed = _is_gzip(path)
    byte_streams.check_promise(
        path,
        frame_bytes * frames + offset,
        path.stat().st_size,
        ratio=byte_streams.DEFLATE_RATIO if compressed else 1,
    )
    affine, findings = _affine(header, path)
    slope, intercept = _scaling(header, path)

    def load(frame: int, progress: Progress) -> NDArray[np.generic]:
        with _opened(path) as stream:
            stream.seek(offset + frame * frame_bytes)
            count = frame_bytes // dtype.itemsize
            stored = byte_streams.read_array(stream, path, dtype, count, progress)
        return _scaled(stored, slope, intercept).reshape(shape)

    facts, told = _facts(extensions)
    return VoxelFile(
        path,
        "NIfTI",
        shape,
        affine,
        dtype,
        load,
        frames,
        facts,
        (_structures(extensions),) * frames,
        (*told, *findings),
    )


def write_volume(volume: Volume, path: Path, progress: Progress = silent) -> None:
    """A volume as NIfTI-1: sform = qform, scanner coordinates, mm."""
    image = _image(volume.array, volume.geometry)
    image.header["descrip"] = f"vis3d; {volume.unit}".encode("ascii", "replace")[:79]
    _extend(image, facts_json(volume))
    _save(image, path, progress)


def write_labelmap(labelmap: LabelMap, path: Path, progress: Progress = silent) -> None:
    """A label map as NIfTI-1, its names in a label table as TotalSegmentator writes it."""
    image = _image(labelmap.array, labelmap.geometry)
    image.header["descrip"] = b"vis3d; labels"
    image.header.set_intent("label")
    _extend(image, _label_table(labelmap.structures), code=0)
    if labelmap.report.findings:
        _extend(image, findings_json(labelmap))
    _save(image, path, progress)


def _image(array: NDArray[np.generic], geometry: Geometry) -> Any:
    voxels = array.view(np.uint8) if array.dtype == np.bool_ else array
    if voxels.dtype.itemsize == 8:
        voxels = voxels.astype(np.float32)
    import nibabel

    image = nibabel.Nifti1Image(voxels.T, None)
    matrix = RAS_TO_LPS @ geometry.affine
    image.header.set_qform(matrix, code=SCANNER)
    image.header.set_sform(matrix, code=SCANNER)
    image.header.set_xyzt_units(xyz="mm")
    return image


def _extend(image: Any, text: str, code: int = COMMENT) -> None:
    from nibabel.nifti1 import Nifti1Extension

    extension = Nifti1Extension(code, text.encode("utf-8"))
    image.header.extensions.append(extension)


def _save(image: Any, path: Path, progress: Progress) -> None:
    progress(0.0, f"Writing {path.name}")
    content = image.to_bytes()
    if path.name.lower().endswith(".gz"):
        content = byte_streams.gzip_stream(content, progress)
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)


def _opened(path: Path) -> IO[bytes]:
    try:
        return gzip.open(path, "rb") if _is_gzip(path) else path.open("rb")  # type: ignore[return-value]
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}.") from error


def _is_gzip(path: Path) -> bool:
    """Whether the bytes are gzip's, whatever the name says."""
    try:
        with path.open("rb") as stream:
            return stream.read(2) == b"\x1f\x8b"
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}.") from error


def _header(stream: IO[bytes], path: Path) -> tuple[Any, list[bytes]]:
    """The header as nibabel's, unchecked, and the texts of its extensions."""
    import nibabel

    try:
        start = stream.read(4)
        size = next(
            (n for n in HEADERS if start in (struct.pack("<i", n), struct.pack(">i", n))), 0
        )
        if not size:
            raise InputError(f"{path} is no NIfTI file: it doesn't begin with 348 or 540.")
        block = start + stream.read(size - 4)
        if len(block) < size:
            raise EOFError
        order = "<" if start == struct.pack("<i", size) else ">"
        header = getattr(nibabel, HEADERS[size])(block, order, check=False)
        if header["magic"].item()[:2] == b"ni":
            raise UnsupportedError(
                f"{path}: the voxels lie in a file of their own (.hdr with .img); "
                f"convert the pair to one .nii.gz first."
            )
        return header, _extensions(stream, path, header, order)
    except (EOFError, zlib.error, OSError) as error:
        raise TruncatedError(f"{path} ends within its header, or is damaged.") from error


def _extensions(stream: IO[bytes], path: Path, header: Any, order: str) -> list[bytes]:
    """What lies between header and voxels (the NIfTI-1 standard's esize, ecode, text)."""
    end = _data_offset(header, path)
    rest = stream.read(end - header.sizeof_hdr)
    texts = []
    if rest[:1] in (b"", b"\0"):
        return []
    at = 4
    while at + 8 <= len(rest):
        length = struct.unpack_from(order + "i", rest, at)[0]
        if length < 16 or at + length > len(rest):
            break
        texts.append(rest[at + 8 : at + length].rstrip(b"\0"))
        at += length
    return texts


def _data_offset(header: Any, path: Path) -> int:
    offset = float(header["vox_offset"])
    if not header.sizeof_hdr <= offset <= LONGEST_HEADER:  # false for NaN as well
        raise InputError(f"{path}: the header says its voxels begin at byte {offset:g}.")
    return int(offset)


def _shape(header: Any, path: Path) -> tuple[tuple[int, int, int], int]:
    """(nk, nj, ni) and how many of them follow each other."""
    dim = [int(n) for n in header["dim"]]
    rank = dim[0]
    sizes = dim[1 : rank + 1] + [1] * (7 - rank) if 1 <= rank <= 7 else [0]
    if min(sizes) < 1:
        raise InputError(f"{path}: the header's dimensions {dim} make no image.")
    if max(sizes[4:]) > 1:
        raise refuse_values(path, "NIfTI", f"{max(sizes[4:])} values a voxel")
    ni, nj, nk, frames = sizes[:4]
    return (nk, nj, ni), frames


def _dtype(header: Any, path: Path) -> np.dtype[np.generic]:
    code = int(header["datatype"])
    if code not in VALUE_TYPES:
        what = COLOR_TYPES.get(code, f"datatype {code}")
        raise refuse_values(path, "NIfTI", what)
    dtype: np.dtype[np.generic] = header.get_data_dtype()
    return dtype


def _scaling(header: Any, path: Path) -> tuple[float, float]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or np.isnan(slope):  # the standard's "no scaling"
        return 1.0, 0.0
    if not np.isfinite([slope, intercept]).all():
        raise InputError(f"{path}: values are scaled by {slope:g} and {intercept:g}.")
    return slope, intercept


def _scaled(stored: NDArray[np.generic], slope: float, intercept: float) -> NDArray[np.generic]:
    if (slope, intercept) == (1.0, 0.0):
        return stored
    whole = slope.is_integer() and intercept.is_integer() and abs(intercept) < 2**31
    if (
        stored.dtype.kind in "iu"
        and stored.dtype.itemsize <= 2
        and whole
        and abs(slope) < 2**15
    ):
        return stored.astype(np.int64 if slope != 1 else np.int32) * int(slope) + int(intercept)
    with np.errstate(over="ignore", invalid="ignore"):  # what isn't finite becomes padding
        return (stored.astype(np.float64) * slope + intercept).astype(np.float32)


def _affine(header: Any, path: Path) -> tuple[FloatArray, tuple[Finding, ...]]:
    """IJK -> LPS mm by the sform, else the qform, else the sizes alone."""
    findings: tuple[Finding, ...] = ()
    sform, qform = _sform(header), _qform(header)
    ras = sform if sform is not None else qform
    if ras is None and header["qform_code"] > 0:
        raise InputError(f"{path}: the header's orientation (quaternion) is broken.")
    if ras is None:
        ras = header.get_base_affine()
        message = "NIfTI states no position: sides and orientation are assumed, not known."
        findings = (Finding("no-position", "warning", message),)
    elif sform is not None and qform is not None and not np.allclose(sform, qform, atol=0.1):
        message = "The file's two placements (sform, qform) differ; the sform is used."
        findings = (Finding("orientation-differs", "warning", message),)
    unit = int(header["xyzt_units"]) & 7
    if unit not in MM_OF_UNIT:
        raise InputError(f"{path}: the header's unit of length ({unit}) doesn't exist.")
    scale = np.diag([MM_OF_UNIT[unit]] * 3 + [1.0])
    return RAS_TO_LPS @ scale @ np.asarray(ras, float), findings


def _sform(header: Any) -> FloatArray | None:
    if header["sform_code"] <= 0:
        return None
    rows = [header[f"srow_{axis}"] for axis in "xyz"]
    with np.errstate(invalid="ignore"):  # a signalling NaN; the geometry refuses it
        return np.array([*rows, [0, 0, 0, 1]], np.float64)


def _qform(header: Any) -> FloatArray | None:
    """The quaternion's matrix; None where there is none, or none that is sound."""
    from nibabel.spatialimages import HeaderDataError

    if header["qform_code"] <= 0:
        return None
    if header["pixdim"][0] not in (-1, 1):  # the standard takes 0 for 1
        header["pixdim"][0] = 1
    try:
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray(header.get_qform(), np.float64)
    except (HeaderDataError, ValueError, np.linalg.LinAlgError):
        return None


def _facts(extensions: list[bytes]) -> tuple[dict[str, object], tuple[Finding, ...]]:
    for text in extensions:
        facts, findings = facts_from_json(text.decode("utf-8", "replace"))
        if facts:
            return facts, findings
    return {}, ()


def _structures(extensions: list[bytes]) -> tuple[Structure, ...]:
    """Names and colours from a Connectome Workbench label table, if there is one."""
    for text in extensions:
        if b"<LabelTable>" in text and b"<!" not in text.replace(b"<![CDATA[", b""):
            try:
                labels = ElementTree.fromstring(text).iter("Label")
            except (ElementTree.ParseError, ValueError, LookupError):
                continue
            return tuple(found for label in labels if (found := _structure(label)) is not None)
    return ()


def _structure(element: ElementTree.Element) -> Structure | None:
    name = " ".join((element.text or "").split())
    try:
        label = int(element.get("Key", ""))
        channels = [float(element.get(word, "")) for word in ("Red", "Green", "Blue")]
        r, g, b = (round(255 * channel) for channel in channels)
    except (ValueError, OverflowError):
        return None
    if not (0 < label <= 65535 and name and 0 <= min(r, g, b) <= max(r, g, b) <= 255):
        return None
    return structure(label, name, (r, g, b))


def _label_table(structures: tuple[Structure, ...]) -> str:
    rows = "".join(
        f'<Label Key="{s.label}" Red="{s.color[0] / 255:.4f}" Green="{s.color[1] / 255:.4f}" '
        f'Blue="{s.color[2] / 255:.4f}" Alpha="1">{escape(s.name)}</Label>'
        for s in structures
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><CaretExtension>'
        '<VolumeInformation Index="0"><LabelTable>'
        f"{rows}</LabelTable><StudyMetaDataLinkSet></StudyMetaDataLinkSet>"
        "<VolumeType>Label</VolumeType></VolumeInformation></CaretExtension>"
    )
