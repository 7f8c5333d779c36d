"""The command `vis3d`: which commands there are, and what becomes of their errors."""

import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cyclopts import App, CycloptsError, Parameter

from vis3d.errors import Cancelled, SeveralSeriesError, Vis3dError
from vis3d_cli.exit_codes import DONE, exit_code
from vis3d_cli.interrupt import interruptible
from vis3d_cli.say import error_line, print_json, terminal

COMMANDS = {
    "info": "List the series in a folder, file or archive, and what to know of each.",
    "convert": "Write a scan as NIfTI, NRRD, MetaImage, VTK or NumPy.",
    "slices": "Write one picture a slice.",
    "segment": "Find lungs, airways, bones and body; write a label map.",
    "measure": "Measure the lungs: volume, density, emphysema; and the bones.",
    "mesh": "Write the surface of a structure as STL, PLY, OBJ, glTF, 3MF or VTP.",
    "render": "Write a picture or a turning movie, without a screen.",
    "view": "Show a scan in a window.",
    "serve": "Open the explorer in the browser.",
    "demo": "Open the explorer on the built-in phantom.",
    "phantom": "Write the built-in phantom as a DICOM series with its truth.",
}
"""Each is the function of its name in the module of its name, imported when it is run."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `vis3d` with these arguments (the process's own by default); the exit code."""
    tokens = list(sys.argv[1:] if argv is None else argv)
    _take_any_text()
    try:
        with interruptible(), _calm():
            code = _run(tokens)
            sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # the latter is how rich says the same
        _forget_stdout()
        return DONE
    except (Cancelled, KeyboardInterrupt) as error:
        error_line("stopped.")
        return exit_code(error)
    except CycloptsError as error:
        error_line(f"{error} See {_help_command(tokens)}.")
        return exit_code(error)
    except MemoryError as error:
        error_line("There isn't enough memory for this: take fewer slices or a coarser grid.")
        return exit_code(error)
    except Vis3dError as error:
        _explain(error, tokens)
        return exit_code(error)
    return code


def application(chosen: str | None = None) -> App:
    """The commands; the chosen one with all its help, the others by one line each."""
    from vis3d import __version__

    app = App(
        name="vis3d",
        help="See, measure and print what is in a CT scan: DICOM in, lungs and bones out.\n\n"
        "For example: vis3d segment scans/chest -o masks.nii.gz",
        version=__version__,
        default_parameter=Parameter(negative=(), show_default=_worth_showing),
        help_format="plaintext",
    )
    for order, (name, summary) in enumerate(COMMANDS.items()):
        path = f"vis3d_cli.commands.{name.replace('-', '_')}:{name.replace('-', '_')}"
        # A summary given here would replace the whole help of the command's own page.
        help_text = None if name == chosen else summary
        app.command(path, name=name, help=help_text, sort_key=order)
    return app


def _run(tokens: list[str]) -> int:
    chosen = next((token for token in tokens if not token.startswith("-")), None)
    code = application(chosen)(
        tokens, exit_on_error=False, print_error=False, result_action="return_value"
    )
    return code if isinstance(code, int) else DONE


def _worth_showing(value: object) -> str | None:
    return None if value is None or isinstance(value, bool) else str(value)


def _explain(error: Vis3dError, tokens: list[str]) -> None:
    if "--verbose" in tokens:
        traceback.print_exception(error)
    if isinstance(error, SeveralSeriesError) and error.choices:
        _explain_choices(error, as_json="--json" in tokens)
    else:
        error_line(error)


def _explain_choices(error: SeveralSeriesError, *, as_json: bool) -> None:
    from vis3d_cli.listing import series_document, series_table

    choices: tuple[Any, ...] = error.choices
    if as_json:
        print_json({"series": [series_document(series) for series in choices]})
    else:
        terminal(sys.stderr).print(series_table(choices))
    error_line(f"{len(choices)} series were found: pick one with --series.")


def _help_command(tokens: list[str]) -> str:
    command = next((token for token in tokens if token in COMMANDS), None)
    return f"vis3d {command} --help" if command else "vis3d --help"


def _take_any_text() -> None:
    """A name that the terminal's encoding hasn't got must not stop the command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _calm() -> Iterator[None]:
    """Libraries' warnings and log lines stay unsaid: they may quote the patient's name."""
    last_resort, logging.lastResort = logging.lastResort, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.lastResort = last_resort


def _forget_stdout() -> None:
    """The reader has left (`vis3d info ... | head -1`): say nothing more, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
