"""What `vis3d mesh` makes surfaces of: structures segmented here, or those of a file."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from vis3d.errors import UsageError
from vis3d.progress import Progress
from vis3d_cli import options, reading
from vis3d_cli.given import ALL, map_with

if TYPE_CHECKING:
    from vis3d.labels import LabelMap, Structure
    from vis3d.volume import Mask, Volume


@dataclass(frozen=True, kw_only=True)
class What:
    """What becomes a surface: a structure or several, a level, or a label of a file."""

    structure: Annotated[
        str | None, Parameter(metavar="NAME", help="The structure to segment, or of the file.")
    ] = None
    structures: Annotated[
        str | None,
        Parameter(
            metavar="NAME,...",
            help="Several, each a surface of its own in one file; all: every one of the file.",
        ),
    ] = None
    level: Annotated[
        float | None,
        Parameter(metavar="HU", help="Everything of this value or more, nothing removed."),
    ] = None
    segmentation: Annotated[
        Path | None, Parameter(metavar="FILE", help="A label map of this scan.")
    ] = None
    label: Annotated[int | None, Parameter(metavar="N", help="The label in that file.")] = None

    @property
    def names(self) -> tuple[str, ...]:
        """The structures asked for by name, each once however it is typed."""
        if self.structures is not None:
            from vis3d.labels import normal_name

            once: dict[str, str] = {}
            for name in options.names(self.structures):
                once.setdefault(normal_name(name), name)
            return tuple(once.values())
        return () if self.structure is None else (self.structure,)


@dataclass(frozen=True)
class Part:
    """A structure that gets a surface; its mask is made when it is wanted."""

    name: str
    color: tuple[int, int, int] | None
    mask: "Callable[[], Mask]"
    labels: "LabelMap"
    of: tuple[int, ...]


def check_choice(what: What) -> None:
    """Before anything is read: whether it says what to mesh, and nothing twice.

    Raises:
        UsageError: nothing is named, or options that don't go together.
        UnknownStructureError: no structure has that name; the legal ones are listed.
    """
    if what == What():
        from vis3d.labels import GROUPS, STRUCTURES

        names = ", ".join((*GROUPS, *(one.name.replace(" ", "-") for one in STRUCTURES)))
        raise UsageError(
            f"Say what to mesh: --structure NAME (one of {names}), --structures NAME,..., "
            "--level HU (such as 300), or --segmentation FILE --label N."
        )
    if what.level is not None:
        if what != What(level=what.level):
            raise UsageError(
                "--level goes without --structure, --structures, --segmentation and --label."
            )
        if not math.isfinite(what.level):
            raise UsageError("--level takes a number.")
    if what.label is not None and what.segmentation is None:
        raise UsageError("--label N names a label of a file: give --segmentation FILE too.")
    given = [what.label, what.structure, what.structures]
    if sum(one is not None for one in given) > 1:
        raise UsageError("Give one of --structure, --structures and --label.")
    if what.segmentation is None and what.names:
        _check_known(what.names)


def _check_known(names: tuple[str, ...]) -> None:
    from vis3d.labels import structure_labels

    if ALL in names:
        raise UsageError(f"--structures {ALL} means those of a file: give --segmentation FILE.")
    structure_labels(names)


def parts_of(volume: "Volume", what: What, progress: Progress) -> "list[Part]":
    """The structures wanted, in the order asked for.

    Raises:
        UnknownStructureError: the file has none of that name.
        UsageError: the label named isn't there, or none is named.
    """
    if what.segmentation is None:
        from vis3d.segmentation import segment

        labels = segment(volume, list(what.names), progress=progress)
        return [_named(labels, name) for name in what.names]
    if what.structures is None:
        labels = reading.label_map_for(
            volume, what.segmentation, progress, structure=what.structure, label=what.label
        )
        return [_named(labels, what.structure) if what.structure else _labelled(labels, what)]
    from vis3d.files import read_labelmaps_on

    maps = read_labelmaps_on(volume, what.segmentation, progress=progress)
    return list(_of_file(maps, what.names, what.segmentation))


def _of_file(
    maps: "Sequence[LabelMap]", names: tuple[str, ...], path: Path
) -> "Iterator[Part]":
    if names == (ALL,):
        for labels in maps:
            counts = labels.voxels()
            present = [one for one in labels.structures if counts[one.label]]
            yield from (_of_map(labels, one) for one in present)
        return
    yield from (_named(map_with(maps, name, path), name) for name in names)


def _named(labels: "LabelMap", name: str) -> Part:
    """A structure or group by its name; a group has the colour of its first member."""
    from vis3d.labels import normal_name

    of = labels.labels_of(name)
    members = [one for one in labels.structures if one.label in of]
    named = [one for one in members if normal_name(one.name) == normal_name(name)]
    color = (named or members)[0].color
    return Part(normal_name(name), color, lambda: labels.mask(name), labels, of)


def _of_map(labels: "LabelMap", structure: "Structure") -> Part:
    """One structure of all: its label; vis3d's body is everything inside the skin."""
    whole = labels.whole(structure)
    return (
        _named(labels, structure.name) if len(whole) > 1 else _single(labels, structure.label)
    )


def _single(labels: "LabelMap", label: int) -> Part:
    """A label alone, whatever its name means elsewhere."""
    from vis3d.volume import Mask

    found = next((one for one in labels.structures if one.label == label), None)
    name = found.name if found else f"label {label}"
    color = found.color if found else None
    return Part(
        name,
        color,
        lambda: Mask(labels.array == label, labels.geometry, name, labels.report.findings),
        labels,
        (label,),
    )


def _labelled(labels: "LabelMap", what: What) -> Part:
    if what.label is None:
        raise UsageError(
            f"Say which label of the file: --label N, one of {_present(labels)}; or "
            f"--structures {ALL}."
        )
    counts = labels.voxels()
    if not (0 < what.label < len(counts) and counts[what.label]):
        raise UsageError(f"No voxel has label {what.label}; there are {_present(labels)}.")
    return _single(labels, what.label)


def _present(labels: "LabelMap") -> str:
    names = {one.label: one.name for one in labels.structures}
    present = [label for label, count in enumerate(labels.voxels()) if label and count]
    words = [f"{n} ({names[n]})" if n in names else str(n) for n in present]
    return ", ".join(words) or "none at all"


def border_areas_mm2(parts: Sequence[Part]) -> list[float]:
    """How large each part's border is, counted in faces of voxels."""
    by_label = {id(part.labels): _border_areas(part.labels) for part in parts}
    return [sum(by_label[id(part.labels)][label] for label in part.of) for part in parts]


def _border_areas(labels: "LabelMap") -> list[float]:
    """The area of each label's border to others, in mm2, by label."""
    import numpy as np

    array = labels.array
    count = np.iinfo(array.dtype).max + 1
    areas = np.zeros(count)
    k_mm, j_mm, i_mm = labels.geometry.spacing_kji
    for axis, face_mm2 in enumerate((j_mm * i_mm, k_mm * i_mm, k_mm * j_mm)):
        rolled = np.moveaxis(array, axis, 0)
        for before, after in pairwise(rolled):
            differs = before != after
            sides = np.concatenate([before[differs], after[differs]])
            areas += face_mm2 * np.bincount(sides, minlength=count)
    return [float(area) for area in areas]
