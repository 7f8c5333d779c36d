"""Files made from what is open: surfaces, label maps, pictures, films, numbers."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vis3d import files, meshing
from vis3d.errors import UsageError
from vis3d.imaging import write_picture
from vis3d.progress import Progress, part
from vis3d.rendering import write_movie
from vis3d.surface import Surface
from vis3d_viewer import scripts
from vis3d_viewer.asked import finite, known, label_of
from vis3d_viewer.desk import Desk, by_name
from vis3d_viewer.showing import Showing
from vis3d_viewer.study import Study
from vis3d_viewer.view3d import View3D

STATE: dict[str, Any] = {"surface_plan": None}
"""What the page shows of it."""

SURFACE_FORMATS = (".stl", ".ply", ".obj", ".glb", ".3mf")
LABEL_FORMATS = (".nii.gz", ".nrrd", ".dcm")
FILM_FORMATS = (".mp4", ".webp", ".gif")

FILM_PICTURES = 72
FILM_PICTURES_PER_S = 18.0

MAX_SMOOTH_MM = 10.0
MAX_TRIANGLES = 20_000_000


@dataclass(frozen=True, eq=False)
class Prepared:
    """A surface as its file will have it, made from a mask that may have changed since."""

    label: int
    surface: Surface
    offer: Callable[[Path, scripts.Writing], None]
    writing: scripts.Writing


class Exports:
    """What a person saves; each file is offered to the browser once it is whole."""

    def __init__(self, desk: Desk, showing: Showing) -> None:
        self._desk = desk
        self._showing = showing
        self._prepared: Prepared | None = None

    @property
    def triggers(self) -> dict[str, Callable[..., None]]:
        """What the page can ask for, by name."""
        return by_name(
            self.export_stl,
            self.prepare_surface,
            self.save_surface,
            self.save_labels,
            self.save_picture,
            self.save_film,
        )

    def clear(self) -> None:
        """Begin anew, with another scan."""
        self._prepared = None
        self._desk.update(surface_plan=None)

    # What a person asks for: words from a browser, to be judged here

    def export_stl(self, label: object) -> None:
        """Save a structure's surface at full resolution as STL, at once."""
        self._desk.start(self._stl(label_of(label)))

    def prepare_surface(
        self, label: object, smooth_mm: object = 0, max_triangles: object = 0
    ) -> None:
        """Make a structure's surface, and say what its file will hold."""
        smooth = finite(smooth_mm, 0.0, MAX_SMOOTH_MM, "Smoothing in mm")
        budget = int(finite(max_triangles, 0, MAX_TRIANGLES, "A number of triangles"))
        self._desk.start(self._prepare(label_of(label), smooth, budget or None))

    def save_surface(self, suffix: object) -> None:
        """Save the surface that was prepared."""
        self._desk.start(self._surface(known(suffix, SURFACE_FORMATS)))

    def save_labels(self, suffix: object) -> None:
        """Save all structures as a label map."""
        self._desk.start(self._labels(known(suffix, LABEL_FORMATS)))

    def save_picture(self, plain: object = False) -> None:
        """Save the 3D view as a picture, with marks, handles and cube or without."""
        self._desk.start(self._picture(plain=plain is True))

    def save_film(self, suffix: object) -> None:
        """Save a turn round the patient."""
        self._desk.start(self._film(known(suffix, FILM_FORMATS)))

    # How it is done, on the event loop

    async def _stl(self, label: int) -> None:
        study = self._open()
        name, offer = _name_of(study, label), self._showing.file_taker()
        folder = self._folder()

        def make(progress: Progress) -> Path:
            return _written_stl(self._showing.still(study, label), label, folder, progress)

        path = await self._desk.work(f"Making the STL file of the {name}", make)
        offer(path, scripts.writing("write_surface", label))

    async def _prepare(self, label: int, smooth_mm: float, budget: int | None) -> None:
        study = self._open()
        self._prepared = None
        self._desk.update(surface_plan=None)
        name, offer = _name_of(study, label), self._showing.file_taker()

        def make(progress: Progress) -> tuple[Surface, dict[str, Any]]:
            now = self._showing.still(study, label)
            return surface_for_file(
                now, label, progress, smooth_mm=smooth_mm, max_triangles=budget
            )

        writing = scripts.writing(
            "write_surface", label, smooth_mm=smooth_mm or None, max_triangles=budget
        )

        surface, plan = await self._desk.work(f"Making the surface of the {name}", make)
        self._prepared = Prepared(label, surface, offer, writing)
        self._desk.update(surface_plan=plan)

    async def _surface(self, suffix: str) -> None:
        prepared = self._prepared
        if prepared is None:
            raise UsageError("Prepare the surface first.")
        path = self._folder() / f"{file_name(prepared.surface.name)}{suffix}"
        write = partial(files.write_surface, prepared.surface, path)
        await self._desk.work("Writing the file", lambda progress: write())
        prepared.offer(path, prepared.writing)

    async def _labels(self, suffix: str) -> None:
        study = self._open()
        _check_labels(study)
        offer = self._showing.file_taker()
        if suffix == ".dcm" and study.series is None:
            raise UsageError("DICOM SEG needs a scan that was opened from DICOM.")
        path = self._folder() / f"structures{suffix}"
        series = study.series if suffix == ".dcm" else None

        def write(progress: Progress) -> None:
            labels = self._showing.structures.copy_of_labels()
            files.write_labelmap(labels, path, series=series, progress=progress)

        await self._desk.work("Writing the label map", write)
        offer(path, scripts.writing("write_seg" if series is not None else "write_labels"))

    async def _picture(self, *, plain: bool) -> None:
        study = self._desk.study
        drawn_on = study is not None and study.volume is not None
        marks = self._showing.structures.marks if drawn_on else ()
        pixels = await self._view().picture(plain=plain, marks=marks)
        path = self._folder() / "view.png"
        await asyncio.to_thread(write_picture, pixels, path)
        self._showing.file_taker()(path, scripts.not_repeated("a picture of the 3D view"))

    async def _film(self, suffix: str) -> None:
        view, loop = self._view(), asyncio.get_running_loop()
        path = self._folder() / f"turn{suffix}"

        def pictures(progress: Progress) -> Iterator[np.ndarray]:
            size = None  # of the first one, whatever becomes of the view meanwhile
            for number in range(FILM_PICTURES):
                progress(number / FILM_PICTURES, "Drawing the film")
                step = view.turned_picture(number * 360 / FILM_PICTURES, size)
                picture = asyncio.run_coroutine_threadsafe(step, loop).result()
                size = picture.shape[1], picture.shape[0]
                yield picture

        def write(progress: Progress) -> None:
            write_movie(pictures(progress), path, frames_per_second=FILM_PICTURES_PER_S)

        await self._desk.work("Drawing the film", write)
        self._showing.file_taker()(path, scripts.not_repeated("a film of the 3D view"))

    def _open(self) -> Study:
        study = self._desk.study
        if study is None or study.volume is None:
            raise UsageError("There is no scan open.")
        return study

    def _view(self) -> View3D:
        if self._desk.view is None:
            raise UsageError("There is no 3D view yet.")
        return self._desk.view

    def _folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._desk.folder))


def surface_for_file(
    study: Study,
    label: int,
    progress: Progress,
    *,
    smooth_mm: float = 0.0,
    max_triangles: int | None = None,
) -> tuple[Surface, dict[str, Any]]:
    """The surface of one structure as a file holds it, and what the page says of it.

    Raises:
        UsageError: no structure with voxels has this label.
        Vis3dError: it can't be meshed so.
    """
    _name_of(study, label)
    structure, mask = study.structure(label), study.masks[label]
    surface = meshing.extract_surface(
        replace(mask, name=structure.name),
        study.volume,
        smooth_mm=smooth_mm,
        max_triangles=max_triangles,
        color=structure.color,
        progress=part(progress, 0.0, 0.9),
    )
    progress(0.9, "Looking it over")
    report = meshing.report_surface(surface)
    low, high = np.array(report.bounds_mm)
    return surface, {
        "label": label,
        "name": structure.name,
        "triangles": report.triangles,
        "size": " × ".join(f"{mm:.0f}" for mm in high - low) + " mm",
        "closed": report.closed and report.manifold,
        "volume": f"{surface.volume_ml:,.1f} ml",
        "deviation": _deviation(report),
    }


def file_name(name: str) -> str:
    """A structure's name as a file's: letters, digits and hyphens."""
    kept = "".join(letter if letter.isalnum() else " " for letter in name)
    return "-".join(kept.split())[:60] or "structure"


def _name_of(study: Study, label: int) -> str:
    if label not in study.masks:
        raise UsageError("Only structures made of voxels have surfaces to be made.")
    return study.structure(label).name


def _deviation(report: meshing.SurfaceReport) -> str:
    found = report.deviation
    return "none" if found is None else f"{found.p95:.2f} mm (p95), {found.max:.2f} mm at most"


def _check_labels(study: Study) -> None:
    if study.labels is None or not study.masks:
        raise UsageError("There are no structures yet: find or add one first.")


def _written_stl(study: Study, label: int, folder: Path, progress: Progress) -> Path:
    surface, _ = surface_for_file(study, label, part(progress, 0.0, 0.95))
    path = folder / f"{file_name(surface.name)}.stl"
    progress(0.95, "Writing the file")
    files.write_surface(surface, path)
    return path
