"""Histograms as pictures and as a sketch of characters."""

import os
from collections.abc import Callable, Iterator
from itertools import count as counting
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import UsageError
from vis3d.imaging.canvas import INK, Canvas, Color, Point, pixels_of, svg_text
from vis3d.imaging.histogram import TISSUES, Histogram
from vis3d.imaging.picture_files import PICTURE_SUFFIXES, write_picture
from vis3d.whole_file import whole_file

CHART_SUFFIXES = (*PICTURE_SUFFIXES, ".svg")
SHOWN_HU = (-1100.0, 1600.0)
"""What the picture reaches at most for HU; the CSV has it all."""

USUAL_HU = (-1050.0, 450.0)
"""What it reaches at least."""

_PALE: Color = (205, 209, 216)
_CURVE: Color = (60, 78, 104)


def write_histogram_picture(
    found: Histogram,
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] = (1200, 700),
    logarithmic: bool = True,
) -> None:
    """Draw a histogram with the tissues' ranges; the suffix chooses the format.

    Padding is left out of the picture, and so is what lies beyond -1100 and 1600 HU.

    Raises:
        UsageError: a suffix that isn't in `CHART_SUFFIXES`.
        OutputError: the file can't be written there.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in CHART_SUFFIXES:
        legal = ", ".join(CHART_SUFFIXES)
        raise UsageError(f"{Path(path).name}: a histogram's name ends in one of {legal}.")
    canvas = histogram_canvas(found, size, logarithmic=logarithmic)
    if suffix == ".svg":
        with whole_file(path) as unfinished:
            unfinished.write_text(svg_text(canvas), encoding="utf-8")
    else:
        write_picture(pixels_of(canvas), path)


def histogram_canvas(
    found: Histogram, size: tuple[int, int], *, logarithmic: bool = True
) -> Canvas:
    """The picture of a histogram as shapes and words."""
    canvas = Canvas(*size)
    width, height = size
    left, right, top, bottom = 96.0, width - 28.0, 84.0, height - 64.0
    measured = found.without_padding()
    low, high = shown_range(measured)
    edges, counts = merged(measured, low, high, most=round((right - left) / 2))
    low, high = float(edges[0]), float(edges[-1])  # bins may be wider than the range
    most = max(1, int(counts.max()))

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    def y(count: float) -> float:
        # Half a voxel is the foot of the logarithmic axis, so that one voxel is seen.
        share = (
            np.log10(2 * max(count, 0.5)) / np.log10(2 * most) if logarithmic else count / most
        )
        return float(bottom - share * 0.96 * (bottom - top))

    _draw_tissues(canvas, found, x, (low, high), (top, bottom))
    _draw_grid(canvas, y, _count_ticks(most, logarithmic=logarithmic), (left, right))
    outline: list[Point] = [(x(edges[0]), bottom)]
    for start, stop, count in zip(edges[:-1], edges[1:], counts, strict=True):
        level = y(count) if count else bottom
        outline += [(x(start), level), (x(stop), level)]
    outline.append((x(edges[-1]), bottom))
    canvas.area(outline, _CURVE)
    canvas.line([(left, bottom), (right, bottom)], INK, 1.5)
    for value in value_ticks(low, high, 10):
        canvas.line([(x(value), bottom), (x(value), bottom + 6)], INK)
        canvas.text((x(value), bottom + 24), f"{value:g}".replace("-", "−"))
    canvas.text(((left + right) / 2, height - 14), found.unit or "value")
    step = edges[1] - edges[0]
    unit = f" {found.unit}" if found.unit else ""
    canvas.text((left, top - 48), _title(found), "start", 20)
    canvas.text((right, top - 48), f"voxels in {step:g}{unit}", "end")
    return canvas


def shown_range(found: Histogram) -> tuple[float, float]:
    """From which value to which a histogram is worth looking at.

    HU are shown from air to bone at least, so that pictures can be compared.
    """
    filled = np.flatnonzero(found.counts)
    if not len(filled):
        return USUAL_HU if found.unit == "HU" else (0.0, 1.0)
    low = float(found.lows[filled[0]])
    high = float(found.lows[filled[-1]]) + found.width
    if found.unit != "HU" or low >= SHOWN_HU[1] or high <= SHOWN_HU[0]:
        return low, high
    low = min(max(low, SHOWN_HU[0]), USUAL_HU[0])
    high = max(min(high, SHOWN_HU[1]), USUAL_HU[1])
    return low, high


def merged(
    found: Histogram, low: float, high: float, *, most: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Edges and counts of at most `most` wider bins between two values."""
    first = int(np.floor((low - found.low) / found.width + 1e-9))
    stop = max(first + 1, int(np.ceil((high - found.low) / found.width - 1e-9)))
    shown = np.zeros(stop - first, np.int64)
    there = slice(min(max(first, 0), len(found.counts)), max(0, stop))
    inside = found.counts[there]
    shown[there.start - first : there.start - first + len(inside)] = inside
    together = next(n for n in _round_numbers() if len(shown) <= n * most)
    starts = np.arange(0, len(shown), together)
    steps = np.append(starts, len(shown)).astype(np.float64)
    edges = found.low + found.width * (first + steps)
    return edges, np.add.reduceat(shown, starts).astype(np.int64)


def sketch(
    found: Histogram, columns: int = 72, rows: int = 10, *, ascii_only: bool = False
) -> str:
    """A histogram for a terminal, with the tissues' ranges under it.

    Heights are square roots of counts: the air would leave nothing to see of the rest.
    """
    measured = found.without_padding()
    low, high = shown_range(measured)
    edges, counts = merged(measured, low, high, most=columns)
    steps = " #" if ascii_only else " ▁▂▃▄▅▆▇█"
    fine = len(steps) - 1
    heights = np.sqrt(counts)
    levels = np.ceil(heights / max(heights.max(), 1) * rows * fine).astype(int)
    lines = []
    for row in range(rows - 1, -1, -1):
        filled = np.clip(levels - row * fine, 0, fine)
        lines.append("".join(steps[n] for n in filled))
    lines.append(("-" if ascii_only else "─") * len(counts))
    lines += _sketch_axis(edges)
    if found.unit == "HU":
        lines.append(_sketch_tissues(edges))
    return "\n".join(line.rstrip() for line in lines)


def value_ticks(low: float, high: float, most: int) -> list[float]:
    """Round values between two, at most about `most` of them."""
    step = next(
        step * 10.0**power
        for power in counting(int(np.floor(np.log10(max(high - low, 1e-12) / most))))
        for step in (1, 2, 5)
        if step * 10.0**power * most >= high - low
    )
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    return [round(n * step, 12) for n in range(first, last + 1)]


def _count_ticks(most: int, *, logarithmic: bool) -> list[float]:
    if logarithmic:
        return [10.0**power for power in range(int(np.log10(most)) + 1)]
    return value_ticks(0, most, 6)


def _draw_tissues(
    canvas: Canvas,
    found: Histogram,
    x: Callable[[float], float],
    shown: tuple[float, float],
    ends: tuple[float, float],
) -> None:
    """A band behind each tissue's range, with its name and its share of the voxels."""
    (low, high), (top, bottom) = shown, ends
    tissues = found.tissues()
    total = max(1, found.without_padding().voxels)
    for tissue, voxels in tissues:
        start, stop = max(low, tissue.low_hu), min(high, tissue.high_hu)
        if start >= stop:
            continue
        corners = [(x(start), top), (x(stop), top), (x(stop), bottom), (x(start), bottom)]
        canvas.area(corners, tissue.color, 0.22)
        canvas.area([(px, py if py == top else top + 5) for px, py in corners], tissue.color)
        middle = (x(start) + x(stop)) / 2
        canvas.text((middle, top - 23), tissue.name, size=14)
        canvas.text((middle, top - 7), f"{100 * voxels / total:.1f} %", size=13)


def _draw_grid(
    canvas: Canvas,
    y: Callable[[float], float],
    ticks: list[float],
    ends: tuple[float, float],
) -> None:
    for count in ticks:
        canvas.line([(ends[0], y(count)), (ends[1], y(count))], _PALE)
        canvas.text((ends[0] - 10, y(count) + 5), f"{count:,.0f}", "end", 14)


def _title(found: Histogram) -> str:
    words = f"{found.voxels - found.padding:,} voxels"
    if found.name:
        words = f"{found.name}: {words}"
    return words + (f", {found.padding:,} of padding left out" if found.padding else "")


def _round_numbers() -> Iterator[int]:
    for power in counting():
        for step in (1, 2, 3, 4, 5, 6, 8):
            yield step * 10**power


def _sketch_axis(edges: NDArray[np.float64]) -> list[str]:
    """A row of values under the bins they belong to."""
    columns = len(edges) - 1
    line = [" "] * (columns + 12)
    for value in value_ticks(float(edges[0]), float(edges[-1]), max(1, columns // 9)):
        text = f"|{value:g}"
        at = int(np.searchsorted(edges, value, side="right")) - 1
        line[at : at + len(text)] = text
    return ["".join(line).rstrip()]


def _sketch_tissues(edges: NDArray[np.float64]) -> str:
    """A row that marks each tissue's range by its first letter."""
    line = [" "] * (len(edges) - 1)
    for tissue in TISSUES:
        for column in np.flatnonzero(
            (edges[:-1] >= tissue.low_hu) & (edges[:-1] < tissue.high_hu)
        ):
            line[column] = tissue.name[0]
    return "".join(line)
