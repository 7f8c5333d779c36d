"""From INPUT to what a command works on, and early word of what can't be written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vis3d.errors import OutputError, UnsupportedError, UsageError
from vis3d.progress import Progress
from vis3d.whole_file import check_place
from vis3d_cli import say
from vis3d_cli.options import Choice, Manner

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from vis3d.dicom import Discovery, Series
    from vis3d.labels import LabelMap
    from vis3d.volume import Finding, Mask, Volume


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
        unit=which.unit,
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
        why = "names no series" if chosen.transfer_syntaxes else "isn't DICOM"
        raise UnsupportedError(
            f"{path} {why}, so a {what} would have no patient and study to belong "
            f"to. Write a {instead} file instead."
        )
    return chosen


def label_map_for(
    volume: "Volume",
    path: Path,
    progress: Progress | None = None,
    *,
    structure: str | None = None,
    label: int | None = None,
) -> "LabelMap":
    """The label map of a file that has a structure or label, on the scan's grid.

    Where neither is named and structures overlap, the smaller ones lie on the larger, and a
    finding says so: that is for pictures, not for numbers.

    Raises:
        InputError: it marks nothing where the scan lies.
        UnknownStructureError: it has no structure of that name.
    """
    from vis3d.files import read_labelmaps_on
    from vis3d.labels import normal_name

    found = read_labelmaps_on(volume, path, progress=progress)
    if structure is not None:
        names = {normal_name(name): one for one in reversed(found) for name in one.names}
        found = (names[normal_name(structure)],) if normal_name(structure) in names else found
    elif label is not None:
        holding = [one for one in found if any(s.label == label for s in one.structures)]
        if len(holding) > 1:
            words = ", ".join(
                s.name for one in holding for s in one.structures if s.label == label
            )
            raise UsageError(
                f"Label {label} is each of {words} in {path}: use --structure NAME."
            )
        found = tuple(holding) or found
    return found[0] if len(found) == 1 else _flattened(found)


def shown_label_map(
    volume: "Volume", path: Path, how: Manner, progress: Progress | None = None
) -> "LabelMap":
    """`label_map_for` a picture; what is to be known of it is said on stderr."""
    labels = label_map_for(volume, path, progress)
    say_doubts(labels.report.findings, volume, how)
    return labels


def say_doubts(findings: "Iterable[Finding]", volume: "Volume", how: Manner) -> None:
    """What a segmentation doubts on stderr, without what the load has said already."""
    say.findings([one for one in findings if one not in volume.findings], how)


def _flattened(labelmaps: "tuple[LabelMap, ...]") -> "LabelMap":
    """Overlapping structures on one label map, the smaller ones on top."""
    from dataclasses import replace

    import numpy as np

    from vis3d.labels import LabelMap
    from vis3d.volume import Finding

    first = labelmaps[0]
    pieces = [(one.voxels()[s.label], s, one) for one in labelmaps for s in one.structures]
    used = [structure.label for _, structure, _ in pieces]
    array = np.zeros(first.array.shape, np.uint16)
    structures = []
    for number, (_, structure, one) in enumerate(sorted(pieces, key=lambda piece: -piece[0])):
        label = structure.label if len(set(used)) == len(used) else number + 1
        array[one.array == structure.label] = label
        structures.append(replace(structure, label=label))
    message = "Structures of the file overlap: where they do, the smallest is shown alone."
    structures.sort(key=lambda one: one.label)
    flat = LabelMap(array, first.geometry, tuple(structures), first.report)
    return flat.with_findings(Finding("overlapping-structures", "warning", message))


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
        labels = label_map_for(volume, segmentation, progress, structure=structure)
        return labels.mask(structure)
    from vis3d.segmentation import segment

    return segment(volume, [structure], progress=progress).mask(structure)


def check_output(
    path: Path,
    suffixes: "Collection[str] | None" = None,
    what: str = "",
    *,
    sources: "Iterable[Path | None]" = (),
) -> None:
    """Before the work: whether the result can be written there, of this kind.

    Raises:
        UsageError: a suffix that no writer has, or a file of `sources`, which are read.
        OutputError: a folder that doesn't exist or can't be written.
    """
    if suffixes is not None and suffix_of(path) not in suffixes:
        legal = ", ".join(sorted(suffixes))
        raise UsageError(f"{path.name} names no format for {what}: end it in one of {legal}.")
    if path.is_file() and any(_holds(source, path) for source in sources if source):
        raise UsageError(
            f"{path} is INPUT or read with it, and never written over: name another file."
        )
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"Cannot write {path}: there is no folder {folder}.")
    check_place(path)
    if not os.access(folder, os.W_OK):
        raise OutputError(f"Cannot write {path}: no permission to write in {folder}.")


def check_distinct(*outputs: Path | None) -> None:
    """Before the work: whether each output has a name of its own.

    Raises:
        UsageError: two have the same.
    """
    given = [path.absolute() for path in outputs if path is not None]
    if len(set(given)) < len(given):
        raise UsageError("Two outputs have the same name: give each its own.")


def _holds(source: Path, path: Path) -> bool:
    """Whether an existing file is the source, or a DICOM file in that folder."""
    if not source.is_dir():
        return source.is_file() and path.samefile(source)
    if not path.resolve().is_relative_to(source.resolve()):
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def check_apart(source: Path, folder: Path) -> None:
    """Before the work: whether DICOM written into `folder` stays apart from its source.

    Raises:
        UsageError: the folder is the source's, or lies in it.
    """
    inside, out = source.resolve(), folder.resolve()
    if source.is_dir() and (out == inside or inside in out.parents):
        raise UsageError(
            f"{folder} lies in INPUT, where old and new files would mix: name another folder."
        )


def make_folder(folder: Path) -> None:
    """The folder that files are written into, with those above it.

    Raises:
        OutputError: it can't be made there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot make the folder {folder}: {error.strerror}.") from error


@contextmanager
def folder_for_files(folder: Path) -> Iterator[None]:
    """The folder, with those above it; those that were made and stay empty go again.

    Raises:
        OutputError: it can't be made there.
    """
    missing = [one for one in (folder, *folder.absolute().parents) if not one.exists()]
    make_folder(folder)
    try:
        yield
    finally:
        for one in missing:
            with suppress(OSError):  # something lies in it
                one.rmdir()


def suffix_of(path: Path) -> str:
    """The suffix that names the format; `.nii.gz` is one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()
