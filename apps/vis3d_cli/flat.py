"""Slices as pictures of a given size."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from vis3d.imaging import Plane, montage, picture, slice_count
from vis3d.imaging.pictures import FILL_OPACITY, with_lines_below
from vis3d.labels import LabelMap
from vis3d.volume import Volume

COLUMNS, ROWS = 6, 4

Rgb = NDArray[np.uint8]


def middle_slice(
    volume: Volume,
    plane: Plane,
    size: tuple[int, int],
    labels: LabelMap | None,
    shown: Iterable[str],
) -> Rgb:
    """The middle slice in true proportions, as large as fits into `size` (width, height)."""
    index = slice_count(volume.geometry, plane) // 2
    opacities = label_opacities(labels, shown)
    pixels = picture(volume, plane, index, labels=labels, opacities=opacities, square=True)
    return told_below(pixels, doubts_of(labels), size)


def contact_sheet(
    volume: Volume,
    plane: Plane,
    size: tuple[int, int],
    labels: LabelMap | None,
    shown: Iterable[str],
) -> Rgb:
    """Slices spread evenly over the scan, as large as fit into `size` (width, height)."""
    sheet = montage(
        volume,
        labels,
        plane=plane,
        columns=COLUMNS,
        rows=ROWS,
        tile_width=max(1, size[0] // COLUMNS),
        opacities=label_opacities(labels, shown),
        positions=True,
    )
    return told_below(sheet, doubts_of(labels), size)


def label_opacities(labels: LabelMap | None, shown: Iterable[str]) -> dict[int, float] | None:
    """How strongly each label is laid over the grey; the usual way where none is named."""
    names = tuple(shown)
    if labels is None or not names:
        return None
    return {label: FILL_OPACITY for name in names for label in labels.labels_of(name)}


def told_below(
    pixels: NDArray[np.uint8], doubts: Sequence[str], size: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """A picture with what is in doubt below it, as large as it was, or as `size` says."""
    if size is None and not doubts:
        return pixels
    height, width = pixels.shape[:2]
    return with_lines_below(pixels, size or (width, height), doubts)


def doubts_of(labels: LabelMap | None) -> list[str]:
    """What is wrong with the labels, which whoever is handed the picture has to know too."""
    found = () if labels is None else labels.report.findings
    return [one.message for one in found if one.severity != "note"]
