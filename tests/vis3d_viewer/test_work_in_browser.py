"""From a look to a result without leaving the page: the tools, each once in a real browser."""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import trimesh
from PIL import Image

from tests.vis3d_viewer.conftest import PATIENCE, Visit, served
from tests.vis3d_viewer.seeing import idle, picture, until_3d_differs, volume_picture

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def opened(visit: Callable[[str], Any]) -> Iterator[Visit]:
    with served("demo", "--no-segment") as address, visit(address) as seen:
        seen.wait_for_slices()
        seen.wait_for_3d()
        idle(seen)
        yield seen


@pytest.fixture
def seen(opened: Visit) -> Visit:
    """The page with lungs and bones found, whichever test comes first."""
    for kind, name in (("lungs", "left lung"), ("bones", "bones")):
        if not opened.find(f"structure-{name}").count():
            opened.find(f"find-{kind}").click(timeout=PATIENCE)
            opened.find(f"volume-{name}").wait_for(timeout=PATIENCE)
            idle(opened)
    return opened


def until_ml(seen: Visit, name: str, volume: float) -> None:
    """Until a structure has this volume: on a busy machine work begins late."""
    for _ in range(300):
        if ml(seen, name) == volume:
            break
        seen.page.wait_for_timeout(100)
    idle(seen)
    assert ml(seen, name) == volume


class Clicks:
    """Clicks, counted."""

    def __init__(self, seen: Visit) -> None:
        self.seen, self.count = seen, 0

    def on(self, name: str) -> None:
        self.seen.find(name).click(timeout=PATIENCE)
        self.count += 1


def saved(seen: Visit, click: Callable[[], object], folder: Path) -> Path:
    """The file that the browser saves after a click."""
    # A film takes long where others compute as well.
    with seen.page.expect_download(timeout=4 * PATIENCE) as download:
        click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    idle(seen)
    return path


def ml(seen: Visit, name: str) -> float:
    text = seen.find(f"volume-{name}").inner_text()
    return float(text.removesuffix(" ml").replace(",", ""))


def test_lungs_in_3d_and_their_volumes_are_a_click_away(opened: Visit) -> None:
    before = volume_picture(opened)
    clicks = Clicks(opened)
    clicks.on("find-lungs")
    opened.find("volume-left lung").wait_for(timeout=PATIENCE)
    assert 1000 < ml(opened, "left lung") < 3500
    idle(opened)
    lungs = until_3d_differs(opened, before)
    assert (lungs[..., 2] - lungs[..., 0] > 40).mean() > 0.02, "the left lung is blue"
    assert clicks.count <= 2


def test_an_stl_of_the_bones_is_two_clicks_away(opened: Visit, tmp_path: Path) -> None:
    clicks = Clicks(opened)
    clicks.on("find-bones")
    opened.find("stl-bones").wait_for(timeout=PATIENCE)
    path = saved(opened, lambda: clicks.on("stl-bones"), tmp_path)
    assert trimesh.load_mesh(path).is_watertight
    assert clicks.count <= 2


def test_a_surface_says_what_it_will_be_before_it_is_saved(seen: Visit, tmp_path: Path) -> None:
    seen.find("tools-bones").click()
    seen.find("tool-export").click()
    seen.find("export-budget").select_option("20000")
    seen.find("export-prepare").click()
    seen.find("surface-plan").wait_for(timeout=PATIENCE)
    idle(seen)
    triangles = int(seen.find("plan-triangles").inner_text().replace(",", ""))
    assert triangles <= 20_000
    assert seen.find("plan-closed").inner_text() == "yes"
    seen.find("export-format").select_option(".ply")
    path = saved(seen, seen.find("export-save").click, tmp_path)
    assert path.name == "bones.ply"
    assert len(trimesh.load_mesh(path).faces) == triangles
    seen.find("tools-bones").click()


def test_a_structure_is_renamed_coloured_and_brought_back(seen: Visit) -> None:
    seen.find("tools-left lung").click()
    seen.find("tool-rename").click()
    seen.find("naming").fill("upper & lower lobe <b>")
    seen.page.keyboard.press("Enter")
    seen.find("structure-upper & lower lobe <b>").wait_for()
    seen.find("color-upper & lower lobe <b>").evaluate(
        "field => { field.value = '#ff0000'; field.dispatchEvent(new Event('change')); }"
    )
    seen.wait_until("document.querySelectorAll('.v3-history li').length === 4")
    seen.page.keyboard.press("Control+z")
    seen.wait_until("document.querySelectorAll('.v3-undone').length === 1")
    idle(seen)
    seen.page.keyboard.press("Control+z")
    seen.find("structure-left lung").wait_for()
    idle(seen)


def test_tools_change_voxels_and_undo_brings_them_back(seen: Visit) -> None:
    start = ml(seen, "bones")
    seen.find("tools-bones").click()
    seen.find("tool-mm").fill("3")
    seen.find("tool-grow").click()
    for _ in range(300):
        if (grown := ml(seen, "bones")) > 1.2 * start:
            break
        seen.page.wait_for_timeout(100)
    else:
        raise AssertionError("The bones have not grown.")
    idle(seen)
    seen.find("undo").click()
    until_ml(seen, "bones", start)
    seen.find("history").click()
    seen.page.locator(".v3-history li button").last.click()
    until_ml(seen, "bones", grown)
    seen.page.locator(".v3-history li button").nth(-2).click()
    until_ml(seen, "bones", start)
    seen.find("history").click()
    seen.find("redo").click()
    until_ml(seen, "bones", grown)
    seen.find("undo").click()
    until_ml(seen, "bones", start)
    seen.find("tool-duplicate").click()
    idle(seen)
    seen.find("tool-other").select_option(label="bones copy")
    seen.find("tool-merge").click()
    idle(seen)
    assert ml(seen, "bones") == start
    assert not seen.find("structure-bones copy").count()
    seen.find("tools-bones").click()


def test_a_threshold_is_previewed_then_added(seen: Visit) -> None:
    seen.find("by-value").click()
    seen.page.wait_for_timeout(600)
    seen.find("value-low").fill("250")
    pink = 0.0
    for _ in range(40):
        pixels = picture(seen, "picture-axial")
        pink = float((pixels[..., 0] - pixels[..., 1] > 80).mean())
        if pink > 0.005:
            break
        seen.page.wait_for_timeout(250)
    assert pink > 0.005, "bones are marked before anything is added"
    seen.find("add-threshold").click()
    seen.find("structure-threshold").wait_for(timeout=PATIENCE)
    idle(seen)
    assert ml(seen, "threshold") > 100
    seen.find("tools-threshold").click()
    seen.find("tool-delete").click()
    seen.find("structure-threshold").wait_for(state="detached", timeout=PATIENCE)
    idle(seen)
    seen.find("by-value").click()


def test_label_map_and_numbers_are_saved(seen: Visit, tmp_path: Path) -> None:
    path = saved(seen, seen.find("save-labels-nifti").click, tmp_path)
    labels = np.asarray(nib.load(path).dataobj)
    voxel_ml = 1.5 * 1.5 * 2.0 / 1000
    assert (labels == 4).sum() * voxel_ml == pytest.approx(ml(seen, "bones"), abs=1)
    seen.find("labels-file").set_input_files(path)
    seen.find("structure-bones 2").wait_for(timeout=PATIENCE)
    idle(seen)
    assert ml(seen, "bones 2") == ml(seen, "bones"), "what is saved comes back"
    while seen.find("structure-bones 2").count():
        seen.find("undo").click()
        idle(seen)
    path = saved(seen, seen.find("save-numbers-csv").click, tmp_path)
    with path.open(newline="") as stream:
        rows = {row["name"]: row for row in csv.DictReader(stream)}
    assert float(rows["left lung"]["volume_ml"]) == pytest.approx(ml(seen, "left lung"), abs=1)


def test_the_lung_report_is_read_saved_and_printed_on_one_page(
    seen: Visit, tmp_path: Path
) -> None:
    seen.find("show-report-lung-report").click()
    cell = seen.find("report-left lung-volume_ml")
    cell.wait_for(timeout=PATIENCE)
    assert float(cell.inner_text()) == pytest.approx(ml(seen, "left lung"), abs=1)
    assert seen.find("report-left lung upper third-perc15_hu").inner_text().startswith("−")
    seen.wait_until("document.querySelector('[data-testid=report-chart]').naturalWidth > 100")
    assert "Slice thickness: 2 mm" in seen.find("report-conditions").inner_text()
    with saved(seen, seen.find("report-csv").click, tmp_path).open(newline="") as stream:
        rows = {row["name"]: row for row in csv.DictReader(stream)}
    assert len(rows) == 9
    page = saved(seen, seen.find("report-page").click, tmp_path)
    seen.find("report-close").click()
    paper = seen.page.context.new_page()
    paper.goto(page.as_uri())
    assert paper.locator("img").count() == 4
    assert paper.evaluate("[...document.images].every(one => one.naturalWidth > 100)")
    pdf = paper.pdf(prefer_css_page_size=True)
    paper.close()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


def test_what_was_done_is_shown_as_python(seen: Visit, tmp_path: Path) -> None:
    seen.find("show-script-show").click()
    shown = seen.find("script-python").input_value()
    compile(shown, "steps.py", "exec")
    assert "find('bones')" in shown
    path = saved(seen, seen.find("save-script-python").click, tmp_path)
    assert path.read_text("utf-8") == shown


def test_pictures_and_films_are_saved(seen: Visit, tmp_path: Path) -> None:
    volume_picture(seen)
    path = saved(seen, seen.find("save-picture-plain").click, tmp_path)
    view = seen.find("view-3d").bounding_box()
    with Image.open(path) as image:
        assert image.width == pytest.approx(2 * view["width"], abs=4)
        assert np.asarray(image).std() > 10
    path = saved(seen, seen.find("save-film-film").click, tmp_path)
    with Image.open(path) as film:
        assert film.n_frames == 72


def test_the_page_had_nothing_to_complain_of(seen: Visit) -> None:
    assert seen.complaints == []


def drawn(seen: Visit, tool: str, view: str, way: list[tuple[float, float]]) -> None:
    """Take a tool, drag it over a view through points (shares of it), put it down."""
    seen.find(f"hand-tool-{tool}").click()
    box = seen.find(view).bounding_box()
    spots = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in way]
    seen.page.mouse.move(*spots[0])
    seen.page.mouse.down()
    for spot in spots[1:]:
        seen.page.mouse.move(*spot, steps=4)
    seen.page.mouse.up()
    seen.page.keyboard.press("Escape")


def test_a_distance_is_drawn_moved_saved_and_deleted(seen: Visit, tmp_path: Path) -> None:
    box = seen.find("picture-axial").bounding_box()
    drawn(seen, "distance", "picture-axial", [(0.25, 0.4), (0.75, 0.4)])
    seen.find("value-1").wait_for()
    assert float(seen.find("value-1").inner_text().removesuffix(" mm")) == pytest.approx(
        192, abs=3
    )
    handle = seen.find("handle-1-1").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x - 0.25 * box["width"], y, steps=5)
    seen.page.mouse.up()
    seen.wait_until(
        "parseFloat(document.querySelector('[data-testid=value-1]').textContent) < 100"
    )
    path = saved(seen, seen.find("save-marks-csv").click, tmp_path)
    assert "distance 1" in path.read_text()
    drawn(seen, "ellipse", "picture-axial", [(0.2, 0.4), (0.35, 0.55)])
    seen.find("value-2").wait_for()
    assert "HU" in seen.find("value-2").inner_text()
    for number in (1, 2):
        seen.find(f"delete-mark-{number}").click()
        seen.find(f"mark-{number}").wait_for(state="detached")


def test_brush_and_scissors_correct_and_undo_brings_back(seen: Visit) -> None:
    start = ml(seen, "bones")
    seen.find("hand-tool-brush").click()
    seen.find("hand-structure").select_option(label="bones")
    seen.page.keyboard.press("Escape")
    drawn(seen, "brush", "picture-coronal", [(0.45, 0.4), (0.55, 0.45)])
    seen.wait_until("document.querySelectorAll('.v3-history li').length > 0")
    for _ in range(100):
        if ml(seen, "bones") > start:
            break
        seen.page.wait_for_timeout(100)
    assert ml(seen, "bones") > start
    idle(seen)
    painted = ml(seen, "bones")
    corners = [(0.3, 0.6), (0.7, 0.6), (0.7, 0.95), (0.3, 0.95)]
    drawn(seen, "scissors", "view-3d", corners)
    for _ in range(100):
        if ml(seen, "bones") < painted:
            break
        seen.page.wait_for_timeout(100)
    assert ml(seen, "bones") < painted
    idle(seen)
    for _ in range(2):
        seen.find("undo").click()
        idle(seen)
    assert ml(seen, "bones") == start


def test_nothing_was_complained_of_at_the_end(seen: Visit) -> None:
    assert seen.complaints == []
