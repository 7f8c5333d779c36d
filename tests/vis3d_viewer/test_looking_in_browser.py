"""What is laid over the pictures, points set in 3D, the browser's own drawing: in Chromium."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.conftest import PATIENCE, Visit, served
from tests.vis3d_viewer.seeing import idle, picture, until_3d_differs, volume_picture
from vis3d import files
from vis3d.phantom import chest_phantom

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chest that lies oblique in the patient, with a hole of air in each lung."""
    phantom = chest_phantom(shape=(80, 128, 160), spacing=(2.2, 2.6, 3.8))
    array, lungs = phantom.volume.array.copy(), phantom.labels.mask("lungs").array
    array[30:44, 40:90][lungs[30:44, 40:90]] = -990
    geometry = phantom.volume.geometry
    grid = oblique_geometry(geometry.shape, geometry.spacing)
    path = tmp_path_factory.mktemp("scan") / "oblique.nii.gz"
    files.write_volume(phantom.volume.with_array(array, grid), path)
    return path


@pytest.fixture(scope="module")
def seen(visit: Callable[[str], Any], scan: Path) -> Iterator[Visit]:
    with served("serve", scan) as address, visit(address) as seen:
        seen.wait_for_slices()
        seen.wait_for_3d()
        idle(seen)
        seen.find("find-lungs").click()
        seen.find("volume-left lung").wait_for(timeout=PATIENCE)
        idle(seen)
        yield seen


def reds(pixels: np.ndarray) -> float:
    """How much of a picture is as red as emphysema is."""
    found: float = (pixels[..., 0] - pixels[..., 1:].max(axis=2) > 70).mean()
    return found


def pinks(pixels: np.ndarray) -> float:
    """How much of a picture is in the colour of a preview."""
    red, green, blue = (pixels[..., n] for n in range(3))
    found: float = ((red - green > 50) & (blue - green > 20)).mean()
    return found


def share(seen: Visit, name: str, x: float, y: float) -> tuple[float, float]:
    """A place within an element, in the page's pixels."""
    box = seen.find(name).bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def test_emphysema_is_red_on_slices_and_in_3d_and_counted(seen: Visit) -> None:
    before, in_3d = picture(seen, "slice-axial"), volume_picture(seen)
    assert reds(before) < 1e-4
    seen.switch("show-emphysema", on=True)
    seen.find("emphysema-text").filter(has_text="of the lungs").wait_for(timeout=PATIENCE)
    seen.wait_until(
        "document.querySelector('[data-testid=slice-axial]')"
        ".dataset.loaded.includes('emphysema')"
    )
    percent = float(seen.find("emphysema-text").inner_text().split(": ")[1].split(" %")[0])
    assert 3 < percent < 60
    for _ in range(50):
        if reds(picture(seen, "slice-axial")) > 0.005:
            break
        seen.page.wait_for_timeout(100)
    else:
        raise AssertionError("No emphysema is seen on the slices.")
    until_3d_differs(seen, in_3d)  # the lungs became veils
    seen.switch("show-emphysema", on=False)
    seen.find("emphysema-text").wait_for(state="detached")
    until_3d_is(seen, in_3d)


def until_3d_is(seen: Visit, before: np.ndarray) -> None:
    """Until the 3D view looks as before."""
    for _ in range(30):
        if np.abs(volume_picture(seen) - before).mean() < 0.3:
            return
        seen.page.wait_for_timeout(100)
    raise AssertionError("The 3D view isn't what it was.")


def opened(seen: Visit, name: str) -> None:
    """Open the tools of a structure."""
    if seen.find(f"tools-{name}").get_attribute("aria-expanded") != "true":
        seen.find(f"tools-{name}").click()


def test_a_surface_becomes_smooth_and_rough_again(seen: Visit) -> None:
    rough = volume_picture(seen)
    opened(seen, "left lung")
    slider = seen.find("tool-smoothness")
    slider.focus()
    seen.page.keyboard.press("End")
    assert seen.find("smoothness-mm").inner_text() == "5.0 mm"
    for _ in range(50):
        if np.abs(volume_picture(seen) - rough).mean() > 0.1:
            break
        seen.page.wait_for_timeout(100)
    else:
        raise AssertionError("The surface stays as rough as it was.")
    seen.page.keyboard.press("Home")
    assert seen.find("smoothness-mm").inner_text() == "0.0 mm"
    until_3d_is(seen, rough)
    seen.find("tools-left lung").click()


def test_a_level_is_seen_at_once_and_added(seen: Visit) -> None:
    in_3d = volume_picture(seen)
    seen.find("by-value").click()
    seen.find("by-level").click()
    seen.find("value-low").fill("300")
    for _ in range(60):
        if pinks(volume_picture(seen)) > 0.01 and pinks(picture(seen, "slice-axial")) > 1e-3:
            break
        seen.page.wait_for_timeout(200)
    else:
        raise AssertionError("The level is never shown.")
    seen.find("add-level").click()
    seen.find("volume-isosurface").wait_for(timeout=PATIENCE)
    idle(seen)
    assert "Isosurface 300" in seen.find("history").locator("..").inner_html()
    assert pinks(picture(seen, "slice-axial")) < 1e-3, "the preview is gone"
    seen.find("by-value").click()
    seen.find("undo").click()
    seen.find("structure-isosurface").wait_for(state="detached")
    idle(seen)
    until_3d_is(seen, in_3d)


def middle_at_rest(seen: Visit, name: str) -> tuple[float, float]:
    """The middle of an element that follows the camera, once it moves no more."""
    before = None
    while (now := seen.find(name).bounding_box()) != before:
        before = now
        seen.page.wait_for_timeout(500)
    return now["x"] + now["width"] / 2, now["y"] + now["height"] / 2


def test_two_clicks_in_3d_measure_and_handles_move_the_ends(
    seen: Visit, tmp_path: Path
) -> None:
    seen.page.keyboard.press("Escape")
    seen.find("look-anterior").click()
    volume_picture(seen)
    seen.find("hand-tool-distance").click()
    assert seen.find("hand-tool-distance").get_attribute("aria-pressed") == "true"
    seen.page.mouse.click(*share(seen, "view-3d", 0.44, 0.42))
    seen.find("point-3d").wait_for()
    # Between the clicks the view turns as ever.
    x, y = share(seen, "view-3d", 0.5, 0.5)
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + 12, y, steps=4)
    seen.page.mouse.up()
    volume_picture(seen)
    seen.page.mouse.click(*share(seen, "view-3d", 0.41, 0.62))
    seen.find("value-1").wait_for(timeout=PATIENCE)
    first = float(seen.find("value-1").inner_text().removesuffix(" mm"))
    assert 20 < first < 300
    seen.find("hand-tool-distance").click()
    x, y = middle_at_rest(seen, "handle-3d-1-1")
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x, y - 30, steps=6)
    seen.page.mouse.up()
    seen.wait_until(
        f"parseFloat(document.querySelector('[data-testid=value-1]').innerText) < {first - 5}"
    )
    with seen.page.expect_download(timeout=PATIENCE) as download:
        seen.find("save-marks-json").click()
    path = tmp_path / "marks.json"
    download.value.save_as(path)
    (mark,) = json.loads(path.read_text())["measurements"]
    shown = float(seen.find("value-1").inner_text().removesuffix(" mm"))
    assert mark["kind"] == "distance"
    assert mark["mm"] == pytest.approx(shown, abs=0.06)
    for left, posterior, superior in mark["points_lps"]:
        query = f"value?l={left}&p={posterior}&s={superior}"
        there = seen.page.evaluate(f"fetch('{query}').then((answer) => answer.json())")
        assert -1000 < there["value"] < 200, "between lung and chest wall"


LISTED = "[data-testid^=listed-]"


def listed(seen: Visit) -> set[int]:
    """The numbers of the marks that the panel lists."""
    names = [one.get_attribute("data-testid") for one in seen.page.locator(LISTED).all()]
    return {int(str(name).removeprefix("listed-")) for name in names}


def test_the_ends_of_an_ellipse_are_dragged(seen: Visit) -> None:
    known = listed(seen)
    seen.find("hand-tool-ellipse").click()
    x, y = share(seen, "slice-axial", 0.35, 0.4)
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + 40, y + 30, steps=5)
    seen.page.mouse.up()
    seen.wait_until(f"document.querySelectorAll('{LISTED}').length > {len(known)}")
    (number,) = listed(seen) - known
    seen.find("hand-tool-ellipse").click()
    area = area_of(seen, f"value-{number}")
    handle = seen.find(f"handle-{number}-1").bounding_box()
    seen.page.mouse.move(handle["x"] + 5, handle["y"] + 5)
    seen.page.mouse.down()
    seen.page.mouse.move(handle["x"] + 25, handle["y"] + 5, steps=5)
    seen.page.mouse.up()
    for _ in range(50):
        if area_of(seen, f"value-{number}") > 1.5 * area:
            break
        seen.page.wait_for_timeout(100)
    else:
        raise AssertionError("The ellipse has not grown.")
    seen.find(f"delete-mark-{number}").click()
    seen.find(f"value-{number}").wait_for(state="detached")


def area_of(seen: Visit, name: str) -> float:
    return float(seen.find(name).inner_text().split(" cm²")[0].split(", ")[-1])


def test_the_browser_draws_the_surfaces_where_the_server_does(seen: Visit) -> None:
    seen.find("look-anterior").click()
    server = volume_picture(seen)
    seen.switch("drawn-here", on=True)
    seen.page.wait_for_selector("[data-testid=local-view][data-state=fine]", timeout=PATIENCE)
    assert int(seen.find("local-view").get_attribute("data-triangles")) > 1000
    for _ in range(50):
        here = picture(seen, "view-3d")[40:]
        if overlap(here, server) > 0.9:
            break
        seen.page.wait_for_timeout(200)
    else:
        raise AssertionError(f"Elsewhere: {overlap(here, server):.2f} of it agree.")
    x, y = share(seen, "view-3d", 0.5, 0.5)
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + 150, y, steps=5)
    seen.page.mouse.up()
    turned = here
    for _ in range(100):
        seen.page.wait_for_timeout(300)
        turned, before = picture(seen, "view-3d")[40:], turned
        if overlap(turned, server) < 0.9 and np.abs(turned - before).mean() < 0.02:
            break
    else:
        raise AssertionError(f"Not turned: {overlap(turned, server):.2f} of it agree.")
    seen.switch("drawn-here", on=False)
    seen.find("local-view").wait_for(state="detached")
    for _ in range(50):
        if overlap(volume_picture(seen), turned) > 0.9:
            break
    else:
        raise AssertionError("The server's camera didn't follow.")
    seen.find("look-anterior").click()


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """How much of what either picture shows both do, wherever light and shadows fall."""
    rows = min(len(one), len(other)) - 90  # without the corner
    shown = [np.abs(pixels[:rows] - pixels[0, 0]).max(axis=2) > 30 for pixels in (one, other)]
    return float((shown[0] & shown[1]).sum() / max((shown[0] | shown[1]).sum(), 1))


def test_planes_that_are_turned_are_turned_in_3d(seen: Visit) -> None:
    seen.switch("show-slices", on=True)
    straight = volume_picture(seen)
    seen.find("slice-axial").focus()
    for _ in range(4):
        seen.page.keyboard.press("]")
    turned = until_3d_differs(seen, straight)
    seen.find("straighten").click()
    again = until_3d_differs(seen, turned)
    assert np.abs(again - straight).mean() < 0.5
    seen.switch("show-slices", on=False)


def test_the_panel_leads_to_its_parts_and_goes_out_of_the_way(seen: Visit) -> None:
    seen.find("go-save").click()
    assert seen.find("go-save").get_attribute("aria-current") == "true"
    top = seen.find("part-save").bounding_box()["y"]
    seen.find("go-structures").click()
    assert seen.find("part-save").bounding_box()["y"] > top + 200
    assert seen.page.evaluate("document.scrollingElement.scrollTop") == 0
    width = seen.find("slice-axial").bounding_box()["width"]
    seen.find("panel-switch").click()
    assert seen.find("slice-axial").bounding_box()["width"] > width + 100
    assert not seen.find("part-structures").is_visible()
    seen.find("panel-switch").click()
    assert seen.find("part-structures").is_visible()


def test_who_walks_by_keys_moves_nothing_but_the_panel(seen: Visit) -> None:
    reached = set()
    for _ in range(120):
        seen.page.keyboard.press("Tab")
        reached.add(seen.page.evaluate("document.activeElement.dataset.testid"))
        assert seen.page.evaluate("document.body.scrollTop") == 0, "the bar went out of sight"
    assert {"help", "find-lungs", "session-file", "slice-axial", "view-3d"} <= reached


def test_each_view_can_be_the_large_one(seen: Visit) -> None:
    views = ("slice-axial", "slice-coronal", "slice-sagittal", "view-3d")
    large = []
    for _ in views:
        seen.find("layout-large").click()
        seen.page.wait_for_timeout(250)
        widths = {name: seen.find(name).bounding_box()["width"] for name in views}
        large.append(max(views, key=lambda name: widths[name]))
        assert sorted(widths.values())[2] < 0.5 * max(widths.values())
    assert large == list(views)
    seen.find("layout-coronal").click()
    seen.find("layout-large").click()
    seen.page.wait_for_timeout(250)
    widths = {name: seen.find(name).bounding_box()["width"] for name in views}
    assert max(views, key=lambda name: widths[name]) == "slice-coronal"
    seen.find("layout-grid").click()


def test_keys_turn_3d_and_lead_back(seen: Visit) -> None:
    seen.find("look-anterior").click()
    front = volume_picture(seen)
    seen.find("view-3d").focus()
    seen.page.keyboard.press("ArrowLeft")
    seen.page.keyboard.press("ArrowUp")
    turned = until_3d_differs(seen, front)
    seen.page.keyboard.press("+")
    until_3d_differs(seen, turned)
    seen.page.keyboard.press("r")
    seen.find("slice-axial").focus()  # the ring round the view is gone again
    until_3d_is(seen, front)


@pytest.mark.parametrize("switch", ["parallel", "soft-shadows"])
def test_projection_and_shadows_change_the_picture_and_back(seen: Visit, switch: str) -> None:
    before = volume_picture(seen)
    on = seen.find(switch).locator("input").is_checked()
    seen.switch(switch, on=not on)
    for _ in range(50):
        if np.abs(volume_picture(seen) - before).mean() > 0.1:
            break
    else:
        raise AssertionError("The picture stays as it was.")
    seen.switch(switch, on=on)
    until_3d_is(seen, before)


def test_the_page_had_nothing_to_complain_of(seen: Visit) -> None:
    assert seen.complaints == []


def test_nothing_is_cut_off_on_a_small_tablet_held_upright(seen: Visit) -> None:
    try:
        seen.page.set_viewport_size({"width": 720, "height": 1000})
        seen.page.wait_for_timeout(500)
        beyond = seen.page.evaluate(
            """() => {
                const panel = document.querySelector('.v3-side').getBoundingClientRect().right;
                const beyond = (where, most) => [...document.querySelectorAll(where)]
                    .filter((one) => one.getBoundingClientRect().right > most + 0.5);
                return [
                    ...beyond('.v3-bar *, .v3-slice, .v3-volume', innerWidth),
                    ...beyond('.v3-panel button, .v3-panel input', panel - 8),
                ].map((one) => one.outerHTML.slice(0, 80));
            }"""
        )
        assert beyond == []
    finally:
        seen.page.set_viewport_size({"width": 1280, "height": 720})
