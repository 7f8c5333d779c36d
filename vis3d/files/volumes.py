"""Scans: found, read and written, DICOM or a volume file."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vis3d.choosing import select_series
from vis3d.errors import NotDicomError, SeveralSeriesError, UsageError
from vis3d.files.kinds import PathLike, existing, input_kind, legal_suffix, open_voxels
from vis3d.formats import VOLUME_WRITERS, VOXEL_READERS
from vis3d.formats.voxels import VoxelFile, volume_of
from vis3d.progress import Progress, silent
from vis3d.volume import Finding, Volume

if TYPE_CHECKING:  # a NIfTI file is read without loading pydicom
    from vis3d.dicom import Discovery, Series

VOLUME_SUFFIXES = tuple(VOLUME_WRITERS)
"""What `write_volume` writes."""


def discover(
    path: PathLike, *, force: bool = False, progress: Progress | None = None
) -> "Discovery":
    """The series at `path` and what was left out, from headers alone.

    `path` is a folder, DICOM file, DICOMDIR or archive, or a volume file: the latter gives
    one series without UID, or one a time point.

    Raises:
        NothingFoundError: there is no such path.
        InputError: the volume file named is broken.
        UsageError: it is a surface.
    """
    from vis3d import dicom

    kind = input_kind(path)
    if kind == "surface":
        raise UsageError(f"{path} is a surface; name a scan. (render, view and serve take it.)")
    if kind == "dicom":
        try:
            return dicom.discover(path, force=force, progress=progress)
        except NotDicomError as error:
            if not str(error).endswith("is not DICOM."):
                raise
            others = ", ".join(VOXEL_READERS)
            raise NotDicomError(f"{error} Scans in other files end in {others}.") from error
    file = open_voxels(Path(path))
    series = tuple(_series_of(file, frame) for frame in range(file.frames))
    return dicom.Discovery(series, ())


def find_series(path: PathLike, *, progress: Progress | None = None) -> "tuple[Series, ...]":
    """Every series at `path`, from headers alone.

    `path` is a folder, DICOM file, DICOMDIR or archive, or a volume file.

    Raises:
        NothingFoundError: there is no such path.
        InputError: the volume file named is broken.
        UsageError: it is a surface.
    """
    return discover(path, progress=progress).series


def load_volume(
    path: PathLike,
    *,
    series: int | str | None = None,
    gaps: Literal["refuse", "interpolate"] = "refuse",
    tilt: Literal["correct", "refuse"] = "correct",
    slices: slice | None = None,
    force: bool = False,
    unit: Literal["HU"] | None = None,
    found: "Discovery | None" = None,
    progress: Progress | None = None,
) -> Volume:
    """A scan as a Volume in LPS mm, from anything `find_series` takes.

    `series` picks one by its index in `find_series` (from 1) or its UID. `gaps="interpolate"`
    fills missing slices; `tilt="refuse"` refuses a tilted gantry instead of straightening it;
    `force` reads DICOM without its preamble. `slices` keeps a range of slices (from 0, the
    stop left out), in the volume's order. `unit` is that of the values of a file that states
    none, a CT without a rescale among them. `found` is what `discover` answered for `path`, if
    that was asked already.

    Raises:
        SeveralSeriesError: several series were found and none was picked.
        UsageError: there is no such series, `path` is a surface, or states another unit.
        NothingFoundError: there is no such path, or nothing to read there.
        InputError: the data are bad: the subclass and the message say how.
    """
    from vis3d import dicom

    found = found or discover(path, force=force, progress=progress)
    chosen = select_series(found, series)
    if input_kind(path) == "dicom":
        if unit and chosen.unit != unit and (chosen.unit or chosen.modality != "CT"):
            stated = f"has its unit, {chosen.unit}" if chosen.unit else "measures no such unit"
            raise UsageError(f"This {chosen.modality} {stated}: leave out {unit}.")
        volume = dicom.load_series(
            chosen, gaps=gaps, tilt=tilt, slices=slices, progress=progress
        )
        return replace(volume, unit=unit) if unit else volume  # of a CT without a rescale
    volume = volume_of(open_voxels(Path(path)), chosen.index - 1, progress, unit=unit)
    return volume if slices is None else _sliced(volume, slices)


def read_volume(path: PathLike, *, progress: Progress | None = None) -> Volume:
    """A volume file (.nii.gz, .nrrd, ...); `load_volume` reads DICOM as well.

    Raises:
        UsageError: an unknown suffix, or several time points.
        InputError: the file is broken.
    """
    file = open_voxels(existing(path))
    if file.frames > 1:
        raise SeveralSeriesError(
            f"{file.path} holds {file.frames} volumes; load_volume(..., series=1) picks one."
        )
    return volume_of(file, 0, progress)


def write_volume(volume: Volume, path: PathLike, *, progress: Progress | None = None) -> None:
    """A volume in the format that the suffix of `path` names; findings travel along.

    Raises:
        UsageError: an unknown suffix.
        OutputError: it can't be written there.
    """
    suffix = legal_suffix(path, VOLUME_SUFFIXES, "a volume")
    VOLUME_WRITERS[suffix](volume, Path(path), progress or silent)


def _series_of(file: VoxelFile, frame: int) -> "Series":
    from vis3d import dicom

    unit = file.facts.get("unit")
    findings = file.findings
    if unit is None:
        message = f"{file.kind} states no unit: it is judged by the values when they are read."
        findings = (*findings, Finding("unit-guessed", "note", message))
    description = (
        f"{file.kind} volume {frame + 1} of {file.frames}" if file.frames > 1 else file.kind
    )
    return dicom.Series(
        index=frame + 1,
        uid="",
        modality=str(file.facts.get("modality", "")),
        description=description,
        files=(file.path.name,),
        geometry=file.geometry,
        shape=file.shape,
        unit=str(unit or ""),
        transfer_syntaxes=(),
        loadable=True,
        findings=findings,
    )


def _sliced(volume: Volume, slices: slice) -> Volume:
    nk, nj, ni = volume.geometry.shape
    start, stop, step = slices.indices(nk)
    if step != 1 or stop <= start:
        raise UsageError(f"Slices {slices.start}:{slices.stop} keep none of 0 to {nk - 1}.")
    geometry = volume.geometry.cropped((start, 0, 0), (stop - start, nj, ni))
    return volume.with_array(volume.array[start:stop].copy(), geometry)
