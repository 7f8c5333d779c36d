"""Files, and folders of them, that are either whole or not there."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vis3d.errors import OutputError, Vis3dError

DEVICES = Path("/dev")
UNFINISHED: set[Path] = set()
"""Folders to remove if the process must end without unwinding (see `abandon`)."""


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place once the block ends well.

    It has the same name in a folder of its own, since writers choose the format by the
    suffix; companions written next to it (an .mtl, a .raw) move along, before it.
    After an error, or when the work is cancelled, nothing is left.

    Raises:
        OutputError: the folder is missing or can't be written, the disk is full, or what has
            that name is no file.
    """
    final = Path(path)
    check_place(final)
    try:
        scratch = Path(tempfile.mkdtemp(prefix=".vis3d-", dir=final.absolute().parent))
    except OSError as error:
        raise _cannot_write(final, error) from error
    unfinished = scratch / final.name
    UNFINISHED.add(scratch)
    try:
        yield unfinished
        for companion in sorted(scratch.iterdir(), key=lambda file: file == unfinished):
            companion.replace(final.with_name(companion.name))
    except Vis3dError:
        raise
    except OSError as error:
        raise _cannot_write(final, error) from error
    finally:
        for leftover in scratch.iterdir():
            leftover.unlink()
        scratch.rmdir()
        UNFINISHED.discard(scratch)


def check_place(path: Path) -> None:
    """Whether a file may take this place.

    Not that of a device or a pipe: renaming would put a file there instead, for every program
    where the user may write in /dev. Its /dev/stdout looks like a file while one is written.

    Raises:
        OutputError: a folder, a device or a pipe has that name.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file in it.")
    if path.absolute().parent == DEVICES or (path.exists() and not path.is_file()):
        raise OutputError(
            f"{path} is a device or a pipe, which can't be replaced: name a file."
        )


@contextmanager
def whole_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary folder inside `path`, whose files move up once the block ends well.

    Those in folders below it keep their folders. `path` is made if need be; other files in it
    stay. After an error, or when the work is cancelled, nothing is left.

    Raises:
        OutputError: the folder can't be made or written, or the disk is full.
    """
    folder = Path(path)
    new = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".vis3d-", dir=folder))
    except OSError as error:
        raise _cannot_write(f"into {folder}", error) from error
    UNFINISHED.add(scratch)
    try:
        yield scratch
        for file in sorted(one for one in scratch.rglob("*") if one.is_file()):
            place = folder / file.relative_to(scratch)
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)
    except Vis3dError:
        raise
    except OSError as error:
        raise _cannot_write(f"into {folder}", error) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        UNFINISHED.discard(scratch)
        for one in new:
            with suppress(OSError):  # something lies in it
                one.rmdir()


def abandon() -> None:
    """Remove what was being written: the last thing a process does that ends at once."""
    for scratch in tuple(UNFINISHED):
        shutil.rmtree(scratch, ignore_errors=True)


def reason(error: OSError) -> str:
    """The system's words for what failed.

    pydicom (3.0) raises an OSError of its own, a traceback as its text, from the system's.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return str(cause.strerror)
        cause = cause.__cause__
    return " ".join(str(error).splitlines()[:1]) or type(error).__name__


def _cannot_write(where: object, error: OSError) -> OutputError:
    return OutputError(f"Cannot write {where}: {reason(error)}.")
