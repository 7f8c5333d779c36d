"""The log: a line for what was refused, a trace for a defect of ours, and nobody's name.

What an exception says may quote a header or hold a path: only its kind is written, and where
in the program it came from.
"""

import logging
import secrets
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aiohttp.http_exceptions import HttpProcessingError

from vis3d_viewer.said import plain

OURS = "vis3d_viewer"
MAX_LINE = 300
"""Characters of a line; parts of it may be an attacker's."""


def defect(log: logging.Logger, what: str, error: BaseException) -> str:
    """Log a defect; the sentence for the page, which names the same number."""
    number = secrets.token_hex(3)
    log.error("%s (error %s): %s", what, number, _kind(error), exc_info=error)
    return (
        "Something went wrong here that shouldn't; "
        f"the program's log says more about error {number}."
    )


@contextmanager
def logbook() -> Iterator[None]:
    """Have all of this written to stderr for as long as it runs."""
    root, lines = logging.getLogger(), _Lines(logging.WARNING)
    root.addHandler(lines)
    try:
        yield
    finally:
        root.removeHandler(lines)


class _Lines(logging.Handler):
    """Writes our own lines, and of other libraries' only defects."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or leave it."""
        if text := _text(record):
            with suppress(OSError, ValueError):  # the terminal may be gone
                sys.stderr.write(f"vis3d: {text}\n")
                sys.stderr.flush()


def _text(record: logging.LogRecord) -> str:
    """What is written of a record; nothing of libraries' chatter."""
    ours = record.name.split(".")[0] == OURS
    error = record.exc_info[1] if record.exc_info else None
    if not ours and (error is None or isinstance(error, ConnectionError)):
        return ""  # a page that goes away while it is sent to is no defect
    if isinstance(error, HttpProcessingError):
        return f"Refused what is no request: {_kind(error)}."
    said = record.getMessage() if ours else f"A defect met by {record.name}: {_kind(error)}"
    line = plain(said)[:MAX_LINE]
    if error is None:
        return line
    frames = "".join(traceback.format_tb(error.__traceback__)).rstrip()
    return f"{line}\nTraceback (most recent call last):\n{frames}"


def _kind(error: BaseException | None) -> str:
    return type(error).__name__
