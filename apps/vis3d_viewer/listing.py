"""What is listed of a scan: structures and marks, their names, colours and numbers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vis3d.errors import UsageError
from vis3d.labels import STRUCTURES, Code, Report, Structure, normal_name
from vis3d.segmentation import Edit, Step
from vis3d_viewer.measuring import Kept

MAX_STRUCTURES = 200
MAX_NAME = 60

LAST_KNOWN = max(structure.label for structure in STRUCTURES)
"""Labels up to this one mean what the table says; those beyond are free."""

COLORS = (
    (232, 106, 106),
    (160, 132, 232),
    (240, 160, 80),
    (92, 200, 210),
    (222, 120, 190),
    (150, 200, 90),
    (240, 214, 110),
    (120, 150, 240),
)
"""Those of structures that have none of their own, in turn."""


@dataclass(frozen=True)
class Listed:
    """What is listed at one time, and what the last segmentation said of itself."""

    structures: tuple[Structure, ...] = ()
    report: Report = field(default_factory=Report)
    marks: tuple[Kept, ...] = ()


@dataclass(frozen=True)
class Note:
    """What a step changes besides voxels, and the Python that does the same.

    `files` is the Python of what was saved as it stood after this step.
    """

    before: Listed
    after: Listed
    code: str
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Saved:
    """All there is at one time: lists, voxels (as edits of nothing), steps, how many stand.

    `lost` is the Python of steps that are too old to be undone.
    """

    listed: Listed
    masks: Mapping[int, Edit]
    steps: tuple[Step, ...]
    done: int
    lost: str = ""


def code_of(step: Step) -> str:
    """The Python that does the same as a step, then its files; empty where none is needed."""
    if not isinstance(step.note, Note):
        return ""
    return "\n".join(code for code in (step.note.code, *step.note.files) if code)


def free_label(listed: Listed) -> int:
    """A label for a new structure.

    Raises:
        UsageError: there are too many.
    """
    taken = {structure.label for structure in listed.structures}
    if len(taken) >= MAX_STRUCTURES:
        raise UsageError(f"There are {len(taken)} structures; delete one first.")
    following = 1 + max([LAST_KNOWN, *taken])
    if following < 256:
        return following
    return next(n for n in range(LAST_KNOWN + 1, 256) if n not in taken)


def free_name(listed: Listed, name: str) -> str:
    """A name that no structure has, like the one that is wished for."""
    taken = {normal_name(structure.name) for structure in listed.structures}
    plain = "".join(letter if letter.isprintable() else " " for letter in name)
    name = " ".join(plain.split())[: MAX_NAME - 4] or "structure"
    if normal_name(name) not in taken:
        return name
    numbers = range(2, MAX_STRUCTURES + 2)
    return next(f"{name} {n}" for n in numbers if normal_name(f"{name} {n}") not in taken)


def known_code(label: int, name: str) -> Code | None:
    """The coded concept of one of the table's structures, as long as it has its name."""
    known = (one for one in STRUCTURES if one.label == label)
    return next((one.code for one in known if one.name == normal_name(name)), None)


def in_order(structures: Iterable[Structure]) -> tuple[Structure, ...]:
    """The table's structures by label, then those that were added, as they came."""
    listed = list(structures)
    known = sorted((s for s in listed if s.label <= LAST_KNOWN), key=lambda s: s.label)
    return (*known, *(s for s in listed if s.label > LAST_KNOWN))


def sound_name(name: str) -> str:
    """A name as it is kept.

    Raises:
        UsageError: it is empty, too long, or of signs that can't be printed.
    """
    words = " ".join(name.split())
    if not words or len(words) > MAX_NAME or not words.isprintable():
        raise UsageError(f"A name has 1 to {MAX_NAME} characters.")
    return words
