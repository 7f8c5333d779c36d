"""What `remove-background` works on: pictures, and the slices of scans."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from vis3d.choosing import nothing_found
from vis3d.errors import InputError, NothingFoundError
from vis3d.progress import Progress, part
from vis3d_cli import reading
from vis3d_cli.options import Choice, Manner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vis3d.dicom import Discovery, Series
    from vis3d.volume import Mask, Volume

    Pixels: TypeAlias = NDArray[np.uint8]
    Shape: TypeAlias = NDArray[np.bool_]

HOUNSFIELD = "HU"


@dataclass(frozen=True)
class Source:
    """One picture to be: where it came from, its name below OUT without suffix, and itself.

    `read` answers with the pixels, and with what to keep of them where a scan's body says
    so (None: it is to be found in the picture).
    """

    origin: str
    name: Path
    read: "Callable[[Progress], tuple[Pixels, Shape | None]]"


def picture_suffixes() -> frozenset[str]:
    """What Pillow's pictures end in."""
    from vis3d.imaging import pillow_formats

    return frozenset(pillow_formats())


def source_of_picture(path: Path, name: Path) -> Source:
    """A picture of a file that Pillow reads."""

    def read(progress: Progress) -> "tuple[Pixels, Shape | None]":
        from vis3d.imaging import read_picture

        return read_picture(path), None

    return Source(str(path), name, read)


def source_of_image(path: Path, name: Path, *, force: bool) -> Source:
    """A picture of one DICOM file; of a CT slice the body is kept."""

    def read(progress: Progress) -> "tuple[Pixels, Shape | None]":
        from vis3d.dicom import read_image
        from vis3d.imaging import default_window, grays

        image = read_image(path, force=force)
        if image.is_color:
            return image.pixels, None
        volume = image.as_volume()
        if volume.unit == HOUNSFIELD:
            body = body_of(volume, progress)
            return grays(volume.array[0], default_window(volume)), body.array[0]
        return grays(volume.array[0], default_window(volume)), None

    return Source(str(path), name, read)


def sources_of_volume(volume: "Volume", body: "Mask", folder: Path) -> Iterator[Source]:
    """Every axial slice of a scan, only the body of it, numbered from 0."""
    from vis3d.imaging import default_window, slice_count

    window = default_window(volume)
    for index in range(slice_count(volume.geometry, "axial")):
        yield _slice_source(volume, body, window, index, folder / f"{index:04d}")


def _slice_source(
    volume: "Volume", body: "Mask", window: Any, index: int, name: Path
) -> Source:
    def read(progress: Progress) -> "tuple[Pixels, Shape | None]":
        from vis3d.imaging import cut, grays

        shown = grays(cut(volume, "axial", index).array, window)
        inside = cut(volume.with_array(body.array.astype("uint8")), "axial", index).array
        return shown, inside > 0

    return Source(f"slice {index}", name, read)


def body_of(volume: "Volume", progress: Progress) -> "Mask":
    """The patient without table, clothes and air.

    Raises:
        InputError: there is none in the scan.
    """
    from vis3d.segmentation import segment

    body = segment(volume, ["body"], progress=progress).mask("body")
    if not body.array.any():
        raise InputError("No body was found in this scan: give --box to treat it as a picture.")
    return body


def sources_in(folder: Path, which: Choice, how: Manner, progress: Progress) -> list[Source]:
    """The pictures below a folder and the slices of its scans, in order of their names.

    Raises:
        NothingFoundError: there are none.
    """
    from vis3d.files import discover

    legal = picture_suffixes()
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    pictures = [file for file in files if file.suffix.lower() in legal]
    sources = [source_of_picture(file, file.relative_to(folder)) for file in pictures]
    found = discover(folder, force=which.force, progress=part(progress, 0.0, 0.2))
    for series in found.series:
        name = Path(f"series-{series.index:03d}")
        if is_scan(series):
            one = replace(which, series=str(series.index))
            volume = reading.load(folder, one, how, progress, found=found)
            sources += sources_of_volume(volume, body_of(volume, progress), name)
        else:
            sources += [
                source_of_image(folder / file, name / f"{n:04d}", force=which.force)
                for n, file in enumerate(series.files)
            ]
    for file in other_images(folder, found, force=which.force):
        sources.append(source_of_image(file, file.relative_to(folder), force=which.force))
    if not sources:
        raise nothing_found(found)
    return sources


def other_images(folder: Path, found: "Discovery", *, force: bool) -> Iterator[Path]:
    """The DICOM images below a folder that are no slices: colours, loops, localizers."""
    from vis3d.dicom import read_image

    for skipped in found.skipped:
        file = folder / skipped.path
        try:
            read_image(file, force=force)
        except (InputError, NothingFoundError):
            continue
        yield file


def is_scan(series: "Series") -> bool:
    """Whether a series is a CT of several slices, and no single pictures."""
    return series.loadable and series.unit == HOUNSFIELD and series.shape[0] > 1
