"""How long work tells how far it is, and how it is told to stop."""

import signal
from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[float, str], None]
"""Called with the fraction done (0 to 1) and what is being done; may raise `Cancelled`."""


def silent(fraction: float, what: str) -> None:
    """The progress of nobody watching."""


def part(progress: Progress | None, start: float, stop: float) -> Progress:
    """The progress of one step that fills `start` to `stop` of the whole."""
    if progress is None:
        return silent
    return lambda fraction, what: progress(start + fraction * (stop - start), what)


def stop_signals() -> tuple[signal.Signals, ...]:
    """What asks a process to stop: Ctrl-C, SIGTERM, and a terminal that closes.

    The last not where it is ignored, as `nohup` has it.
    """
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN:
        return signal.SIGINT, signal.SIGTERM
    return signal.SIGINT, signal.SIGTERM, hangup
