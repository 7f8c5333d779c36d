"""What the benchmarks in Chromium share: the server, the browser, the hand."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from playwright.sync_api import Browser, Locator, Page, Playwright

PATIENCE_MS = 120_000
DRAG_S = 4.0

FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)


def chromium(playwright: Playwright) -> Browser:
    """A browser without a window; `CHROMIUM` names another one than Debian's."""
    program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    return playwright.chromium.launch(executable_path=program, args=list(FLAGS))


def new_page(browser: Browser) -> Page:
    """A page of the size of a small laptop's."""
    return browser.new_page(viewport={"width": 1280, "height": 720})


@contextmanager
def running(
    command: list[str], environment: dict[str, str]
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The address that a command prints, and its process; ended with Ctrl-C."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        found = re.search(r"http\S+", process.stdout.readline())
        assert found is not None
        yield found[0], process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def box_of(place: Locator) -> dict[str, float]:
    """Where an element stands on the page."""
    box = place.bounding_box()
    assert box is not None
    return {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}


def drag(page: Page, box: Mapping[str, float], counted: str) -> float:
    """Turn what is seen in a box by hand; how often a second `counted` (JavaScript) grew."""
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    started, n = time.perf_counter(), 0
    while time.perf_counter() - started < DRAG_S:
        n += 1
        page.mouse.move(x + 80 * ((n % 60) / 30 - 1), y + 20 * ((n % 40) / 20 - 1))
        page.wait_for_timeout(10)
    count: float = page.evaluate(counted)
    seconds = time.perf_counter() - started
    page.mouse.up()
    return count / seconds
