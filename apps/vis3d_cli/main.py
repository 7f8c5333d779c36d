"""The command `vis3d`: what becomes of its arguments and of its errors."""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from vis3d.errors import Cancelled


def main(argv: Sequence[str] | None = None) -> int:
    """Run `vis3d` with these arguments (the process's own by default); the exit code."""
    tokens = list(sys.argv[1:] if argv is None else argv)
    _open_what_was_closed()
    _take_any_text()
    try:  # what is imported within is slow: Ctrl-C must be heard by now
        from vis3d_cli.interrupt import interruptible

        with interruptible(), _calm():
            from vis3d_cli.application import run

            code = run(tokens)
            sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # the latter is how rich says the same
        from vis3d_cli.say import forget_stdout

        forget_stdout()
        return 0
    except (Cancelled, KeyboardInterrupt):
        from vis3d_cli.interrupt import INTERRUPTED

        with suppress(OSError):  # the terminal may be gone
            print("vis3d: stopped.", file=sys.stderr)
        return INTERRUPTED
    except BaseException as error:
        from vis3d_cli.refusals import explain

        refused = explain(error, tokens)
        if refused is None:
            raise
        return refused
    return code


def _open_what_was_closed() -> None:
    """Started with a closed stream (`>&-`): no other file may take its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115


def _take_any_text() -> None:
    """A name that the terminal's encoding hasn't got must not stop the command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _calm() -> Iterator[None]:
    """Libraries' warnings and log lines stay unsaid: they may quote the patient's name."""
    import logging

    last_resort, logging.lastResort = logging.lastResort, logging.NullHandler()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.lastResort = last_resort
