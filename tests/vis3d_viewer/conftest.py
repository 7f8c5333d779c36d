"""The explorer as a person meets it: the real command, a real Chromium."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from vis3d_viewer.study import Study
from vis3d_viewer.workbench import Workbench

from tests.needs import need
from tests.vis3d_viewer.desks import PlainDesk
from tests.vis3d_viewer.scans import blob_scan

SECOND = 1000.0
PATIENCE = 90 * SECOND
"""For what takes seconds here and may take much longer on a busy machine of two cores."""

CLICK = 30 * SECOND
"""For what should be there at once."""

FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright."""
    program = shutil.which("chromium")
    need(program is not None, "chromium: `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def served(*arguments: str | Path, first: str = "") -> Iterator[str]:
    """The address of `vis3d serve ...` or `vis3d demo ...`; ends it with Ctrl-C.

    `first` is Python that is run there before, to make a machine small or slow.
    """
    start = f"{first}\nfrom vis3d_cli.main import main; raise SystemExit(main())"
    command = [sys.executable, "-c", start, *map(str, arguments), "--no-browser"]
    # Recent scans are remembered in a folder of the test's own.
    with tempfile.TemporaryDirectory() as state:
        yield from _running(command, os.environ | {"XDG_STATE_HOME": state})


def _running(command: list[str], environment: dict[str, str]) -> Iterator[str]:
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"Serving on (http://127\.0\.0\.1:\d+/\?\S{16,})\n", line)
        assert found, line + process.stderr.read()
        yield found[1]
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130, errors
        assert "Traceback" not in errors, errors


@dataclass
class Visit:
    """One page, and what it complained of."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def find(self, name: str) -> Any:
        """The element that has this test id."""
        return self.page.get_by_test_id(name)

    def switch(self, name: str, *, on: bool) -> None:
        """Turn a switch on or off; a panel that grows can move it away under the click."""
        box = self.find(name).locator("input")
        for _ in range(3):
            if box.is_checked() == on:
                return
            box.click()
            self.page.wait_for_timeout(300)
        assert box.is_checked() == on

    def wait_for_slices(self) -> None:
        """Until all three slices are drawn."""
        for plane in ("axial", "coronal", "sagittal"):
            self.page.wait_for_selector(
                f'[data-testid=slice-{plane}][data-loaded*="slice/"]', timeout=PATIENCE
            )

    def wait_for_3d(self) -> None:
        """Until the 3D view is at rest and fine."""
        self.page.wait_for_selector(
            '[data-testid=view-3d][data-state="fine"]', timeout=PATIENCE
        )

    def wait_until(self, expression: str) -> None:
        """Until a JavaScript expression holds."""
        self.page.wait_for_function(expression, timeout=PATIENCE)


def complaint(said: ConsoleMessage) -> str:
    """What the page's console says, and of which address."""
    return f"{said.text} ({said.location.get('url', '')})"


@pytest.fixture(scope="module")
def visit(chromium: Browser) -> Callable[[str], Any]:
    """Opens an address in a browser of its own: `with visit(address) as seen: ...`."""

    @contextmanager
    def opened(address: str) -> Iterator[Visit]:
        context = chromium.new_context(viewport={"width": 1280, "height": 720})
        page = context.new_page()
        page.set_default_timeout(CLICK)
        seen = Visit(page, address)
        page.on(
            "console",
            lambda said: said.type == "error" and seen.complaints.append(complaint(said)),
        )
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.goto(address, timeout=PATIENCE)
        yield seen
        context.close()

    return opened


@pytest.fixture
def desk(tmp_path: Path) -> PlainDesk:
    """A desk with the bright blob's scan open, without server or browser."""
    return PlainDesk(Study(blob_scan()), tmp_path)


@pytest.fixture
def bench(desk: PlainDesk) -> Workbench:
    """The desk's workbench, nothing done on it yet."""
    bench = Workbench(desk)
    assert desk.study is not None
    bench.open(desk.study)
    return bench
