"""Slices as JPEG, encoded in worker threads."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vis3d.imaging import Plane, Window, cut, picture
from vis3d_viewer.study import Study

JPEG_QUALITY = 90


@dataclass(frozen=True)
class SliceRequest:
    """One slice as the page asks for it; `opacities` go by label."""

    plane: Plane
    index: int
    window: Window
    opacities: tuple[tuple[int, float], ...] = ()


def slice_jpeg(study: Study, request: SliceRequest) -> bytes:
    """The slice through its window, label colours laid over it, one pixel a voxel.

    Raises:
        UsageError: there is no such slice.
        ValueError: the study has no volume.
    """
    if study.volume is None:
        raise ValueError("A study without a volume has no slices.")
    labels = study.labels if _any_shown(study, request) else None
    pixels = picture(
        study.volume,
        request.plane,
        request.index,
        request.window,
        labels,
        opacities=dict(request.opacities),
    )
    image = Image.fromarray(pixels)
    if labels is None:
        image = image.getchannel(0)  # grey: a third of the bytes
    buffer = io.BytesIO()
    # Full colour resolution: outlines one pixel wide would else bleed.
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _any_shown(study: Study, request: SliceRequest) -> bool:
    """Whether any label that is shown lies in the slice."""
    if study.labels is None or not request.opacities:
        return False
    present = np.bincount(cut(study.labels, request.plane, request.index).array.reshape(-1))
    return any(label < len(present) and present[label] for label, _ in request.opacities)
