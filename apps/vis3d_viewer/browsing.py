"""Looking through the folders below a data root, and never beside it."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from vis3d.errors import NothingFoundError, UsageError
from vis3d.formats import SURFACE_READERS, VOXEL_READERS
from vis3d_viewer.said import plain

MAX_ENTRIES = 2000
"""So many folders and files of a folder are listed."""

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
OPENED = (*VOXEL_READERS, *SURFACE_READERS, ".dcm", *ARCHIVES)
"""Files with these endings are offered by name; DICOM without ending lies in its folder."""


def confined(root: Path, relative: str) -> Path:
    """The real path of `relative` below `root`, whatever links and dots are in it.

    `relative` is written as `listing` writes it.

    Raises:
        UsageError: it leads out of the root.
        NothingFoundError: there is nothing there.
    """
    if not isinstance(relative, str):
        raise UsageError("A path is a text.")
    top = root.resolve()
    try:
        path = (top / os.fsdecode(unquote_to_bytes(relative))).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:  # gone, a NUL in it, a loop of links
        raise NothingFoundError("There is nothing of that name.") from error
    if not path.is_relative_to(top):
        raise UsageError("This leads out of the folder that may be looked through.")
    return path


def check_links(root: Path, path: Path) -> None:
    """Refuse a folder in which a link leads out of the root: the loader would follow it.

    Raises:
        UsageError: there is one.
    """
    top = root.resolve()
    for parent, folders, names in os.walk(path):
        for name in (*folders, *names):
            if _leads_out(Path(parent, name), top):
                raise UsageError(
                    f"{plain(name)} is a link that leads out of the folder that may be looked "
                    "through: open the other folders in it one by one."
                )


def _leads_out(place: Path, top: Path) -> bool:
    if not place.is_symlink():
        return False
    try:
        return not place.resolve(strict=True).is_relative_to(top)
    except (OSError, RuntimeError):  # it leads nowhere
        return False


def listing(root: Path, relative: str) -> dict[str, Any]:
    """What the page shows of a folder: the way to it, its folders, and files that open.

    Paths are written in per cent signs, since a name may be bytes that are no text.

    Raises:
        UsageError, NothingFoundError: as `confined`; or it is no folder.
    """
    folder = confined(root, relative)
    if not folder.is_dir():
        raise NothingFoundError("This is no folder.")
    top = root.resolve()
    parts = folder.relative_to(top).parts
    ways = [{"name": plain(top.name) or "/", "path": ""}]
    ways += [
        {"name": plain(name), "path": _written(*parts[: n + 1])} for n, name in enumerate(parts)
    ]
    entries: list[dict[str, str]] = []
    more = False
    try:
        found = sorted(folder.iterdir(), key=lambda path: path.name.lower())
    except OSError as error:
        raise NothingFoundError(f"The folder can't be read: {error.strerror}.") from error
    loose = 0
    for path in found:
        kind = _kind(path, top)
        loose += kind == "loose"
        if kind in ("folder", "file"):
            if len(entries) == MAX_ENTRIES:
                more = True
                break
            where = _written(*parts, path.name)
            entries.append({"name": plain(path.name), "path": where, "kind": kind})
    entries.sort(key=lambda entry: entry["kind"] != "folder")
    return {
        "path": _written(*parts),
        "ways": ways,
        "entries": entries,
        "loose": loose,
        "more": more,
    }


def _written(*parts: str) -> str:
    return quote_from_bytes(os.fsencode("/".join(parts)))


def _kind(path: Path, top: Path) -> str:
    """What to offer an entry as; "" where it is hidden, special, or leads out."""
    if path.name.startswith("."):
        return ""
    try:
        if _leads_out(path, top):
            return ""
        if path.is_dir():
            return "folder"
        if not path.is_file():
            return ""
    except (OSError, RuntimeError):
        return ""
    return "file" if path.name.lower().endswith(OPENED) else "loose"
