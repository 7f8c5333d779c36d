"""VTK images (.vti): LPS mm with the direction matrix of VTK 9."""

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError
from vis3d.formats import byte_streams
from vis3d.formats.voxels import VoxelFile, facts_from_json, facts_json, refuse_values
from vis3d.formats.vtk_xml import TYPES, XmlFile, XmlWriter, read_xml
from vis3d.geometry import FloatArray, Geometry
from vis3d.progress import Progress, silent
from vis3d.volume import Finding, Volume
from vis3d.whole_file import whole_file

FACTS = "vis3d"


def open_vti(path: Path) -> VoxelFile:
    """A VTK image's header; values must lie on the points.

    Raises:
        InputError: no VTK image, several values a voxel, missing bytes, a broken grid.
    """
    file = read_xml(path)
    image = file.dataset("ImageData")
    shape, affine, findings = _grid(image, path)
    values = _scalars(image, path)
    dtype = np.dtype(TYPES[values.get("type", "")])
    count = int(np.prod(shape, dtype=object))
    if values.get("format") == "ascii":
        byte_streams.check_promise(path, 2 * count - 1, len(values.text or ""))
    else:
        byte_streams.check_promise(
            path, count * dtype.itemsize, path.stat().st_size, ratio=1 << 14
        )

    def load(frame: int, progress: Progress) -> NDArray[np.generic]:
        progress(0.0, f"Reading {path.name}")
        return file.array(values, count).reshape(shape)

    facts, told = _facts(file, image)
    return VoxelFile(
        path, "VTI", shape, affine, dtype, load, facts=facts, findings=(*told, *findings)
    )


def write_volume(volume: Volume, path: Path, progress: Progress = silent) -> None:
    """A volume as a compressed VTK image, its values on the points."""
    writer = XmlWriter(progress)
    geometry = volume.geometry
    voxels: NDArray[Any] = volume.array
    body = (
        f"<ImageData {_placement(geometry)}>\n"
        f"<FieldData>\n{writer.text(FACTS, facts_json(volume))}"
        f"{writer.text('SPACE', 'LPS')}</FieldData>\n"
        f'<Piece Extent="{_extent(geometry)}">\n<PointData Scalars="values">\n'
        f"{writer.array('values', voxels.reshape(-1))}"
        f"</PointData>\n<CellData/>\n</Piece>\n</ImageData>\n"
    )
    with whole_file(path) as unfinished:
        writer.write(unfinished, "ImageData", body)


def _extent(geometry: Geometry) -> str:
    nk, nj, ni = geometry.shape
    return f"0 {ni - 1} 0 {nj - 1} 0 {nk - 1}"


def _placement(geometry: Geometry) -> str:
    def text(numbers: Any) -> str:
        return " ".join(f"{float(number):.17g}" for number in numbers)

    return (
        f'WholeExtent="{_extent(geometry)}" Origin="{text(geometry.origin)}" '
        f'Spacing="{text(geometry.spacing)}" Direction="{text(geometry.direction.ravel())}"'
    )


def _grid(
    image: Element, path: Path
) -> tuple[tuple[int, int, int], FloatArray, tuple[Finding, ...]]:
    try:
        extent = [int(word) for word in image.attrib["WholeExtent"].split()]
        i0, i1, j0, j1, k0, k1 = extent
        piece = [int(word) for word in _piece(image).get("Extent", "").split()] or extent
        origin = np.array([float(word) for word in image.get("Origin", "0 0 0").split()])
        spacing = np.array([float(word) for word in image.get("Spacing", "1 1 1").split()])
        rows = [float(word) for word in image.get("Direction", "1 0 0 0 1 0 0 0 1").split()]
        matrix = np.eye(4)
        matrix[:3, :3] = np.array(rows).reshape(3, 3) * spacing
        with np.errstate(all="ignore"):  # the geometry refuses what isn't finite
            matrix[:3, 3] = origin + matrix[:3, :3] @ [i0, j0, k0]
        shape = (k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1)
    except (KeyError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: the image's extent, origin or spacing is broken.") from error
    if min(shape) < 1 or piece != extent:
        raise InputError(f"{path}: the image's extent {extent} is empty or not its piece's.")
    if image.get("Direction"):
        return shape, matrix, ()
    message = "The VTK image states no direction: axes along left, posterior, superior."
    return shape, matrix, (Finding("no-position", "warning", message),)


def _piece(image: Element) -> Element:
    return next(image.iter("Piece"), image)


def _scalars(image: Element, path: Path) -> Element:
    data = image.find("Piece/PointData")
    arrays = [] if data is None else data.findall("DataArray")
    if data is None or not arrays:
        raise InputError(f"{path}: the VTK image has no values on its points.")
    named = [array for array in arrays if array.get("Name") == data.get("Scalars")]
    chosen = (named or arrays)[0]
    if chosen.get("NumberOfComponents", "1") not in ("", "0", "1"):
        raise refuse_values(path, "VTK", f"{chosen.get('NumberOfComponents')} values a voxel")
    if chosen.get("type") not in TYPES:
        raise refuse_values(path, "VTK", f"values of type {chosen.get('type', '')[:20]!r}")
    return chosen


def _facts(file: XmlFile, image: Element) -> tuple[dict[str, object], tuple[Finding, ...]]:
    for array in image.findall("FieldData/Array"):
        if array.get("Name") == FACTS:
            return facts_from_json(file.text(array))
    return {}, ()
