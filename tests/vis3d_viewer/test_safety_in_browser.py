"""What a page does when it is shared, cut off, left alone; colours, keyboard, small screens."""

import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, WebSocketRoute

from tests.needs import need
from tests.vis3d_viewer.conftest import PATIENCE, SECOND, Visit, served
from tests.vis3d_viewer.scans import blob_lps, blob_scan
from tests.vis3d_viewer.seeing import idle, volume_picture
from vis3d import files

pytestmark = pytest.mark.browser

CLICK_AT_ONCE = """
const click = () => {
    const entry = document.querySelector('[data-testid="entry-blob.nii.gz"]');
    if (entry) entry.click(); else setTimeout(click, 0);
};
click();
"""
"""As fast as no hand can."""

INDEX = "document.querySelector('[data-testid=slice-axial]').dataset.index"


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scan") / "blob.nii.gz"
    files.write_volume(blob_scan(), path)
    return path


@pytest.fixture(scope="module")
def address(scan: Path) -> Iterator[str]:
    with served("serve", scan) as address:
        yield address


def test_a_second_page_joins_the_same_view_and_both_say_so(
    visit: Callable[[str], Any], address: str
) -> None:
    with visit(address) as one:
        one.wait_for_slices()
        assert not one.find("pages").count()
        with visit(address) as two:
            two.wait_for_slices()
            for seen in (one, two):
                seen.find("pages").wait_for()
                assert seen.find("pages").inner_text() == "2 pages share this view"
            before = one.page.evaluate(INDEX)
            two.find("slice-axial").focus()
            two.page.keyboard.press("ArrowUp")
            one.wait_until(f"{INDEX} !== '{before}'")
            two.find("window-bone").click()
            one.wait_until(
                "document.querySelector('[data-testid=slice-axial]').dataset.loaded"
                ".includes('width=1800')"
            )
        one.find("pages").wait_for(state="detached")
        assert one.complaints == []


def test_a_click_in_3d_means_the_same_place_in_windows_of_any_size(
    visit: Callable[[str], Any], address: str
) -> None:
    """The page that came last once decided for all what lay under a click."""
    with visit(address) as one, visit(address) as two:
        two.page.set_viewport_size({"width": 700, "height": 620})
        volume_picture(two)  # its new size is known
        for seen in (one, two, one):
            seen.find("slice-axial").click(position={"x": 20, "y": 20})
            clicked = middle_in_3d(seen)
            assert math.dist(clicked, blob_lps()) < 6, (clicked, blob_lps())


def middle_in_3d(seen: Visit) -> list[float]:
    """Where the crosshair stands after a click on the bright spot that 3D shows."""
    before = seen.find("readout-position").inner_text()
    view = seen.find("view-3d")
    view.hover(position={"x": 5, "y": 60})
    rows, columns = np.nonzero(volume_picture(seen).mean(axis=2) > 90)
    view.click(position={"x": float(np.median(columns)), "y": 40 + float(np.median(rows))})
    seen.page.mouse.move(5, 300)
    seen.wait_until(
        f"document.querySelector('[data-testid=readout-position]').innerText !== '{before}'"
    )
    words = seen.find("readout-position").inner_text().split()
    return [
        float(mm) * (-1 if side in "RAI" else 1)
        for side, mm in zip(words[:6:2], words[1:6:2], strict=True)
    ]


def test_what_one_page_asks_for_the_other_does_not_get(visit: Callable[[str], Any]) -> None:
    saved: dict[str, list[str]] = {"one": [], "two": []}
    with (
        served("demo", "--no-segment") as address,
        visit(address) as one,
        visit(address) as two,
    ):
        for name, seen in (("one", one), ("two", two)):
            seen.page.on("download", lambda file, name=name: saved[name].append(file.url))
            seen.wait_for_slices()
        one.find("find-lungs").click(timeout=PATIENCE)
        two.find("volume-left lung").wait_for(timeout=PATIENCE)
        idle(two)
        two.find("show-report-lung-report").click(timeout=PATIENCE)
        two.find("report-close").wait_for(timeout=PATIENCE)
        assert not one.find("report-close").is_visible()
        two.find("report-close").click()
        with one.page.expect_download(timeout=PATIENCE):
            one.find("save-labels-nrrd").click(timeout=PATIENCE)
        two.page.wait_for_timeout(1000)
        assert [len(files) for files in saved.values()] == [1, 0]
        assert one.complaints == two.complaints == []


def test_a_cut_connection_is_mended_without_a_hand(chromium: Browser, address: str) -> None:
    context = chromium.new_context()
    page = context.new_page()
    sockets = []

    def between(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket(re.compile("/ws"), between)
    page.goto(address)
    slices = "[data-testid=slice-axial][data-loaded*='slice/']"
    page.wait_for_selector(slices, timeout=PATIENCE)
    page.evaluate("window.mark = 1")
    sockets[0].close()
    page.wait_for_function("window.mark === undefined", timeout=PATIENCE)  # it came anew
    page.wait_for_selector(slices, timeout=PATIENCE)
    before = page.evaluate(INDEX)
    page.get_by_test_id("slice-axial").focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_function(f"{INDEX} !== '{before}'", timeout=PATIENCE)
    assert len(sockets) == 2
    context.close()


def test_the_first_click_counts_however_late_the_connection_comes(
    chromium: Browser, scan: Path
) -> None:
    """No button is there before it can be heard: until then the page says that it starts."""
    page = chromium.new_context().new_page()
    unheard: list[Callable[[], None]] = []

    def late(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda said: unheard.append(lambda: server.send(said)))

    page.add_init_script(CLICK_AT_ONCE)
    page.route_web_socket(re.compile("/ws"), late)
    with served("serve", "--data-root", scan.parent) as address:
        page.goto(address, timeout=PATIENCE)
        page.wait_for_timeout(1500)
        assert page.get_by_role("status").inner_text() == "Starting ..."
        assert not page.get_by_role("button").count()
        deadline = time.monotonic() + PATIENCE / SECOND
        while not page.get_by_test_id("explorer").count():
            assert time.monotonic() < deadline, "the click led nowhere"
            page.wait_for_timeout(300)  # each word comes a third of a second late
            while unheard:
                unheard.pop(0)()
        page.context.close()


def test_a_server_that_ended_is_told(visit: Callable[[str], Any], scan: Path) -> None:
    with served("serve", scan) as address:
        opened = visit(address)
        seen = opened.__enter__()
        seen.wait_for_slices()
    seen.find("closed").wait_for(timeout=PATIENCE)
    assert "lost" in seen.find("closed").inner_text()
    opened.__exit__(None, None, None)


def test_a_page_left_alone_hides_the_scan(visit: Callable[[str], Any], scan: Path) -> None:
    with served("serve", scan, "--idle-minutes", "0.05") as address, visit(address) as seen:
        seen.wait_for_slices()
        seen.find("blanked").wait_for(timeout=PATIENCE)
        assert seen.find("blanked").is_visible()
        assert not seen.find("picture-axial").is_visible()
        seen.page.keyboard.press("Enter")  # the button has the focus
        seen.find("blanked").wait_for(state="detached")
        assert seen.find("picture-axial").is_visible()
        assert seen.complaints == []


def test_light_and_dark_are_remembered_and_pictures_stay_dark(
    visit: Callable[[str], Any], address: str
) -> None:
    with visit(address) as seen:
        seen.wait_for_slices()
        dark = brightness(seen, ".v3-panel")
        seen.find("theme").click()
        seen.page.wait_for_timeout(400)
        assert dark < 60
        assert brightness(seen, ".v3-panel") > 200
        assert brightness(seen, ".v3-slice") < 60
        seen.page.reload()
        seen.wait_for_slices()
        assert brightness(seen, ".v3-panel") > 200
        seen.find("open-other-scan").click()
        seen.page.reload()  # the start page once stayed dark, its titles white on white
        seen.find("open-phantom").wait_for()
        assert brightness(seen, ".v3-start") > 200
        assert darkness_of_text(seen, "[data-testid=open-phantom] b") > 150
        seen.find("go-back").click()
        assert seen.complaints == []


def darkness_of_text(seen: Visit, selector: str) -> float:
    """How dark an element's text is, 0 to 255."""
    color = seen.page.evaluate(
        "(selector) => getComputedStyle(document.querySelector(selector)).color", selector
    )
    return 255 - sum(float(part) for part in re.findall(r"[\d.]+", color)[:3]) / 3


def brightness(seen: Visit, selector: str) -> float:
    """How bright the background behind an element is, 0 to 255."""
    color = seen.page.evaluate(
        """(selector) => {
            const color = (one) => getComputedStyle(one).backgroundColor;
            let one = document.querySelector(selector);
            while (color(one) === "rgba(0, 0, 0, 0)") one = one.parentElement;
            return color(one);
        }""",
        selector,
    )
    return float(np.mean([float(part) for part in re.findall(r"[\d.]+", color)[:3]]))


def test_everything_is_reached_by_keyboard_and_has_a_name(
    visit: Callable[[str], Any], address: str
) -> None:
    with visit(address) as seen:
        seen.wait_for_slices()
        nameless = seen.page.evaluate(
            """() => [...document.querySelectorAll(
                'button, input, [role=slider], [role=separator], [role=application], select')]
                .filter((element) => element.offsetParent !== null || element.ownerSVGElement)
                .filter((element) => !(element.getAttribute('aria-label')
                    || element.textContent.trim() || element.title
                    || element.labels?.length || element.getAttribute('aria-labelledby')))
                .map((element) => element.outerHTML.slice(0, 160))"""
        )
        assert nameless == []
        reached = set()
        for _ in range(90):
            seen.page.keyboard.press("Tab")
            reached.add(
                seen.page.evaluate(
                    "document.activeElement.closest('[data-testid]')?.dataset.testid"
                )
            )
        for name in ("slice-axial", "window-bone", "histogram-low", "split-x", "theme", "help"):
            assert name in reached, name


@pytest.mark.parametrize("size", [(1280, 720), (1024, 768), (820, 1180)])
def test_the_page_fits_small_screens(
    chromium: Browser, address: str, size: tuple[int, int]
) -> None:
    width, height = size
    context = chromium.new_context(viewport={"width": width, "height": height}, has_touch=True)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("[data-testid=slice-sagittal][data-loaded*='slice/']")
    overflow = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    assert overflow[0] <= width
    assert overflow[1] <= height
    for name in ("slice-axial", "slice-coronal", "slice-sagittal", "view-3d"):
        box = page.get_by_test_id(name).bounding_box()
        assert box is not None
        assert box["width"] > 180
        assert box["height"] > 180
        assert box["x"] + box["width"] <= width + 1
    context.close()


def test_tls_carries_the_page_and_its_websocket(
    chromium: Browser, scan: Path, tmp_path: Path
) -> None:
    need(which("openssl") is not None, "openssl: `apt-get install openssl`")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    where = ["-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2"]
    subprocess.run([*made, *where, "-subj", "/CN=localhost"], check=True, capture_output=True)
    program = [sys.executable, "-m", "vis3d_cli", "serve", str(scan), "--no-browser"]
    tls = ["--tls-cert", str(cert), "--tls-key", str(key), "--allow-remote"]
    process = subprocess.Popen(
        [*program, *tls, "--host", "0.0.0.0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path)},
    )
    assert process.stdout is not None
    try:
        found = re.fullmatch(
            r"Serving on https://\S+:(\d+)/\?(\S+)\n", process.stdout.readline()
        )
        assert found is not None
        context = chromium.new_context(ignore_https_errors=True)
        page = context.new_page()
        page.goto(f"https://127.0.0.1:{found[1]}/?{found[2]}")
        page.wait_for_selector(
            "[data-testid=slice-axial][data-loaded*='slice/']", timeout=PATIENCE
        )
        (cookie,) = context.cookies()
        assert cookie["secure"]
        stranger = chromium.new_context(ignore_https_errors=True).request
        root = f"https://127.0.0.1:{found[1]}/"
        assert stranger.get(root).status == 403
        evil = {"Host": "evil.example"}
        assert stranger.get(f"{root}?{found[2]}", headers=evil).status == 403
        context.close()
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
