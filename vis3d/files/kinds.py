"""What kind a path is, by its suffix; folders, archives and all else are DICOM's."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from vis3d.errors import InputError, NothingFoundError, UnsupportedError, UsageError
from vis3d.formats import SURFACE_READERS, VOXEL_READERS
from vis3d.formats.voxels import VoxelFile

if TYPE_CHECKING:  # most files are read without loading pydicom
    from vis3d.dicom import Series

PathLike: TypeAlias = str | os.PathLike[str]
Kind: TypeAlias = Literal["dicom", "volume", "surface"]

DICOM_SUFFIX = ".dcm"


def input_kind(path: PathLike) -> Kind:
    """How an input is read: by its suffix; folders, archives and all else are DICOM's.

    A DICOM Encapsulated STL is a surface.

    Raises:
        NothingFoundError: there is no such path.
    """
    file = existing(path)
    if file.is_file() and suffix_of(file, VOXEL_READERS):
        return "volume"
    if not file.is_file() or not (suffix_of(file, SURFACE_READERS) or is_dicom(file)):
        return "dicom"
    if suffix_of(file, SURFACE_READERS):
        return "surface"
    from vis3d import dicom

    return "surface" if dicom.is_encapsulated_stl(file) else "dicom"


def existing(path: PathLike) -> Path:
    """The path, once something is there.

    Raises:
        NothingFoundError: there is no such path.
    """
    file = Path(path)
    try:
        exists = file.exists()
    except (OSError, ValueError):  # a name too long for the system, or with a NUL in it
        exists = False
    if not exists:
        raise NothingFoundError(f"There is no {file}.")
    return file


def suffix_of(path: PathLike, legal: Iterable[str]) -> str | None:
    """The longest legal suffix that the name ends with."""
    name = Path(path).name.lower()
    return max((one for one in legal if name.endswith(one)), key=len, default=None)


def legal_suffix(path: PathLike, legal: tuple[str, ...], what: str) -> str:
    """The suffix that says the format.

    Raises:
        UsageError: it is none of the legal ones, which are listed.
    """
    suffix = suffix_of(path, legal)
    if suffix is None:
        raise UsageError(f"{path}: {what} ends in {', '.join(legal)}.")
    return suffix


def open_voxels(path: Path) -> VoxelFile:
    """The header of a volume or label map in a file.

    Raises:
        InputError: no file, or a broken one.
        UsageError: an unknown suffix.
    """
    suffix = legal_suffix(path, tuple(VOXEL_READERS), "a volume or label map")
    if not path.is_file():
        raise InputError(f"{path} is no file; name a file.")
    return VOXEL_READERS[suffix](path)


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM, by its suffix or its first bytes."""
    if suffix_of(path, (DICOM_SUFFIX,)):
        return True
    try:
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


def of_dicom(series: "Series | None", path: PathLike, *, what: str, instead: str) -> "Series":
    """The series whose patient and study a DICOM object belongs to.

    Raises:
        UnsupportedError: there is none, for the scan isn't DICOM.
    """
    if series is None or not series.uid:
        raise UnsupportedError(
            f"{path}: {what} refers to the patient and study of a DICOM scan, and this one "
            f"isn't DICOM; write {instead} instead."
        )
    return series
