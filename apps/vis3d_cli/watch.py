"""Progress on the terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from vis3d.progress import Progress
from vis3d_cli.interrupt import stop_if_asked
from vis3d_cli.options import Manner
from vis3d_cli.say import plain


@contextmanager
def watching(manner: Manner) -> Iterator[Progress]:
    """A progress bar on stderr if that is a terminal; Ctrl-C is heard in any case."""
    if manner.quiet or not sys.stderr.isatty():
        yield _listen
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
    )
    console = Console(file=sys.stderr)
    with Bar(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("", total=1.0)

        def show(fraction: float, what: str) -> None:
            stop_if_asked()
            done = max(fraction, bar.tasks[task].completed)  # a bar never runs backwards
            bar.update(task, completed=done, description=plain(what[:1].upper() + what[1:]))

        yield show


def _listen(fraction: float, what: str) -> None:
    stop_if_asked()
