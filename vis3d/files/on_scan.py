"""Segmentations on the grid of the scan that they mark, wherever they lie themselves."""

from dataclasses import replace

import numpy as np

from vis3d.errors import InputError
from vis3d.files.kinds import PathLike
from vis3d.files.labelmaps import read_labelmaps
from vis3d.files.naming import named_by_number
from vis3d.geometry import SAME_GRID_MM
from vis3d.labels import LabelMap
from vis3d.progress import Progress, part
from vis3d.volume import Finding, Volume


def read_labelmaps_on(
    volume: Volume, path: PathLike, *, progress: Progress | None = None
) -> tuple[LabelMap, ...]:
    """What a file marks, on the scan's grid: several label maps where structures overlap.

    Of a file on another grid each voxel takes the nearest label, by places in mm; the finding
    `labels-resampled` says so, and how much was lost. Labels without names get vis3d's where
    the scan bears out its numbers (`labels-by-number`). See `read_labelmaps` for what is read.

    Raises:
        InputError: it marks nothing where the scan lies, or `read_labelmaps` refuses it.
    """
    found = read_labelmaps(
        path,
        geometry=volume.geometry,
        frame_of_reference=str(volume.metadata.get("frame_of_reference", "")),
        progress=part(progress, 0.0, 0.5),
    )
    here = tuple(
        named_by_number(_on_grid(one, volume, part(progress, 0.5, 1.0)), volume)
        for one in found
    )
    if not any(one.array.any() for one in here) and any(one.array.any() for one in found):
        raise InputError(
            f"{path} lies on {found[0].geometry!r} and marks nothing where the scan lies, on "
            f"{volume.geometry!r}: give a label map of this scan."
        )
    return here


def _on_grid(labels: LabelMap, volume: Volume, progress: Progress) -> LabelMap:
    """The label map on exactly the scan's grid, from which a rounded header may differ."""
    if labels.geometry.matches(volume.geometry, tolerance_mm=SAME_GRID_MM):
        return replace(labels, geometry=volume.geometry)
    from vis3d.resample import in_order_of  # with SciPy, which few files need

    return in_order_of(labels, volume.geometry) or _moved(labels, volume, progress)


def _moved(labels: LabelMap, volume: Volume, progress: Progress) -> LabelMap:
    """The label map on the scan's grid, with a finding that says so."""
    from vis3d.resample import resample

    here = resample(labels, volume.geometry, progress=progress)
    before_ml, after_ml = (
        np.count_nonzero(one.array) * one.geometry.voxel_ml for one in (labels, here)
    )
    lost = 100 * max(0.0, 1 - after_ml / before_ml) if before_ml else 0.0
    message = (
        f"The label map lies on another grid than the scan ({labels.geometry!r}): it was "
        f"resampled by places in mm, and {lost:.0f} % of what it marks was lost."
    )
    return here.with_findings(Finding("labels-resampled", "warning", message))
