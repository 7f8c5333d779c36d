"""Every tool once in a real browser: what it does is seen, and undo brings back what was."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from PIL import Image

from tests.vis3d_viewer.conftest import PATIENCE, Visit, served
from tests.vis3d_viewer.test_work_in_browser import idle, ml, saved, until_ml

pytestmark = pytest.mark.browser

STEPS = "document.querySelectorAll('.v3-history li:not(.v3-undone)').length"


@pytest.fixture(scope="module")
def seen(
    visit: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """A small chest from DICOM whose bones were found."""
    folder = tmp_path_factory.mktemp("chest") / "scan"
    command = [sys.executable, "-m", "vis3d_cli", "phantom", str(folder)]
    shape = ["--shape", "64,96,96", "--spacing", "3.9,3.9,5"]
    subprocess.run([*command, *shape], check=True, capture_output=True)
    with served("serve", folder, "--no-autosave") as address, visit(address) as seen:
        seen.wait_for_slices()
        seen.wait_for_3d()
        idle(seen)
        seen.find("find-bones").click(timeout=PATIENCE)
        seen.find("volume-bones").wait_for(timeout=PATIENCE)
        idle(seen)
        seen.find("tools-bones").click()
        yield seen


def steps(seen: Visit) -> int:
    return int(seen.page.evaluate(STEPS))


def done(seen: Visit, use: Callable[[], object]) -> float:
    """Millilitres of the bones once a tool has made its step."""
    before = steps(seen)
    use()
    seen.wait_until(f"{STEPS} === {before + 1}")
    idle(seen)
    return ml(seen, "bones")


def undone(seen: Visit, start: float) -> None:
    seen.find("undo").click(timeout=PATIENCE)
    until_ml(seen, "bones", start)


@pytest.mark.parametrize(
    ("tool", "least", "most"),
    [
        ("smooth", 0.5, 1.5),
        ("grow", 1.2, 5),
        ("shrink", 0.0, 0.9),
        ("close", 1.001, 2),
        ("open", 0.0, 0.999),
        ("keep", 0.0, 1.0),
        ("remove", 0.0, 0.999),
    ],
)
def test_a_tool_changes_the_voxels(seen: Visit, tool: str, least: float, most: float) -> None:
    start = ml(seen, "bones")
    seen.find("tool-mm").fill("5")
    now = done(seen, seen.find(f"tool-{tool}").click)
    assert least * start <= now <= most * start
    undone(seen, start)


def test_one_structure_is_taken_out_of_another(seen: Visit) -> None:
    start = ml(seen, "bones")
    assert done(seen, seen.find("tool-duplicate").click) == start
    seen.find("tools-bones copy").click()
    seen.find("tool-mm").fill("5")
    done(seen, seen.find("tool-shrink").click)
    part = ml(seen, "bones copy")
    seen.find("tools-bones").click()
    seen.find("tool-other").select_option(label="bones copy")
    assert done(seen, seen.find("tool-subtract").click) == pytest.approx(start - part, abs=2)
    undone(seen, start)
    for _ in range(2):
        seen.find("undo").click(timeout=PATIENCE)
        idle(seen)
    assert not seen.find("structure-bones copy").count()


def test_holes_are_filled_and_where_there_are_none_that_is_said(seen: Visit) -> None:
    start = ml(seen, "bones")
    seen.find("tool-fill").click()
    seen.find("message").get_by_text("Fill: nothing to change in bones.").wait_for()
    assert ml(seen, "bones") == start


def test_a_region_grows_from_the_crosshair(seen: Visit) -> None:
    seen.find("by-value").click()
    seen.find("value-low").fill("-200")
    seen.find("value-high").fill("400")
    done(seen, seen.find("grow-region").click)
    assert ml(seen, "region") > 1000
    seen.find("undo").click(timeout=PATIENCE)
    seen.find("structure-region").wait_for(state="detached")
    idle(seen)
    seen.find("by-value").click()


def spots(seen: Visit, way: list[tuple[float, float]]) -> list[tuple[float, float]]:
    box = seen.find("picture-axial").bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in way]


def drawn(seen: Visit, tool: str, way: list[tuple[float, float]]) -> None:
    """Drag a tool along a way over the axial slice (shares of it), then put it down."""
    seen.find(f"hand-tool-{tool}").click()
    first, *rest = spots(seen, way)
    seen.page.mouse.move(*first)
    seen.page.mouse.down()
    for spot in rest:
        seen.page.mouse.move(*spot, steps=3)
    seen.page.mouse.up()
    seen.page.keyboard.press("Escape")


ROUND = [(0.2, 0.3), (0.8, 0.3), (0.8, 0.95), (0.2, 0.95)]


@pytest.mark.parametrize("tool", ["eraser", "scissors"])
def test_a_hand_takes_away_in_a_slice(seen: Visit, tool: str) -> None:
    start = ml(seen, "bones")
    assert done(seen, lambda: drawn(seen, tool, ROUND)) < start
    undone(seen, start)


def test_a_brush_that_is_limited_paints_only_such_values(seen: Visit) -> None:
    start = ml(seen, "bones")
    seen.find("hand-tool-brush").click()
    seen.find("hand-limited").check()
    seen.find("hand-ball").uncheck()
    seen.page.keyboard.press("Escape")
    painted = done(seen, lambda: drawn(seen, "brush", [(0.3, 0.5), (0.7, 0.5)]))
    assert painted > start
    undone(seen, start)


def test_an_angle_and_an_outline_are_measured(seen: Visit, tmp_path: Path) -> None:
    seen.find("hand-tool-angle").click()
    for spot in spots(seen, [(0.3, 0.5), (0.5, 0.5), (0.5, 0.3)]):
        seen.page.mouse.click(*spot)
    seen.page.keyboard.press("Escape")
    seen.find("value-1").wait_for()
    assert float(seen.find("value-1").inner_text().removesuffix("°")) == pytest.approx(
        90, abs=2
    )
    drawn(seen, "polygon", [(0.3, 0.4), (0.5, 0.4), (0.5, 0.6), (0.3, 0.6)])
    seen.find("value-2").wait_for()
    assert "HU" in seen.find("value-2").inner_text()
    seen.find("listed-2").locator("button").first.dblclick()
    seen.page.get_by_label("New name").fill("aorta")
    seen.page.keyboard.press("Enter")
    seen.find("listed-2").get_by_text("aorta").wait_for()
    path = saved(seen, seen.find("save-marks-json").click, tmp_path)
    names = [one["name"] for one in json.loads(path.read_text())["measurements"]]
    assert names == ["angle 1", "aorta"]
    for _ in range(3):
        seen.find("undo").click(timeout=PATIENCE)
        idle(seen)
    assert not seen.find("value-1").count()


def test_each_file_is_what_it_says(seen: Visit, tmp_path: Path) -> None:
    seg = highdicom.seg.segread(saved(seen, seen.find("save-labels-seg").click, tmp_path))
    assert [one.SegmentLabel for one in seg.SegmentSequence] == ["bones"]
    numbers = json.loads(
        saved(seen, seen.find("save-numbers-json").click, tmp_path).read_text()
    )
    (bones,) = numbers["regions"]
    assert bones["volume_ml"] == pytest.approx(ml(seen, "bones"), abs=1)
    with Image.open(saved(seen, seen.find("save-picture-picture").click, tmp_path)) as image:
        assert np.asarray(image).std() > 10
    with Image.open(saved(seen, seen.find("save-film-gif").click, tmp_path)) as film:
        assert film.n_frames == 72


def test_commands_or_why_there_are_none_stand_above_the_script(seen: Visit) -> None:
    seen.find("show-script-show").click()
    why = seen.find("script-why-none")
    why.wait_for()
    assert "view.png" in why.inner_text(), "no command draws what was seen"
    assert "write_seg('structures.dcm')" in seen.find("script-python").input_value()
    assert not seen.find("script-commands").count()


def test_nothing_was_complained_of(seen: Visit) -> None:
    assert seen.complaints == []
