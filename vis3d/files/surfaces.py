"""Surfaces, one or several, as files."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vis3d.errors import UsageError
from vis3d.files.kinds import (
    DICOM_SUFFIX,
    PathLike,
    existing,
    is_dicom,
    legal_suffix,
    of_dicom,
    suffix_of,
)
from vis3d.formats import SURFACE_READERS, SURFACE_WRITERS
from vis3d.formats.frames import Coordinates
from vis3d.formats.merging import merged
from vis3d.formats.stl import stl_content, stl_surface
from vis3d.formats.structures import plain_name
from vis3d.surface import Surface

if TYPE_CHECKING:  # a surface is read without loading pydicom
    from vis3d.dicom import Series

SURFACE_SUFFIXES = (*SURFACE_WRITERS, DICOM_SUFFIX)
"""What `write_surface` writes."""


def read_surface(path: PathLike) -> Surface:
    """A surface file in LPS mm; several surfaces become one (see `read_surfaces`).

    Raises:
        UsageError: an unknown suffix.
        InputError: the file is broken.
    """
    return merged(read_surfaces(path))


def read_surfaces(path: PathLike) -> tuple[Surface, ...]:
    """Every surface of a file (.glb, .3mf and .obj can hold several), in LPS mm.

    A DICOM Encapsulated STL is one too.

    Raises:
        UsageError: an unknown suffix.
        InputError: the file is broken.
    """
    file = existing(path)
    if file.is_file() and not suffix_of(file, SURFACE_READERS) and is_dicom(file):
        from vis3d import dicom

        found = dicom.read_encapsulated_stl(file)
        return (
            stl_surface(found.content, file, name=found.title, mm_per_unit=found.mm_per_unit),
        )
    return SURFACE_READERS[legal_suffix(file, tuple(SURFACE_READERS), "a surface")](file)


def write_surface(
    surface: Surface,
    path: PathLike,
    *,
    coordinates: Coordinates = "lps",
    series: "Series | None" = None,
) -> None:
    """A surface in mm, in the format that the suffix names, in LPS unless RAS is asked for.

    DICOM Encapsulated STL (.dcm) needs the `series` it was made from.

    Raises:
        UsageError: an unknown suffix, or RAS where the format has a frame of its own.
        UnsupportedError: DICOM of a scan that isn't DICOM.
        OutputError: it can't be written there.
    """
    write_surfaces((surface,), path, coordinates=coordinates, series=series)


def write_surfaces(
    surfaces: tuple[Surface, ...],
    path: PathLike,
    *,
    coordinates: Coordinates = "lps",
    series: "Series | None" = None,
) -> None:
    """Several surfaces in one file: named and coloured apart where the format can.

    Raises:
        UsageError: an unknown suffix, or RAS where the format has a frame of its own.
        UnsupportedError: DICOM of a scan that isn't DICOM.
        OutputError: it can't be written there.
    """
    suffix = legal_suffix(path, SURFACE_SUFFIXES, "a surface")
    surfaces = tuple(replace(one, name=plain_name(one.name)) for one in surfaces)
    if not surfaces:
        raise UsageError("There is no surface to write.")
    if coordinates not in ("lps", "ras"):
        raise UsageError(f"Coordinates are lps or ras, not {coordinates!r}.")
    if suffix != DICOM_SUFFIX:
        SURFACE_WRITERS[suffix](surfaces, Path(path), coordinates=coordinates)
        return
    if coordinates != "lps":
        raise UsageError("A surface as DICOM is in the patient's LPS; write .stl for RAS.")
    series = of_dicom(series, path, what="a surface as DICOM", instead=".stl")
    from vis3d import dicom

    title = " + ".join(surface.name for surface in surfaces if surface.name)
    dicom.write_encapsulated_stl(stl_content(surfaces), series, Path(path), title=title)
