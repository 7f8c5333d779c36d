"""What kind an input or output is, and which of `dicom` and `formats` handles it."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d.choosing import select_series
from vis3d.errors import (
    InputError,
    NothingFoundError,
    SeveralSeriesError,
    UnsupportedError,
    UsageError,
)
from vis3d.formats import (
    LABELMAP_WRITERS,
    SURFACE_READERS,
    SURFACE_WRITERS,
    VOLUME_WRITERS,
    VOXEL_READERS,
)
from vis3d.formats.frames import Coordinates
from vis3d.formats.merging import merged
from vis3d.formats.stl import stl_content, stl_surface
from vis3d.formats.structures import structure
from vis3d.formats.voxels import VoxelFile, labelmap_of, volume_of
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap, Structure
from vis3d.progress import Progress, silent
from vis3d.surface import Surface
from vis3d.volume import Finding, Volume

if TYPE_CHECKING:  # a NIfTI file or a surface is read without loading pydicom
    from vis3d.dicom import Discovery, Series

PathLike: TypeAlias = str | os.PathLike[str]
Kind: TypeAlias = Literal["dicom", "volume", "surface"]

DICOM_SUFFIX = ".dcm"
VOLUME_SUFFIXES = tuple(VOLUME_WRITERS)
"""What `write_volume` writes."""

LABELMAP_SUFFIXES = (*LABELMAP_WRITERS, DICOM_SUFFIX)
"""What `write_labelmap` writes."""

SURFACE_SUFFIXES = (*SURFACE_WRITERS, DICOM_SUFFIX)
"""What `write_surface` writes."""


def input_kind(path: PathLike) -> Kind:
    """How an input is read: by its suffix; folders, archives and all else are DICOM's.

    A DICOM Encapsulated STL is a surface.

    Raises:
        NothingFoundError: there is no such path.
    """
    file = _existing(path)
    if file.is_file() and _suffix(file, VOXEL_READERS):
        return "volume"
    if not file.is_file() or not (_suffix(file, SURFACE_READERS) or _is_dicom(file)):
        return "dicom"
    if _suffix(file, SURFACE_READERS):
        return "surface"
    from vis3d import dicom

    return "surface" if dicom.is_encapsulated_stl(file) else "dicom"


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
        return dicom.discover(path, force=force, progress=progress)
    file = _open_voxels(Path(path))
    series = tuple(_series_of(file, frame) for frame in range(file.frames))
    return dicom.Discovery(series, ())


def find_series(path: PathLike, *, progress: Progress | None = None) -> "tuple[Series, ...]":
    """Every series at `path`, from headers alone; see `discover`."""
    return discover(path, progress=progress).series


def load_volume(
    path: PathLike,
    *,
    series: int | str | None = None,
    gaps: Literal["refuse", "interpolate"] = "refuse",
    tilt: Literal["correct", "refuse"] = "correct",
    slices: slice | None = None,
    force: bool = False,
    found: "Discovery | None" = None,
    progress: Progress | None = None,
) -> Volume:
    """A scan as a Volume in LPS mm, from anything `discover` takes.

    `slices` keeps a range of slices (from 0, the stop left out), in the volume's order.
    `found` is what `discover` answered for `path`, if that was asked already.

    Raises:
        SeveralSeriesError: several series were found and none was picked.
        NothingFoundError: there is no such path, or nothing to read there.
        InputError: the data are bad: the subclass and the message say how.
    """
    from vis3d import dicom

    found = found or discover(path, force=force, progress=progress)
    chosen = select_series(found, series)
    if input_kind(path) == "dicom":
        return dicom.load_series(chosen, gaps=gaps, tilt=tilt, slices=slices, progress=progress)
    volume = volume_of(_open_voxels(Path(path)), chosen.index - 1, progress)
    return volume if slices is None else _sliced(volume, slices)


def read_volume(path: PathLike, *, progress: Progress | None = None) -> Volume:
    """A volume file (.nii.gz, .nrrd, ...); `load_volume` reads DICOM as well.

    Raises:
        UsageError: an unknown suffix, or several time points.
        InputError: the file is broken.
    """
    file = _open_voxels(_existing(path))
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
    suffix = _legal_suffix(path, VOLUME_SUFFIXES, "a volume")
    VOLUME_WRITERS[suffix](volume, Path(path), progress or silent)


def read_labelmap(path: PathLike, *, progress: Progress | None = None) -> LabelMap:
    """A segmentation on its own grid, with the file's names: .nii.gz, .nrrd, .mha, DICOM.

    Raises:
        InputError: the values are no labels, or segments overlap (see `read_labelmaps`).
    """
    maps = read_labelmaps(path, progress=progress)
    if len(maps) > 1:
        raise UnsupportedError(
            f"{path}: its segments overlap and fill {len(maps)} label maps; export those "
            f"wanted alone, or use read_labelmaps."
        )
    return maps[0]


def read_labelmaps(
    path: PathLike,
    *,
    geometry: Geometry | None = None,
    frame_of_reference: str = "",
    progress: Progress | None = None,
) -> tuple[LabelMap, ...]:
    """The label maps of a segmentation (several where segments overlap), with its names.

    The contours of an RT structure set are filled on `geometry`, the scan's grid, if given;
    everything else lies on the file's own grid. A folder of masks, a file a structure, is
    read too: the files' names are the structures'. `frame_of_reference` is that of the scan's
    metadata, with which a DICOM object's is compared.

    Raises:
        InputError: the values are no labels, the file is broken, or a DICOM object has another
            frame of reference than the scan and doesn't lie on its slices.
    """
    file = _existing(path)
    if file.is_dir():
        return _masks_in(file, progress or silent)
    if file.is_file() and not _suffix(file, VOXEL_READERS) and _is_dicom(file):
        from vis3d import dicom

        return dicom.read_label_object(
            file, geometry, frame_of_reference=frame_of_reference, progress=progress
        )
    voxels = _open_voxels(file)
    return tuple(labelmap_of(voxels, frame, progress) for frame in range(voxels.frames))


def _masks_in(folder: Path, progress: Progress) -> tuple[LabelMap, ...]:
    """The masks in a folder as TotalSegmentator writes them: what isn't 0 is the structure."""
    from vis3d.dicom.overlaps import packed

    files = sorted(one for one in folder.iterdir() if _suffix(one, VOXEL_READERS))
    if not files:
        raise InputError(f"{folder} holds no masks ({', '.join(VOXEL_READERS)}); name a file.")
    suffixes = [str(_suffix(one, VOXEL_READERS)) for one in files]
    names = [one.name[: -len(end)] for one, end in zip(files, suffixes, strict=True)]
    structures = [structure(n, name) for n, name in enumerate(names, 1)]

    def mask(one: Structure) -> tuple[NDArray[np.bool_], Geometry]:
        file = files[one.label - 1]
        progress((one.label - 1) / len(files), "Reading masks")
        labels = labelmap_of(_open_voxels(file))
        if not labels.geometry.matches(_open_voxels(files[0]).geometry, tolerance_mm=0.01):
            raise InputError(f"{file.name} and {files[0].name} in {folder} have other grids.")
        return labels.array > 0, labels.geometry

    return packed(structures, mask)


def write_labelmap(
    labelmap: LabelMap,
    path: PathLike,
    *,
    series: "Series | None" = None,
    progress: Progress | None = None,
) -> None:
    """A label map in the format that the suffix names; DICOM SEG (.dcm) needs its `series`.

    Raises:
        UsageError: an unknown suffix.
        InputError: a SEG of a scan that isn't DICOM.
        OutputError: it can't be written there.
    """
    suffix = _legal_suffix(path, LABELMAP_SUFFIXES, "a label map")
    if suffix != DICOM_SUFFIX:
        LABELMAP_WRITERS[suffix](labelmap, Path(path), progress or silent)
        return
    if series is None or not series.uid:
        raise UnsupportedError(
            f"{path}: a DICOM segmentation refers to the patient and study of a DICOM scan, "
            f"and this one isn't DICOM; write .nii.gz instead."
        )
    from vis3d import dicom

    dicom.write_segmentation(labelmap, series, Path(path), progress=progress)


def read_surface(path: PathLike) -> Surface:
    """A surface file in LPS mm; several surfaces become one (see `read_surfaces`).

    Raises:
        UsageError: an unknown suffix.
        InputError: the file is broken.
    """
    return merged(read_surfaces(path))


def read_surfaces(path: PathLike) -> tuple[Surface, ...]:
    """Every surface of a file (.glb, .3mf and .obj can hold several), in LPS mm.

    A DICOM Encapsulated STL is one too.

    Raises:
        UsageError: an unknown suffix.
        InputError: the file is broken.
    """
    file = _existing(path)
    if file.is_file() and not _suffix(file, SURFACE_READERS) and _is_dicom(file):
        from vis3d import dicom

        found = dicom.read_encapsulated_stl(file)
        return (
            stl_surface(found.content, file, name=found.title, mm_per_unit=found.mm_per_unit),
        )
    return SURFACE_READERS[_legal_suffix(file, tuple(SURFACE_READERS), "a surface")](file)


def write_surface(
    surface: Surface,
    path: PathLike,
    *,
    coordinates: Coordinates = "lps",
    series: "Series | None" = None,
) -> None:
    """A surface in mm, in the format that the suffix names, in LPS unless RAS is asked for.

    DICOM Encapsulated STL (.dcm) needs the `series` it was made from.

    Raises:
        UsageError: an unknown suffix, or RAS where the format has a frame of its own.
        UnsupportedError: DICOM of a scan that isn't DICOM.
        OutputError: it can't be written there.
    """
    write_surfaces((surface,), path, coordinates=coordinates, series=series)


def write_surfaces(
    surfaces: tuple[Surface, ...],
    path: PathLike,
    *,
    coordinates: Coordinates = "lps",
    series: "Series | None" = None,
) -> None:
    """Several surfaces in one file: named and coloured apart where the format can.

    Raises:
        UsageError: an unknown suffix, or RAS where the format has a frame of its own.
        UnsupportedError: DICOM of a scan that isn't DICOM.
        OutputError: it can't be written there.
    """
    suffix = _legal_suffix(path, SURFACE_SUFFIXES, "a surface")
    if not surfaces:
        raise UsageError("There is no surface to write.")
    if coordinates not in ("lps", "ras"):
        raise UsageError(f"Coordinates are lps or ras, not {coordinates!r}.")
    if suffix != DICOM_SUFFIX:
        SURFACE_WRITERS[suffix](surfaces, Path(path), coordinates=coordinates)
        return
    if coordinates != "lps":
        raise UsageError("A surface as DICOM is in the patient's LPS; write .stl for RAS.")
    if series is None or not series.uid:
        raise UnsupportedError(
            f"{path}: a surface as DICOM refers to the patient and study of a DICOM scan, "
            f"and this one isn't DICOM; write .stl instead."
        )
    from vis3d import dicom

    title = " + ".join(surface.name for surface in surfaces if surface.name)
    dicom.write_encapsulated_stl(stl_content(surfaces), series, Path(path), title=title)


def _existing(path: PathLike) -> Path:
    file = Path(path)
    try:
        exists = file.exists()
    except (OSError, ValueError):  # a name too long for the system, or with a NUL in it
        exists = False
    if not exists:
        raise NothingFoundError(f"There is no {file}.")
    return file


def _suffix(path: PathLike, legal: Iterable[str]) -> str | None:
    """The longest legal suffix that the name ends with."""
    name = Path(path).name.lower()
    return max((one for one in legal if name.endswith(one)), key=len, default=None)


def _legal_suffix(path: PathLike, legal: tuple[str, ...], what: str) -> str:
    suffix = _suffix(path, legal)
    if suffix is None:
        raise UsageError(f"{path}: {what} ends in {', '.join(legal)}.")
    return suffix


def _open_voxels(path: Path) -> VoxelFile:
    suffix = _legal_suffix(path, tuple(VOXEL_READERS), "a volume or label map")
    if not path.is_file():
        raise InputError(f"{path} is no file; name a file.")
    return VOXEL_READERS[suffix](path)


def _is_dicom(path: Path) -> bool:
    if _suffix(path, (DICOM_SUFFIX,)):
        return True
    try:
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


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
