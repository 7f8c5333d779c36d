"""The same files chosen in the browser: vis3d's explorer beside trame-slicer's Medical Viewer.

trame-slicer brings a VTK of its own, so it needs an environment of its own:
`pip install "trame-slicer[standalone]"` there, and `TRAME_SLICER_PYTHON` names its Python
(without "standalone" its viewer fails with "No module named 'slicer'"). The scan is the real
chest from ../shared/data, or `VIS3D_TEST_DATA`.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Page, TimeoutError, sync_playwright

from benchmarks.explorer_page import SHOWN_3D, SLICES
from benchmarks.in_browser import PATIENCE_MS, box_of, chromium, drag, new_page, running
from benchmarks.scans import CHEST

WATCH = """() => {
    window.drawn = [];
    window.since = performance.now();
    window.watching?.forEach((watch) => watch.disconnect());
    window.watching = [...document.querySelectorAll('img')].map((image) => {
        const watch = new MutationObserver(() => window.drawn.push(performance.now()));
        watch.observe(image, { attributes: true, attributeFilter: ['src'] });
        return watch;
    });
}"""
"""Notes each picture that the server sends."""

SHOWS_A_SCAN = """() => {
    const image = document.querySelector('img.display-area, img');
    if (!image?.naturalWidth) return false;
    const small = new OffscreenCanvas(64, 64).getContext('2d');
    small.drawImage(image, 0, 0, 64, 64);
    const values = small.getImageData(0, 0, 64, 64).data;
    let bright = 0;
    for (let n = 0; n < values.length; n += 4) bright += values[n] > 60;
    return bright > 0.1 * 64 * 64;
}"""
"""Whether the large view isn't as black any more as it is before a scan is there."""


def main() -> None:
    if not CHEST.is_file():
        print("Skipped: the real chest isn't at hand.")
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        with zipfile.ZipFile(CHEST) as archive:
            archive.extractall(folder)
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        print(f"\n{len(files)} files chosen in the browser; load {os.getloadavg()[0]:.1f}")
        browser = chromium(playwright)
        _ours(new_page(browser), files)
        if peer := os.environ.get("TRAME_SLICER_PYTHON"):
            _theirs(new_page(browser), files, peer)
        else:
            print("  trame-slicer skipped: TRAME_SLICER_PYTHON names no Python that has it.")
        browser.close()


def _ours(page: Page, files: list[Path]) -> None:
    command = [sys.executable, "-m", "vis3d_cli", "serve", "--no-browser"]
    with tempfile.TemporaryDirectory() as state:
        environment = os.environ | {"XDG_STATE_HOME": state}
        with running(command, environment) as (address, _):
            page.goto(address)
            page.get_by_test_id("start").wait_for()
            started = time.perf_counter()
            page.set_input_files("[data-testid=pick-files]", files)
            page.wait_for_function(SLICES, timeout=PATIENCE_MS)
            print(f"  vis3d: first slice {time.perf_counter() - started:.1f} s", end="")
            page.wait_for_function(SHOWN_3D, timeout=PATIENCE_MS)
            print(f", 3D {time.perf_counter() - started:.1f} s", end="", flush=True)
            page.wait_for_timeout(8000)
            box = box_of(page.get_by_test_id("view-3d"))
            print(_dragged(page, box))
            page.close()


def _theirs(page: Page, files: list[Path], python: str) -> None:
    with _medical_viewer(python) as address:
        page.goto(address)
        page.locator("img").first.wait_for(timeout=PATIENCE_MS)
        page.wait_for_timeout(5000)
        assert not page.evaluate(SHOWS_A_SCAN)
        started = time.perf_counter()
        page.locator("input[type=file]").first.set_input_files(files)
        page.wait_for_function(SHOWS_A_SCAN, timeout=3 * PATIENCE_MS)
        print(f"  trame-slicer: first picture {time.perf_counter() - started:.1f} s", end="")
        page.wait_for_timeout(8000)
        box = {"x": 661, "y": 66, "width": 618, "height": 210}  # its 3D view at 1280 x 720
        print(_dragged(page, box))
        page.close()


def _dragged(page: Page, box: Mapping[str, float]) -> str:
    """How the 3D view follows a hand that turns it, and when it does so first."""
    page.evaluate(WATCH)
    rate = drag(page, box, "window.drawn.length")
    try:
        page.wait_for_function("window.drawn.length > 0", timeout=PATIENCE_MS)
    except TimeoutError:
        return f", 3D drag {rate:.1f} pictures a second, none in {PATIENCE_MS // 1000} s"
    first_s = page.evaluate("window.drawn[0] - window.since") / 1000
    return f", 3D drag {rate:.1f} pictures a second, the first after {first_s:.2f} s"


@contextmanager
def _medical_viewer(python: str) -> Iterator[str]:
    """trame-slicer's viewer, on a display of software where there is no other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    module = "trame_slicer.app.medical_viewer_app"
    process = subprocess.Popen(
        [python, "-m", module, "--server", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"VTK_DEFAULT_OPENGL_WINDOW": "vtkOSOpenGLRenderWindow"} | os.environ,
    )
    address = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(240):
            with suppress(OSError):
                urllib.request.urlopen(address)
                break
            time.sleep(0.5)
        yield address
    finally:
        process.kill()  # it waits for its pages on any other signal
        process.wait(60)


if __name__ == "__main__":
    main()
