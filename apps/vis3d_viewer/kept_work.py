"""Work that is kept as it is done, in a private folder: it outlives a crash.

Files are named by a hash of the scan. They are kept for `DAYS`, no more than `MOST` of them
and `MOST_BYTES` together; the oldest go first.
"""

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path

from vis3d.errors import OutputError, Vis3dError
from vis3d.whole_file import reason
from vis3d_viewer.session import ScanMark, Session, Summary, read_summary, write_session

DAYS = 30.0
MOST = 20
MOST_BYTES = 2 << 30
DAY_S = 86_400.0
SUFFIX = ".vis3d"


@dataclass(frozen=True)
class Work:
    """What is kept of one sitting, and when it was kept (seconds since 1970)."""

    path: Path
    when_s: float
    summary: Summary


class KeptWork:
    """The folder, for this user alone; what can't be read or written there isn't kept."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or user_state_path("vis3d") / "sessions"

    def place(self, scan: ScanMark) -> Path:
        """Where a new sitting is to be kept."""
        return self.folder / f"{_stem(scan)}-{secrets.token_hex(4)}{SUFFIX}"

    def write(self, path: Path, session: Session) -> None:
        """Keep a session, in place of what was there.

        Raises:
            OutputError: it can't be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.folder.chmod(0o700)
        except OSError as error:
            raise OutputError(f"Cannot write in {self.folder}: {reason(error)}.") from error
        write_session(path, session)

    def of(self, scan: ScanMark) -> list[Work]:
        """What is kept of a scan, the latest first."""
        return sorted(self._of(scan), key=lambda work: -work.when_s)

    def remove(self, path: Path) -> None:
        """Forget one sitting."""
        with suppress(OSError):
            path.unlink()

    def forget(self, scan: ScanMark) -> None:
        """Forget all that is kept of a scan."""
        for path in self._files():
            if path.name.startswith(_stem(scan)):
                self.remove(path)

    def tidy(self) -> None:
        """Remove what is too old or too much, and what a crash left half-written."""
        now_s, total = time.time(), 0
        files = sorted(self._files(), key=_time_of, reverse=True)
        for number, path in enumerate(files):
            total += _size_of(path)
            if number >= MOST or total > MOST_BYTES or now_s - _time_of(path) > DAYS * DAY_S:
                self.remove(path)
        with suppress(OSError):
            for scratch in self.folder.glob(".vis3d-*"):
                if now_s - _time_of(scratch) > DAY_S:
                    shutil.rmtree(scratch, ignore_errors=True)

    def _of(self, scan: ScanMark) -> Iterator[Work]:
        for path in self._files():
            if not path.name.startswith(_stem(scan)):
                continue
            with suppress(Vis3dError, OSError):
                summary = read_summary(path)
                if summary.scan == scan:
                    yield Work(path, path.stat().st_mtime, summary)

    def _files(self) -> list[Path]:
        try:
            return [path for path in self.folder.iterdir() if path.suffix == SUFFIX]
        except OSError:
            return []


def _stem(scan: ScanMark) -> str:
    return scan.voxels[:8] + scan.grid[:8]


def _time_of(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
