"""From INPUT to what a command works on, and early word of what can't be written."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from vis3d.errors import InputError, OutputError, UnsupportedError, UsageError
from vis3d.progress import Progress
from vis3d_cli import say
from vis3d_cli.options import Choice, Manner

if TYPE_CHECKING:
    from collections.abc import Collection

    from vis3d.dicom import Discovery, Series
    from vis3d.labels import LabelMap
    from vis3d.volume import Mask, Volume


def load(
    path: Path,
    which: Choice,
    how: Manner,
    progress: Progress,
    *,
    slices: slice | None = None,
    found: "Discovery | None" = None,
) -> "Volume":
    """The scan that INPUT and `--series` name, its warnings said on stderr."""
    from vis3d.files import load_volume

    volume = load_volume(
        path,
        series=which.series,
        gaps=which.gaps,
        tilt=which.tilt,
        slices=slices,
        force=which.force,
        found=found,
        progress=progress,
    )
    say.findings(volume.findings, how)
    return volume


def source_series(
    path: Path,
    which: Choice,
    progress: Progress,
    *,
    what: str = "DICOM SEG",
    instead: str = ".nii.gz",
) -> "Series":
    """The DICOM series from which a DICOM object inherits patient and study.

    Raises:
        UnsupportedError: INPUT isn't DICOM.
    """
    from vis3d.choosing import select_series
    from vis3d.files import discover

    found = discover(path, force=which.force, progress=progress)
    chosen = select_series(found, which.series)
    if not chosen.uid:
        raise UnsupportedError(
            f"{path} isn't DICOM, so a {what} would have no patient and study to belong "
            f"to. Write a {instead} file instead."
        )
    return chosen


def label_map_for(volume: "Volume", path: Path, progress: Progress | None = None) -> "LabelMap":
    """The label map in a file, resampled to the scan's grid where it lies on another one.

    Raises:
        InputError: it marks nothing where the scan lies.
    """
    from vis3d.files import read_labelmap

    labels = read_labelmap(path)
    if labels.geometry.matches(volume.geometry, tolerance_mm=0.05):
        return labels
    from vis3d.resample import resample

    here = resample(labels, volume.geometry, progress=progress)
    if labels.array.any() and not here.array.any():
        raise InputError(
            f"{path} lies on {labels.geometry!r} and marks nothing where the scan lies, on "
            f"{volume.geometry!r}: give a label map of this scan."
        )
    return here


def check_structure(structure: str | None, segmentation: Path | None) -> None:
    """Before anything is read: whether vis3d knows the structure, unless a file names it.

    Raises:
        UnknownStructureError: no structure has that name; the legal ones are listed.
    """
    if structure is not None and segmentation is None:
        from vis3d.labels import structure_labels

        structure_labels([structure])


def mask_for(
    volume: "Volume", structure: str, segmentation: Path | None, progress: Progress
) -> "Mask":
    """A structure of the scan: out of a label map's file, or segmented here.

    Raises:
        UnknownStructureError: the file has none of that name.
    """
    if segmentation is not None:
        return label_map_for(volume, segmentation, progress).mask(structure)
    from vis3d.segmentation import segment

    return segment(volume, [structure], progress=progress).mask(structure)


def check_output(path: Path, suffixes: "Collection[str] | None" = None, what: str = "") -> None:
    """Before the work: whether the result can be written there, of this kind.

    Raises:
        UsageError: a suffix that no writer has.
        OutputError: a folder that doesn't exist or can't be written.
    """
    if suffixes is not None and suffix_of(path) not in suffixes:
        legal = ", ".join(sorted(suffixes))
        raise UsageError(f"{path.name} names no format for {what}: end it in one of {legal}.")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"Cannot write {path}: there is no folder {folder}.")
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file in it.")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"Cannot write {path}: no permission to write in {folder}.")


def make_folder(folder: Path) -> None:
    """The folder that files are written into, with those above it.

    Raises:
        OutputError: it can't be made there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot make the folder {folder}: {error.strerror}.") from error


def suffix_of(path: Path) -> str:
    """The suffix that names the format; `.nii.gz` is one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()
