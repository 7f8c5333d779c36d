"""Minutes of random use: no error anywhere, and no memory that is never given back.

`VIS3D_MONKEY_MINUTES` says how long, `VIS3D_MONKEY_SEED` which way.
"""

import logging
import os
import random
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, TimeoutError

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.conftest import PATIENCE, SECOND, Visit, served
from tests.vis3d_viewer.scans import blob_scan
from vis3d import files

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.flaky(reruns=0)]

MINUTES = float(os.environ.get("VIS3D_MONKEY_MINUTES", "10"))
SEED = int(os.environ.get("VIS3D_MONKEY_SEED", "0"))
WARM_UP = 0.4
"""After this share of the time all that is kept on purpose has been made."""

SERVER_MAY_GROW_MB = 100
PAGE_MAY_GROW_MB = 40

KEYS = "r 1 2 3 4 5 6 7 8 9 + - [ ] ArrowUp ArrowDown PageUp PageDown Home End Enter Escape"
LEFT_ALONE = ("pick-", "labels-file", "forget-recent")
"""What opens a window of the browser's own, which waits for a person."""

VIEWS = """() => {
    const box = document.querySelector('[data-testid=views]')?.getBoundingClientRect();
    return box?.width ? { x: box.x, y: box.y, width: box.width, height: box.height } : null;
}"""

PAGES = ("start", "opening", "cards", "failed")
HAND = ("distance", "angle", "ellipse", "polygon", "brush", "eraser", "scissors")


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two small scans and what is none, to be sent now and then."""
    folder = tmp_path_factory.mktemp("sent")
    files.write_volume(blob_scan(), folder / "one.nii.gz")
    files.write_volume(blob_scan(oblique_geometry((12, 25, 33))), folder / "two.nrrd")
    (folder / "none.zip").write_bytes(b"PK\x03\x04 nothing of the kind")
    return sorted(folder.iterdir())


def test_random_use_leaves_no_error_and_no_growth(
    visit: Callable[[str], Any], scans: list[Path]
) -> None:
    chance = random.Random(SEED)
    often = (wheel, drag, drag, press, press, click, click, control, control, control, draw)
    with served("demo", "--no-segment") as address, visit(address) as seen:
        seen.wait_for_slices()
        seen.wait_for_3d()
        server = server_pid()
        start = time.monotonic()
        warm: tuple[float, float] | None = None
        done: list[str] = []
        while (passed := time.monotonic() - start) < 60 * MINUTES:
            rare = chance.random()
            if rare < 0.004:
                act: Any = again
            elif rare < 0.010:
                act = other_scan
            else:
                act = chance.choice(often)
            try:
                say = act(seen, chance, scans) if act is other_scan else act(seen, chance)
            except Error as error:
                error.add_note(f"{act.__name__} after {done[-8:]}")
                raise
            done.append(f"{act.__name__} {say}")
            assert not seen.complaints, f"{seen.complaints} after {done[-8:]}"
            if warm is None and passed > WARM_UP * 60 * MINUTES:
                to_the_phantom(seen)
                find_all(seen)
                to_the_phantom(seen)
                warm = used_mb(seen, server)
        assert warm is not None
        to_the_phantom(seen)
        now = used_mb(seen, server)
        told = f"seed {SEED}, {len(done)} actions: server, page {warm} -> {now} MB"
        logging.getLogger(__name__).warning(told)  # `pytest -rA` shows it where it passes too
        assert now[0] - warm[0] < SERVER_MAY_GROW_MB, told
        assert now[1] - warm[1] < PAGE_MAY_GROW_MB, told
        assert seen.complaints == []


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
    key = chance.choice((*KEYS.split(), "Control+z", "Control+Shift+z"))
    seen.page.keyboard.press(key)
    return key


def click(seen: Visit, chance: random.Random) -> str:
    x, y = somewhere(seen, chance)
    seen.page.mouse.click(x, y, click_count=chance.choice((1, 1, 1, 2)))
    return f"{x:.0f} {y:.0f}"


def draw(seen: Visit, chance: random.Random) -> str:
    """Take a tool into the hand and use it."""
    tool = chance.choice(HAND)
    button = seen.find(f"hand-tool-{tool}")
    if not button.count():
        return "no such tool"
    use(seen, f"hand-tool-{tool}")
    for _ in range(chance.randint(1, 3)):
        drag(seen, chance)
    return tool


def control(seen: Visit, chance: random.Random) -> str:
    """Use one of the buttons, switches, sliders and fields in sight."""
    names = seen.page.evaluate(
        """() => [...document.querySelectorAll('[data-testid]')]
            .filter((element) => element.offsetParent && !element.disabled)
            .map((element) => element.dataset.testid)"""
    )
    usable = [name for name in names if not name.startswith(LEFT_ALONE)]
    if not usable:
        return "nothing"
    name = str(chance.choice(usable))
    use(seen, name, chance.random())
    return name


def use(seen: Visit, name: str, share: float = 0.5) -> None:
    seen.page.evaluate(
        """([name, share]) => {
            const all = document.querySelector(`[data-testid="${name}"]`);
            const input = all?.matches('input') ? all : all?.querySelector?.('input');
            if (['range', 'number'].includes(input?.type)) {
                const low = Number(input.min || -500), high = Number(input.max || 500);
                input.value = low + share * (high - low);
                for (const type of ['input', 'change'])
                    input.dispatchEvent(new Event(type, { bubbles: true }));
            } else if (all?.matches('select')) {
                all.selectedIndex = Math.floor(share * all.options.length);
                all.dispatchEvent(new Event('change', { bubbles: true }));
            } else (input?.type === 'checkbox' ? input : all)?.click?.();
        }""",
        [name, share],
    )


def again(seen: Visit, chance: random.Random) -> str:
    """Load the page again, at any moment."""
    seen.page.reload(timeout=PATIENCE)
    pages = ".v3-bar, " + ", ".join(f"[data-testid={page}]" for page in PAGES)
    seen.page.locator(pages).first.wait_for(timeout=PATIENCE)
    # The page that was left may have been about to say something: trame-rca tells the console.
    seen.complaints[:] = [said for said in seen.complaints if "not open" not in said]
    return "loaded"


def other_scan(seen: Visit, chance: random.Random, scans: list[Path]) -> str:
    """Send a file, or open the phantom anew."""
    sent = chance.choice((None, *scans))
    start_page(seen)
    if sent is None:
        use(seen, "open-phantom")
    else:
        send(seen, sent)
    seen.page.wait_for_timeout(chance.choice((100, 1500, 4000)))
    return sent.name if sent else "phantom"


def send(seen: Visit, sent: Path) -> None:
    """Send a file; what was clicked just before may take the start page away meanwhile."""
    for _ in range(3):
        with suppress(TimeoutError):
            seen.page.set_input_files("[data-testid=pick-files]", sent, timeout=5 * SECOND)
            return
        start_page(seen)
    seen.page.set_input_files("[data-testid=pick-files]", sent)


def start_page(seen: Visit) -> None:
    """From wherever the page is."""
    for _ in range(60):
        if seen.find("start").is_visible():
            return
        for way in ("open-other-scan", "choose-other", "open-other", "cancel-opening"):
            if seen.find(way).count():
                use(seen, way)
        seen.page.wait_for_timeout(500)
    seen.find("start").wait_for(timeout=PATIENCE)


def to_the_phantom(seen: Visit) -> None:
    """The same state each time memory is measured: the phantom, nothing done to it."""
    with suppress(TimeoutError, Error):
        seen.page.keyboard.press("Escape")
    start_page(seen)
    use(seen, "open-phantom")
    seen.page.get_by_test_id("facts").get_by_text("CT").wait_for(timeout=PATIENCE)
    seen.wait_for_slices()
    seen.wait_for_3d()
    seen.find("job").wait_for(state="detached", timeout=PATIENCE)


def find_all(seen: Visit) -> None:
    """What takes most memory; the first time leaves some 80 MB, later times leave no more."""
    use(seen, "segment")
    seen.find("structure-bones").wait_for(state="attached", timeout=PATIENCE)
    seen.find("job").wait_for(state="detached", timeout=PATIENCE)
    use(seen, "show-emphysema")
    seen.page.wait_for_timeout(3000)
    seen.wait_for_3d()


def somewhere(seen: Visit, chance: random.Random) -> tuple[float, float]:
    """A place in the views."""
    box = seen.page.evaluate(VIEWS) or {"x": 300, "y": 60, "width": 900, "height": 600}
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
    """Memory of the server and of the page's objects, in MB, once it has come to rest."""
    used = [server_mb(server)]
    while len(used) < 30 and (len(used) < 5 or max(used[-3:]) - min(used[-3:]) > 2):
        seen.page.wait_for_timeout(2000)  # what is prepared unseen takes memory meanwhile
        used.append(server_mb(server))
    session = seen.page.context.new_cdp_session(seen.page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = session.send("Performance.getMetrics")["metrics"]
    session.detach()
    heap = next(one["value"] for one in metrics if one["name"] == "JSHeapUsedSize")
    return used[-1], heap / 1e6


def server_mb(server: int) -> float:
    """Memory of the server in MB."""
    told = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server}/status").read_text())
    assert told is not None
    return int(told[1]) / 1024
