"""The densities of both lungs as a chart in SVG."""

from collections.abc import Iterator
from html import escape

from vis3d.labels import STRUCTURES
from vis3d.measurement.emphysema import LEVEL_HU
from vis3d.measurement.histograms import RegionHistogram
from vis3d.measurement.measure import Measurements

LOW_HU, HIGH_HU = -1050, -400
WIDTH, HEIGHT = 460, 190
LEFT, RIGHT, TOP, BOTTOM = 30, 446, 22, 158
SIDES = ("left lung", "right lung")


def density_chart(found: Measurements) -> str:
    """The share of each lung's voxels in each 10 HU, and where emphysema begins."""
    shown = [one for one in found.histograms if one.name in SIDES and any(one.counts)]
    if not shown:
        return "<div></div>"
    most = max(max(share for _, share in _shares(one)) for one in shown)
    top = next(n for n in (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100) if n >= most)
    parts = [*_axes(top), *_level()]
    for number, one in enumerate(shown):
        parts += _curve(one, top, number)
    title = "Share of voxels in each 10 HU, %"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}" '
        'font-family="sans-serif" font-size="10" fill="#1c2430">'
        f'<text x="0" y="10" font-weight="600">{title}</text>{"".join(parts)}</svg>'
    )


def _shares(one: RegionHistogram) -> Iterator[tuple[float, float]]:
    """Where each bin begins, and how many percent of the voxels it holds."""
    total = sum(one.counts)
    for n, count in enumerate(one.counts):
        low = one.low_hu + n * one.width_hu
        if LOW_HU <= low < HIGH_HU:
            yield low, 100 * count / total
    yield HIGH_HU, 0.0


def _x(hu: float) -> float:
    return LEFT + (hu - LOW_HU) / (HIGH_HU - LOW_HU) * (RIGHT - LEFT)


def _y(percent: float, top: float) -> float:
    return BOTTOM - percent / top * (BOTTOM - TOP)


def _axes(top: float) -> Iterator[str]:
    yield f'<path d="M{LEFT} {BOTTOM}H{RIGHT}" stroke="#1c2430"/>'
    for hu in range(-1000, HIGH_HU + 1, 100):
        yield f'<path d="M{_x(hu):.1f} {BOTTOM}v4" stroke="#1c2430"/>'
        yield f'<text x="{_x(hu):.1f}" y="{BOTTOM + 14}" text-anchor="middle">−{-hu}</text>'
    yield f'<text x="{(LEFT + RIGHT) / 2}" y="{HEIGHT - 4}" text-anchor="middle">HU</text>'
    for percent in (0, top / 2, top):
        y = _y(percent, top)
        yield f'<path d="M{LEFT} {y:.1f}H{RIGHT}" stroke="#d5dae1"/>'
        yield f'<text x="{LEFT - 4}" y="{y + 3:.1f}" text-anchor="end">{percent:g}</text>'


def _level() -> Iterator[str]:
    x = _x(LEVEL_HU)
    width = x - LEFT
    yield (
        f'<rect x="{LEFT}" y="{TOP}" width="{width:.1f}" height="{BOTTOM - TOP}" '
        'fill="#de2d26" opacity="0.09"/>'
    )
    yield f'<path d="M{x:.1f} {TOP}V{BOTTOM}" stroke="#de2d26" stroke-dasharray="4 3"/>'
    yield f'<text x="{x - 3:.1f}" y="{TOP + 10}" text-anchor="end" fill="#a11d1d">−950</text>'


def _curve(one: RegionHistogram, top: float, number: int) -> Iterator[str]:
    r, g, b = next(s.color for s in STRUCTURES if s.name == one.name)
    color = f"rgb({r * 3 // 4},{g * 3 // 4},{b * 3 // 4})"
    points = [
        f"{_x(low + one.width_hu / 2):.1f},{_y(share, top):.1f}"
        for low, share in _shares(one)
        if low < HIGH_HU
    ]
    path = " ".join(points)
    yield f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.8"/>'
    y = TOP + 12 + 14 * number
    yield f'<path d="M{RIGHT - 86} {y - 3}h18" stroke="{color}" stroke-width="3"/>'
    yield f'<text x="{RIGHT - 64}" y="{y}">{escape(one.name)}</text>'
