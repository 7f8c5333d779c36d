"""Slices as JPEG, encoded in worker threads."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vis3d.imaging import Plane, Window
from vis3d.imaging.pictures import gray_picture, painted
from vis3d.imaging.stacks import Blend, Stack, labels_shown, shown
from vis3d_viewer.planes import STRAIGHT, turned_stack
from vis3d_viewer.study import Study

JPEG_QUALITY = 90

PREVIEW_COLOR, PREVIEW_OPACITY = (255, 96, 160), 0.55
"""How values are marked that a threshold would take."""


@dataclass(frozen=True)
class SliceRequest:
    """One slice as the page asks for it; `opacities` go by label.

    With a `blend` it is a slab `thickness_mm` thick; `turn` is a quaternion (w, x, y, z).
    """

    plane: Plane
    index: int
    window: Window
    opacities: tuple[tuple[int, float], ...] = ()
    blend: Blend | None = None
    thickness_mm: float = 0.0
    turn: tuple[float, float, float, float] = STRAIGHT


def slice_jpeg(study: Study, request: SliceRequest) -> bytes:
    """The slice through its window, label colours laid over it, one pixel a voxel.

    Raises:
        UsageError: there is no such slice.
        ValueError: the study has no volume.
    """
    volume = study.volume
    if volume is None:
        raise ValueError("A study without a volume has no slices.")
    where = turned_stack(volume.geometry, request.plane, request.turn)
    sheet = shown(
        volume,
        where,
        request.index,
        blend=request.blend,
        thickness_mm=request.thickness_mm,
    )
    pixels = gray_picture(sheet, volume, request.window)
    pixels = _coloured(pixels, study, where, request)
    if study.preview is not None:
        pixels = _previewed(pixels, sheet.array, study.preview)
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    # Full colour resolution: outlines one pixel wide would else bleed.
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _coloured(
    pixels: np.ndarray, study: Study, where: Stack, request: SliceRequest
) -> np.ndarray:
    """The picture under its labels' colours; grey (a third of the bytes) without any."""
    if study.labels is None or not request.opacities:
        return pixels
    labels = labels_shown(study.labels, where, request.index)
    present = np.bincount(labels.reshape(-1))
    if not any(label < len(present) and present[label] for label, _ in request.opacities):
        return pixels
    return painted(pixels, labels, study.labels, opacities=dict(request.opacities))


def _previewed(
    pixels: np.ndarray, values: np.ndarray, chosen: tuple[float, float]
) -> np.ndarray:
    """The picture with the values from one to another in the colour of what may be added."""
    low, high = chosen
    colored = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
    inside = ((values >= low) & (values <= high))[:, :, None]
    tinted = PREVIEW_OPACITY * np.array(PREVIEW_COLOR) + (1 - PREVIEW_OPACITY) * colored
    return np.where(inside, tinted, colored).astype(np.uint8)
