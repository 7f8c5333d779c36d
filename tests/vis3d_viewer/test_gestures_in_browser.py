"""Every gesture on the slices, in a real Chromium: what each changes, and nothing else."""

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.conftest import Visit, served
from tests.vis3d_viewer.hands import (
    PLANES,
    canvas_mean,
    canvas_pixels,
    changed,
    drag,
    middle,
    settled,
    state,
)
from vis3d import files
from vis3d.imaging import stack
from vis3d.phantom import chest_phantom

pytestmark = pytest.mark.browser

STRAIGHT = (
    "!document.querySelector('[data-testid=slice-axial]').textContent.includes('oblique')"
)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small chest that lies oblique in the patient."""
    phantom = chest_phantom(shape=(40, 96, 128), spacing=(3.0, 3.5, 8.0)).volume
    grid = oblique_geometry(phantom.geometry.shape, phantom.geometry.spacing)
    path = tmp_path_factory.mktemp("scan") / "oblique.nii.gz"
    files.write_volume(phantom.with_array(phantom.array, grid), path)
    return path


@pytest.fixture(scope="module")
def page(visit: Callable[[str], Any], scan: Path) -> Iterator[Visit]:
    with served("serve", scan) as address, visit(address) as seen:
        seen.wait_for_slices()
        yield seen


@pytest.fixture
def seen(page: Visit) -> Visit:
    """The page as it opens: middle slices, lung window, nothing zoomed or turned."""
    page.page.keyboard.press("Escape")
    page.find("layout-grid").click()
    page.find("slab-thin").click()
    page.find("window-lung").click()
    for plane in PLANES:
        view = page.find(f"slice-{plane}")
        view.focus()
        page.page.keyboard.press("r")
        page.page.keyboard.press("Home")
        for _ in range(2):
            page.page.keyboard.press("PageDown")
    page.wait_until(STRAIGHT)
    settled(page)
    return page


@pytest.mark.parametrize("plane", PLANES)
def test_the_wheel_steps_through_one_plane(seen: Visit, plane: str) -> None:
    before = state(seen)
    seen.page.mouse.move(*middle(seen, plane))
    seen.page.mouse.wheel(0, 120)
    assert changed(seen, before) == {plane}
    assert abs(state(seen)[plane] - before[plane]) == 1
    seen.page.mouse.wheel(0, -120)
    assert changed(seen, before) == set()


def test_a_left_drag_windows_all_planes(seen: Visit) -> None:
    before = state(seen)
    drag(seen, "axial", (60, 40))
    assert changed(seen, before) == {"window"}
    center, width = map(float, re.findall(r"-?[\d.]+", state(seen)["window"]))
    assert center > -600, "down: brighter values in the middle"
    assert width > 1500, "right: wider"
    for plane in PLANES:
        assert f"center={center:g}&width={width:g}" in seen.find(
            f"slice-{plane}"
        ).get_attribute("data-loaded")


def test_only_a_walk_asks_for_slices_ahead(seen: Visit) -> None:
    asked: set[int] = set()

    def note(request: Any) -> None:
        asked.update(int(n) for n in re.findall(r"slice/axial\?index=(\d+)", request.url))

    seen.page.on("request", note)
    drag(seen, "axial", (45, 25))
    here = state(seen)["axial"]
    seen.page.wait_for_timeout(500)
    assert asked == {here}
    seen.page.mouse.wheel(0, 120)
    for _ in range(100):
        if len(asked) > 2:
            break
        seen.page.wait_for_timeout(50)
    there = state(seen)["axial"]
    assert asked == {here, there, 2 * there - here}


@pytest.mark.parametrize(("button", "key"), [("middle", ""), ("left", "Shift")])
def test_middle_and_shift_drag_pan(seen: Visit, button: str, key: str) -> None:
    before = state(seen)
    drag(seen, "coronal", (50, -30), button, key)
    assert changed(seen, before) == {"coronal pan"}
    assert state(seen)["coronal pan"] == "50 -30"


def test_a_right_drag_up_zooms_in_and_keeps_the_spot(seen: Visit) -> None:
    before = state(seen)
    x, y = middle(seen, "axial")
    box = seen.find("picture-axial").bounding_box()
    spot = ((x - box["x"]) / box["width"], (y - box["y"]) / box["height"])
    drag(seen, "axial", (0, -80), "right")
    assert changed(seen, before) == {"axial zoom", "axial pan"}
    assert state(seen)["axial zoom"] == pytest.approx(math.exp(80 / 150), rel=1e-3)
    box = seen.find("picture-axial").bounding_box()
    again = ((x - box["x"]) / box["width"], (y - box["y"]) / box["height"])
    assert again == pytest.approx(spot, abs=0.01)


def test_ctrl_wheel_zooms_and_r_resets(seen: Visit) -> None:
    before = state(seen)
    seen.page.mouse.move(*middle(seen, "sagittal"))
    seen.page.keyboard.down("Control")
    seen.page.mouse.wheel(0, -200)
    seen.page.keyboard.up("Control")
    assert changed(seen, before) == {"sagittal zoom", "sagittal pan"}
    assert state(seen)["sagittal zoom"] > 1.3
    seen.find("slice-sagittal").focus()
    seen.page.keyboard.press("r")
    assert changed(seen, before) == set()


def test_plus_and_minus_zoom(seen: Visit) -> None:
    seen.find("slice-axial").focus()
    seen.page.keyboard.press("+")
    assert state(seen)["axial zoom"] == pytest.approx(1.25)
    seen.page.keyboard.press("-")
    assert state(seen)["axial zoom"] == pytest.approx(1)


def test_a_click_moves_the_crosshair_in_the_two_other_planes(seen: Visit) -> None:
    before = state(seen)
    seen.page.mouse.click(*middle(seen, "axial"))
    assert changed(seen, before) == {"coronal", "sagittal"}


def test_keys_step_one_ten_and_to_the_ends(seen: Visit) -> None:
    before = state(seen)
    seen.find("slice-coronal").focus()
    steps = {}
    for key in ("ArrowDown", "ArrowUp", "PageUp", "PageDown", "End", "Home"):
        start = state(seen)["coronal"]
        seen.page.keyboard.press(key)
        seen.page.wait_for_timeout(60)
        steps[key] = state(seen)["coronal"] - start
    assert steps["ArrowDown"] == -steps["ArrowUp"]
    assert abs(steps["ArrowDown"]) == 1
    assert steps["PageUp"] == -10 * steps["ArrowDown"]
    assert steps["PageDown"] == 10 * steps["ArrowDown"]
    count = int(seen.find("slice-coronal").get_attribute("aria-label").split()[-1])
    assert abs(steps["Home"]) == count - 1
    assert changed(seen, before) <= {"coronal"}


def test_escape_gives_up_a_drag(seen: Visit) -> None:
    before = state(seen)
    x, y = middle(seen, "axial")
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + 70, y + 30, steps=4)
    assert changed(seen, before) == {"window"}
    seen.page.keyboard.press("Escape")
    assert changed(seen, before) == set()
    seen.page.mouse.up()
    assert changed(seen, before) == set(), "nor is it a click"


def test_number_keys_choose_windows_and_numbers_can_be_typed(seen: Visit) -> None:
    seen.find("slice-axial").focus()
    seen.page.keyboard.press("3")
    seen.wait_until(
        "document.querySelector('[data-testid=readout-window]').textContent.includes('W 1800')"
    )
    field = seen.find("window-center").locator("input")
    field.fill("-123")
    field.press("Tab")
    seen.wait_until(
        "document.querySelector('[data-testid=slice-axial]').dataset.loaded"
        ".includes('center=-123&')"
    )


def test_a_number_that_makes_no_sense_is_refused_and_the_old_one_stands_again(
    seen: Visit,
) -> None:
    before = state(seen)
    for name, typed in (("width", "-5"), ("width", "1e9"), ("center", "-2e6"), ("center", "")):
        field = seen.find(f"window-{name}").locator("input")
        stood = field.input_value()
        field.focus()
        seen.page.wait_for_timeout(300)  # a field that is drawn as focused shows its number
        field.fill(typed)
        assert seen.page.evaluate("document.activeElement.matches(':invalid')") is bool(typed)
        field.blur()
        assert field.input_value() == stood
        assert changed(seen, before) == set()
    seen.find("slab-mean").click()
    thickness = seen.find("slab-mm")
    stood = thickness.input_value()
    thickness.fill("-3")
    thickness.blur()
    assert thickness.input_value() == stood
    seen.find("slab-thin").click()


def test_the_histograms_edges_are_dragged(seen: Visit) -> None:
    plot = seen.find("histogram").bounding_box()
    high = seen.find("histogram-high").locator("line").bounding_box()
    y = plot["y"] + plot["height"] / 2
    seen.page.mouse.move(high["x"] + 1, y)
    seen.page.mouse.down()
    seen.page.mouse.move(high["x"] + 41, y, steps=4)
    seen.page.mouse.up()
    settled(seen)
    center, width = map(float, re.findall(r"-?[\d.]+", state(seen)["window"]))
    low_hu, high_hu = center - width / 2, center + width / 2
    assert low_hu == pytest.approx(-1350, abs=1), "the other edge stays"
    assert high_hu > 250
    span = seen.find("histogram-span").bounding_box()
    seen.page.mouse.move(span["x"] + span["width"] / 2, y)
    seen.page.mouse.down()
    seen.page.mouse.move(span["x"] + span["width"] / 2 + 30, y, steps=4)
    seen.page.mouse.up()
    moved, same = map(float, re.findall(r"-?[\d.]+", state(seen)["window"]))
    assert moved > center
    assert same == pytest.approx(width, abs=2)
    seen.find("histogram-low").focus()
    seen.page.keyboard.press("ArrowRight")
    assert float(re.findall(r"-?[\d.]+", state(seen)["window"])[1]) < same


def test_slabs_show_the_greatest_value_and_say_how_thick(seen: Visit) -> None:
    thin = canvas_mean(seen, "axial")
    seen.find("slab-mip").click()
    seen.find("slab-mm").fill("30")
    seen.find("slab-mm").press("Tab")
    seen.wait_until(
        "document.querySelector('[data-testid=slice-axial]').dataset.loaded"
        ".includes('slab=mip&mm=30')"
    )
    assert canvas_mean(seen, "axial") > thin + 5
    assert seen.find("slab-axial").inner_text() == "MIP 24.0 mm"
    seen.find("slab-minip").click()
    seen.wait_until(
        "document.querySelector('[data-testid=slice-axial]').dataset.loaded"
        ".includes('slab=minip')"
    )
    assert canvas_mean(seen, "axial") < thin - 5


def test_turning_a_line_turns_the_two_other_planes_round_the_crosshair(
    seen: Visit, scan: Path
) -> None:
    cross = seen.find("cross-axial")
    frame = seen.find("slice-axial").bounding_box()
    x = frame["x"] + float(cross.get_attribute("data-x"))
    y = frame["y"] + float(cross.get_attribute("data-y"))
    seen.page.mouse.move(x + 40, y + 40)
    grips = [seen.find(f"grip-axial-sagittal-{half}") for half in (0, 1)]
    grip = next(grip for grip in grips if grip.count()).bounding_box()
    gx, gy = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    start = math.atan2(gy - y, gx - x)
    radius = math.hypot(gx - x, gy - y)
    angle = math.radians(30)
    seen.page.mouse.move(gx, gy)
    seen.page.mouse.down()
    for part in np.linspace(0, angle, 6)[1:]:
        seen.page.mouse.move(
            x + radius * math.cos(start + part), y + radius * math.sin(start + part)
        )
    seen.page.mouse.up()
    seen.wait_until(
        "document.querySelector('[data-testid=slice-sagittal]').dataset.loaded.includes('turn=')"
    )
    settled(seen)
    assert state(seen)["turned"] == [0, 1, 1]
    # The pictures' sides are where the turn has taken them: asked of the geometry itself.
    turn = seen.page.evaluate("window.vis3d_live.maps.sagittal.turn")
    geometry = files.load_volume(scan).geometry
    axial = stack(geometry, "axial")
    across = np.cross(unit(axial.column_step_lps), unit(axial.row_step_lps))
    assert np.allclose(turn[1:], across * math.sin(angle / 2), atol=0.02)
    lps = seen.page.evaluate("window.vis3d_live.crosshair")
    for plane in PLANES:  # the crosshair still marks the same point in every plane
        place = seen.page.evaluate(
            f"""(() => {{
                const map = window.vis3d_live.maps.{plane};
                const view = document.querySelector('[data-testid=slice-{plane}]');
                return {{ map, index: Number(view.dataset.index) }};
            }})()"""
        )
        step = np.array(place["map"]["slice"])
        offset = np.array(lps) - place["map"]["first"]
        assert offset @ step / (step @ step) == pytest.approx(place["index"], abs=0.51)
    assert (canvas_pixels(seen, "sagittal") > 30).mean() > 0.1
    seen.find("straighten").click()
    seen.wait_until(
        "!document.querySelector('[data-testid=slice-sagittal]').dataset.loaded.includes('turn=')"
    )
    assert state(seen)["turned"] == [0, 0, 0]


def test_brackets_turn_planes_without_a_mouse(seen: Visit) -> None:
    seen.find("slice-coronal").focus()
    seen.page.keyboard.press("]")
    seen.wait_until(
        "document.querySelector('[data-testid=slice-axial]').dataset.loaded.includes('turn=')"
    )
    assert state(seen)["turned"] == [1, 0, 1]
    seen.page.keyboard.press("r")
    seen.wait_until(STRAIGHT)


def test_a_finger_walks_and_two_zoom(seen: Visit) -> None:
    session = seen.page.context.new_cdp_session(seen.page)
    x, y = middle(seen, "axial")

    def touch(kind: str, *points: tuple[float, float]) -> None:
        told = [{"x": px, "y": py, "id": n} for n, (px, py) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

    before = state(seen)
    touch("touchStart", (x, y))
    for by in range(5, 45, 5):
        touch("touchMove", (x, y + by))
        seen.page.wait_for_timeout(20)
    touch("touchEnd")
    assert changed(seen, before) == {"axial"}
    assert abs(state(seen)["axial"] - before["axial"]) == 3

    before = state(seen)
    touch("touchStart", (x, y))
    touch("touchEnd")
    assert changed(seen, before) <= {"coronal", "sagittal"}
    assert state(seen)["axial zoom"] == 1

    before = state(seen)
    touch("touchStart", (x - 30, y))
    touch("touchStart", (x - 30, y), (x + 30, y))
    for by in (40, 50, 60):
        touch("touchMove", (x - by, y), (x + by, y))
        seen.page.wait_for_timeout(20)
    touch("touchEnd")
    assert changed(seen, before) == {"axial zoom", "axial pan"}
    assert state(seen)["axial zoom"] == pytest.approx(2, rel=0.05)


def test_help_lists_the_gestures(seen: Visit) -> None:
    seen.find("help").click()
    shown = seen.page.locator(".v3-help")
    for word in ("Wheel", "Left-drag", "Right-drag", "Double-click", "Esc", "Fingers"):
        expect(shown).to_contain_text(word, use_inner_text=True)
    seen.page.keyboard.press("Escape")


def test_nothing_was_complained_of(page: Visit) -> None:
    assert page.complaints == []


def unit(step: np.ndarray) -> np.ndarray:
    direction: np.ndarray = step / np.linalg.norm(step)
    return direction
