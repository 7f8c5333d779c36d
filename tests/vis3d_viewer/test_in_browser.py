"""A person's way through the explorer, on the phantom: one page, tests in any order."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from tests.vis3d_viewer.conftest import PATIENCE, Visit, served
from tests.vis3d_viewer.seeing import idle, picture, until_3d_differs, volume_picture

pytestmark = pytest.mark.browser

PLANES = ("axial", "coronal", "sagittal")

BONES_ML = (500, 2500)
"""What the phantom's bones have, roughly; its own tests are exact."""


@pytest.fixture(scope="module")
def seen(visit: Callable[[str], Any]) -> Iterator[Visit]:
    with served("demo", "--no-segment") as address, visit(address) as seen:
        seen.wait_for_slices()
        seen.wait_for_3d()
        yield seen


@pytest.fixture
def found(seen: Visit) -> Visit:
    """The page after its structures were found, seen from the front, without the volume."""
    if not seen.find("structure-bones").count():
        seen.find("segment").click()
        seen.find("structure-bones").wait_for(timeout=PATIENCE)
        idle(seen)
    seen.switch("show-volume", on=False)
    seen.find("look-anterior").click()
    return seen


def index(seen: Visit, plane: str) -> int:
    return int(seen.find(f"slice-{plane}").get_attribute("data-index"))


def drawn(seen: Visit, plane: str) -> None:
    """Until the picture of the slice that is asked for is there."""
    seen.wait_until(
        f"""(() => {{
            const view = document.querySelector('[data-testid=slice-{plane}]');
            return view.dataset.loaded.includes(`index=${{view.dataset.index}}&`);
        }})()"""
    )


def test_slices_are_seen(seen: Visit) -> None:
    seen.wait_for_slices()
    for plane in PLANES:
        pixels = picture(seen, f"picture-{plane}")
        assert pixels.std() > 30, plane
        assert len(np.unique(pixels)) > 50, plane


def test_slices_have_their_true_shape(seen: Visit) -> None:
    # 256 x 256 x 160 voxels of 1.5 x 1.5 x 2.0 mm
    for plane, height_per_width in zip(PLANES, (1.0, 320 / 384, 320 / 384), strict=True):
        box = seen.find(f"picture-{plane}").bounding_box()
        assert box["height"] / box["width"] == pytest.approx(height_per_width, rel=0.01)


def test_letters_say_where_the_patient_is(seen: Visit) -> None:
    letters = {
        plane: seen.find(f"slice-{plane}").locator(".v3-letter").all_inner_texts()
        for plane in PLANES
    }
    assert letters["axial"] == ["R", "L", "A", "P"]
    assert letters["coronal"] == ["R", "L", "S", "I"]
    assert letters["sagittal"] == ["A", "P", "S", "I"]


def test_the_volume_is_seen_in_3d(seen: Visit) -> None:
    pixels = volume_picture(seen)
    brightness = pixels.mean(axis=2)
    assert (brightness > 80).mean() > 0.05
    middle = brightness[:, brightness.shape[1] // 3 : -brightness.shape[1] // 3]
    assert middle.mean() > brightness[:, :40].mean() + 10


def test_a_click_moves_the_crosshair_in_all_planes(seen: Visit) -> None:
    before = {plane: index(seen, plane) for plane in PLANES}
    box = seen.find("picture-axial").bounding_box()
    seen.page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.4 * box["height"])
    seen.wait_until(
        f"document.querySelector('[data-testid=slice-sagittal]').dataset.index !== "
        f"'{before['sagittal']}'"
    )
    assert index(seen, "axial") == before["axial"]
    assert index(seen, "sagittal") == pytest.approx(0.25 * 256, abs=2)
    assert index(seen, "coronal") == pytest.approx(0.4 * 256, abs=2)
    cross = seen.find("cross-axial")
    frame = seen.find("slice-axial").bounding_box()
    assert float(cross.get_attribute("data-x")) + frame["x"] == pytest.approx(
        box["x"] + 0.25 * box["width"], abs=2
    )


def test_the_read_out_knows_what_lies_there(seen: Visit) -> None:
    box = seen.find("picture-axial").bounding_box()
    seen.page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.4 * box["height"])
    seen.wait_until(
        "document.querySelector('[data-testid=readout-position]').textContent.startsWith('R 9')"
    )
    value = float(seen.find("readout-value").inner_text().removesuffix(" HU"))
    assert -1000 < value < -600, "the right lung"


def test_wheel_and_keys_go_through_the_slices(seen: Visit) -> None:
    start = index(seen, "axial")
    box = seen.find("slice-axial").bounding_box()
    seen.page.mouse.move(box["x"] + 60, box["y"] + 60)
    seen.page.mouse.wheel(0, 120)
    seen.wait_until(
        f"document.querySelector('[data-testid=slice-axial]').dataset.index == {start - 1}"
    )
    seen.find("slice-axial").focus()
    seen.page.keyboard.press("PageUp")
    seen.page.keyboard.press("ArrowUp")
    seen.wait_until(
        f"document.querySelector('[data-testid=slice-axial]').dataset.index == {start + 10}"
    )
    drawn(seen, "axial")


def test_window_presets_and_dragging_change_the_picture(seen: Visit) -> None:
    drawn(seen, "axial")
    lung = picture(seen, "picture-axial").mean()
    seen.find("window-bone").click()
    seen.wait_until(
        "document.querySelector('[data-testid=slice-axial]').dataset.loaded"
        ".includes('center=400&width=1800')"
    )
    drawn(seen, "axial")
    bone = picture(seen, "picture-axial").mean()
    assert bone < lung - 20
    box = seen.find("slice-axial").bounding_box()
    x, y = box["x"] + 100, box["y"] + 100
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + 60, y - 90, steps=6)
    seen.page.mouse.up()
    seen.wait_until(
        "!document.querySelector('[data-testid=slice-axial]').dataset.loaded"
        ".includes('center=400&')"
    )
    loaded = seen.find("slice-axial").get_attribute("data-loaded")
    assert float(re.search(r"center=(-?[\d.]+)", loaded)[1]) < 400
    assert float(re.search(r"width=([\d.]+)", loaded)[1]) > 1800
    seen.find("slice-axial").focus()
    seen.page.keyboard.press("1")  # the lung window heads the menu
    seen.wait_until(
        "document.querySelector('[data-testid=slice-coronal]').dataset.loaded"
        ".includes('center=-600&width=1500')"
    )


def test_cancelling_leaves_all_as_it_was(seen: Visit) -> None:
    before = seen.find("structure-bones").count()
    seen.find("segment").click()
    seen.find("cancel").click()
    seen.find("message").wait_for()
    assert seen.find("message").inner_text() == "Cancelled."
    assert seen.find("structure-bones").count() == before
    seen.find("segment").wait_for()


def test_the_page_lives_on_while_it_segments(seen: Visit) -> None:
    seen.find("segment").click()
    seen.find("job").wait_for()
    seen.find("slice-axial").focus()
    steps = 0
    while steps < 3 and seen.find("job").count():
        before = index(seen, "axial")
        seen.page.keyboard.press("ArrowDown")
        seen.wait_until(
            f"document.querySelector('[data-testid=slice-axial]').dataset.index != {before}"
        )
        drawn(seen, "axial")
        steps += 1
    assert steps == 3, "slices came while the work went on"
    idle(seen)


def test_the_structures_found_have_sound_volumes(found: Visit) -> None:
    for name, (least, most) in {
        "left lung": (1000, 3500),
        "right lung": (1000, 3500),
        "airways": (10, 200),
        "bones": BONES_ML,
    }.items():
        text = found.find(f"volume-{name}").inner_text()
        assert least < float(text.removesuffix(" ml").replace(",", "")) < most, name
    assert "found" in found.find("notes").inner_text()


def test_found_structures_colour_the_slices(found: Visit) -> None:
    drawn(found, "axial")
    found.wait_until(
        "document.querySelector('[data-testid=slice-axial]').dataset.loaded.includes('labels=')"
    )
    found.page.mouse.move(5, 715)
    pixels = picture(found, "picture-axial")
    assert (np.ptp(pixels, axis=2) > 20).mean() > 0.1


def test_hiding_a_structure_changes_3d_and_back(found: Visit) -> None:
    with_bones = volume_picture(found)
    found.find("visible-bones").click()
    without = until_3d_differs(found, with_bones)
    assert without.mean() < with_bones.mean()
    assert "labels=1,2,3" in found.find("slice-axial").get_attribute("data-loaded").replace(
        "%2C", ","
    )
    found.find("visible-bones").click()
    again = until_3d_differs(found, without)
    assert np.abs(again - with_bones).mean() < 0.5


def test_opacity_lets_see_through(found: Visit) -> None:
    before = volume_picture(found)
    found.find("opacity-bones").fill("0.2")
    until_3d_differs(found, before)
    found.find("opacity-bones").fill("1")


def test_the_volume_has_other_looks(seen: Visit) -> None:
    seen.find("preset-bone").click()
    before = volume_picture(seen)
    seen.find("preset-skin").click()
    skin = until_3d_differs(seen, before)
    assert (skin.mean(axis=2) > 60).mean() > (before.mean(axis=2) > 60).mean()
    seen.find("preset-bone").click()
    until_3d_differs(seen, skin)


def test_3d_turns_under_the_hand_and_looks_from_each_side(seen: Visit) -> None:
    before = volume_picture(seen)
    seen.find("look-posterior").click()
    behind = until_3d_differs(seen, before)
    seen.find("look-anterior").click()
    front = until_3d_differs(seen, behind)
    box = seen.find("view-3d").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + 120, y + 10, steps=10)
    seen.page.mouse.up()
    turned = until_3d_differs(seen, front)
    seen.find("look-left").click()
    left = until_3d_differs(seen, turned)
    seen.find("look-anterior").click()
    again = until_3d_differs(seen, left)
    assert np.abs(again - front).mean() < 0.5


def test_a_click_on_a_surface_leads_the_slices_there(found: Visit) -> None:
    box = found.find("view-3d").bounding_box()
    before = {plane: index(found, plane) for plane in PLANES}
    found.page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.35 * box["height"])
    found.wait_until(
        f"document.querySelector('[data-testid=slice-coronal]').dataset.index != "
        f"{before['coronal']}"
    )
    assert index(found, "sagittal") == pytest.approx(128, abs=8), "the sternum, in the middle"
    assert index(found, "coronal") < 100, "in front"


def test_a_double_click_enlarges_a_view_and_back(seen: Visit) -> None:
    small = seen.find("slice-coronal").bounding_box()["width"]
    seen.find("slice-coronal").dblclick(position={"x": 200, "y": 150})
    seen.find("slice-axial").wait_for(state="detached")
    assert seen.find("slice-coronal").bounding_box()["width"] > 1.8 * small
    seen.find("slice-coronal").dblclick(position={"x": 200, "y": 150})
    seen.find("slice-axial").wait_for()
    seen.wait_for_slices()


def test_layouts_show_what_they_say(seen: Visit) -> None:
    seen.find("layout-grid").click()
    grid = seen.find("slice-axial").bounding_box()
    seen.find("layout-large").click()
    seen.page.wait_for_timeout(300)
    large = {p: seen.find(f"slice-{p}").bounding_box() for p in PLANES}
    assert large["axial"]["height"] > 1.9 * grid["height"]
    assert large["coronal"]["height"] == pytest.approx(large["sagittal"]["height"], abs=2)
    assert large["coronal"]["width"] < large["axial"]["width"] / 2
    assert seen.find("view-3d").is_visible()
    seen.find("slice-coronal").dblclick(position={"x": 60, "y": 60})
    seen.find("slice-axial").wait_for(state="detached")
    seen.find("slice-coronal").focus()
    seen.page.keyboard.press("Enter")
    seen.find("slice-axial").wait_for()
    assert seen.find("slice-axial").bounding_box()["height"] > 1.9 * grid["height"]
    seen.find("layout-grid").click()


def test_splitters_share_the_room_by_mouse_and_keys(seen: Visit) -> None:
    seen.find("layout-grid").click()
    before = seen.find("slice-axial").bounding_box()
    bar = seen.find("split-x").bounding_box()
    x, y = bar["x"] + bar["width"] / 2, bar["y"] + 60
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + 100, y, steps=4)
    seen.page.mouse.up()
    wider = seen.find("slice-axial").bounding_box()
    assert wider["width"] == pytest.approx(before["width"] + 100, abs=4)
    seen.find("split-y").focus()
    seen.page.keyboard.press("ArrowDown")
    assert seen.find("slice-axial").bounding_box()["height"] > before["height"] + 5
    seen.find("split-x").dblclick()
    seen.find("split-y").dblclick()
    assert seen.find("slice-axial").bounding_box() == pytest.approx(before, abs=2)


def test_an_stl_is_saved_that_is_closed(found: Visit, tmp_path: Path) -> None:
    with found.page.expect_download(timeout=PATIENCE) as download:
        found.find("stl-bones").click()
    assert download.value.suggested_filename == "bones.stl"
    download.value.save_as(tmp_path / "bones.stl")
    mesh = trimesh.load_mesh(tmp_path / "bones.stl")
    assert mesh.is_watertight
    assert BONES_ML[0] < mesh.volume / 1000 < BONES_ML[1]
    # The phantom's chest lies round LPS (0, 0, 0): nothing was shifted to a corner.
    assert abs(mesh.bounds.mean(axis=0)[0]) < 30


def test_a_reload_shows_the_same_again(found: Visit) -> None:
    found.page.reload()
    found.wait_for_slices()
    found.find("structure-bones").wait_for()
    found.wait_until("document.querySelector('[data-testid=view-3d] img').naturalWidth > 100")
    assert volume_picture(found).std() > 10


def test_no_other_page_or_client_gets_in(seen: Visit) -> None:
    root, query = seen.address.split("?")
    key = {"key": query.removeprefix("key=")}
    stranger = seen.page.context.browser.new_context().request
    for path in ("", "ws", "slice/axial?index=1&center=0&width=1", "vue.global.js"):
        assert stranger.get(root + path).status == 403
        for header in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            assert stranger.get(root + path, params=key, headers=header).status == 403
    stranger.dispose()


def test_a_client_cannot_end_the_server_or_rewrite_the_page(seen: Visit) -> None:
    answers = seen.page.evaluate(
        """async () => {
            const session = window.trame.client.getConnection().getSession();
            const ask = (...call) => session.call(...call).then(() => 'done', (e) => e.message);
            return [
                await ask('application.exit'),
                await ask('application.exit.later', [0]),
                await ask('trame.force.push', ['facts']),
                await ask('trame.state.update', [[{key: 'facts', value: 'mine'}]]),
                JSON.stringify(await session.call('trame.trigger', ['look', 5, {}])
                    .catch((e) => e)),
            ];
        }"""
    )
    assert answers[:3] == ["Unregistered method called"] * 3
    assert "Traceback" not in answers[4]
    assert "site-packages" not in answers[4]
    seen.page.reload()
    seen.wait_for_slices()
    assert "256" in seen.find("facts").inner_text()


def test_the_page_had_nothing_to_complain_of(seen: Visit) -> None:
    assert seen.find("purpose").inner_text() == "For research, not for diagnosis"
    assert seen.complaints == []
