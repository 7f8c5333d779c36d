"""Marks drawn into a picture of the 3D view, for files."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vis3d.geometry import FloatArray
from vis3d_viewer.measuring import Kept, shown

LINE, TEXT, EDGE = (255, 209, 102), (255, 226, 160), (0, 0, 0)

CIRCLE_POINTS = 49
LINES_A_PICTURE = 450
"""A line is as thick as a picture of so many rows has pixels of that size."""


def annotated(
    pixels: NDArray[np.uint8], marks: Sequence[Kept], projection: FloatArray
) -> NDArray[np.uint8]:
    """A picture (rows, columns, 3) with the marks where `projection` has them.

    It is the camera's 4x4 matrix from LPS mm to the view (-1 to 1, y upwards).
    """
    rows, columns = pixels.shape[:2]
    thick = max(1, round(rows / LINES_A_PICTURE))
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(13 * thick)
    for kept in marks:
        spots = _spots(line_lps(kept), projection, (columns, rows))
        if spots is None:
            continue
        draw.line([tuple(spot) for spot in spots.tolist()], LINE, 2 * thick, joint="curve")
        x, y = spots[1 if kept.kind == "angle" else -1].tolist()
        place = (x + 8 * thick, y - 20 * thick)
        draw.text(place, shown(kept)["text"], TEXT, font, stroke_width=thick, stroke_fill=EDGE)
    return np.asarray(image)


def line_lps(kept: Kept) -> FloatArray:
    """What a mark looks like: a line through points (n, 3) in LPS mm."""
    points = np.array(kept.points)
    if kept.kind == "polygon":
        return np.concatenate([points, points[:1]])
    if kept.kind != "ellipse":
        return points
    angles = np.linspace(0, 2 * np.pi, CIRCLE_POINTS)[:, None]
    center, first, second = points
    line: FloatArray = (
        center + np.cos(angles) * (first - center) + np.sin(angles) * (second - center)
    )
    return line


def _spots(lps: FloatArray, projection: FloatArray, size: tuple[int, int]) -> FloatArray | None:
    """Where points are in a picture, in pixels; None where one lies behind the eye."""
    view = np.concatenate([lps, np.ones((len(lps), 1))], axis=1) @ projection.T
    if (view[:, 3] <= 0).any():
        return None
    x, y = view[:, 0] / view[:, 3], view[:, 1] / view[:, 3]
    width, height = size
    return np.stack([(x + 1) / 2 * width - 0.5, (1 - y) / 2 * height - 0.5], axis=1)
