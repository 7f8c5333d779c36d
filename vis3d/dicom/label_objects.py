"""DICOM objects that mark structures -> label maps."""

import os
from pathlib import Path

from vis3d.dicom.headers import read_header
from vis3d.dicom.segmentation_objects import SEGMENTATION_CLASSES, read_segmentation
from vis3d.dicom.sources import DiskFile
from vis3d.dicom.structure_sets import RT_STRUCTURE_SET, read_structure_set
from vis3d.errors import InputError, NothingFoundError, UnsupportedError
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap
from vis3d.progress import Progress


def read_label_object(
    path: str | os.PathLike[str],
    geometry: Geometry | None = None,
    *,
    progress: Progress | None = None,
) -> tuple[LabelMap, ...]:
    """The label maps of a DICOM SEG or RT structure set.

    The contours of the latter are filled on `geometry`, the scan's grid, if it is given; a
    SEG lies on its own.

    Raises:
        NothingFoundError: there is no such file.
        UnsupportedError: an object of another kind.
        InputError: the file is damaged.
    """
    file = Path(path)
    if not file.is_file():
        raise NothingFoundError(f"There is no file {file}.")
    try:
        kind = read_header(DiskFile(file.name, file.stat().st_size, str(file))).text(
            "SOPClassUID"
        )
    except InputError as error:
        raise type(error)(f"{file.name}: {error}.") from error
    if kind == RT_STRUCTURE_SET:
        return read_structure_set(file, geometry, progress=progress)
    if kind in SEGMENTATION_CLASSES:
        return read_segmentation(file, progress=progress)
    raise UnsupportedError(
        f"{file.name} is DICOM, but neither a segmentation nor an RT structure set."
    )
