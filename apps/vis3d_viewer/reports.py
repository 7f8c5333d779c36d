"""Numbers of what is open: every structure's, and the lung report on the page and in files."""

import base64
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vis3d.errors import UsageError
from vis3d.labels import GROUPS, LabelMap, Structure, normal_name, whole_maps
from vis3d.lung_report import PICTURE_WIDTH, write_lung_report
from vis3d.measurement import (
    Measurements,
    PagePicture,
    measure_lungs,
    measure_structures,
    write_regions_csv,
)
from vis3d.measurement.lung_chart import density_chart
from vis3d.progress import Progress, part
from vis3d.volume import Volume
from vis3d.whole_file import whole_file
from vis3d_viewer import scripts
from vis3d_viewer.asked import known
from vis3d_viewer.asking import asking_page
from vis3d_viewer.compose import sorted_notes
from vis3d_viewer.desk import Desk, by_name
from vis3d_viewer.showing import Showing
from vis3d_viewer.study import Study

STATE: dict[str, Any] = {"lung_report": None}
"""What the page shows of it."""

FORMATS = (".csv", ".json")
LUNGS = GROUPS["lungs"]


class Reports:
    """What is measured of structures, taken anew each time."""

    def __init__(self, desk: Desk, showing: Showing) -> None:
        self._desk = desk
        self._showing = showing

    @property
    def triggers(self) -> dict[str, Callable[..., None]]:
        """What the page can ask for, by name."""
        return by_name(
            self.save_numbers,
            self.show_report,
            self.save_lungs,
            self.save_report,
        )

    def clear(self) -> None:
        """Begin anew, with another scan."""
        self._desk.update(lung_report=None)

    # What a person asks for: words from a browser, to be judged here

    def save_numbers(self, suffix: object) -> None:
        """Save what is measured of each structure."""
        path = self._folder() / f"measurements{known(suffix, FORMATS)}"
        measure = partial(self._measured, self._open())
        self._desk.start(self._save(path, measure, "write_numbers"))

    def show_report(self) -> None:
        """Show the lungs in numbers."""
        self._desk.start(self._show())

    def save_lungs(self, suffix: object) -> None:
        """Save the numbers of lungs and their thirds."""
        path = self._folder() / f"lungs{known(suffix, FORMATS)}"
        measure = partial(self._lung_numbers, self._lungs())
        self._desk.start(self._save(path, measure, "write_lungs"))

    def save_report(self) -> None:
        """Save the lung report as a page, with the 3D view on it."""
        self._desk.start(self._page())

    # How it is done, on the event loop

    async def _save(
        self, path: Path, measure: Callable[[Progress], Measurements], function: str
    ) -> None:
        offer = self._showing.file_taker()

        def make(progress: Progress) -> None:
            write_numbers(measure(progress), path)

        await self._desk.work("Measuring", make)
        offer(path, scripts.writing(function))

    async def _show(self) -> None:
        study = self._lungs()
        found = await self._desk.work("Measuring", partial(self._lung_numbers, study))
        self._desk.update(lung_report=None)  # it opens when one comes
        self._desk.update(lung_report={"page": asking_page(), **shown(found)})

    async def _page(self) -> None:
        study, view = self._lungs(), self._desk.view
        offer = self._showing.file_taker()
        path = self._folder() / "lung-report.html"
        pictures = []
        if view is not None:
            pictures = [as_seen(await view.picture(plain=True))]

        def make(progress: Progress) -> None:
            volume, labels = _volume(study), self._still_lungs(study)
            found = lung_numbers(volume, labels, part(progress, 0.0, 0.7))
            progress(0.7, "Writing the lung report")
            write_lung_report(volume, labels, found, path, more_pictures=pictures)

        await self._desk.work("Writing the lung report", make)
        offer(path, scripts.writing("write_report"))

    def _measured(self, study: Study, progress: Progress) -> Measurements:
        """The numbers of all structures, whole also where they overlap."""
        volume = _volume(study)
        with self._showing.settled:
            maps = separate_maps(study)
        found = measure_structures(volume, maps, progress=progress)
        return replace(found, findings=(*volume.findings, *found.findings))

    def _lung_numbers(self, study: Study, progress: Progress) -> Measurements:
        return lung_numbers(_volume(study), self._still_lungs(study), progress)

    def _still_lungs(self, study: Study) -> LabelMap:
        with self._showing.settled:
            return lungs_of(study)

    def _open(self) -> Study:
        study = self._desk.study
        if study is None or study.volume is None:
            raise UsageError("There is no scan open.")
        if not study.masks:
            raise UsageError("There are no structures yet: find or add one first.")
        return study

    def _lungs(self) -> Study:
        study = self._open()
        if not _sides(study):
            raise UsageError("Find the lungs first.")
        return study

    def _folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._desk.folder))


def separate_maps(study: Study) -> tuple[LabelMap, ...]:
    """Label maps that together hold every structure whole, also those that overlap."""
    if study.labels is None:
        return ()
    listed = (s for s in study.structures if s.label in study.masks)
    return whole_maps(((s, study.masks[s.label]) for s in listed), study.labels.report)


def lungs_of(study: Study) -> LabelMap:
    """A label map of the lungs alone, which nothing else covers."""
    labels = study.labels
    if labels is None:
        raise UsageError("Find the lungs first.")
    lungs = _sides(study)
    array = np.zeros(labels.array.shape, np.uint8)
    for structure in lungs:
        array[study.masks[structure.label].array] = structure.label
    return LabelMap(array, labels.geometry, lungs, labels.report)


def _sides(study: Study) -> tuple[Structure, ...]:
    """The lungs that are listed."""
    there = (one for one in study.structures if one.label in study.masks)
    return tuple(one for one in there if normal_name(one.name) in LUNGS)


def lung_numbers(volume: Volume, lungs: LabelMap, progress: Progress) -> Measurements:
    """The numbers of the lungs and their thirds, and what was found wrong with the scan."""
    found = measure_lungs(volume, lungs, progress=progress)
    return replace(found, findings=(*volume.findings, *found.findings))


def write_numbers(found: Measurements, path: Path) -> None:
    """Write numbers as a table or, with all that belongs to them, as JSON."""
    if path.suffix == ".csv":
        write_regions_csv(found, path)
        return
    with whole_file(path) as unfinished:
        unfinished.write_text(json.dumps(found.as_dict(), indent=2) + "\n", "utf-8")


def shown(found: Measurements) -> dict[str, Any]:
    """The lung report as the page shows it."""
    chart = base64.b64encode(_standing_alone(density_chart(found)).encode()).decode()
    return {
        "regions": [region.as_dict() for region in found.regions],
        "chart": f"data:image/svg+xml;base64,{chart}",
        "conditions": _conditions(found),
        "notes": sorted_notes(found.checks, found.findings),
    }


def as_seen(pixels: np.ndarray) -> PagePicture:
    """The 3D view as a picture on the page."""
    image = Image.fromarray(pixels).convert("RGB")
    image.thumbnail((PICTURE_WIDTH, PICTURE_WIDTH))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=88)
    return PagePicture(stream.getvalue(), "3D, as seen in the explorer")


def _volume(study: Study) -> Volume:
    if study.volume is None:
        raise UsageError("There is no scan open.")
    return study.volume


def _conditions(found: Measurements) -> str:
    kernel, thickness, contrast = (
        found.conditions.get(name) for name in ("kernel", "thickness_mm", "contrast")
    )
    said = {True: "given", False: "none", None: "not stated"}[contrast]
    seen = ", found in the scan" if found.conditions.get("contrast_found") else ""
    return (
        f"Kernel: {kernel or 'not stated'}. Slice thickness: "
        f"{f'{thickness:g} mm' if thickness else 'not stated'}. Contrast agent: {said}{seen}."
    )


def _standing_alone(svg: str) -> str:
    """An SVG as a file of its own has it."""
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
