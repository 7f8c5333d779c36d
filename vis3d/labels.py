"""Label maps: many structures on one grid, their names, and what the method says of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import UnknownStructureError, UsageError
from vis3d.geometry import Geometry
from vis3d.volume import Finding, Mask


@dataclass(frozen=True)
class Code:
    """A coded concept, as DICOM exports need it (PS3.3 section 8.8)."""

    scheme: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Structure:
    """A part of the body with its label, its name, its colour (RGB 0 to 255) and its code."""

    label: int
    name: str
    color: tuple[int, int, int]
    code: Code | None = None


STRUCTURES = (
    Structure(1, "left lung", (79, 163, 224), Code("SCT", "44029006", "Left lung")),
    Structure(2, "right lung", (98, 196, 160), Code("SCT", "3341006", "Right lung")),
    Structure(3, "airways", (244, 190, 92), Code("SCT", "91724006", "Tracheobronchial tree")),
    Structure(4, "bones", (236, 223, 196), Code("SCT", "272673000", "Bone")),
    Structure(5, "body", (214, 164, 140), Code("SCT", "38266002", "Entire body")),
    Structure(6, "cortical", (255, 245, 218), Code("SCT", "272673000", "Bone")),
    Structure(7, "cancellous", (205, 133, 96), Code("SCT", "272673000", "Bone")),
    Structure(8, "metal", (120, 220, 235), Code("SCT", "40388003", "Implant")),
)
"""Every structure vis3d segments; left and right are the patient's."""

BODY = "body"
"""As a name: everything inside the skin; as a label: what there has no other label.

So where vis3d's labels have vis3d's names; in a map made elsewhere it is its label alone.
"""

GROUPS = {"lungs": ("left lung", "right lung")}
"""Names for several structures together."""

PARTS = {"bones": ("cortical", "cancellous")}
"""Structures that may be split: where they have no label, they are their parts together."""


def normal_name(name: str) -> str:
    """A structure's name as people may type it: `Left-Lung` is `left lung`."""
    return " ".join(name.lower().replace("-", " ").replace("_", " ").split())


@dataclass(frozen=True)
class Check:
    """A question the method asked itself, and its answer as a sentence."""

    code: str
    ok: bool
    message: str


@dataclass(frozen=True)
class Report:
    """What a segmentation says of itself; `seconds` is the method alone."""

    checks: tuple[Check, ...] = ()
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A label (uint8 or uint16) for each voxel [k, j, i]; 0 is none.

    `structures` names the labels, `report` is what the method or the file says of them.

    Raises:
        ValueError: the array isn't of small unsigned integers or hasn't the grid's shape.
    """

    array: NDArray[np.uint8] | NDArray[np.uint16]
    geometry: Geometry
    structures: tuple[Structure, ...] = STRUCTURES
    report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        if self.array.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"A label map is uint8 or uint16, not {self.array.dtype}.")
        if self.array.shape != self.geometry.shape:
            raise ValueError(
                f"An array of shape {self.array.shape} on a grid of {self.geometry.shape}."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that `mask` knows here, groups included."""
        single = tuple(structure.name for structure in self.structures)
        groups = tuple(
            group
            for group, members in (*GROUPS.items(), *PARTS.items())
            if set(members) <= set(single) and group not in single
        )
        return groups + single

    def whole(self, structure: Structure) -> tuple[int, ...]:
        """The labels that one of the structures covers: its own; of vis3d's body, all."""
        ours = {one.label: one.name for one in STRUCTURES}
        if ours.get(structure.label) == structure.name == BODY and all(
            ours.get(one.label, one.name) == one.name for one in self.structures
        ):
            return tuple(one.label for one in self.structures)
        return (structure.label,)

    def labels_of(self, name: str) -> tuple[int, ...]:
        """The labels that together are the structure or group `name`.

        Raises:
            UnknownStructureError: this label map has none of that name.
        """
        wanted = normal_name(name)
        found = [s for s in self.structures if normal_name(s.name) == wanted]
        if not found:
            members = {**GROUPS, **PARTS}.get(wanted, ())
            found = [s for s in self.structures if normal_name(s.name) in members]
        labels = tuple(label for structure in found for label in self.whole(structure))
        if not labels:
            raise UnknownStructureError(
                f"There is no structure {name!r} here; choose from {', '.join(self.names)}."
            )
        return labels

    def mask(self, name: str) -> Mask:
        """One structure, or a group such as `lungs`, as a mask of its own (a copy).

        Raises:
            UnknownStructureError: this label map has none of that name.
        """
        first, *others = self.labels_of(name)
        inside = self.array == first
        for label in others:  # several times as fast as a table of all labels
            inside |= self.array == label
        return Mask(inside, self.geometry, normal_name(name), self.report.findings)

    def volume_ml(self, name: str) -> float:
        """The volume of a structure or group by counting voxels."""
        return (
            sum(self.voxels()[label] for label in self.labels_of(name)) * self.geometry.voxel_ml
        )

    def with_findings(self, *findings: Finding) -> "LabelMap":
        """The same voxels with more to say about them."""
        told = replace(self.report, findings=(*self.report.findings, *findings))
        return replace(self, report=told)

    def voxels(self) -> list[int]:
        """How many voxels each label has, by label."""
        top = max((structure.label for structure in self.structures), default=0)
        counts = np.zeros(np.iinfo(self.array.dtype).max + 1, np.int64)
        for values in self.array:  # bincount makes int64 of all that it is given
            counts += np.bincount(values.reshape(-1), minlength=len(counts))
        highest = max(top, int(np.flatnonzero(counts)[-1]))
        voxels: list[int] = counts[: highest + 1].tolist()
        return voxels

    def __repr__(self) -> str:
        counts = self.voxels()
        present = [s.name for s in self.structures if counts[s.label]]
        return f"LabelMap({', '.join(present) or 'empty'}, {self.geometry!r})"


def whole_maps(
    parts: Iterable[tuple[Structure, Mask]], report: Report | None = None
) -> tuple[LabelMap, ...]:
    """As few label maps as hold every structure whole, also those that overlap.

    A body lies alone: beside others its name would mean all of them. The first map has the
    report.
    """
    maps: list[LabelMap] = []
    for structure, mask in parts:
        free = (n for n, one in enumerate(maps) if _has_room(one, structure, mask))
        number = next(free, len(maps))
        if number == len(maps):
            told = report if report is not None and not maps else Report()
            empty = np.zeros(mask.array.shape, np.uint8)
            maps.append(LabelMap(empty, mask.geometry, (), told))
        maps[number].array[mask.array] = structure.label
        listed = (*maps[number].structures, structure)
        maps[number] = replace(maps[number], structures=listed)
    return tuple(maps)


def _has_room(labels: LabelMap, structure: Structure, mask: Mask) -> bool:
    names = {normal_name(one.name) for one in (structure, *labels.structures)}
    return BODY not in names and not labels.array[mask.array].any()


def structure_labels(names: Iterable[str]) -> frozenset[int]:
    """The labels in `STRUCTURES` that a request such as ["lungs", "bones"] or "lungs" asks for.

    Each voxel has one label, so bones that are asked for with a part of them are all split.

    Raises:
        UnknownStructureError: a name that isn't in the table.
        UsageError: something else than names.
    """
    by_name = {structure.name: structure.label for structure in STRUCTURES}
    labels: set[int] = set()
    for name in _as_names(names):
        members = GROUPS.get(normal_name(name), (normal_name(name),))
        unknown = [member for member in members if member not in by_name]
        if unknown:
            legal = ", ".join((*GROUPS, *by_name))
            raise UnknownStructureError(f"There is no structure {name!r}; choose from {legal}.")
        labels.update(by_name[member] for member in members)
    for whole, parts in PARTS.items():
        split = {by_name[part] for part in parts}
        if by_name[whole] in labels and labels & split:
            labels = (labels - {by_name[whole]}) | split
    return frozenset(labels)


def _as_names(names: object) -> list[str]:
    """Checked names; one alone may stand for a list of one."""
    if isinstance(names, str) or not isinstance(names, Iterable):
        return [_as_name(names)]
    return [_as_name(name) for name in names]


def _as_name(name: object) -> str:
    if not isinstance(name, str):
        raise UsageError(
            f'Structures are named, as in ["lungs", "bones"]; {name!r} is no name.'
        )
    return name
