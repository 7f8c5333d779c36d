"""What a person reads when a command stops."""

import errno
import sys
from typing import Any

from cyclopts import CycloptsError

from vis3d.errors import SeveralSeriesError, Vis3dError
from vis3d_cli.application import COMMANDS
from vis3d_cli.exit_codes import EXIT_CODES, NO_OUTPUT, NOTHING_FOUND, exit_code
from vis3d_cli.say import error_line, forget_stdout, print_json, terminal

FULL = (errno.ENOSPC, errno.EDQUOT)
NO_ROOM_TO_LOAD = ("failed to map segment", "cannot allocate memory", "Cannot allocate memory")


def explain(error: BaseException, tokens: list[str]) -> int | None:
    """Say why on stderr, in one line; the exit code, or None for a defect of ours."""
    if isinstance(error, OSError) and error.errno in FULL:
        forget_stdout()
        error_line(f"Cannot print the answer: {error.strerror}.")
        return NO_OUTPUT
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return _too_long(str(error.filename), tokens)
    if _lacks_memory(error):
        error = MemoryError()
    if not isinstance(error, tuple(EXIT_CODES)):
        return None
    if isinstance(error, CycloptsError):
        error_line(f"{error} See {_help_command(tokens)}.")
    elif isinstance(error, MemoryError):
        error_line("There isn't enough memory for this: take fewer slices or a coarser grid.")
    elif isinstance(error, Vis3dError):
        _refuse(error, tokens)
    return exit_code(error)


def _lacks_memory(error: BaseException) -> bool:
    """Whether the system refused memory in another way than by a MemoryError.

    The loader of shared objects says so by an ImportError, in words of its own.
    """
    if isinstance(error, ImportError):
        return any(words in str(error) for words in NO_ROOM_TO_LOAD)
    return isinstance(error, OSError) and error.errno == errno.ENOMEM


def _too_long(name: str, tokens: list[str]) -> int:
    """A name that no file system holds: nothing can be there, or be written there."""
    asked = [token for token in tokens if not token.startswith("-")]
    error_line(f"A name is too long for this file system: {name[:40]}...")
    is_input = name in asked[1:2] and asked[0] != "phantom"  # whose folder is its output
    return NOTHING_FOUND if is_input else NO_OUTPUT


def _refuse(error: Vis3dError, tokens: list[str]) -> None:
    if isinstance(error, SeveralSeriesError) and error.choices:
        _list_choices(error, as_json="--json" in tokens)
    else:
        error_line(error)


def _list_choices(error: SeveralSeriesError, *, as_json: bool) -> None:
    from vis3d.choosing import why_apart
    from vis3d_cli.listing import series_document, series_table

    choices: tuple[Any, ...] = error.choices
    if as_json:
        print_json({"series": [series_document(series) for series in choices]})
    else:
        terminal(sys.stderr).print(series_table(choices))
    why = why_apart(choices)
    error_line(f"{len(choices)} series were found: pick one with --series. {why}".rstrip())


def _help_command(tokens: list[str]) -> str:
    command = next((token for token in tokens if token in COMMANDS), None)
    return f"vis3d {command} --help" if command else "vis3d --help"
