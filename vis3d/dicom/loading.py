"""A series -> its volume."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vis3d.dicom.frames import Frame
from vis3d.dicom.pixels import stored_values
from vis3d.dicom.planning import geometry_of, stack_of
from vis3d.dicom.series import Series
from vis3d.errors import IrregularSeriesError, UsageError
from vis3d.geometry import Geometry
from vis3d.progress import Progress, silent
from vis3d.volume import Volume

Gaps = Literal["refuse", "interpolate"]
Tilt = Literal["correct", "refuse"]


def load_series(
    series: Series,
    *,
    gaps: Gaps = "refuse",
    tilt: Tilt = "correct",
    slices: slice | None = None,
    progress: Progress | None = None,
) -> Volume:
    """The volume of a series: int16 where the values allow it, float32 otherwise.

    `gaps="interpolate"` fills missing slices and evens out variable spacing;
    `tilt="refuse"` stops at a tilted stack instead of correcting it; `slices` takes a part
    of the sorted slices only.

    Raises:
        IrregularSeriesError: the slices make no regular grid and no option repairs it.
        InputError: a file's pixels are bad.
        TooLargeError: the volume doesn't fit into the free memory.
    """
    frames = series.frames[slices] if slices else series.frames
    array = np.empty((len(frames), frames[0].format.rows, frames[0].format.columns), np.int16)
    say = progress or silent
    refused = [f.message for f in series.findings if f.severity == "error"]
    if refused and not slices:
        raise IrregularSeriesError(refused[0])
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for k, values in enumerate(pool.map(_measured, frames)):
            array[k] = values
            say((k + 1) / len(frames), "reading slices")
    geometry = series.geometry
    if geometry is None:
        first = frames[0]
        j_mm, i_mm = first.pixel_spacing or (1.0, 1.0)
        geometry = Geometry(array.shape, (i_mm, j_mm, 1.0))
    elif slices:
        geometry = geometry_of(frames, stack_of(frames))
    metadata = {
        "modality": series.modality,
        "description": series.description,
        "source": "dicom",
        "findings": series.findings,
    }
    return Volume(array, geometry, series.unit, None, metadata)


def _measured(frame: Frame) -> NDArray[np.generic]:
    values = stored_values(frame)
    return np.rint(values * frame.slope + frame.intercept).astype(np.int16)
