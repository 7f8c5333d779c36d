"""Memory that a closed scan leaves is the system's again, not kept for the next one."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from vis3d_viewer import memory_use

FRAGMENTED = """
import re
from pathlib import Path
import numpy as np
from vis3d_viewer import memory_use

def used_mb():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

{first}
before = used_mb()
for size in (20, 6, 12):  # MB; small things between them stay
    kept = []
    arrays = []
    for n in range(20):
        arrays.append(np.ones(size << 20, np.uint8))
        kept.append(bytes(100_000))
    del arrays
    memory_stays = kept
print(used_mb() - before)
"""


def grown_mb(first: str) -> float:
    script = FRAGMENTED.format(first=first)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.skipif(
    not Path("/proc/self/status").is_file(), reason="no /proc to measure memory by"
)
def test_large_arrays_go_back_to_the_system() -> None:
    assert grown_mb("memory_use.give_large_arrays_back()") < 20 < grown_mb("pass")


def test_tidying_is_left_out_once_the_program_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_use, "REST_S", 0.0)
    complaints: list[object] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        memory_use.Tidying().soon()
        await loop.shutdown_default_executor()
        await asyncio.sleep(0.02)

    asyncio.run(work())
    assert not complaints


def test_tidying_waits_until_nothing_was_done_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tidied: list[str] = []
    monkeypatch.setattr(memory_use, "REST_S", 0.1)
    monkeypatch.setattr(memory_use, "give_back", lambda: tidied.append("once"))

    async def work() -> None:
        tidying = memory_use.Tidying()
        for _ in range(4):
            tidying.soon()
            await asyncio.sleep(0.02)
        assert not tidied
        await asyncio.sleep(0.5)

    asyncio.run(work())
    assert tidied == ["once"]
