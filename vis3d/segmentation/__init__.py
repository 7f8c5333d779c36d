"""Volume -> LabelMap: lungs, airways, bones and body by density and shape."""

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
    "segment",
    "segment_airways",
    "segment_body",
    "segment_bones",
    "segment_lungs",
]
