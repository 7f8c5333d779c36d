"""Volume -> LabelMap: lungs, airways, bones and body by density and shape."""

from vis3d.segmentation.edit_history import EditHistory, Step
from vis3d.segmentation.edits import Brush, Edit, difference, erase, paint
from vis3d.segmentation.scissors import scissors, scissors_in_view
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
    "difference",
    "erase",
    "paint",
    "scissors",
    "scissors_in_view",
    "segment",
    "segment_airways",
    "segment_body",
    "segment_bones",
    "segment_lungs",
]
