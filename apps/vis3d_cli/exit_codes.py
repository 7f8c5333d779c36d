"""Which exit code each error becomes."""

from cyclopts import CycloptsError

from vis3d.errors import (
    InputError,
    NothingFoundError,
    OutputError,
    RequirementError,
    UsageError,
    Vis3dError,
)

DONE = 0
USAGE = 2
NOTHING_FOUND = 3
BAD_INPUT = 4
NO_OUTPUT = 5
SOME_DONE = 8

EXIT_CODES: dict[type[BaseException], int] = {
    CycloptsError: USAGE,
    UsageError: USAGE,
    NothingFoundError: NOTHING_FOUND,
    InputError: BAD_INPUT,
    Vis3dError: BAD_INPUT,
    OutputError: NO_OUTPUT,
    RequirementError: NO_OUTPUT,  # no display, no OpenGL, no ffmpeg: nothing can be made
    MemoryError: BAD_INPUT,
}
"""Interrupted, 130, is `main`'s own. What isn't here is a defect of ours: Python keeps the
traceback and exits 1."""


def exit_code(error: BaseException) -> int:
    """The code of the nearest class in the table."""
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)
