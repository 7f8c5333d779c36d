"""How Ctrl-C, SIGTERM and a closed terminal stop the work.

First the work itself may notice, at its next report of progress; then it is stopped at its
next line of Python; and where it is deep in a library that comes back to Python too late
(VTK drawing its first frame) or in an import, the process ends without it.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from vis3d.errors import Cancelled
from vis3d.progress import stop_signals
from vis3d.whole_file import abandon

GRACE_S = 0.1
"""How long the work may take to notice by itself."""

PATIENCE_S = 0.3
"""How long it may take to come back to Python at all."""

INTERRUPTED = 130
SHOW_CURSOR = "\x1b[?25h"
"""What a progress bar on a terminal leaves to be done."""

_asked = threading.Event()
_heard = threading.Event()


def stop_if_asked() -> None:
    """Raise `Cancelled` once somebody pressed Ctrl-C; from any thread."""
    if _asked.is_set():
        _cancel()


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the signals to stop raise `Cancelled`, a second one at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = stop_signals()
    handlers = dict.fromkeys(signals, _ask)
    if hasattr(signal, "SIGALRM"):
        handlers[signal.SIGALRM] = _insist
    _asked.clear()
    _heard.clear()
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        with _guarded(signals):
            yield
    finally:
        _heard.set()
        _set_alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _ask(number: int, frame: FrameType | None) -> None:
    if _asked.is_set() or not hasattr(signal, "setitimer"):
        _insist(number, frame)
    _asked.set()
    _set_alarm(GRACE_S)


def _insist(number: int, frame: FrameType | None) -> None:
    if _importing(frame):
        _end_at_once()
    _cancel()


def _importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported, where nothing may be raised.

    VTK 9.7's modules crash then, or answer with ImportError.
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _cancel() -> None:
    _heard.set()
    _set_alarm(0)
    raise Cancelled


def _set_alarm(seconds: float) -> None:
    in_main_thread = threading.current_thread() is threading.main_thread()
    if hasattr(signal, "setitimer") and in_main_thread:
        signal.setitimer(signal.ITIMER_REAL, seconds)


@contextmanager
def _guarded(signals: tuple[signal.Signals, ...]) -> Iterator[None]:
    """A thread that sees signals even while the main thread is not in Python."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    guard = threading.Thread(target=_guard, args=(reading, signals), daemon=True)
    guard.start()
    try:
        yield
    finally:
        _heard.set()
        signal.set_wakeup_fd(before)
        os.close(writing)
        guard.join()
        os.close(reading)


def _guard(reading: int, signals: tuple[signal.Signals, ...]) -> None:
    while number := os.read(reading, 1):  # a byte a signal, none when the pipe is closed
        if number[0] in signals and not _heard.wait(PATIENCE_S):
            _end_at_once()


def _end_at_once() -> None:
    abandon()
    cursor = SHOW_CURSOR if sys.stderr.isatty() else ""
    with suppress(OSError):  # the terminal may be gone
        os.write(2, f"{cursor}vis3d: stopped.\n".encode())
    os._exit(INTERRUPTED)
