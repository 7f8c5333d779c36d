"""Which part of a scan is converted, and onto which grid."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from vis3d.errors import InputError, UsageError
from vis3d.progress import Progress, part
from vis3d_cli import options, reading, say

if TYPE_CHECKING:
    from vis3d.dicom import Discovery
    from vis3d.volume import Mask, Volume

GRID = Group("Part and grid", sort_key=7)
BODY = "body"


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What stays of a scan, and the voxels it is laid on."""

    slices: Annotated[
        str | None,
        Parameter(
            metavar="A:B",
            allow_leading_hyphen=True,
            help="Only the slices from A (counted from 0) up to but not including B.",
        ),
    ] = None
    keep: Annotated[
        str | None,
        Parameter(metavar="STRUCTURE", help="Set everything else to padding."),
    ] = None
    crop: Annotated[
        str | None, Parameter(metavar="STRUCTURE", help="Only the box round a structure.")
    ] = None
    margin: Annotated[
        float | None, Parameter(metavar="MM", help="How much more --crop leaves all round.")
    ] = None
    segmentation: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="A label map of this scan that has the structures."),
    ] = None
    isotropic: Annotated[
        float | None, Parameter(metavar="MM", help="Resample to cubes of this size.")
    ] = None
    shape: Annotated[
        str | None,
        Parameter(
            metavar="NK,NJ,NI",
            allow_leading_hyphen=True,
            help="This many slices, rows and columns; see --fit.",
        ),
    ] = None
    fit: Annotated[
        Literal["stretch", "crop"],
        Parameter(
            help="How --shape is reached: stretch the voxels over the same box, or keep their "
            "size (that of --isotropic) and crop or pad about the body."
        ),
    ] = "stretch"


WHOLE = Grid()


def check(grid: Grid) -> None:
    """Before anything is read: whether the options make sense.

    Raises:
        UsageError: they don't.
    """
    if grid.isotropic is not None and grid.shape is not None and grid.fit == "stretch":
        raise UsageError(
            "--isotropic and --shape both say the voxels' size; give one of them, or "
            "--fit crop to crop and pad to the shape."
        )
    if grid.fit == "crop" and grid.shape is None:
        raise UsageError("--fit crop needs the --shape to crop or pad to.")
    if grid.margin is not None and grid.crop is None:
        raise UsageError("--margin goes with --crop STRUCTURE.")
    if grid.margin is not None and not 0 <= grid.margin < math.inf:
        raise UsageError("--margin takes a length in mm from 0 on.")
    if grid.segmentation is not None and grid.crop is None and grid.keep is None:
        raise UsageError("Say what --segmentation is for: --crop or --keep STRUCTURE.")
    reading.check_structure(grid.crop, grid.segmentation)
    reading.check_structure(grid.keep, grid.segmentation)
    _spacing_mm(grid)
    _shape(grid)
    _slices(grid)


def load(
    path: Path,
    which: options.Choice,
    how: options.Manner,
    grid: Grid,
    progress: Progress,
    *,
    found: "Discovery | None" = None,
) -> "Volume":
    """The scan, cut and resampled as the options say."""
    volume = reading.load(
        path, which, how, part(progress, 0.0, 0.5), slices=_slices(grid), found=found
    )
    _say_what_ends(volume, grid, how)
    volume = _cut(volume, grid, how, part(progress, 0.5, 0.8))
    return _regridded(volume, grid, part(progress, 0.8, 1.0))


def _say_what_ends(volume: "Volume", grid: Grid, how: options.Manner) -> None:
    """Whether the scan ends before the slices that were asked for do."""
    wanted, count = _slices(grid), volume.geometry.shape[0]
    if wanted is None or wanted.stop is None:
        return
    first = wanted.start or 0
    if 0 <= first < wanted.stop and first + count < wanted.stop:
        say.note(
            f"--slices {grid.slices}: the scan ends with slice {first + count - 1}; "
            f"{count} slices were kept.",
            how,
        )


def _cut(volume: "Volume", grid: Grid, how: options.Manner, progress: Progress) -> "Volume":
    """What stays of the scan; what its segmentation doubts stays with it."""
    from vis3d.imaging import cropped, only

    masks: dict[str, Mask] = {}
    named = dict.fromkeys(name for name in (grid.crop, grid.keep) if name is not None)
    for number, name in enumerate(named):
        step = part(progress, number / len(named), (number + 1) / len(named))
        found = reading.mask_for(volume, name, grid.segmentation, step)
        if not found.array.any():
            raise InputError(f"The scan shows no {name}: nothing would be left of it.")
        masks[name] = found
        doubts = [one for one in found.findings if one not in volume.findings]
        say.findings(doubts, how)
        volume = volume.with_findings(*doubts)
    if grid.keep is not None:
        volume = only(volume, masks[grid.keep])
    if grid.crop is None:
        return volume
    return cropped(volume, masks[grid.crop], margin_mm=grid.margin or 0.0)


def _regridded(volume: "Volume", grid: Grid, progress: Progress) -> "Volume":
    from vis3d.imaging import centered_geometry
    from vis3d.resample import isotropic_geometry, resample, shaped_geometry

    spacing_mm, shape = _spacing_mm(grid), _shape(grid)
    if spacing_mm is not None:
        wanted = isotropic_geometry(volume.geometry, spacing_mm)
        volume = resample(volume, wanted, progress=part(progress, 0.0, 0.5))
    if shape is None:
        return volume
    if grid.fit == "stretch":
        wanted = shaped_geometry(volume.geometry, shape)
    else:
        body = _body(volume, part(progress, 0.5, 0.8))
        wanted = centered_geometry(volume, body, shape)
    return resample(volume, wanted, progress=part(progress, 0.8, 1.0))


def _body(volume: "Volume", progress: Progress) -> "Mask":
    """What the scan is centred on: the body; where there is none, all that was measured."""
    if volume.unit == "HU":
        body = reading.mask_for(volume, BODY, None, progress)
        if body.array.any():
            return body
    return volume.mask(volume.inside_scan(), BODY)


def _spacing_mm(grid: Grid) -> float | None:
    if grid.isotropic is None:
        return None
    return options.positive((grid.isotropic,), "--isotropic")[0]


def _shape(grid: Grid) -> tuple[int, int, int] | None:
    return None if grid.shape is None else options.shape(grid.shape)


def _slices(grid: Grid) -> slice | None:
    return None if grid.slices is None else options.slices(grid.slices)
