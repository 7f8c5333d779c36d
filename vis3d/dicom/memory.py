"""How much memory a volume may take."""

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
    known = [free for free in (_free_in_machine(), *map(_free_in_group, _GROUPS)) if free]
    return min(known, default=None)


def check_memory(shape: tuple[int, int, int], voxel_bytes: int, copies: int = 1) -> None:
    """Refuse a volume [k, j, i] that doesn't fit into the free memory.

    Raises:
        TooLargeError: with its size, and how many slices would fit.
    """
    nk, nj, ni = shape
    slice_bytes = nj * ni * voxel_bytes * copies
    free = free_bytes()
    if free is None or nk * slice_bytes <= free:
        return
    fitting = free // slice_bytes
    raise TooLargeError(
        f"A volume of {ni} x {nj} x {nk} voxels needs {nk * slice_bytes / 1e9:.1f} GB; "
        f"{free / 1e9:.1f} GB of memory are free. Load a part of it: slices=slice(A, B) "
        f"(--slices A:B) with at most {fitting} slices."
    )


def _free_in_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, IndexError):
        return None
    return int(kilobytes) * 1024


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
