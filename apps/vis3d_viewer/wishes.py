"""What was asked for when the explorer was started."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Wishes:
    """A session to open with the scan, whether work is kept, whether patients are named."""

    session: Path | None = None
    keep_work: bool = True
    show_patient: bool = False


PLAIN = Wishes()
