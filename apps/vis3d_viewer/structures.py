"""The structures and marks of a scan as a person changes them: every step leads back.

Structures may overlap. The label map that slices show and files hold has one label a voxel:
of structures that overlap, the one listed later; body only where there is nothing else.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from vis3d.errors import UsageError
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap, Structure, normal_name
from vis3d.segmentation import Edit, EditHistory, Step, difference
from vis3d.segmentation.voxels.sparse import sparse_copy, sparse_zeros
from vis3d.volume import Mask
from vis3d_viewer.alone import alone
from vis3d_viewer.listing import (
    COLORS,
    Listed,
    Note,
    Saved,
    code_of,
    free_label,
    free_name,
    in_order,
    known_code,
    sound_name,
)
from vis3d_viewer.measuring import Kept
from vis3d_viewer.packed import PackedMasks
from vis3d_viewer.painted import Painted

MakeEdit = Callable[[Mask], Edit | Mask]


class Structures:
    """The structures of one scan. All changes are steps that can be undone and done again."""

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self.lock = threading.RLock()
        self._history = EditHistory(geometry)
        self._listed = Listed()
        self._painted = Painted(geometry)
        self._counts: dict[int, int] = {}
        self._versions: dict[int, int] = {}
        self._packed = PackedMasks()
        self._undrawn: dict[int, list[Edit]] = {}
        self._lost = ""
        self.changes = 0  # grows with each step forth and back

    # What there is

    @property
    def listed(self) -> tuple[Structure, ...]:
        """The structures, those drawn over others last."""
        return self._listed.structures

    @property
    def labels(self) -> LabelMap:
        """All of them as one label map; of those that overlap, the later one.

        Later changes show in its array, which is another object after each of them.
        """
        return LabelMap(self._painted.shown, self.geometry, self.listed, self._listed.report)

    def mask(self, label: int) -> Mask:
        """The voxels of one structure, as they are now.

        Raises:
            UsageError: no structure has this label.
        """
        mask = self._history.mask(str(label))
        return Mask(mask.array, mask.geometry, self.structure(label).name)

    @alone
    def copy(self, label: int) -> Mask:
        """The voxels of one structure that nothing will change any more."""
        mask = self.mask(label)
        return Mask(sparse_copy(mask.array), mask.geometry, mask.name)

    @alone
    def copy_of_labels(self) -> LabelMap:
        """The label map as it is now and stays."""
        return replace(self.labels, array=sparse_copy(self._painted.shown))

    def version(self, label: int) -> int:
        """A number that grows with each change of a structure's voxels."""
        return self._versions.get(label, 0)

    def masks(self) -> dict[int, Mask]:
        """The voxels of each structure by its label."""
        return {structure.label: self.mask(structure.label) for structure in self.listed}

    @property
    def voxels(self) -> dict[int, int]:
        """How many voxels each structure has, by label."""
        return {structure.label: self._counts[structure.label] for structure in self.listed}

    def structure(self, label: int) -> Structure:
        """The structure with this label.

        Raises:
            UsageError: there is none.
        """
        for structure in self.listed:
            if structure.label == label:
                return structure
        raise UsageError("This structure is no longer there.")

    @property
    def marks(self) -> tuple[Kept, ...]:
        """What was measured by hand, in the order in which it was drawn."""
        return self._listed.marks

    @property
    def next_mark(self) -> int:
        """The number of the next mark."""
        return 1 + max((kept.number for kept in self.marks), default=0)

    def mark(self, number: object) -> Kept:
        """The mark with this number.

        Raises:
            UsageError: there is none.
        """
        for kept in self.marks:
            if kept.number == number:
                return kept
        raise UsageError("This mark is no longer there.")

    @property
    def steps(self) -> tuple[str, ...]:
        """What was done, the oldest first; those from `done` on are undone."""
        return self._history.names

    @property
    def done(self) -> int:
        """How many of the steps stand."""
        return self._history.done

    @property
    def script(self) -> str:
        """The Python of all that was done and stands, from `volume` to `masks` and files."""
        return "\n".join(code for _, code in self.scripted)

    @property
    def scripted(self) -> tuple[tuple[str, str], ...]:
        """Name and Python of each step that stands and can be told in Python."""
        steps = [(step.name, code_of(step)) for step in self._history.steps[: self.done]]
        told = [("earlier steps", self._lost.strip("\n")), *steps]
        return tuple((name, code) for name, code in told if code)

    def file_taker(self) -> Callable[[str], None]:
        """Takes the Python of files that are made of what there is now, once they are made."""
        step = self._history.steps[self.done - 1] if self.done else None
        note = step.note if step is not None else None

        def take(code: str) -> None:
            if isinstance(note, Note):
                note.files.append(code)
            else:
                self._lost += code + "\n"
            self.changes += 1

        return take

    def saved(self) -> Saved:
        """All there is, as a session keeps it; voxels that haven't changed cost nothing."""
        with self.lock:  # as shortly as can be: a stroke of the brush waits meanwhile
            saved = Saved(self._listed, {}, self._history.steps, self.done, self._lost)
            now = {s.label: (self.version(s.label), self.mask(s.label)) for s in self.listed}
            taken = self._packed.take(now)
        return replace(saved, masks=self._packed.edits(taken))

    @classmethod
    def restored(cls, geometry: Geometry, saved: Saved) -> "Structures":
        """What another one was when it was saved."""
        made = cls(geometry)
        nothing = Mask(sparse_zeros(geometry.shape, bool), geometry)
        masks = {str(label): edit.applied_to(nothing) for label, edit in saved.masks.items()}
        made._history = EditHistory.restored(geometry, masks, saved.steps, saved.done)
        made._listed, made._lost = saved.listed, saved.lost
        made._counts = {label: edit.voxels for label, edit in saved.masks.items()}
        made._repaint(saved.listed, saved.masks.values())
        return made

    @alone
    def take_undrawn(self, label: int) -> tuple[Edit, ...]:
        """What changed of a structure's voxels since this was asked last."""
        return tuple(self._undrawn.pop(label, ()))

    # What can be done; each gives the labels whose voxels changed

    @alone
    def found(self, labels: LabelMap, step: str, code: str = "") -> frozenset[int]:
        """Take the structures of a segmentation that hold something, in place of their like.

        Here and below, `code` is the Python that does the same; see `script`.
        """
        edits: dict[str, Edit] = {}
        structures = list(self.listed)
        for structure in labels.structures:
            mask = labels.mask(structure.name)
            if mask.array.any():
                key = str(structure.label)
                edits[key] = difference(self._history.mask(key), mask, step)
                structures = [s for s in structures if s.label != structure.label]
                structures.append(structure)
        listed, report = in_order(structures), labels.report
        after = replace(self._listed, structures=listed, report=report)
        return self._do(step, edits, after, code)

    @alone
    def add(self, mask: Mask, name: str, step: str, code: str = "") -> frozenset[int]:
        """Take a new structure; its `code` ends where the mask is given.

        Raises:
            UsageError: it is empty, or there are too many.
        """
        if not mask.array.any():
            raise UsageError(f"{name} would be empty: nothing was added.")
        label = free_label(self._listed)
        color = COLORS[len(self.listed) % len(COLORS)]
        structure = Structure(label, free_name(self._listed, name), color)
        key = str(label)
        edit = difference(self._history.mask(key), mask, step)
        after = replace(self._listed, structures=(*self.listed, structure))
        named = f"names[{label}], colors[{label}] = {structure.name!r}, {color!r}"
        return self._do(step, {key: edit}, after, f"masks[{label}] = {code}\n{named}")

    @alone
    def change(self, label: int, step: str, make: MakeEdit, code: str = "") -> frozenset[int]:
        """Change a structure's voxels: `make(mask)` gives the edit or the mask afterwards.

        Raises:
            UsageError: nothing of it would be left.
        """
        before = self.mask(label)
        made = make(before)
        edit = made if isinstance(made, Edit) else difference(before, made, step)
        return self._do(f"{step}: {before.name}", {str(label): edit}, self._listed, code)

    @alone
    def rename(self, label: int, name: str) -> frozenset[int]:
        """Give a structure another name.

        Raises:
            UsageError: the name is empty, too long or taken.
        """
        old, name = self.structure(label), sound_name(name)
        taken = {normal_name(s.name) for s in self.listed if s.label != label}
        if normal_name(name) in taken:
            raise UsageError(f"There is another structure named {name}.")
        renamed = replace(old, name=name, code=known_code(label, name))
        return self._list(f"Rename {old.name}", renamed, f"names[{label}] = {name!r}")

    @alone
    def recolor(self, label: int, color: tuple[int, int, int]) -> frozenset[int]:
        """Give a structure another colour."""
        old = self.structure(label)
        code = f"colors[{label}] = {color!r}"
        return self._list(f"Colour of {old.name}", replace(old, color=color), code)

    @alone
    def duplicate(self, label: int) -> frozenset[int]:
        """Add a copy of a structure."""
        mask = self.mask(label)
        step = f"Duplicate {mask.name}"
        return self.add(mask, f"{mask.name} copy", step, f"masks[{label}]")

    @alone
    def merge(self, label: int, other: int) -> frozenset[int]:
        """Add one structure's voxels to another; the first one keeps its name.

        Raises:
            UsageError: they are the same.
        """
        if label == other:
            raise UsageError("A structure can't be merged with itself.")
        into, gone = self.mask(label), self.mask(other)
        step = f"Merge {gone.name} into {into.name}"
        union = Mask(into.array | gone.array, self.geometry, into.name)
        nothing = Mask(np.zeros_like(gone.array), self.geometry, gone.name)
        edits = {
            str(label): difference(into, union, step),
            str(other): difference(gone, nothing, step),
        }
        rest = tuple(s for s in self.listed if s.label != other)
        code = f"masks[{label}] = segmentation.union(masks[{label}], masks.pop({other}))"
        return self._do(step, edits, replace(self._listed, structures=rest), code)

    @alone
    def subtract(self, label: int, other: int) -> frozenset[int]:
        """Take one structure's voxels out of another, which keeps the rest.

        Raises:
            UsageError: nothing would be left.
        """
        whole, part = self.mask(label), self.mask(other)
        rest = Mask(whole.array & ~part.array, self.geometry, whole.name)
        if not rest.array.any():
            raise UsageError(f"Nothing of {whole.name} would be left.")
        step = f"Subtract {part.name} from {whole.name}"
        code = f"masks[{label}] = segmentation.subtract(masks[{label}], masks[{other}])"
        edits = {str(label): difference(whole, rest, step)}
        return self._do(step, edits, self._listed, code)

    @alone
    def delete(self, label: int) -> frozenset[int]:
        """Remove a structure."""
        mask = self.mask(label)
        step = f"Delete {mask.name}"
        nothing = Mask(np.zeros_like(mask.array), self.geometry, mask.name)
        rest = tuple(s for s in self.listed if s.label != label)
        edits = {str(label): difference(mask, nothing, step)}
        after = replace(self._listed, structures=rest)
        return self._do(step, edits, after, f"del masks[{label}]")

    @alone
    def put_mark(self, kept: Kept, step: str, code: str = "") -> frozenset[int]:
        """Take a mark, in the place of the one that has its number."""
        others = {one.number: one for one in self.marks}
        marks = tuple({**others, kept.number: kept}.values())
        return self._do(step, {}, replace(self._listed, marks=marks), code)

    @alone
    def delete_mark(self, number: int) -> frozenset[int]:
        """Remove a mark."""
        gone = self.mark(number)
        marks = tuple(kept for kept in self.marks if kept is not gone)
        after = replace(self._listed, marks=marks)
        return self._do(f"Delete {gone.name}", {}, after, f"del marks[{number}]")

    @alone
    def undo(self) -> frozenset[int]:
        """Take the last step back."""
        return self._moved(self._history.undo(), forward=False)

    @alone
    def redo(self) -> frozenset[int]:
        """Do again what was undone last."""
        return self._moved(self._history.redo(), forward=True)

    @alone
    def stand_at(self, count: int) -> frozenset[int]:
        """Take steps back, or do them again, until so many of them stand."""
        changed: frozenset[int] = frozenset()
        while self.done > max(count, 0):
            changed |= self.undo()
        while self.done < min(count, len(self.steps)):
            changed |= self.redo()
        return changed

    # How it is done

    def _list(self, step: str, structure: Structure, code: str) -> frozenset[int]:
        structures = tuple(structure if s.label == structure.label else s for s in self.listed)
        return self._do(step, {}, replace(self._listed, structures=structures), code)

    def _do(
        self, step: str, edits: Mapping[str, Edit], after: Listed, code: str
    ) -> frozenset[int]:
        idle = after == self._listed and not any(edit.voxels for edit in edits.values())
        note = None if idle else Note(self._listed, after, code)
        before = self._history.steps[: self.done]
        made = self._history.do(step, edits, note=note)
        forgotten = before[: len(before) + 1 - self.done] if note is not None else ()
        for one in forgotten:  # the oldest steps go when there are too many
            self._lost += code_of(one) + "\n"
        return self._moved(made, forward=True)

    def _moved(self, step: Step | None, *, forward: bool) -> frozenset[int]:
        """Follow a step that the history has made; the labels whose voxels it changed."""
        if step is None:
            return frozenset()
        listed = self._listed
        if isinstance(step.note, Note):
            listed = step.note.after if forward else step.note.before
        changed = frozenset(int(key) for key in step.edits)
        for label in changed:
            self._undrawn.setdefault(label, []).append(step.edits[str(label)])
            edit, mask = step.edits[str(label)], self._history.mask(str(label))
            added = int(np.count_nonzero(mask.array[edit.box] & edit.changes()))
            self._counts[label] = self._counts.get(label, 0) + 2 * added - edit.voxels
            self._versions[label] = self.version(label) + 1
        self._repaint(listed, step.edits.values())
        self._listed = listed  # last: others may read while this is going on
        self.changes += 1
        return changed

    def _repaint(self, listed: Listed, edits: Iterable[Edit]) -> None:
        """Have the label map follow edits that were made."""
        mask_of = lambda label: self._history.mask(str(label))  # noqa: E731
        self._painted.paint(listed.structures, mask_of, [edit.box for edit in edits])
