"""Slices as JPEG, encoded in worker threads."""

import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from vis3d.imaging import Plane, Window
from vis3d.imaging.pictures import gray_picture, painted
from vis3d.imaging.stacks import Blend, Stack, labels_shown
from vis3d.labels import LabelMap
from vis3d.measurement import EMPHYSEMA
from vis3d_viewer.planes import STRAIGHT
from vis3d_viewer.study import LowAir, Study

JPEG_QUALITY = 90

PREVIEW_COLOR, PREVIEW_OPACITY = (255, 96, 160), 0.55
"""How values are marked that a threshold would take."""

EMPHYSEMA_OPACITY = 0.7


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
    emphysema: bool = False


def slice_jpeg(study: Study, request: SliceRequest) -> bytes:
    """The slice through its window, label colours laid over it, one pixel a voxel.

    Raises:
        UsageError: there is no such slice.
        ValueError: the study has no volume.
    """
    volume = study.volume
    if volume is None:
        raise ValueError("A study without a volume has no slices.")
    where, sheet = study.sheets.of(
        volume,
        request.plane,
        request.index,
        request.turn,
        blend=request.blend,
        thickness_mm=request.thickness_mm,
    )
    pixels = gray_picture(sheet, volume, request.window)
    pixels = _coloured(pixels, study, where, request)
    if request.emphysema and study.emphysema is not None:
        pixels = _marked(pixels, study.emphysema, where, request.index)
    if study.preview is not None:
        low, high = study.preview
        inside = (sheet.array >= low) & (sheet.array <= high)
        pixels = _tinted(pixels, inside, PREVIEW_COLOR, PREVIEW_OPACITY)
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
    # Side by side: a sagittal slice lies all over memory, and is read several times.
    labels = np.ascontiguousarray(labels_shown(study.labels, where, request.index))
    present = np.bincount(labels.reshape(-1))
    if not any(label < len(present) and present[label] for label, _ in request.opacities):
        return pixels
    return painted(pixels, labels, study.labels, opacities=dict(request.opacities))


def _marked(pixels: np.ndarray, found: LowAir, where: Stack, index: int) -> np.ndarray:
    """The picture with emphysema in red: of a slab, that of its middle slice."""
    mask = found.mask
    labels = LabelMap(mask.array.view(np.uint8), mask.geometry, (replace(EMPHYSEMA, label=1),))
    inside = labels_shown(labels, where, index) > 0
    return _tinted(pixels, inside, EMPHYSEMA.color, EMPHYSEMA_OPACITY)


def _tinted(
    pixels: np.ndarray, inside: np.ndarray, color: tuple[int, int, int], opacity: float
) -> np.ndarray:
    """The picture with a veil of colour over some of its pixels."""
    if not inside.any():
        return pixels
    colored = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
    tinted = opacity * np.array(color) + (1 - opacity) * colored
    return np.where(inside[:, :, None], tinted, colored).astype(np.uint8)
