"""Scans that were opened before, by their paths: nothing from within them is kept."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

KEPT = 12


@dataclass(frozen=True)
class RecentScan:
    """A path that a person opened, which of its series, and how large that was."""

    path: str
    index: int
    facts: str


class RecentScans:
    """The list, in a file that only this user can read."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or user_state_path("vis3d") / "recent.json"

    def all(self) -> list[RecentScan]:
        """The scans that are still there, the latest first."""
        return [scan for scan in self._read() if Path(scan.path).exists()]

    def add(self, path: Path, index: int, facts: str) -> None:
        """Put a scan on top; where it can't be written, nothing is remembered."""
        scan = RecentScan(str(path.resolve()), index, facts)
        others = [one for one in self._read() if (one.path, one.index) != (scan.path, index)]
        self._write([scan, *others][:KEPT])

    def forget(self) -> None:
        """Empty the list."""
        with suppress(OSError):
            self._file.unlink()

    def _read(self) -> list[RecentScan]:
        try:
            rows = json.loads(self._file.read_text(encoding="utf-8"))
            return [_scan(row) for row in rows[:KEPT]]
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return []

    def _write(self, scans: list[RecentScan]) -> None:
        text = json.dumps([asdict(scan) for scan in scans])
        beside = self._file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside.touch(mode=0o600)
            beside.write_text(text, encoding="utf-8")
            beside.replace(self._file)


def _scan(row: dict[str, Any]) -> RecentScan:
    return RecentScan(str(row["path"]), int(row["index"]), str(row["facts"]))
