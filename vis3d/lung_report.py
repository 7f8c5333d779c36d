"""The lung report of a scan: measured, with pictures of the emphysema, as one HTML file."""

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vis3d import __version__
from vis3d.errors import UsageError
from vis3d.imaging import Plane, cut, parse_window, picture, slice_count
from vis3d.labels import LabelMap
from vis3d.measurement import Measurements, PagePicture, emphysema_map, lung_page
from vis3d.volume import Volume
from vis3d.whole_file import whole_file

MARGIN_MM = 12.0
"""How much is shown round the lungs."""

PICTURE_WIDTH = 720
"""Pixels of a picture at most: 400 dots an inch as it is printed."""

THIRDS = ((5 / 6, "upper third"), (1 / 2, "middle third"), (1 / 6, "lower third"))


def write_lung_report(
    volume: Volume,
    labels: LabelMap,
    found: Measurements,
    path: str | os.PathLike[str],
    *,
    more_pictures: Sequence[PagePicture] = (),
) -> None:
    """Write what was measured of the lungs as one HTML page that prints on A4.

    It stands alone (pictures are inside) and holds no patient data. `more_pictures` (of the
    lungs in 3D, say) come first. `found` is what `measure_lungs` or `measure_structures`
    answered for the same volume and label map.

    Raises:
        UsageError: nothing was measured of lungs.
        OutputError: the file can't be written there.
    """
    if not any(region.name in ("left lung", "right lung") for region in found.regions):
        raise UsageError("There are no lungs to report on: the label map has none.")
    nk, nj, ni = volume.geometry.shape
    sizes = " x ".join(f"{mm:.2f}" for mm in volume.geometry.spacing)
    pictures = [*more_pictures, *emphysema_pictures(volume, labels)][:4]
    page = lung_page(
        found,
        pictures,
        scan=f"{ni} x {nj} x {nk} voxels of {sizes} mm",
        made_by=f"vis3d {__version__}",
    )
    with whole_file(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")


def emphysema_pictures(volume: Volume, labels: LabelMap) -> Iterator[PagePicture]:
    """The lungs in coronal and axial slices, voxels below -950 HU in red.

    Coronal where most of the lungs is cut, axial in the middle of each third of their
    height. None where there is no lung, or values that aren't HU.
    """
    inside = labels.mask("lungs").array
    if volume.unit != "HU" or not inside.any():
        return
    volume, labels = _around_lungs(volume, labels, inside)
    marked = emphysema_map(volume, labels)
    lungs = labels.mask("lungs").array
    for plane, index, what in _slices(volume, lungs):
        pixels = _picture(volume, marked, plane, index)
        stream = io.BytesIO()
        image = Image.fromarray(pixels)
        image.thumbnail((PICTURE_WIDTH, PICTURE_WIDTH))
        image.save(stream, "JPEG", quality=88)
        caption = f"{what}; red: below −950 HU"
        yield PagePicture(stream.getvalue(), caption, cut(volume, plane, index).letters)


def _around_lungs(
    volume: Volume, labels: LabelMap, inside: NDArray[np.bool_]
) -> tuple[Volume, LabelMap]:
    """Both on the part of the grid that holds the lungs and a margin."""
    box = []
    for axis, mm in enumerate(volume.geometry.spacing_kji):
        there = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        margin = round(MARGIN_MM / mm)
        box.append(slice(max(0, int(there[0]) - margin), int(there[-1]) + 1 + margin))
    where = (box[0], box[1], box[2])
    array = volume.array[where]
    start = (box[0].start, box[1].start, box[2].start)
    geometry = volume.geometry.cropped(start, array.shape)
    part = replace(labels, array=labels.array[where], geometry=geometry)
    return volume.with_array(array, geometry), part


def _slices(volume: Volume, lungs: NDArray[np.bool_]) -> Iterator[tuple[Plane, int, str]]:
    """Plane, slice and words for each picture."""
    geometry = volume.geometry
    coronal = 2 - geometry.patient_axes[1]
    counts = lungs.sum(axis=tuple(axis for axis in range(3) if axis != coronal))
    yield "coronal", int(counts.argmax()), "Coronal, where the lungs are largest"
    axial = geometry.patient_axes[2]
    there = np.flatnonzero(lungs.any(axis=tuple(a for a in range(3) if a != 2 - axial)))
    up = geometry.direction[2, axial] > 0
    for share, name in THIRDS:
        along = share if up else 1 - share
        index = round(float(there[0] + along * (there[-1] - there[0])))
        yield "axial", min(index, slice_count(geometry, "axial") - 1), f"Axial, {name}"


def _picture(volume: Volume, marked: LabelMap, plane: Plane, index: int) -> NDArray[np.uint8]:
    """A slice in the lung window: lungs outlined, emphysema filled."""
    opacities = {
        structure.label: 0.75 if structure.name == "emphysema" else 0.0
        for structure in marked.structures
    }
    window = parse_window("lung", volume)
    return picture(volume, plane, index, window, marked, opacities=opacities, square=True)
