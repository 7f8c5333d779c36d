"""Volumes as 2D pictures: windows, slices as radiologists expect them, label overlays."""

from vis3d.imaging.cuts import PLANES, Cut, Plane, cut, slice_count, slice_index
from vis3d.imaging.histogram import (
    TISSUES,
    Histogram,
    Tissue,
    histogram,
    write_histogram_csv,
)
from vis3d.imaging.histogram_pictures import (
    CHART_SUFFIXES,
    sketch,
    write_histogram_picture,
)
from vis3d.imaging.masking import centered_geometry, cropped, only, within
from vis3d.imaging.picture_files import PICTURE_SUFFIXES, write_picture
from vis3d.imaging.pictures import fitted, montage, overlay, picture
from vis3d.imaging.windows import (
    WINDOWS,
    Window,
    default_window,
    grays,
    own_windows,
    parse_window,
    suited_window,
)

__all__ = [
    "CHART_SUFFIXES",
    "PICTURE_SUFFIXES",
    "PLANES",
    "TISSUES",
    "WINDOWS",
    "Cut",
    "Histogram",
    "Plane",
    "Tissue",
    "Window",
    "centered_geometry",
    "cropped",
    "cut",
    "default_window",
    "fitted",
    "grays",
    "histogram",
    "montage",
    "only",
    "overlay",
    "own_windows",
    "parse_window",
    "picture",
    "sketch",
    "slice_count",
    "slice_index",
    "suited_window",
    "within",
    "write_histogram_csv",
    "write_histogram_picture",
    "write_picture",
]
