"""Shapes and words that become an SVG document or, by Pillow, pixels."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Color: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]
Anchor: TypeAlias = Literal["start", "middle", "end"]

INK: Color = (40, 44, 52)
PAPER: Color = (255, 255, 255)

_FINER = 3
"""Pillow draws so many times as large, then shrinks: it has no smooth edges of its own."""
_SIDES = {"start": "ls", "middle": "ms", "end": "rs"}


@dataclass
class Canvas:
    """Shapes and words in drawing order, before anyone knows whether they become SVG."""

    width: int
    height: int
    shapes: list[tuple[str, tuple[Point, ...], Color, float]] = field(default_factory=list)
    words: list[tuple[Point, str, Anchor, int, Color]] = field(default_factory=list)

    def area(self, points: list[Point], color: Color, opacity: float = 1.0) -> None:
        """A filled polygon."""
        self.shapes.append(("area", tuple(points), color, opacity))

    def line(self, points: list[Point], color: Color, width: float = 1.0) -> None:
        """A line through the points."""
        self.shapes.append(("line", tuple(points), color, width))

    def text(
        self,
        at: Point,
        words: str,
        anchor: Anchor = "middle",
        size: int = 15,
        color: Color = INK,
    ) -> None:
        """Words whose base line starts, ends or has its middle at a point."""
        self.words.append((at, words, anchor, size, color))


def svg_text(canvas: Canvas) -> str:
    """The canvas as an SVG document."""
    size = f'width="{canvas.width}" height="{canvas.height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'viewBox="0 0 {canvas.width} {canvas.height}" font-family="sans-serif">',
        f'<rect {size} fill="{_hex(PAPER)}"/>',
    ]
    for kind, points, color, number in canvas.shapes:
        path = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
        if kind == "area":
            style = f'fill="{_hex(color)}" fill-opacity="{number:g}"'
            lines.append(f'<polygon points="{path}" {style}/>')
        else:
            style = f'fill="none" stroke="{_hex(color)}" stroke-width="{number:g}"'
            lines.append(f'<polyline points="{path}" {style}/>')
    for (x, y), words, anchor, size_px, color in canvas.words:
        lines.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size_px}" '
            f'fill="{_hex(color)}">{escape(words)}</text>'
        )
    return "\n".join((*lines, "</svg>", ""))


def pixels_of(canvas: Canvas) -> NDArray[np.uint8]:
    """The canvas as an RGB picture (rows, columns, 3)."""
    large = (canvas.width * _FINER, canvas.height * _FINER)
    image = Image.new("RGB", large, PAPER)
    for kind, points, color, number in canvas.shapes:
        scaled = [(x * _FINER, y * _FINER) for x, y in points]
        draw = ImageDraw.Draw(image, "RGBA")
        if kind == "area":
            draw.polygon(scaled, fill=(*color, round(255 * number)))
        else:
            draw.line(scaled, fill=color, width=max(1, round(number * _FINER)))
    image = image.resize((canvas.width, canvas.height), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(image)
    for at, words, anchor, size_px, color in canvas.words:
        font = ImageFont.load_default(size_px)
        draw.text(at, words.replace("−", "-"), fill=color, font=font, anchor=_SIDES[anchor])
    return np.asarray(image)


def _hex(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
