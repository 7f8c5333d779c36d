"""The structures of a file on the scan's grid, as one label map."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vis3d.errors import UnknownStructureError, UsageError
from vis3d.progress import Progress

if TYPE_CHECKING:
    from vis3d.labels import LabelMap, Structure
    from vis3d.volume import Volume

ALL = "all"
"""As a name: every structure of a file that has a voxel."""


def given_labels(
    volume: "Volume", path: Path, names: Sequence[str], progress: Progress
) -> "LabelMap":
    """The structures named, or all that have voxels, each voxel with one label.

    Labels are those of the file where no two structures have the same.

    Raises:
        UnknownStructureError: the file has none of that name.
        UsageError: structures overlap, which a label map can't hold.
    """
    import numpy as np

    from vis3d.files import read_labelmaps_on
    from vis3d.labels import LabelMap
    from vis3d.volume import Finding

    maps = read_labelmaps_on(volume, path, progress=progress)
    wanted = list(_wanted(maps, names, path))
    labels = [structure.label for structure, _ in wanted]
    if len(set(labels)) < len(labels):
        labels = list(range(1, len(wanted) + 1))
    array = np.zeros(
        volume.geometry.shape, np.uint16 if max(labels, default=0) > 255 else np.uint8
    )
    made: list[Structure] = []
    for label, (structure, source) in zip(labels, wanted, strict=True):
        mask = source.array == structure.label
        taken = np.unique(array[mask])
        if taken.any():
            others = ", ".join(one.name for one in made if one.label in taken)
            raise UsageError(
                f"{structure.name} overlaps {others} in {path}, and in a label map each voxel "
                f"has one label: choose --structures that don't overlap."
            )
        array[mask] = label
        made.append(replace(structure, label=label))
    made.sort(key=lambda one: one.label)
    marked = LabelMap(array, volume.geometry, tuple(made), maps[0].report)
    if array.any():
        return marked
    message = "The segmentation marks nothing in this scan."
    return marked.with_findings(Finding("nothing-marked", "warning", message))


def _wanted(
    maps: "Sequence[LabelMap]", names: Sequence[str], path: Path
) -> "Iterator[tuple[Structure, LabelMap]]":
    """Each structure once, with the label map that has it."""
    seen = set()
    for labels, label in _places(maps, names, path):
        structure = next((one for one in labels.structures if one.label == label), None)
        if structure is not None and (id(labels), label) not in seen:
            seen.add((id(labels), label))
            yield structure, labels


def _places(
    maps: "Sequence[LabelMap]", names: Sequence[str], path: Path
) -> "Iterator[tuple[LabelMap, int]]":
    if tuple(names) in ((), (ALL,)):
        for labels in maps:
            counts = labels.voxels()
            yield from ((labels, s.label) for s in labels.structures if counts[s.label])
        return
    for name in names:
        labels = map_with(maps, name, path)
        yield from ((labels, label) for label in labels.labels_of(name))


def map_with(maps: "Sequence[LabelMap]", name: str, path: Path) -> "LabelMap":
    """The first label map of a file that has the structure.

    Raises:
        UnknownStructureError: none has it; those there are are listed.
    """
    for labels in maps:
        try:
            labels.labels_of(name)
        except UnknownStructureError:
            continue
        return labels
    legal = ", ".join(dict.fromkeys(one for labels in maps for one in labels.names))
    raise UnknownStructureError(
        f"There is no structure {name!r} in {path}; choose from {legal}, or {ALL}."
    )
