"""Minutes of random use: no error anywhere, and no memory that is never given back."""

import os
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.vis3d_viewer.conftest import Visit, served

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MINUTES = float(os.environ.get("VIS3D_MONKEY_MINUTES", "10"))
SEED = int(os.environ.get("VIS3D_MONKEY_SEED", "0"))
WARM_UP = 0.3
"""After this share of the time all that is kept on purpose has been made."""

SERVER_MAY_GROW_MB = 120
PAGE_MAY_GROW_MB = 40

KEYS = "r 1 2 3 4 5 6 7 8 9 + - [ ] ArrowUp ArrowDown PageUp PageDown Home End Enter Escape"
LEFT_ALONE = ("stl-", "export", "save", "report", "pick-", "open-other-scan", "delete", "help")
"""What leaves the page, or asks for a file."""


def test_random_use_leaves_no_error_and_no_growth(visit: Callable[[str], Any]) -> None:
    chance = random.Random(SEED)
    with served("demo", "--no-segment") as address, visit(address) as seen:
        seen.wait_for_slices()
        seen.wait_for_3d()
        server = server_pid()
        start = time.monotonic()
        warm: tuple[float, float] | None = None
        done: list[str] = []
        while (passed := time.monotonic() - start) < 60 * MINUTES:
            act = chance.choice((wheel, drag, drag, press, press, click, click, control))
            done.append(f"{act.__name__} {act(seen, chance)}")
            assert seen.complaints == [], done[-20:]
            if warm is None and passed > WARM_UP * 60 * MINUTES:
                warm = used_mb(seen, server)
        assert warm is not None
        seen.find("layout-grid").click()
        seen.wait_for_slices()
        seen.page.wait_for_timeout(3000)  # 3D needn't rest: its turntable may be on
        now = used_mb(seen, server)
        told = f"after {len(done)} actions: server, page {warm} -> {now} MB"
        assert now[0] - warm[0] < SERVER_MAY_GROW_MB, told
        assert now[1] - warm[1] < PAGE_MAY_GROW_MB, told


def wheel(seen: Visit, chance: random.Random) -> str:
    x, y = somewhere(seen, chance)
    seen.page.mouse.move(x, y)
    seen.page.mouse.wheel(0, chance.choice((-360, -120, 120, 360)))
    return f"at {x:.0f} {y:.0f}"


def drag(seen: Visit, chance: random.Random) -> str:
    (x, y), (x1, y1) = somewhere(seen, chance), somewhere(seen, chance)
    button: Any = chance.choice(("left", "left", "middle", "right"))
    seen.page.mouse.move(x, y)
    seen.page.mouse.down(button=button)
    seen.page.mouse.move(x1, y1, steps=chance.randint(2, 8))
    if chance.random() < 0.1:
        seen.page.keyboard.press("Escape")
    seen.page.mouse.up(button=button)
    return f"{button} {x:.0f} {y:.0f} to {x1:.0f} {y1:.0f}"


def press(seen: Visit, chance: random.Random) -> str:
    key = chance.choice(KEYS.split())
    seen.page.keyboard.press(key)
    return key


def click(seen: Visit, chance: random.Random) -> str:
    x, y = somewhere(seen, chance)
    seen.page.mouse.click(x, y, click_count=chance.choice((1, 1, 1, 2)))
    return f"{x:.0f} {y:.0f}"


def control(seen: Visit, chance: random.Random) -> str:
    """Use one of the buttons, switches and sliders in sight."""
    names = seen.page.evaluate(
        """() => [...document.querySelectorAll(
            '.v3-bar [data-testid], .v3-panel [data-testid], .v3-sides [data-testid]')]
            .filter((element) => element.offsetParent && !element.disabled)
            .map((element) => element.dataset.testid)"""
    )
    usable = [name for name in names if not name.startswith(LEFT_ALONE)]
    if not usable:
        return "nothing"
    name = str(chance.choice(usable))
    seen.page.evaluate(
        """(name) => {
            const all = document.querySelector(`[data-testid="${name}"]`);
            const input = all?.matches('input') ? all : all?.querySelector?.('input');
            if (input?.type === 'range') {
                input.value = Number(input.min) + Math.random() * (input.max - input.min);
                input.dispatchEvent(new Event('input', { bubbles: true }));
            } else (input?.type === 'checkbox' ? input : all)?.click?.();
        }""",
        name,
    )
    return name


def somewhere(seen: Visit, chance: random.Random) -> tuple[float, float]:
    """A place in the views."""
    box = seen.find("views").bounding_box() or {"x": 300, "y": 60, "width": 900, "height": 600}
    x = box["x"] + chance.uniform(0.02, 0.98) * box["width"]
    return x, box["y"] + chance.uniform(0.08, 0.98) * box["height"]


def server_pid() -> int:
    """The process of the server that this test started."""
    for folder in Path("/proc").iterdir():
        try:
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == os.getpid() and b"vis3d_cli" in (folder / "cmdline").read_bytes():
                return int(folder.name)
        except (OSError, ValueError, IndexError):
            continue
    pytest.skip("This system has no /proc to measure memory by.")


def used_mb(seen: Visit, server: int) -> tuple[float, float]:
    """Memory of the server and of the page's objects, in MB."""
    session = seen.page.context.new_cdp_session(seen.page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = session.send("Performance.getMetrics")["metrics"]
    session.detach()
    heap = next(one["value"] for one in metrics if one["name"] == "JSHeapUsedSize")
    told = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server}/status").read_text())
    assert told is not None
    return int(told[1]) / 1024, heap / 1e6
