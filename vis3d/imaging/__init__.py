"""Volumes as 2D pictures: windows, slices as radiologists expect them, label overlays."""

from vis3d.imaging.background import (
    Box,
    Point,
    cut_out,
    feathered,
    foreground,
    objects,
)
from vis3d.imaging.cuts import PLANES, Cut, Plane, cut, slice_count, slice_index
from vis3d.imaging.heads import shows_head
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
from vis3d.imaging.picture_files import (
    PICTURE_SUFFIXES,
    holds_opacity,
    pillow_formats,
    read_picture,
    write_any_picture,
    write_picture,
)
from vis3d.imaging.pictures import deep_picture, fitted, gray_picture, montage, overlay, picture
from vis3d.imaging.stacks import Blend, Stack, labels_shown, shown, stack
from vis3d.imaging.windows import (
    WINDOWS,
    Shading,
    VoiLut,
    Window,
    default_shading,
    default_window,
    grays,
    own_windows,
    parse_shading,
    parse_window,
    suited_window,
)

__all__ = [
    "CHART_SUFFIXES",
    "PICTURE_SUFFIXES",
    "PLANES",
    "TISSUES",
    "WINDOWS",
    "Blend",
    "Box",
    "Cut",
    "Histogram",
    "Plane",
    "Point",
    "Shading",
    "Stack",
    "Tissue",
    "VoiLut",
    "Window",
    "centered_geometry",
    "cropped",
    "cut",
    "cut_out",
    "deep_picture",
    "default_shading",
    "default_window",
    "feathered",
    "fitted",
    "foreground",
    "gray_picture",
    "grays",
    "histogram",
    "holds_opacity",
    "labels_shown",
    "montage",
    "objects",
    "only",
    "overlay",
    "own_windows",
    "parse_shading",
    "parse_window",
    "picture",
    "pillow_formats",
    "read_picture",
    "shown",
    "shows_head",
    "sketch",
    "slice_count",
    "slice_index",
    "stack",
    "suited_window",
    "within",
    "write_any_picture",
    "write_histogram_csv",
    "write_histogram_picture",
    "write_picture",
]
