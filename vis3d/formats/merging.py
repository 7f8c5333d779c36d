"""Several surfaces as one, and what files keep for each point."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vis3d.surface import Surface


def merged(surfaces: Sequence[Surface]) -> Surface:
    """All triangles in one surface, coloured point by point where the colours differ."""
    if len(surfaces) == 1:
        return surfaces[0]
    if not surfaces:
        return Surface(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int64))
    starts = np.cumsum([0, *(len(surface.points) for surface in surfaces[:-1])])
    triangles = [s.triangles + start for s, start in zip(surfaces, starts, strict=True)]
    first = surfaces[0]
    return Surface(
        np.concatenate([surface.points for surface in surfaces]),
        np.concatenate(triangles),
        " + ".join(surface.name for surface in surfaces if surface.name),
        first.color,
        {"colors": np.concatenate([colors_of(surface) for surface in surfaces])},
        first.metadata,
    )


def colors_of(surface: Surface) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A colour (n, 3) at each point: its own, else the surface's."""
    colors = surface.point_data.get("colors")
    if colors is not None and colors.shape == (len(surface.points), 3):
        return colors.astype(np.uint8)
    return np.tile(np.array(surface.color, np.uint8), (len(surface.points), 1))


def numbers_of(surface: Surface) -> dict[str, NDArray[np.float32]]:
    """The point data that are one number a point, under names that any header can hold."""
    return {
        name: values.astype(np.float32)
        for name, values in surface.point_data.items()
        if values.shape == (len(surface.points),)
        and values.dtype.kind in "fiu"
        and re.fullmatch("[a-z][a-z_0-9]{2,}", name)
    }
