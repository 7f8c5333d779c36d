"""How much memory a volume may take."""

import math
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vis3d.errors import TooLargeError


@dataclass(frozen=True)
class _Group:
    """Where a version of Linux control groups keeps its numbers."""

    folder: Path
    limit: str
    used: str
    cache: tuple[str, str]


_GROUPS = (
    _Group(
        Path("/sys/fs/cgroup"), "memory.max", "memory.current", ("active_file", "inactive_file")
    ),
    _Group(
        Path("/sys/fs/cgroup/memory"),
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        ("total_active_file", "total_inactive_file"),
    ),
)


def free_bytes() -> int | None:
    """The memory that is free for this process; None where the system doesn't say."""
    asked = (_free_in_machine(), _free_in_process(), *map(_free_in_group, _GROUPS))
    known = [free for free in asked if free]
    return min(known, default=None)


def check_memory(
    shape: Sequence[int],
    voxel_bytes: int,
    *,
    copies: int = 1,
    what: str = "A volume",
    advice: str = "",
) -> None:
    """Refuse an array of `shape` ([k, j, i], or with more axes before) that has no room.

    Raises:
        TooLargeError: with its size, how many of its first axis' parts would fit, and `advice`.
    """
    count, part_bytes = shape[0], math.prod(map(int, shape[1:])) * voxel_bytes * copies
    free = free_bytes()
    if free is None or count * part_bytes <= free:
        return
    sizes = " x ".join(str(size) for size in reversed(shape))
    raise TooLargeError(
        f"{what} of {sizes} voxels needs {count * part_bytes / 1e9:.1f} GB; "
        f"{free / 1e9:.1f} GB of memory are free, enough for {free // part_bytes} "
        f"of its {count} slices. "
        f"{advice}".rstrip()
    )


def fitting_share(shape: Sequence[int], voxel_bytes: int) -> float:
    """How many times as many voxels along each axis fit into the free memory (1 at most)."""
    free = free_bytes()
    needed = math.prod(map(int, shape)) * voxel_bytes
    return 1.0 if free is None or needed <= free else (free / needed) ** (1 / 3)


def _free_in_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, IndexError):
        return None
    return int(kilobytes) * 1024


def _free_in_process() -> int | None:
    """What a limit of this process' addresses (`ulimit -v`) leaves."""
    try:
        limits = Path("/proc/self/limits").read_text().splitlines()
        limit = int(next(line for line in limits if "Max address space" in line).split()[3])
        used = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, StopIteration, ValueError, IndexError):  # "unlimited", or no such files
        return None
    return max(1, limit - used * mmap.PAGESIZE)


def _free_in_group(group: _Group) -> int | None:
    """What a container may still take; its page cache is given back when needed."""
    try:
        limit = int((group.folder / group.limit).read_text())
        used = int((group.folder / group.used).read_text())
        lines = (group.folder / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):  # no such group, or "max": no limit
        return None
    cache = sum(int(n) for name, n in map(str.split, lines) if name in group.cache)
    return max(1, limit - used + cache)
