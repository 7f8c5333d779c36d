"""The body of CT scans, whose slices may lie anywhere but evenly."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vis3d.errors import InputError
from vis3d.progress import Progress, part
from vis3d_cli import reading, say
from vis3d_cli.options import Choice, Manner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vis3d.dicom import Discovery, Series
    from vis3d.volume import Mask, Volume

HOUNSFIELD = "HU"
NO_BODY = (
    "No body was found: nothing in it is as large and as dense as a patient. Of one picture "
    "cut out what it shows with --box."
)
WIDE_MM = 15.0
"""Slices further apart say nothing of one another."""
LONE_MM = 1.0
"""How thick a slice alone is taken to be."""


def is_scan(series: "Series") -> bool:
    """Whether a series is a CT of several slices, and no single pictures."""
    return series.unit == HOUNSFIELD and len(series.frames) > 1


def scan(
    path: Path,
    series: "Series",
    which: Choice,
    how: Manner,
    progress: Progress,
    found: "Discovery",
) -> "tuple[Volume, Mask]":
    """A CT and the body in it: its slices where they were scanned, or on an even grid.

    They move to an even grid only where gaps are to be filled.

    Raises:
        IrregularSeriesError: the slices are no stack that one body could run through.
        InputError: there is no body.
    """
    reading_it, finding_it = part(progress, 0.0, 0.5), part(progress, 0.5, 1.0)
    if which.gaps == "interpolate":
        one = replace(which, series=str(series.index))
        volume = reading.load(path, one, how, reading_it, found=found)
        return volume, body_of(volume, finding_it)
    from vis3d.dicom import load_slices

    volume = load_slices(series, tilt=which.tilt, progress=reading_it)
    say.findings(volume.findings, how)
    assert series.stack is not None
    places_mm = series.stack.distances
    wide = int((places_mm[1:] - places_mm[:-1] > WIDE_MM).sum())
    if wide:
        say.note(
            f"warning: {wide} gap{'s' * (wide > 1)} wider than {WIDE_MM:g} mm: the body is "
            "found on each side alone, and may keep a part of the table there.",
            how,
        )
    return volume, _body_in_runs(volume, places_mm, finding_it)


def _body_in_runs(
    volume: "Volume", places_mm: "NDArray[np.float64]", progress: Progress
) -> "Mask":
    """The body, found in each run of slices that lie near one another.

    Across a wide gap the air before a belly would run into the lungs of the next slice.
    """
    import numpy as np

    from vis3d.geometry import Geometry
    from vis3d.volume import Mask

    inside = np.zeros(volume.array.shape, bool)
    runs = np.split(np.arange(len(inside)), np.flatnonzero(np.diff(places_mm) > WIDE_MM) + 1)
    grid = volume.geometry
    for number, run in enumerate(runs):
        apart_mm = float(np.median(np.diff(places_mm[run]))) if len(run) > 1 else LONE_MM
        spacing = (*grid.spacing[:2], apart_mm)
        near = slice(run[0], run[-1] + 1)
        placed = Geometry((len(run), *grid.shape[1:]), spacing, grid.origin, grid.direction)
        step = part(progress, number / len(runs), (number + 1) / len(runs))
        inside[near] = _body(volume.with_array(volume.array[near], placed), step).array
    if not inside.any():
        raise InputError(NO_BODY)
    return Mask(inside, grid, "body")


def body_of(volume: "Volume", progress: Progress) -> "Mask":
    """The patient without table, clothes and air.

    Raises:
        InputError: there is none in the scan.
    """
    body = _body(volume, progress)
    if not body.array.any():
        raise InputError(NO_BODY)
    return body


def _body(volume: "Volume", progress: Progress) -> "Mask":
    from vis3d.segmentation import segment

    return segment(volume, ["body"], progress=progress).mask("body")
