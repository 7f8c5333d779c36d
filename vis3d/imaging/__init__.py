"""Volumes as 2D pictures: windows, slices as radiologists expect them, label overlays."""

from vis3d.imaging.cuts import PLANES, Cut, Plane, cut, slice_count, slice_index
from vis3d.imaging.masking import within
from vis3d.imaging.picture_files import PICTURE_SUFFIXES, write_picture
from vis3d.imaging.pictures import fitted, montage, overlay, picture
from vis3d.imaging.windows import WINDOWS, Window, default_window, grays, parse_window

__all__ = [
    "PICTURE_SUFFIXES",
    "PLANES",
    "WINDOWS",
    "Cut",
    "Plane",
    "Window",
    "cut",
    "default_window",
    "fitted",
    "grays",
    "montage",
    "overlay",
    "parse_window",
    "picture",
    "slice_count",
    "slice_index",
    "within",
    "write_picture",
]
