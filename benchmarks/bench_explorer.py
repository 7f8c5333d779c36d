"""The explorer in headless Chromium: opening, stepping, windowing, turning, memory.

Seconds count from the command, milliseconds from the page's own event to the drawn picture.
The scan is the real chest of 275 slices where `VIS3D_DATA` names a folder that has it, else
the phantom at the same size. `VIS3D_SCAN` names any other one.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from playwright.sync_api import Page, sync_playwright

STEPS = 60
DRAG_S = 4.0
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)

STEP = """async (steps) => {
    const view = document.querySelector('[data-testid=slice-axial]');
    const canvas = view.querySelector('canvas');
    const took = [];
    for (let n = 0; n < steps; n++) {
        const before = canvas.dataset.index, start = performance.now();
        const deltaY = n % 20 < 10 ? 120 : -120;
        const how = { deltaY, bubbles: true, cancelable: true };
        view.dispatchEvent(new WheelEvent("wheel", how));
        await new Promise((done) => {
            const look = () => (canvas.dataset.index !== before ? done() : setTimeout(look, 0));
            look();
        });
        took.push(performance.now() - start);
        await new Promise((done) => setTimeout(done, 30));
    }
    return took;
}"""

REWINDOW = """async (steps) => {
    const views = ['axial', 'coronal', 'sagittal'].map(
        (plane) => document.querySelector(`[data-testid=slice-${plane}]`));
    const send = (type, x, y) => views[0].dispatchEvent(new PointerEvent(type, {
        clientX: x, clientY: y, button: 0, buttons: 1, pointerId: 1, bubbles: true }));
    views[0].setPointerCapture = () => {};
    const box = views[0].getBoundingClientRect();
    const x = box.left + box.width / 2, y = box.top + box.height / 2;
    send('pointerdown', x, y);
    send('pointermove', x + 20, y);
    await new Promise((done) => setTimeout(done, 300));
    const took = [];
    for (let n = 0; n < steps; n++) {
        const before = views.map((view) => view.querySelector('canvas').dataset.src);
        const start = performance.now();
        send('pointermove', x + 24 + 4 * (n % 15), y + 3 + n % 7);
        await new Promise((done) => {
            const look = () => (
                views.every((view, n) => view.querySelector('canvas').dataset.src !== before[n])
                    ? done() : setTimeout(look, 0));
            look();
        });
        took.push(performance.now() - start);
        await new Promise((done) => setTimeout(done, 30));
    }
    send('pointerup', x, y);
    return took;
}"""

COUNT_FRAMES = """() => {
    const image = document.querySelector('[data-testid=view-3d] img');
    window.frames3d = 0;
    new MutationObserver(() => { window.frames3d += 1; }).observe(
        image, { attributes: true, attributeFilter: ['src'] });
}"""

SLICES = "[...document.querySelectorAll('.v3-slice')].some((view) => view.dataset.loaded)"
FINE = "document.querySelector('[data-testid=view-3d]')?.dataset.state === 'fine'"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        scan = _scan(Path(folder))
        print(f"\n{scan.name}; load {os.getloadavg()[0]:.1f}")
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=list(FLAGS),
        )
        started = time.perf_counter()
        with _served(str(scan)) as (address, process):
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(address)
            page.wait_for_function(SLICES, timeout=120_000)
            _say("command to first slice", time.perf_counter() - started, "s", 6)
            page.wait_for_function(FINE, timeout=120_000)
            _say("command to fine 3D", time.perf_counter() - started, "s", 11)
            page.wait_for_timeout(2000)
            _spread("slice step", page.evaluate(STEP, STEPS), 30)
            _spread("re-window of three planes", page.evaluate(REWINDOW, STEPS), 40)
            _drag(page)
            _memory(process.pid)
            page.close()
        with _served("--data-root", str(scan.parent)) as (address, _):
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(address)
            page.get_by_test_id(f"entry-{scan.name}").wait_for()
            started = time.perf_counter()
            page.get_by_test_id(f"open-{scan.name}").click(force=True)
            page.wait_for_function(SLICES, timeout=120_000)
            _say("scan picked to first slice", time.perf_counter() - started, "s", 3)
            page.wait_for_function(FINE, timeout=120_000)
            _say("scan picked to fine 3D", time.perf_counter() - started, "s", 5)
        browser.close()


def _scan(folder: Path) -> Path:
    """The scan to open: a person's, the real chest, or a phantom of its size."""
    if named := os.environ.get("VIS3D_SCAN"):
        return Path(named)
    real = Path(os.environ.get("VIS3D_DATA", "")) / "lidc_idri_0314.zip"
    if real.is_file():
        return real
    shape = ["--shape", "275,512,512", "--spacing", "0.75,0.75,1.25"]
    subprocess.run(
        [sys.executable, "-m", "vis3d_cli", "phantom", str(folder / "scan"), *shape], check=True
    )
    return folder / "scan"


@contextmanager
def _served(*arguments: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    command = [sys.executable, "-m", "vis3d_cli", "serve", *arguments, "--no-browser"]
    with tempfile.TemporaryDirectory() as state:
        environment = os.environ | {"XDG_STATE_HOME": state}
        yield from _running(command, environment)


def _running(
    command: list[str], environment: dict[str, str]
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        found = re.search(r"http\S+", process.stdout.readline())
        assert found is not None
        yield found[0], process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _drag(page: Page) -> None:
    """Frames a second while the volume is turned by hand."""
    page.evaluate(COUNT_FRAMES)
    box = page.get_by_test_id("view-3d").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    started, n = time.perf_counter(), 0
    while time.perf_counter() - started < DRAG_S:
        n += 1
        page.mouse.move(x + 80 * ((n % 60) / 30 - 1), y + 20 * ((n % 40) / 20 - 1))
        page.wait_for_timeout(10)
    frames = page.evaluate("window.frames3d")
    seconds = time.perf_counter() - started
    page.mouse.up()
    _say("3D drag of the volume", frames / seconds, "frames/s", 12)


def _memory(pid: int) -> None:
    status = Path(f"/proc/{pid}/status")
    if status.is_file():
        kib = re.search(r"VmRSS:\s+(\d+)", status.read_text())
        assert kib is not None
        _say("steady memory", int(kib[1]) / 1024, "MiB")


def _spread(what: str, took_ms: list[float], aim_ms: float) -> None:
    tenths = quantiles(took_ms, n=10)
    print(f"  {median(took_ms):7.1f} ms  {what}, median; p90 {tenths[8]:.1f} (aim {aim_ms})")


def _say(what: str, value: float, unit: str, aim: float | None = None) -> None:
    print(f"  {value:7.1f} {unit}  {what}" + (f" (aim {aim})" if aim else ""))
