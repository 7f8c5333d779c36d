"""The explorer in headless Chromium: opening, stepping, windowing, turning, correcting, memory.

Seconds count from the command, milliseconds from the page's own event to the drawn picture.
The scan is the real chest of 275 slices from ../shared/data (or `VIS3D_TEST_DATA`), else the
phantom at the same size. `VIS3D_SCAN` names any other one.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import TypeAlias

from playwright.sync_api import Page, sync_playwright

from benchmarks.explorer_page import (
    COUNT_FRAMES,
    FINE,
    IDLE,
    LONG_TASKS,
    REWINDOW,
    SHOWN_3D,
    SLICES,
    STEP,
    WATCH_STROKE,
)
from benchmarks.in_browser import PATIENCE_MS, box_of, chromium, drag, new_page, running
from benchmarks.scans import CHEST

STEPS = 60
STROKES = 8
Span: TypeAlias = tuple[float, float]
"""From when to when, in seconds since 1970."""
VOXELS_MB = 137.5
"""The real chest's voxels: 512 x 512 x 275 of two bytes."""

AIMS = {
    "command to first slice": 6.0,
    "scan picked to first slice": 3.0,
    "scan picked to 3D": 5.0,
    "slice step": 30.0,
    "re-window of three planes": 40.0,
    "3D drag of the volume": 12.0,
    "3D drag of the surfaces": 15.0,
    "updates of a stroke": 20.0,
    "stroke to slice": 100.0,
    "stroke to 3D": 500.0,
    "event loop held in the 3D drags": 50.0,
    "page held, longest task after it opened": 50.0,
    "steady memory": 3 * VOXELS_MB + 400,
}
"""At most so many seconds, ms (nine times of ten) or MiB, at least so many a second: the
explorer on two cores without a GPU. By the first words of what was measured."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        scan = _scan(Path(folder))
        print(f"\n{scan.name}; load {os.getloadavg()[0]:.1f}")
        browser = chromium(playwright)
        log = Path(folder) / "held.jsonl"
        started = time.perf_counter()
        with _served(log, str(scan)) as (address, process):
            page = new_page(browser)
            page.add_init_script(f"({LONG_TASKS})()")
            page.goto(address)
            _given(page, started)
            drags = [_looking(page)]
            _memory(page, process.pid, "steady memory, scan open")
            drags.append(_working(page))
            _memory(page, process.pid, "steady memory, lungs, airways and bones found")
            _held(log, page, drags)
            page.close()
        with _served(log, "--data-root", str(scan.parent)) as (address, _):
            page = new_page(browser)
            page.goto(address)
            _picked(page, scan.name)
        browser.close()


def _given(page: Page, started: float) -> None:
    page.wait_for_function(SLICES, timeout=PATIENCE_MS)
    _say("command to first slice", time.perf_counter() - started, "s")
    page.wait_for_function(SHOWN_3D, timeout=PATIENCE_MS)
    _say("command to 3D", time.perf_counter() - started, "s")
    page.wait_for_function(FINE, timeout=PATIENCE_MS)
    _say("command to fine 3D", time.perf_counter() - started, "s")
    page.wait_for_timeout(2000)
    page.evaluate("window.longTasks = []")  # those of the start are no freeze


def _picked(page: Page, name: str) -> None:
    page.get_by_test_id(f"entry-{name}").wait_for()
    started = time.perf_counter()
    page.get_by_test_id(f"open-{name}").click(force=True)
    page.wait_for_function(SLICES, timeout=PATIENCE_MS)
    _say("scan picked to first slice", time.perf_counter() - started, "s")
    page.wait_for_function(SHOWN_3D, timeout=PATIENCE_MS)
    _say("scan picked to 3D", time.perf_counter() - started, "s")
    page.wait_for_function(FINE, timeout=PATIENCE_MS)
    _say("scan picked to fine 3D", time.perf_counter() - started, "s")


def _looking(page: Page) -> Span:
    _spread("slice step", page.evaluate(STEP, STEPS))
    _spread("re-window of three planes", page.evaluate(REWINDOW, STEPS))
    return _drag(page, "3D drag of the volume")


def _working(page: Page) -> Span:
    started = time.perf_counter()
    page.get_by_test_id("segment").first.click()
    page.get_by_test_id("structure-bones").wait_for(timeout=PATIENCE_MS)
    _idle(page)
    _say("lungs, airways and bones found and drawn", time.perf_counter() - started, "s")
    page.wait_for_function(FINE, timeout=PATIENCE_MS)
    dragged = _drag(page, "3D drag of the surfaces")
    for name in ("bones", "left lung"):
        _strokes(page, name)
    return dragged


def _strokes(page: Page, structure: str) -> None:
    """Strokes of a brush over the axial slice, each until slice and 3D show it."""
    page.get_by_test_id("hand-tool-brush").click()
    page.get_by_test_id("hand-structure").select_option(label=structure)
    page.get_by_test_id("layout-grid").click()
    page.wait_for_timeout(500)
    box = box_of(page.get_by_test_id("picture-axial"))
    rates, slices, pictures = [], [], []
    for n in range(STROKES):
        page.wait_for_function(FINE, timeout=PATIENCE_MS)
        _idle(page)
        page.evaluate(WATCH_STROKE)
        x, y = box["x"] + box["width"] * 0.35, box["y"] + box["height"] * (0.3 + 0.05 * n)
        page.mouse.move(x, y)
        page.mouse.down()
        started, moves = time.perf_counter(), 0
        while time.perf_counter() - started < 1.0:
            moves += 1
            page.mouse.move(x + 1.5 * moves % (0.3 * box["width"]), y + moves % 3)
        page.mouse.up()
        page.wait_for_function(
            "stroke.up && stroke.slices.some((at) => at > stroke.up)"
            " && stroke.pictures.some((at) => at > stroke.up)",
            timeout=PATIENCE_MS,
        )
        seen = page.evaluate("window.stroke")
        drawn = [at for at in seen["drawn"] if at < seen["up"]]
        frames = len({round(at / 8) for at in drawn})
        rates.append(1000 * frames / max(drawn[-1] - drawn[0], 1.0))
        slices.append(next(at for at in seen["slices"] if at > seen["up"]) - seen["up"])
        pictures.append(next(at for at in seen["pictures"] if at > seen["up"]) - seen["up"])
    page.keyboard.press("Escape")
    _say(f"updates of a stroke over {structure}, slowest of {STROKES}", min(rates), "1/s")
    _spread(f"stroke to slice, {structure}", slices)
    _spread(f"stroke to 3D, {structure}", pictures)


def _idle(page: Page) -> None:
    for _ in range(2):  # a piece of work may follow another
        page.wait_for_timeout(200)
        page.wait_for_function(IDLE, timeout=PATIENCE_MS)


def _scan(folder: Path) -> Path:
    """The scan to open: a person's, the real chest, or a phantom of its size."""
    if named := os.environ.get("VIS3D_SCAN"):
        return Path(named)
    if CHEST.is_file():
        return CHEST
    shape = ["--shape", "275,512,512", "--spacing", "0.75,0.75,1.25"]
    subprocess.run(
        [sys.executable, "-m", "vis3d_cli", "phantom", str(folder / "scan"), *shape], check=True
    )
    return folder / "scan"


@contextmanager
def _served(log: Path, *arguments: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    watched = [sys.executable, "-m", "benchmarks.watched", str(log)]
    with tempfile.TemporaryDirectory() as state:
        environment = os.environ | {"XDG_STATE_HOME": state}
        command = [*watched, "serve", *arguments, "--no-browser"]
        with running(command, environment) as started:
            yield started


def _drag(page: Page, what: str) -> Span:
    """Frames a second while the picture is turned by hand; from when to when that was."""
    page.evaluate(COUNT_FRAMES)
    began = time.time()
    frames = drag(page, box_of(page.get_by_test_id("view-3d")), "window.frames3d")
    ended = time.time()
    _say(what, frames, "frames/s")
    page.wait_for_timeout(1500)
    return began, ended


def _held(log: Path, page: Page, drags: list[Span]) -> None:
    """For how long the server's event loop and the page were held at most.

    Less the wait for a core, which the browser beside it may have had.
    """
    held = [json.loads(line) for line in log.read_text().splitlines()]
    for one in held:
        one["running_ms"] = one["held_ms"] - one["queued_ms"]
    held.sort(key=lambda one: -one["running_ms"])
    dragged = [one for one in held if any(a < one["began"] < b for a, b in drags)]
    for what, some in (("in the 3D drags", dragged), ("since the command", held)):
        longest = max((one["running_ms"] for one in some), default=0.0)
        _say(f"event loop held {what}, longest, less the wait for a core", longest, "ms")
        over = [sum(one[key] > 50 for one in some) for key in ("running_ms", "held_ms")]
        print(f"             {over[0]} times over 50 ms, {over[1]} with the wait")
        for one in some[:5]:
            at = " < ".join(reversed(one["at"][-4:]))
            print(
                f"             held {one['held_ms']:.0f}, waited {one['queued_ms']:.0f}, the"
                f" loop computed {one['own_ms']:.0f}, all threads {one['all_ms']:.0f} ms: {at}"
            )
    tasks = page.evaluate("window.longTasks")
    _say("page held, longest task after it opened", max(tasks, default=0.0), "ms")
    print(f"             {len(tasks)} tasks over 50 ms")


def _memory(page: Page, pid: int, what: str) -> None:
    """What the server holds once it has rested a while, libraries included (Linux)."""
    page.wait_for_timeout(4000)
    status = Path(f"/proc/{pid}/status")
    if status.is_file():
        mib = {
            name: int(kib) / 1024
            for name, kib in re.findall(r"(VmRSS|VmHWM):\s+(\d+)", status.read_text())
        }
        _say(what, mib["VmRSS"], "MiB")
        _say("memory at most until then", mib["VmHWM"], "MiB")


def _spread(what: str, took_ms: list[float]) -> None:
    p90 = quantiles(took_ms, n=10)[8]
    print(f"  {median(took_ms):7.1f} ms  {what}, median; p90 {p90:.1f}{_aim(what)}")


def _say(what: str, value: float, unit: str) -> None:
    print(f"  {value:7.1f} {unit}  {what}{_aim(what)}")


def _aim(what: str) -> str:
    return next((f" (aim {aim:g})" for name, aim in AIMS.items() if what.startswith(name)), "")


if __name__ == "__main__":
    main()
