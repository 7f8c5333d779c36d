"""A DICOMDIR -> the files that it names, and no others."""

from collections.abc import Iterator
from pathlib import Path

from vis3d.dicom.sources import Source, Unreadable, disk_file, shown_name


def is_dicomdir(path: Path) -> bool:
    """Whether the file is the directory of a file set, whatever its name is."""
    return False


def referenced_files(path: Path) -> Iterator[Source | Unreadable]:
    """The files named by the directory's records, in their order."""
    yield disk_file(str(path), shown_name(path.name))
