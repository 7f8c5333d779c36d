"""Random use of every tool, without a browser; undo leads back, voxel for voxel."""

import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vis3d_viewer.marks import Marks
from vis3d_viewer.session import Session, read_session, scan_mark, write_session
from vis3d_viewer.settings import Settings
from vis3d_viewer.structures import Structures
from vis3d_viewer.study import Study
from vis3d_viewer.workbench import Workbench

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.desks import PlainDesk
from tests.vis3d_viewer.test_scripts import NOT_STEPS, Eye, repeated
from vis3d.errors import UsageError
from vis3d.phantom import chest_phantom
from vis3d.volume import Volume

GEOMETRY = oblique_geometry((12, 18, 24))
STEPS = 70


def blobs() -> Volume:
    """Smooth hills and valleys from -1000 to 1000, padding at one corner."""
    k, j, i = np.indices(GEOMETRY.shape)
    hills = np.sin(i / 2.5) + np.sin(j / 2.1 + 1) + np.sin(k / 1.7 + 2)
    array = np.round(hills * 333).astype(np.int16)
    array[:3, :3, :3] = -2000
    return Volume(array, GEOMETRY, padding=-2000)


class Monkey:
    """Chooses a tool, and what it is used on."""

    def __init__(self, seed: int, folder: Path, volume: Volume) -> None:
        self.chance = random.Random(seed)
        self.desk = PlainDesk(Study(volume), folder)
        self.desk.view = Eye()  # type: ignore[assignment]
        self.bench = Workbench(self.desk)
        self.marks = Marks(self.desk, self.bench.showing)
        assert self.desk.study is not None
        self.bench.open(self.desk.study)
        self.bench.showing.take()
        self.used: set[str] = set()

    def state(self) -> dict[str, Any]:
        """All there is to be seen."""
        study = self.desk.study
        assert study is not None
        assert study.labels is not None
        return {
            "structures": study.structures,
            "masks": {label: mask.array.tobytes() for label, mask in study.masks.items()},
            "voxels": study.voxels,
            "labels": study.labels.array.tobytes(),
            "report": study.labels.report,
            "marks": self.desk.state["marks"],
        }

    def act(self) -> None:
        """Use a tool; what makes no sense is refused and leaves all as it was."""
        tools = {**self.bench.triggers, **self.marks.triggers}
        names = [name for name in tools if name not in NOT_STEPS | {"segment"}]
        name = self.chance.choice([*names, "mark", "mark", "undo", "undo", "redo"])
        before = self.state()
        self.desk.choose_settings(crosshair_lps=self.point())
        try:
            tools[name](*self.arguments(name))
            self.desk.finish()
            self.used.add(name)
        except UsageError:
            assert self.state() == before, name

    def check(self) -> None:
        """The label map is what the masks make together, and the counts are theirs."""
        study = self.desk.study
        assert study is not None
        assert study.labels is not None
        painted = np.zeros(GEOMETRY.shape, np.uint8)
        for structure in study.structures:
            painted[study.masks[structure.label].array] = structure.label
            assert study.voxels[structure.label] == study.masks[structure.label].array.sum()
        assert (painted == study.labels.array).all()

    def arguments(self, name: str) -> tuple[object, ...]:
        chance, label, other = self.chance, self.label(), self.label()
        low = chance.randint(-900, 500)
        shape = chance.choice(("smooth", "grow", "shrink", "close", "open"))
        stroke = [self.point() for _ in range(chance.randint(1, 4))]
        normal = GEOMETRY.direction[:, chance.randrange(3)].tolist()
        values = [low, low + 600] if chance.random() < 0.3 else None
        outline = [self.point() for _ in range(chance.randint(3, 6))]
        view = [[chance.uniform(-1, 1), chance.uniform(-1, 1)] for _ in range(4)]
        side = chance.choice(("inside", "outside"))
        kind, count = chance.choice((("distance", 2), ("angle", 3), ("ellipse", 0)))
        drawn = [self.point() for _ in range(count)] if count else self.ellipse()
        number = chance.choice([one.number for one in self.marks.kept] or [1])
        return {
            "add_threshold": (low, low + 300),
            "add_level": (low,),
            "grow_region": (low, low + 600),
            "rename": (label, f"name {chance.randint(1, 5)}"),
            "recolor": (label, f"#{chance.randrange(1 << 24):06x}"),
            "duplicate": (label,),
            "merge": (label, other),
            "subtract": (label, other),
            "delete": (label,),
            "reshape": (label, shape, chance.uniform(0.5, 4)),
            "fill_holes": (label,),
            "at_point": (label, chance.choice(("keep island", "remove island"))),
            "stroke": (
                chance.choice(("brush", "eraser")),
                label,
                stroke,
                chance.uniform(0.5, 5),
                normal if chance.random() < 0.5 else None,
                values,
            ),
            "cut_outline": (label, outline, normal, side, chance.random() < 0.5),
            "cut_view": (label, view, side),
            "mark": (kind, drawn),
            "move_mark": (number, chance.randint(0, 1), self.point()),
            "rename_mark": (number, f"mark {chance.randint(1, 5)}"),
            "delete_mark": (number,),
        }.get(name, ())

    def label(self) -> int:
        assert self.desk.study is not None
        return self.chance.choice([s.label for s in self.desk.study.structures] or [9])

    def point(self) -> list[float]:
        nk, nj, ni = GEOMETRY.shape
        at = [self.chance.uniform(-1, n) for n in (ni, nj, nk)]
        point: list[float] = GEOMETRY.to_lps(at).tolist()
        return point

    def ellipse(self) -> list[list[float]]:
        i, j, k = 12, 9, self.chance.randrange(12)
        across, down = self.chance.uniform(1, 8), self.chance.uniform(1, 8)
        corners = ((i, j, k), (i + across, j, k), (i, j + down, k))
        return [GEOMETRY.to_lps(corner).tolist() for corner in corners]


def undone(monkey: Monkey, move: str) -> None:
    for _ in range(len(monkey.desk.state["steps"])):
        monkey.bench.triggers[move]()
        monkey.desk.finish()


@pytest.mark.parametrize("seed", range(4))
def test_undo_leads_back_to_the_start_and_redo_to_the_end(seed: int, tmp_path: Path) -> None:
    monkey = Monkey(seed, tmp_path, blobs())
    start = monkey.state()
    assert not start["masks"]
    for _ in range(STEPS):
        monkey.act()
        monkey.check()
    undone(monkey, "redo")
    end, script = monkey.state(), monkey.bench.structures.script
    undone(monkey, "undo")
    assert monkey.state() == start
    assert monkey.desk.state["steps_done"] == 0
    undone(monkey, "redo")
    assert monkey.state() == end
    assert monkey.bench.structures.script == script


def test_what_a_monkey_did_is_repeated_by_its_script_and_by_its_session(tmp_path: Path) -> None:
    monkey = Monkey(11, tmp_path, blobs())
    for _ in range(2 * STEPS):
        monkey.act()
    tools = {**monkey.bench.triggers, **monkey.marks.triggers}
    assert monkey.used >= set(tools) - NOT_STEPS - {"segment"}, "every tool was used"
    study = monkey.desk.study
    assert study is not None
    assert study.labels is not None
    assert study.volume is not None
    assert (repeated(monkey.desk, monkey.bench, tmp_path) == study.labels.array).all()
    scan, saved = scan_mark(study.volume), monkey.bench.structures.saved()
    write_session(tmp_path / "session", Session(scan, saved, asdict(Settings())))
    read = read_session(tmp_path / "session", study.volume, scan)
    again = Structures.restored(GEOMETRY, read.saved)
    assert (again.labels.array == study.labels.array).all()
    assert again.marks == monkey.bench.structures.marks
    for _ in range(again.done):
        again.undo()
        monkey.bench.structures.undo()
        assert (again.labels.array == monkey.bench.structures.labels.array).all()
        assert again.listed == monkey.bench.structures.listed


def test_finding_structures_is_undone_as_well(tmp_path: Path) -> None:
    volume = chest_phantom(shape=(32, 96, 96), noise_hu=5).volume
    monkey = Monkey(0, tmp_path, volume)
    finds: list[Callable[[], None]] = [
        lambda: monkey.bench.segment("lungs"),
        lambda: monkey.bench.reshape(1, "grow", 5),
        lambda: monkey.bench.segment("lungs"),
        lambda: monkey.bench.segment("body"),
    ]
    seen = []
    for find in finds:
        find()
        monkey.desk.finish()
        seen.append(monkey.state())
    assert seen[2]["masks"] == seen[0]["masks"], "found anew"
    for before in [*seen[-2::-1], None]:
        monkey.bench.undo()
        monkey.desk.finish()
        state = monkey.state()
        assert state == before if before else not state["masks"]
