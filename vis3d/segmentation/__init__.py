"""Volume -> LabelMap: lungs, airways, bones and body by density and shape."""

from vis3d.segmentation.masks.combining import intersect, subtract, union
from vis3d.segmentation.masks.edit_history import EditHistory, Step
from vis3d.segmentation.masks.edits import Brush, Edit, difference, erase, paint
from vis3d.segmentation.masks.islands import (
    keep_island,
    largest_components,
    remove_island,
    remove_islands,
    split_islands,
    split_touching,
)
from vis3d.segmentation.masks.scissors import scissors, scissors_in_view
from vis3d.segmentation.masks.selecting import (
    kmeans_ranges,
    otsu_level,
    region_growing,
    threshold,
)
from vis3d.segmentation.masks.shaping import (
    add_margin,
    close,
    fill,
    fill_in_slices,
    open_up,
    smooth,
)
from vis3d.segmentation.segment import (
    SEGMENTERS,
    segment,
    segment_airways,
    segment_body,
    segment_bones,
    segment_lungs,
)

__all__ = [
    "SEGMENTERS",
    "Brush",
    "Edit",
    "EditHistory",
    "Step",
    "add_margin",
    "close",
    "difference",
    "erase",
    "fill",
    "fill_in_slices",
    "intersect",
    "keep_island",
    "kmeans_ranges",
    "largest_components",
    "open_up",
    "otsu_level",
    "paint",
    "region_growing",
    "remove_island",
    "remove_islands",
    "scissors",
    "scissors_in_view",
    "segment",
    "segment_airways",
    "segment_body",
    "segment_bones",
    "segment_lungs",
    "smooth",
    "split_islands",
    "split_touching",
    "subtract",
    "threshold",
    "union",
]
