"""The windows on offer for a scan, and the histogram they are drawn on."""

from typing import Any

import numpy as np

from vis3d.geometry import Geometry
from vis3d.imaging import (
    WINDOWS,
    Window,
    default_window,
    histogram,
    own_windows,
    parse_window,
    suited_window,
)
from vis3d.imaging.histogram_pictures import merged, shown_range
from vis3d.volume import Volume

BY_KEY = ("lung", "mediastinum", "bone", "abdomen", "brain", "emphysema", "full")
"""The windows on the keys 1 to 7, the same for every CT; the scan's own ones follow."""

MAX_NAME = 24
"""A window's name comes from the file; a longer one would break the page."""

BARS = 128
CUT_BARS = 6
"""So many bars may be higher than the picture."""

SAMPLED_VOXELS = 2_000_000
"""Enough for the histogram's shape; the `histogram` command counts them all."""


def first_window(volume: Volume) -> Window:
    """The window a scan opens with: the lung window for a chest CT, else the file's own."""
    suited = suited_window(volume)
    chest = volume.unit == "HU" and suited == WINDOWS["lung"]
    return suited if chest else default_window(volume)


def window_choices(volume: Volume) -> list[dict[str, Any]]:
    """The window menu, in the order of the keys 1 to 9."""
    full = parse_window("full", volume)
    if volume.unit == "HU":
        known = {name: WINDOWS[name] for name in BY_KEY} | {"full": full}
        others = {name: window for name, window in WINDOWS.items() if name not in known}
    else:
        known, others = {"usual": suited_window(volume), "full": full}, {}
    named = dict(known)
    for name, window in own_windows(volume):
        if not any(_alike(window, other) for other in named.values()):
            label = f"own: {name[:MAX_NAME].lower()}" if name else "scan's own"
            while label in named:
                label += "'"
            named[label] = window
    return [
        {"name": name, "center": window.center, "width": window.width}
        for name, window in (named | others).items()
    ]


def _alike(one: Window, other: Window) -> bool:
    return (one.center, one.width) == (other.center, other.width)


def histogram_bars(volume: Volume) -> dict[str, Any]:
    """The scan's histogram as the page draws it: heights 0 to 1 between `low` and `high`.

    Heights are square roots of counts, and the few highest bars are cut: the air would
    leave nothing to see of the rest.
    """
    found = histogram(_sampled(volume)).without_padding()
    low, high = shown_range(found)
    edges, counts = merged(found, low, high, most=BARS)
    filled = np.sort(counts[counts > 0])[::-1]
    most = filled[min(CUT_BARS, len(filled) - 1)] if len(filled) else 1
    heights = np.sqrt(np.minimum(counts / most, 1))
    return {
        "low": float(edges[0]),
        "high": float(edges[-1]),
        "heights": [round(height, 3) for height in heights.tolist()],
    }


def _sampled(volume: Volume) -> Volume:
    """Every n-th voxel along each axis; where they lie doesn't matter here."""
    step = max(1, round((volume.array.size / SAMPLED_VOXELS) ** (1 / 3)))
    part = volume.array[::step, ::step, ::step]
    nk, nj, ni = part.shape
    return Volume(part, Geometry((nk, nj, ni)), volume.unit, volume.padding)
