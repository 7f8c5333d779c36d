"""What the command prints, and where: answers on stdout, everything else on stderr."""

import json
import math
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from vis3d.whole_file import whole_file
from vis3d_cli.options import Manner

if TYPE_CHECKING:
    from rich.console import Console

    from vis3d.volume import Finding

PIPE_WIDTH = 200
"""How wide a table may be where no terminal says."""


def plain(text: object) -> str:
    """Text of unknown origin on one line, without anything a terminal would obey."""
    visible = (" " if unicodedata.category(c)[0] in "CZ" else c for c in str(text))
    return " ".join("".join(visible).split())


def error_line(message: object) -> None:
    """The one line a person reads when vis3d refuses."""
    print(f"vis3d: {plain(message)}", file=sys.stderr)


def note(text: object, manner: Manner) -> None:
    """Something worth knowing beside the answer; nothing with `--quiet`."""
    if not manner.quiet:
        print(plain(text), file=sys.stderr)


def findings(found: "Iterable[Finding]", manner: Manner) -> None:
    """Warnings and errors of the load as notes; mere notes too with `--verbose`."""
    for finding in found:
        if finding.severity != "note" or manner.verbose:
            note(f"{finding.severity}: {finding.message}", manner)


def answer(document: object, lines: Iterable[object], manner: Manner) -> None:
    """The command's answer: the JSON document, or lines and tables for a person."""
    if manner.json:
        print_json(document)
    elif not manner.quiet:
        console = terminal()
        for line in lines:
            console.print(plain(line) if isinstance(line, str) else line, soft_wrap=True)


def rows(lines: Iterable[str], manner: Manner) -> None:
    """Lines whose margins mean something, already free of what a terminal would obey."""
    if not manner.quiet:
        print("\n".join(lines))


def print_json(document: object) -> None:
    """One JSON document on stdout; ASCII, so that any terminal and pipe can take it."""
    print(json_text(document))


def write_json(document: object, path: "str | os.PathLike[str]") -> None:
    """The same in a file, whole or not at all."""
    with whole_file(path) as unfinished:
        unfinished.write_text(json_text(document) + "\n", encoding="ascii")


def json_text(document: object) -> str:
    """JSON without NaN or infinity, which JSON hasn't: they become null."""
    return json.dumps(_finite(document), indent=2, allow_nan=False)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()
) -> object:
    """A table for people; the columns named in `right` align right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left")
    for row in rows:
        made.add_row(*(Text(plain(cell)) for cell in row))
    return made


def terminal(stream: TextIO | None = None) -> "Console":
    """The console on stdout (or another stream), wide where it is a file or a pipe."""
    from rich.console import Console

    file = stream or sys.stdout
    width = None if file.isatty() else PIPE_WIDTH
    return Console(file=file, width=width, markup=False, highlight=False, emoji=False)


def forget_stdout() -> None:
    """Its reader has left, or the disk is full: say nothing more there, not even at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if hasattr(value, "tolist"):  # a NumPy array or number
        return _finite(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
