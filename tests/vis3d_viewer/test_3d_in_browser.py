"""What a person does with the volume in 3D, in a real browser."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from tests.vis3d_viewer.conftest import PATIENCE, Visit, served
from tests.vis3d_viewer.seeing import picture, until_3d_differs, volume_picture

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def seen(visit: Callable[[str], Any]) -> Iterator[Visit]:
    with served("demo", "--no-segment") as address, visit(address) as seen:
        seen.wait_for_slices()
        seen.wait_for_3d()
        yield seen


def test_each_preset_shows_its_picture(seen: Visit) -> None:
    for name in ("lungs", "airways", "bone", "skin", "vessels", "mip"):
        seen.find(f"preset-picture-{name}").wait_for(timeout=PATIENCE)
        assert picture(seen, f"preset-{name}").std() > 12, name
    before = volume_picture(seen)
    seen.find("preset-airways").click()
    until_3d_differs(seen, before)
    assert seen.find("preset-airways").get_attribute("aria-pressed") == "true"
    seen.find("preset-bone").click()


def bones(seen: Visit) -> np.ndarray:
    """The volume's bones at rest, whatever was shown before."""
    seen.find("preset-bone").click()
    for _ in range(50):
        picture = volume_picture(seen)
        if (picture.mean(axis=2) > 90).mean() > 0.15:
            return picture
        seen.page.wait_for_timeout(200)
    raise AssertionError("The bones are never seen.")


def test_a_box_is_pulled_by_its_handle(seen: Visit) -> None:
    whole = bones(seen)
    seen.find("cut-box").click()
    boxed = until_3d_differs(seen, whole)
    lines = np.abs(boxed - whole).max(axis=2) > 60
    assert lines.any(), "the handles are seen"
    box = seen.find("view-3d").bounding_box()
    orange = (boxed[..., 0] > 150) & (boxed[..., 1] < 200) & (boxed[..., 2] < 110) & lines
    spots, count = ndimage.label(ndimage.binary_opening(orange, iterations=3))  # no lines
    places = ndimage.center_of_mass(orange, spots, range(1, count + 1))
    row, column = max(places)  # the ball below the feet
    x, y = column + box["x"], row + box["y"] + 40
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x, y - 90, steps=8)
    seen.page.mouse.up()
    pulled = until_3d_differs(seen, boxed)
    seen.find("cut-handles").click()
    cut = until_3d_differs(seen, pulled)
    lowest = [(one[:, 100:].mean(axis=2) > 90).nonzero()[0].max() for one in (whole, cut)]
    assert lowest[1] < lowest[0] - 40  # the cube in the corner on the left apart
    seen.find("cut-box").click()
    again = until_3d_differs(seen, cut)
    assert np.abs(again - whole).mean() < 1


def test_a_plane_takes_the_front_away_and_flips(seen: Visit) -> None:
    whole = bones(seen)
    seen.find("cut-plane").click()
    seen.find("cut-handles").click()
    behind = until_3d_differs(seen, whole)
    seen.find("cut-flip").click()
    until_3d_differs(seen, behind)
    seen.find("cut-plane").click()
    seen.find("cut-flip").wait_for(state="detached")


def test_slices_stand_in_3d_and_follow_the_crosshair(seen: Visit) -> None:
    before = volume_picture(seen)
    seen.switch("show-slices", on=True)
    with_slices = until_3d_differs(seen, before)
    seen.find("slice-coronal").focus()
    seen.page.keyboard.press("PageDown")
    until_3d_differs(seen, with_slices)
    seen.switch("show-slices", on=False)


def test_the_turntable_turns_and_stops(seen: Visit) -> None:
    seen.switch("turntable", on=True)
    first = picture(seen, "view-3d")
    seen.page.wait_for_timeout(700)
    assert np.abs(picture(seen, "view-3d") - first).mean() > 0.5
    seen.switch("turntable", on=False)
    volume_picture(seen)
    seen.find("look-anterior").click()


def test_a_point_of_the_transfer_function_is_dragged(seen: Visit) -> None:
    seen.find("preset-bone").click()
    before = volume_picture(seen)
    seen.find("transfer-open").click()
    seen.find("transfer-value").scroll_into_view_if_needed()
    box = seen.find("transfer-point-0").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x - 30, y - 55, steps=6)
    seen.page.mouse.up()
    edited = until_3d_differs(seen, before)
    assert float(seen.find("transfer-value").input_value()) < 100
    seen.find("transfer-reset").click()
    again = until_3d_differs(seen, edited)
    assert np.abs(again - before).mean() < 1


def test_the_page_had_nothing_to_complain_of(seen: Visit) -> None:
    assert seen.complaints == []
