"""A bar in a picture that says how long its mm are."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

LONGEST_SHARE = 0.25
"""Of the picture's width."""

STEPS = (5, 2, 1)
MARGIN_SHARE = 0.04
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def bar_length_mm(width_px: int, mm_per_pixel: float) -> float:
    """The longest of 1, 2, 5, 10, 20 ... mm that fits in a quarter of the picture."""
    most_mm = LONGEST_SHARE * width_px * mm_per_pixel
    power = 10.0 ** math.floor(math.log10(most_mm))
    return next(step * power for step in STEPS if step * power <= most_mm * (1 + 1e-9))


def with_scale_bar(pixels: NDArray[np.uint8], mm_per_pixel: float) -> NDArray[np.uint8]:
    """The picture (RGB or RGBA) with a bar and its length at the lower right.

    Both are white with a black rim, so that they are read on any ground.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    draw = ImageDraw.Draw(image)
    width, height = image.size
    length_mm = bar_length_mm(width, mm_per_pixel)
    margin = max(4, round(MARGIN_SHARE * height))
    thick = max(2, round(height / 250))
    right, bottom = width - margin, height - margin
    left = right - round(length_mm / mm_per_pixel) + 1
    draw.rectangle((left - 1, bottom - thick, right + 1, bottom + 1), fill=BLACK)
    draw.rectangle((left, bottom - thick + 1, right, bottom), fill=WHITE)
    words = f"{length_mm / 10:g} cm" if length_mm >= 10 else f"{length_mm:g} mm"
    font = ImageFont.load_default(max(11, height // 36))
    middle = ((left + right) / 2, bottom - 2 * thick)
    draw.text(middle, words, WHITE, font, anchor="mb", stroke_width=1, stroke_fill=BLACK)
    return np.asarray(image)
