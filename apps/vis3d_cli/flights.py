"""`render --fly-through`: the way, what is seen from it, and its light."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vis3d.errors import InputError, NothingFoundError, UsageError
from vis3d.geometry import FloatArray
from vis3d.meshing import extract_surface
from vis3d.progress import Progress, part
from vis3d.rendering import airway_path, eyes_along, flight, path_through
from vis3d.rendering.paths import Side
from vis3d.scene import Scene, SurfaceLayer
from vis3d.volume import Mask, Volume

if TYPE_CHECKING:
    from collections.abc import Iterator

MUCOSA = (222, 136, 120)
DARKNESS = (8, 3, 3)
TORCH_MM = 35.0
SMOOTH_MM = 1.0
"""Voxels' steps, seen from 5 mm away, would be all that one sees."""
MOST_PLACES = 10_000

_HEADINGS = (["l", "p", "s"], ["x", "y", "z"], ["left", "posterior", "superior"])
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def through_airways(
    volume: Volume, airways: Mask, side: Side | None, progress: Progress
) -> tuple[Scene, FloatArray]:
    """The inside of the airways, and the way down into one lung or the deepest branch."""
    path = airway_path(airways, side=side, progress=part(progress, 0.0, 0.3))
    wall = extract_surface(
        airways,
        volume,
        color=MUCOSA,
        smooth_mm=SMOOTH_MM,
        progress=part(progress, 0.3, 1.0),
    )
    return Scene([SurfaceLayer(wall)], background=DARKNESS), path


def pictures(
    scene: Scene,
    path_lps: FloatArray,
    count: int,
    size: tuple[int, int],
    *,
    torch_mm: float | None,
    progress: Progress,
) -> "Iterator[Any]":
    """The flight, picture by picture."""
    plain = replace(scene, ambient_occlusion=False)  # for a view from outside
    return flight(
        plain, eyes_along(path_lps, count), size, torch_mm=torch_mm, progress=progress
    )


def path_of(file: Path) -> FloatArray:
    """The way through the places of a text file: a line each, L, P and S in mm.

    Raises:
        NothingFoundError: there is no such file.
        InputError: a line that isn't three numbers, or a place far from any scan.
        UsageError: fewer than two places.
    """
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError as error:
        raise NothingFoundError(
            f"There is no file {file}: --fly-through takes airways, left, right, or a file of "
            "places."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} can't be read as text: one place a line, L,P,S.") from error
    said = [(number, line) for number, line in enumerate(lines, 1) if _says(line)]
    if said and [word.lower() for word in _words(said[0][1])] in _HEADINGS:
        del said[0]
    places = [_place(line, number, file) for number, line in said]
    if not 2 <= len(places) <= MOST_PLACES:
        raise UsageError(f"{file} holds {len(places)} places; a way has 2 to {MOST_PLACES}.")
    try:
        return path_through(np.array(places))
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


def _says(line: str) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith("#")


def _words(line: str) -> list[str]:
    return [word for word in re.split(r"[,;\s]+", line.strip()) if word]


def _place(line: str, number: int, file: Path) -> list[float]:
    words = _words(line)
    if len(words) != 3 or not all(_NUMBER.fullmatch(word) for word in words):
        raise InputError(f"{file}, line {number}: a place is L,P,S in mm such as -14,117,-413.")
    return [float(word) for word in words]
