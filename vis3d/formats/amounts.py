"""How many parts and points a surface file may make, however small it is itself."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from vis3d.errors import TooLargeError
from vis3d.surface import Surface

MOST_PARTS = 10_000
"""Whole-body segmentations have some hundred."""

LEAST_POINTS = 2_000_000
POINTS_A_BYTE = 2
"""The same points may be placed several times; compressed files hold more than they weigh."""


def check_parts(count: int, path: Path) -> None:
    """Refuse more parts than anybody's anatomy has.

    Raises:
        TooLargeError: too many.
    """
    if count > MOST_PARTS:
        raise TooLargeError(f"{path} holds {count:,} parts; up to {MOST_PARTS:,} are read.")


def bounded(surfaces: Iterable[Surface], path: Path) -> Iterator[Surface]:
    """The surfaces as they come, until they are more than the file can honestly hold.

    Raises:
        TooLargeError: too many parts, or points placed again and again.
    """
    points, most = 0, max(LEAST_POINTS, POINTS_A_BYTE * path.stat().st_size)
    for count, surface in enumerate(surfaces, 1):
        check_parts(count, path)
        points += len(surface.points) + len(surface.triangles)
        if points > most:
            raise TooLargeError(
                f"{path} places the same points so often that they are more than {most:,}."
            )
        yield surface
