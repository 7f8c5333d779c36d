"""The heaps of the C library."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from vis3d.allocator import give_back_memory, share_one_heap

CODE = """
import sys, threading
import numpy as np
from vis3d.allocator import give_back_memory, share_one_heap
def resident_mib():
    return int(open("/proc/self/statm").read().split()[1]) * 4 // 1024
if sys.argv[1] == "share":
    share_one_heap()
np.ones(1_900_000)  # freed: from now on as much comes from a heap
before = resident_mib()
ready = threading.Barrier(4)
last = []
def work():
    ready.wait()
    large = [np.ones(250_000) for _ in range(10)]
    ready.wait()
    last.append(np.ones(100))  # lies above
    large.clear()
    ready.wait()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
if sys.argv[1] == "share":
    give_back_memory()
print(resident_mib() - before)
"""


def test_nothing_is_asked_of_other_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vis3d.allocator._glibc", lambda: None)
    share_one_heap()
    give_back_memory()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps such heaps")
def test_threads_leave_less_behind_in_one_heap_that_is_trimmed() -> None:
    left = {}
    for how in ("share", "as it is"):
        command = [sys.executable, "-c", CODE, how]
        environment = {k: v for k, v in os.environ.items() if k != "MALLOC_ARENA_MAX"}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        )
        left[how] = int(done.stdout)
    assert left["share"] <= left["as it is"]


FRAGMENTED = """
import re
from pathlib import Path
import numpy as np
from vis3d.allocator import give_large_arrays_back

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
    assert grown_mb("give_large_arrays_back()") < 20 < grown_mb("pass")
