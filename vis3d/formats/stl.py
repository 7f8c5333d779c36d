"""STL: triangles without colour; units and frame stand in the header as 3D Slicer reads it."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError, TruncatedError
from vis3d.formats.frames import Coordinates, frame_said, in_frame, in_lps
from vis3d.formats.merging import merged
from vis3d.formats.welding import welded
from vis3d.surface import Surface
from vis3d.volume import Finding
from vis3d.whole_file import whole_file

TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
HEADER_BYTES = 80

BLOCK = 1 << 13
"""Triangles at a time: so many stay in a core's cache."""

_FACET = re.compile(rb"^[ \t]*facet\b", re.IGNORECASE | re.MULTILINE)
_VERTEX = re.compile(rb"^[ \t]*vertex[ \t]+(.*)", re.IGNORECASE | re.MULTILINE)


def write_stl(
    surfaces: tuple[Surface, ...], path: Path, *, coordinates: Coordinates = "lps"
) -> None:
    """Binary STL in mm, each triangle with its outward normal; several become one."""
    head, records = _parts(surfaces, coordinates)
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        file.write(head)
        file.write(records.data)


def stl_content(surfaces: tuple[Surface, ...], *, coordinates: Coordinates = "lps") -> bytes:
    """What a binary STL file of the surfaces holds."""
    head, records = _parts(surfaces, coordinates)
    return head + records.tobytes()


def read_stl(path: Path) -> tuple[Surface, ...]:
    """Binary or ASCII STL; equal corners become one point.

    Raises:
        InputError: no STL, or the triangle count doesn't match the size.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}.") from error
    return (stl_surface(content, path),)


def stl_surface(
    content: bytes, path: Path, *, name: str = "", mm_per_unit: float = 1.0
) -> Surface:
    """The surface in an STL file's bytes, called after `path` where no `name` is given.

    Raises:
        InputError: no STL, or the triangle count doesn't match the size.
    """
    count = int.from_bytes(content[HEADER_BYTES : HEADER_BYTES + 4], "little")
    promised = HEADER_BYTES + 4 + count * TRIANGLE.itemsize
    if len(content) >= HEADER_BYTES + 4 and promised == len(content):
        records = np.frombuffer(content, TRIANGLE, count, HEADER_BYTES + 4)
        corners, said = records["corners"], content[:HEADER_BYTES]
    elif content.lstrip()[:5].lower() == b"solid" and _FACET.search(content[:4096]):
        corners, said = _ascii_corners(content, path), content[:HEADER_BYTES]
    else:
        raise TruncatedError(
            f"{path}: {count:,} triangles need {promised:,} bytes and the file has "
            f"{len(content):,}. It is truncated or no STL."
        )
    points, triangles = welded(corners.reshape(-1, 3), path)
    header = said.decode("ascii", "replace")
    frame, findings = frame_said(header, "STL")
    metadata = {"findings": (*findings, *_told(header), *_units(header, mm_per_unit))}
    lps = in_lps(points, frame) * np.float32(mm_per_unit)
    return Surface(lps, triangles, name or path.stem, metadata=metadata)


def _parts(
    surfaces: tuple[Surface, ...], coordinates: Coordinates
) -> tuple[bytes, NDArray[np.void]]:
    """The header with the number of triangles, and the triangles."""
    surface = merged(surfaces)
    points = in_frame(surface.points, coordinates).astype("<f4", copy=False)
    records = np.zeros(len(surface.triangles), TRIANGLE)
    for start in range(0, len(records), BLOCK):
        block = records[start : start + BLOCK]
        corners = points[surface.triangles[start : start + BLOCK]]
        block["corners"] = corners
        block["normal"] = _normals(corners)
    count = len(records).to_bytes(4, "little")
    return _header(surface, coordinates).ljust(HEADER_BYTES) + count, records


def _header(surface: Surface, coordinates: Coordinates) -> bytes:
    """Units, frame, and as many codes of the scan's findings as fit, warnings first."""
    said = f"vis3d STL; UNITS=mm; SPACE={coordinates.upper()}"
    findings = surface.metadata.get("findings", ())
    told = [one for one in findings if isinstance(one, Finding)]  # type: ignore[attr-defined]
    codes = dict.fromkeys(
        one.code for one in sorted(told, key=lambda one: one.severity == "note")
    )
    for code in codes:
        longer = f"{said}{',' if 'FINDINGS=' in said else '; FINDINGS='}{code}"
        said = longer if len(longer) <= HEADER_BYTES else said
    return said.encode("ascii", "replace")


def _told(header: str) -> tuple[Finding, ...]:
    """The findings whose codes the header holds."""
    listed = re.search(r"; FINDINGS=([a-z0-9,-]+)", header)
    codes = listed[1].split(",") if listed else []
    return tuple(
        Finding(code, "warning", f"The file says of its scan: {code}.") for code in codes
    )


def _units(header: str, mm_per_unit: float) -> tuple[Finding, ...]:
    """A warning where the STL says mm and the DICOM object around it something else."""
    if mm_per_unit == 1 or not re.search(r"UNITS\s*=\s*mm\b", header):
        return ()
    message = (
        f"The DICOM object states a unit of {mm_per_unit:g} mm, the STL in it mm: the "
        f"object's is taken."
    )
    return (Finding("units-differ", "warning", message),)


def _ascii_corners(content: bytes, path: Path) -> NDArray[np.float32]:
    """The corners (n, 3, 3) of all solids in the text, in letters of either case."""
    triangles = len(_FACET.findall(content))
    corners = [row.split() for row in _VERTEX.findall(content)]
    try:
        return np.array(corners, np.float32).reshape(triangles, 3, 3)
    except ValueError as error:
        raise InputError(
            f"{path}: a triangle has no three corners of three numbers."
        ) from error


def _normals(corners: NDArray[np.floating]) -> NDArray[np.floating]:
    """The unit normals (m, 3) of triangles (m, 3, 3); zero where one has no area."""
    a, b, c = np.ascontiguousarray(corners.transpose(1, 2, 0))
    (ux, uy, uz), (vx, vy, vz) = b - a, c - a
    normals = np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])
    lengths = np.sqrt((normals**2).sum(axis=0))
    return (normals / np.where(lengths > 0, lengths, 1)).T
