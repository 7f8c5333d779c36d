"""One scan and what has been made of it; each slow step is a function to run in a worker."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d import choosing, files, meshing, phantom
from vis3d.labels import LabelMap, Structure
from vis3d.meshing.tiles import Change, TiledSurface, retiled, tiled_for_view
from vis3d.progress import Progress, part
from vis3d.surface import Surface
from vis3d.volume import Finding, Mask, Volume
from vis3d_viewer.sheets import Sheets
from vis3d_viewer.view_volume import FIRST_VOXELS, volume_for_view

FIRST_SURFACE_LABEL = 1000
"""Surfaces opened from files are listed from this number on, beyond any label."""


Gaps: TypeAlias = Literal["refuse", "interpolate"]

GAP_CODES = ("missing-slices", "variable-spacing")
"""What a loader finds where slices are missing."""


@dataclass(frozen=True, eq=False)
class Smoothed:
    """A surface with details below `mm` smoothed away, and the `source` it was made from."""

    source: Surface
    mm: float
    surface: Surface


@dataclass(frozen=True, eq=False)
class LowAir:
    """The lungs' voxels below -950 HU, and a surface round them for the screen.

    `percent` of the lungs' measured voxels are such; `source` are the labels it was found
    with.
    """

    mask: Mask
    surface: Surface
    percent: float
    volume_ml: float
    source: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Study:
    """A scan, its labels once it is segmented, and surfaces by label.

    `view_volume` and `surfaces` are for the screen, once they are made, `inside_volume` once
    a preset of air is chosen, which needs the view's body (a bit a voxel; see `ViewVolume`);
    `tiles` are the same surfaces in parts, which 3D draws. Files are made
    from `volume` and `labels`. `structures` are those that are there to be listed; `masks`
    and `voxels` (counted) go by their labels. `volume` is None where only surface files were
    opened, `series` where it isn't from DICOM. `preview` is a range of values that slices
    mark, `preview_surface` what 3D shows of it; `gaps` says how the scan was opened.
    `smoothed` are surfaces by label, made smoother for the screen; `emphysema` is there once
    it was asked for. `sheets` are the slices of `volume` that were looked at last.
    """

    volume: Volume | None
    view_volume: Volume | None = None
    labels: LabelMap | None = None
    structures: tuple[Structure, ...] = ()
    surfaces: Mapping[int, Surface] = field(default_factory=dict)
    tiles: Mapping[int, TiledSurface] = field(default_factory=dict)
    view_body: NDArray[np.uint8] | None = None
    inside_volume: Volume | None = None
    masks: Mapping[int, Mask] = field(default_factory=dict)
    voxels: Mapping[int, int] = field(default_factory=dict)
    series: Any = None
    preview: tuple[float, float] | None = None
    preview_surface: Surface | None = None
    smoothed: Mapping[int, Smoothed] = field(default_factory=dict)
    emphysema: LowAir | None = None
    gaps: Gaps = "refuse"
    sheets: Sheets = field(default_factory=Sheets)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the loader and the segmentation found."""
        loaded = self.volume.findings if self.volume else ()
        return loaded + (self.labels.report.findings if self.labels else ())

    def structure(self, label: int) -> Structure:
        """The structure with this label.

        Raises:
            KeyError: none has it.
        """
        return {structure.label: structure for structure in self.structures}[label]


def find_choices(
    inputs: Sequence[str | os.PathLike[str]], progress: Progress
) -> tuple[tuple[Path, Any], ...]:
    """Every scan that can be opened in the inputs: its path and its `Series`.

    Raises:
        Vis3dError: an input can't be read at all, or the only one holds no scan.
    """
    found: list[tuple[Path, Any]] = []
    for number, name in enumerate(inputs):
        path = Path(name)
        if files.input_kind(path) == "surface":
            continue
        step = part(progress, number / len(inputs), (number + 1) / len(inputs))
        discovery = files.discover(path, progress=step)
        loadable = [(path, series) for series in discovery.series if series.loadable]
        if not loadable and len(inputs) == 1:
            # Either this says why there is nothing to open, or opening it will.
            loadable = [(path, choosing.select_series(discovery))]
        found += loadable
    return tuple(found)


def open_scan(path: Path, series: Any, gaps: Gaps, progress: Progress) -> Study:
    """The scan of one series.

    Raises:
        Vis3dError: it can't be loaded.
    """
    volume = files.load_volume(path, series=series.index, gaps=gaps, progress=progress)
    return Study(volume, series=series, gaps=gaps)


def has_gaps(series: Any) -> bool:
    """Whether a series that was refused could be opened with its gaps filled."""
    return any(finding.code in GAP_CODES for finding in series.findings)


def open_phantom(progress: Progress) -> Study:
    """The built-in phantom, not yet segmented."""
    return Study(phantom.chest_phantom(progress=progress).volume)


def with_surface_files(
    study: Study, inputs: Sequence[str | os.PathLike[str]], progress: Progress
) -> Study:
    """The study with the surface files among the inputs added.

    Raises:
        Vis3dError: one can't be read.
    """
    structures, surfaces = list(study.structures), dict(study.surfaces)
    paths = [Path(name) for name in inputs if files.input_kind(name) == "surface"]
    for number, path in enumerate(paths):
        progress(number / len(paths), f"Reading surface {number + 1} of {len(paths)}")
        surface = meshing.decimated_for_view(files.read_surface(path))
        label = FIRST_SURFACE_LABEL + number
        structures.append(Structure(label, path.stem, surface.color))
        surfaces[label] = surface
    return replace(study, structures=tuple(structures), surfaces=surfaces)


def with_first_view(study: Study, progress: Progress) -> Study:
    """The study with a small volume that 3D shows until `with_view_volume` has a finer one."""
    if study.volume is None or study.volume.array.size <= 2 * FIRST_VOXELS:
        return study
    view = volume_for_view(study.volume, progress, voxels=FIRST_VOXELS)
    return replace(study, view_volume=view.volume, view_body=view.body)


def with_view_volume(study: Study, progress: Progress) -> Study:
    """The study with the volume that 3D shows."""
    if study.volume is None:
        return study
    view = volume_for_view(study.volume, progress)
    return replace(study, view_volume=view.volume, view_body=view.body, inside_volume=None)


def tiles_of(
    study: Study, label: int, changes: Sequence[Change], progress: Progress
) -> tuple[TiledSurface, Surface]:
    """A light surface of one of the study's structures, for the screen; in tiles, and whole.

    Where it was drawn before, only what the changes reach is made anew.

    Raises:
        KeyError: no structure with voxels has this label.
    """
    structure = study.structure(label)
    progress(0.0, f"Drawing the {structure.name}")
    mask, before = study.masks[label], study.tiles.get(label)
    if before is None:
        tiled = tiled_for_view(mask, color=structure.color, progress=progress)
    else:
        tiled = retiled(before, mask, changes, progress=progress)
    return tiled, tiled.whole
