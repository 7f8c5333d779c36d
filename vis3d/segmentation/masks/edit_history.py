"""Undo and redo for masks that a person corrects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vis3d.errors import UsageError
from vis3d.geometry import Geometry
from vis3d.segmentation.masks.edits import Edit
from vis3d.segmentation.voxels.frame import Bools
from vis3d.segmentation.voxels.sparse import sparse_copy, sparse_zeros
from vis3d.volume import Mask

MAX_BYTES = 256 << 20


@dataclass(frozen=True, eq=False)
class Step:
    """One thing that was done: its name for people, and an edit for each mask it changed.

    `note` is the caller's own: what else has to change back (a colour, a name).
    """

    name: str
    edits: Mapping[str, Edit] = field(default_factory=dict)
    note: object = None

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        return 200 + sum(len(edit.packed) + 200 for edit in self.edits.values())


class EditHistory:
    """Masks on one grid by key, and every step that changed them, as differences.

    Undo and redo are exact, voxel for voxel. The steps together keep below `max_bytes`:
    beyond that the oldest are forgotten, and can't be undone. A key that is new has an
    empty mask. The masks given are copied when they are first changed.
    """

    def __init__(
        self,
        geometry: Geometry,
        masks: Mapping[str, Mask] | None = None,
        *,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.geometry = geometry
        self.max_bytes = max_bytes
        self._names: dict[str, str] = {}
        self._arrays: dict[str, Bools] = {}
        self._own: set[str] = set()
        self._steps: list[Step] = []
        self._done = 0
        for key, mask in (masks or {}).items():
            self.put(key, mask)

    @classmethod
    def restored(
        cls,
        geometry: Geometry,
        masks: Mapping[str, Mask],
        steps: Sequence[Step],
        done: int,
        *,
        max_bytes: int = MAX_BYTES,
    ) -> "EditHistory":
        """A history as another one was: its masks now, all its steps, how many stand.

        Raises:
            UsageError: more steps stand than there are.
        """
        if not 0 <= done <= len(steps):
            raise UsageError(f"{done} of {len(steps)} steps can't stand.")
        history = cls(geometry, masks, max_bytes=max_bytes)
        history._steps, history._done = list(steps), done
        return history

    def put(self, key: str, mask: Mask) -> None:
        """Take a mask as the state from which later steps start; no step, no undoing.

        Raises:
            UsageError: it lies on another grid, or steps have changed that mask already.
        """
        if not mask.geometry.matches(self.geometry):
            raise UsageError("The masks of a history lie on one grid.")
        if any(key in step.edits for step in self._steps):
            raise UsageError(f"{key!r} has been edited: a new state of it would be a step.")
        self._arrays[key], self._names[key] = mask.array, mask.name
        self._own.discard(key)

    def mask(self, key: str) -> Mask:
        """The mask as it is now: a view that later steps change; copy it to keep it."""
        array = self._arrays.get(key)
        if array is None:
            array = sparse_zeros(self.geometry.shape, bool)
        view = array.view()
        view.flags.writeable = False
        return Mask(view, self.geometry, self._names.get(key, key))

    @property
    def steps(self) -> tuple[Step, ...]:
        """What was done, the oldest first, undone steps too; see `done`."""
        return tuple(self._steps)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the steps."""
        return tuple(step.name for step in self._steps)

    @property
    def done(self) -> int:
        """How many of the steps stand; the rest are undone and can be redone."""
        return self._done

    @property
    def nbytes(self) -> int:
        """About how much memory the steps take."""
        return sum(step.nbytes for step in self._steps)

    def do(self, name: str, edits: Mapping[str, Edit], *, note: object = None) -> Step:
        """Make edits, each of the mask of its key, as one step; what was undone is gone.

        A step that changes nothing and has no note isn't kept.
        """
        step = Step(name, {key: edit for key, edit in edits.items() if edit.voxels}, note)
        if not step.edits and note is None:
            return step
        self._toggle(step)
        self._steps[self._done :] = [step]
        self._done += 1
        self._forget()
        return step

    def undo(self) -> Step | None:
        """Take the last step back; it says what changed. None where there is none."""
        if not self._done:
            return None
        self._done -= 1
        step = self._steps[self._done]
        self._toggle(step)
        return step

    def redo(self) -> Step | None:
        """Do the step again that was undone last; None where there is none."""
        if self._done == len(self._steps):
            return None
        step = self._steps[self._done]
        self._toggle(step)
        self._done += 1
        return step

    def _toggle(self, step: Step) -> None:
        for key, edit in step.edits.items():
            edit.toggle(self._own_array(key))

    def _own_array(self, key: str) -> Bools:
        if key not in self._own:
            self._arrays[key] = sparse_copy(self.mask(key).array)
            self._own.add(key)
        return self._arrays[key]

    def _forget(self) -> None:
        """Drop the oldest steps beyond the limit; the last one always stays."""
        total = self.nbytes
        while total > self.max_bytes and self._done > 1:
            total -= self._steps.pop(0).nbytes
            self._done -= 1

    def __repr__(self) -> str:
        return (
            f"EditHistory({self._done} of {len(self._steps)} steps, {len(self._arrays)} masks)"
        )
