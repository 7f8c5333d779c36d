"""What `remove-background` works on: pictures, and the slices of scans."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from vis3d.choosing import nothing_found
from vis3d.errors import InputError
from vis3d.progress import Progress, part
from vis3d_cli import bodies
from vis3d_cli.options import Choice, Manner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vis3d.dicom import Discovery, Series
    from vis3d.dicom import Source as File
    from vis3d.imaging import Plane
    from vis3d.volume import Mask, Volume

    Pixels: TypeAlias = NDArray[np.uint8]
    Shape: TypeAlias = NDArray[np.bool_]


NOTHING_SEEN = (
    "Nothing stands out from the border of the picture; say where the object is with "
    "--box X0,Y0,X1,Y1."
)

Row: TypeAlias = dict[str, Any]


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


def source_of_image(file: "Path | File", origin: Path, name: Path, *, force: bool) -> Source:
    """A picture of one DICOM file; of a CT slice the body is kept."""

    def read(progress: Progress) -> "tuple[Pixels, Shape | None]":
        from vis3d.dicom import at_hand, read_image
        from vis3d.imaging import default_window, grays

        image = read_image(at_hand(file), force=force)
        if image.is_color:
            return image.pixels, None
        volume = image.as_volume()
        if volume.unit == bodies.HOUNSFIELD:
            body = bodies.body_of(volume, progress)
            return grays(volume.array[0], default_window(volume)), body.array[0]
        return grays(volume.array[0], default_window(volume)), None

    return Source(str(origin), name, read)


def sources_of_volume(
    volume: "Volume", body: "Mask", folder: Path, plane: "Plane" = "axial"
) -> Iterator[Source]:
    """Every slice of a scan in one plane, only the body of it, numbered from 0."""
    from vis3d.imaging import default_window, slice_count

    window = default_window(volume)
    inside = volume.with_array(body.array.view("uint8"))
    for index in range(slice_count(volume.geometry, plane)):
        name = folder / f"{index:04d}"
        yield _slice_source(volume, inside, window, plane, index, name)


def _slice_source(
    volume: "Volume", inside: "Volume", window: Any, plane: "Plane", index: int, name: Path
) -> Source:
    def read(progress: Progress) -> "tuple[Pixels, Shape | None]":
        from vis3d.imaging import cut, grays

        shown = grays(cut(volume, plane, index).array, window)
        return shown, cut(inside, plane, index).array > 0

    return Source(f"slice {index}", name, read)


def holds_several(path: Path) -> bool:
    """Whether it is a folder, an archive or a DICOMDIR instead of one file to cut."""
    from vis3d.dicom import is_one_file
    from vis3d.files import input_kind

    is_picture = path.suffix.lower() in picture_suffixes()
    return path.is_dir() or not (is_picture or input_kind(path) != "dicom" or is_one_file(path))


def images_of(series: "Series") -> "list[File]":
    """The files of the single images of a series."""
    return [frame.header.source for frame in series.frames]


def origin_of(path: Path, file: "File") -> Path:
    """How a file found at INPUT is named to a person."""
    return path / file.name if holds_several(path) else path


def sources_in(folder: Path, which: Choice, how: Manner, progress: Progress) -> list[Source]:
    """The pictures in a folder or archive and the slices of its scans, by their names.

    Raises:
        NothingFoundError: there are none.
    """
    from vis3d.dicom import loose_pictures
    from vis3d.files import discover

    legal = picture_suffixes()
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    pictures = [file for file in files if file.suffix.lower() in legal]
    sources = [source_of_picture(file, file.relative_to(folder)) for file in pictures]
    found = discover(folder, force=which.force, progress=part(progress, 0.0, 0.2))
    for series in found.series:
        name = Path(f"series-{series.index:03d}")
        if bodies.is_scan(series):
            sources += _of_scan(folder, series, name, which, how, progress, found)
        else:
            sources += _of_images(folder, series, name, which)
    others = loose_pictures(folder, found, force=which.force)
    for number, file in enumerate(others):  # names in archives are never used for paths
        name = Path(file.name) if folder.is_dir() else Path("images") / f"{number:04d}"
        origin = origin_of(folder, file)
        sources.append(source_of_image(file, origin, name, force=which.force))
    if not sources:
        raise nothing_found(found)
    return sources


def _of_images(folder: Path, series: "Series", name: Path, which: Choice) -> list[Source]:
    return [
        source_of_image(file, origin_of(folder, file), name / f"{n:04d}", force=which.force)
        for n, file in enumerate(images_of(series))
    ]


def _of_scan(
    folder: Path,
    series: "Series",
    name: Path,
    which: Choice,
    how: Manner,
    progress: Progress,
    found: "Discovery",
) -> list[Source]:
    """The slices of a CT; one that fails where it has none."""
    try:
        volume, body = bodies.scan(folder, series, which, how, progress, found)
        return list(sources_of_volume(volume, body, name, _plane_of_slices(volume)))
    except InputError as error:
        return [_failed(f"series {series.index}", name, error)]


def _plane_of_slices(volume: "Volume") -> "Plane":
    """In which plane a stack was scanned."""
    from vis3d.imaging import PLANES

    return PLANES[2 - volume.geometry.patient_axes.index(2)]


def _failed(origin: str, name: Path, error: InputError) -> Source:
    """What can't be read, to be said in its turn."""

    def read(progress: Progress) -> "tuple[Pixels, Shape | None]":
        raise error

    return Source(origin, name, read)


def row(origin: str, outputs: tuple[Path, ...], percent: float, error: str | None) -> Row:
    """What became of one input."""
    return {
        "input": origin,
        "outputs": [str(path) for path in outputs],
        "foreground_percent": percent,
        "error": error,
    }
