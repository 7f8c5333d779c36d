"""Segmentations: read with their names, from whoever made them, and written."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError, UnsupportedError
from vis3d.files.kinds import (
    DICOM_SUFFIX,
    PathLike,
    existing,
    is_dicom,
    legal_suffix,
    of_dicom,
    open_voxels,
    suffix_of,
)
from vis3d.formats import LABELMAP_WRITERS, VOXEL_READERS
from vis3d.formats.structures import plain_name, structure
from vis3d.formats.voxels import labelmap_of
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap, Structure
from vis3d.progress import Progress, silent

if TYPE_CHECKING:  # a NIfTI file is read without loading pydicom
    from vis3d.dicom import Series

LABELMAP_SUFFIXES = (*LABELMAP_WRITERS, DICOM_SUFFIX)
"""What `write_labelmap` writes."""


def read_labelmap(path: PathLike, *, progress: Progress | None = None) -> LabelMap:
    """A segmentation on its own grid, with the file's names: .nii.gz, .nrrd, .mha, DICOM.

    Raises:
        InputError: the values are no labels, or segments overlap (see `read_labelmaps`).
    """
    maps = read_labelmaps(path, progress=progress)
    if len(maps) > 1:
        raise UnsupportedError(
            f"{path}: its segments overlap and fill {len(maps)} label maps; export those "
            f"wanted alone, or use read_labelmaps."
        )
    return maps[0]


def read_labelmaps(
    path: PathLike,
    *,
    geometry: Geometry | None = None,
    frame_of_reference: str = "",
    progress: Progress | None = None,
) -> tuple[LabelMap, ...]:
    """The label maps of a segmentation (several where segments overlap), with its names.

    The contours of an RT structure set are filled on `geometry`, the scan's grid, if given;
    everything else lies on the file's own grid. A folder of masks, a file a structure, is
    read too: the files' names are the structures'. `frame_of_reference` is that of the scan's
    metadata, with which a DICOM object's is compared.

    Raises:
        InputError: the values are no labels, the file is broken, or a DICOM object has another
            frame of reference than the scan and doesn't lie on its slices.
    """
    file = existing(path)
    if file.is_dir():
        return _masks_in(file, progress or silent)
    if file.is_file() and not suffix_of(file, VOXEL_READERS) and is_dicom(file):
        from vis3d import dicom

        return dicom.read_label_object(
            file, geometry, frame_of_reference=frame_of_reference, progress=progress
        )
    voxels = open_voxels(file)
    return tuple(labelmap_of(voxels, frame, progress) for frame in range(voxels.frames))


def _masks_in(folder: Path, progress: Progress) -> tuple[LabelMap, ...]:
    """The masks in a folder as TotalSegmentator writes them: what isn't 0 is the structure."""
    from vis3d.dicom.overlaps import packed

    files = sorted(one for one in folder.iterdir() if suffix_of(one, VOXEL_READERS))
    if not files:
        raise InputError(f"{folder} holds no masks ({', '.join(VOXEL_READERS)}); name a file.")
    suffixes = [str(suffix_of(one, VOXEL_READERS)) for one in files]
    names = [one.name[: -len(end)] for one, end in zip(files, suffixes, strict=True)]
    structures = [structure(n, name) for n, name in enumerate(names, 1)]
    grid = open_voxels(files[0]).geometry

    def mask(one: Structure) -> tuple[NDArray[np.bool_], Geometry]:
        file = files[one.label - 1]
        progress((one.label - 1) / len(files), "Reading masks")
        labels = labelmap_of(open_voxels(file))
        if not labels.geometry.matches(grid, tolerance_mm=0.01):
            raise InputError(f"{file.name} and {files[0].name} in {folder} have other grids.")
        return labels.array > 0, labels.geometry

    return packed(structures, mask)


def write_labelmap(
    labelmap: LabelMap,
    path: PathLike,
    *,
    series: "Series | None" = None,
    method: Literal["vis3d", "unknown"] = "vis3d",
    progress: Progress | None = None,
) -> None:
    """A label map in the format that the suffix names; DICOM SEG (.dcm) needs its `series`.

    A SEG says what found its structures: `method`.

    Raises:
        UsageError: an unknown suffix.
        UnsupportedError: a SEG of a scan that isn't DICOM.
        OutputError: it can't be written there.
    """
    suffix = legal_suffix(path, LABELMAP_SUFFIXES, "a label map")
    named = tuple(replace(one, name=plain_name(one.name)) for one in labelmap.structures)
    labelmap = replace(labelmap, structures=named)
    if suffix != DICOM_SUFFIX:
        LABELMAP_WRITERS[suffix](labelmap, Path(path), progress or silent)
        return
    series = of_dicom(series, path, what="a DICOM segmentation", instead=".nii.gz")
    from vis3d import dicom

    dicom.write_segmentation(labelmap, series, Path(path), method=method, progress=progress)
