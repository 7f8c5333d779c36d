"""What kind an input or output is, and which of `dicom` and `formats` handles it."""

from vis3d.files.kinds import DICOM_SUFFIX, Kind, PathLike, input_kind
from vis3d.files.labelmaps import (
    LABELMAP_SUFFIXES,
    read_labelmap,
    read_labelmaps,
    write_labelmap,
)
from vis3d.files.on_scan import read_labelmaps_on
from vis3d.files.surfaces import (
    SURFACE_SUFFIXES,
    read_surface,
    read_surfaces,
    write_surface,
    write_surfaces,
)
from vis3d.files.volumes import (
    VOLUME_SUFFIXES,
    discover,
    find_series,
    load_volume,
    read_volume,
    write_volume,
)

__all__ = [
    "DICOM_SUFFIX",
    "LABELMAP_SUFFIXES",
    "SURFACE_SUFFIXES",
    "VOLUME_SUFFIXES",
    "Kind",
    "PathLike",
    "discover",
    "find_series",
    "input_kind",
    "load_volume",
    "read_labelmap",
    "read_labelmaps",
    "read_labelmaps_on",
    "read_surface",
    "read_surfaces",
    "read_volume",
    "write_labelmap",
    "write_surface",
    "write_surfaces",
    "write_volume",
]
