"""DICOM objects that mark structures -> label maps."""

import os
from pathlib import Path

from vis3d.dicom.frames_of_reference import checked_frame, on_grid_of
from vis3d.dicom.headers import header_of
from vis3d.dicom.segmentation_objects import SEGMENTATION_CLASSES, read_segmentation
from vis3d.dicom.structure_sets import RT_STRUCTURE_SET, read_structure_set
from vis3d.errors import UnsupportedError
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap
from vis3d.progress import Progress


def read_label_object(
    path: str | os.PathLike[str],
    geometry: Geometry | None = None,
    *,
    frame_of_reference: str = "",
    progress: Progress | None = None,
) -> tuple[LabelMap, ...]:
    """The label maps of a DICOM SEG or RT structure set.

    The contours of the latter are filled on `geometry`, the scan's grid, if it is given; a
    SEG lies on its own. `frame_of_reference` is the scan's, as its metadata name it.

    Raises:
        NothingFoundError: there is no such file.
        UnsupportedError: an object of another kind.
        InputError: the file is damaged, or of another frame of reference than the scan.
    """
    file = Path(path)
    header = header_of(file)
    kind = header.text("SOPClassUID")
    if kind == RT_STRUCTURE_SET:
        return read_structure_set(
            file, geometry, frame_of_reference=frame_of_reference, progress=progress
        )
    if kind in SEGMENTATION_CLASSES:
        labelmaps = read_segmentation(file, progress=progress)
        return checked_frame(
            labelmaps,
            [header.text("FrameOfReferenceUID")],
            frame_of_reference,
            fits=on_grid_of(labelmaps, geometry),
            name=file.name,
        )
    raise UnsupportedError(
        f"{file.name} is DICOM, but neither a segmentation nor an RT structure set."
    )
