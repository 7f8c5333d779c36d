"""How Ctrl-C and SIGTERM stop the work."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from vis3d.errors import Cancelled

GRACE_S = 0.1
"""How long the work may take to notice by itself, at its next report of progress."""

_asked = threading.Event()


def stop_if_asked() -> None:
    """Raise `Cancelled` once somebody pressed Ctrl-C; from any thread."""
    if _asked.is_set():
        _set_alarm(0)
        raise Cancelled


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, SIGINT and SIGTERM raise `Cancelled`: from progress, or else after a moment.

    The first chance is the work's own: stopped at a report of progress it is in a known
    state, worker threads included. What hasn't reported within `GRACE_S` is stopped
    wherever the main thread is; a second signal does so at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {signal.SIGINT: _ask, signal.SIGTERM: _ask}
    if hasattr(signal, "SIGALRM"):
        handlers[signal.SIGALRM] = _insist
    _asked.clear()
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        _set_alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _ask(number: int, frame: FrameType | None) -> None:
    if _asked.is_set() or not hasattr(signal, "setitimer"):
        raise Cancelled
    _asked.set()
    _set_alarm(GRACE_S)


def _insist(number: int, frame: FrameType | None) -> None:
    raise Cancelled


def _set_alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer") and _in_main_thread():
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
