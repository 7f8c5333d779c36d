"""Pictures without a place in the patient: colours, ultrasound loops, secondary captures."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from vis3d.errors import UsageError
from vis3d.progress import Progress
from vis3d_cli.options import Choice

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vis3d.dicom import DicomImage, Discovery, Source
    from vis3d.imaging import Shading

    File: TypeAlias = Path | Source

LOOKED_AT = 8
"""So many frames of a loop that names no window say which one suits all of it."""


def found_in(
    path: Path, which: Choice, progress: Progress
) -> "tuple[Discovery | None, list[File]]":
    """What was found at a path, and its pictures where no scan is among it.

    Neither of an INPUT that isn't DICOM.

    Raises:
        InputError: the file is bad, and no picture either.
    """
    from vis3d.dicom import PictureError, loose_pictures
    from vis3d.files import discover, input_kind

    if not path.exists() or input_kind(path) != "dicom":
        return None, []
    try:
        found = discover(path, force=which.force, progress=progress)
    except PictureError:
        return None, [path]
    if found.series:
        return found, []
    return found, list(loose_pictures(path, found, force=which.force))


@dataclass(frozen=True)
class Loose:
    """The frames of some files, one after another, each with its file's window."""

    frames: "tuple[tuple[File, int, Shading | None], ...]"
    deep: bool
    force: bool

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return len(self.frames)

    def picture(self, index: int) -> "NDArray[Any]":
        """One frame with square pixels: grey through the window, or in its colours."""
        from vis3d.dicom import read_image
        from vis3d.imaging import deep_picture, picture, squared

        file, number, shading = self.frames[index]
        image = read_image(file, frame=number, force=self.force)
        if image.is_color:
            return squared(image.pixels, image.steps_mm)
        if self.deep:
            return deep_picture(image.as_volume(), "axial", 0, shading, square=True)
        return picture(image.as_volume(), "axial", 0, shading, square=True)[:, :, 0]


def loose(files: "list[File]", window: str, *, deep: bool, force: bool) -> Loose:
    """All frames of the files.

    Raises:
        UsageError: a window or 16 bits for colours alone.
    """
    from vis3d.dicom import at_hand, read_image

    frames: list[tuple[File, int, Shading | None]] = []
    grey = False
    for file in map(at_hand, files):
        first = read_image(file, force=force)
        shading = None if first.is_color else _shading(file, first, window, force)
        grey = grey or shading is not None
        frames += [(file, number, shading) for number in range(first.frames)]
    if (deep or window != "default") and not grey:
        raise UsageError("Colours are shown as they are: leave --window and --bits out.")
    return Loose(tuple(frames), deep, force)


def _shading(file: "File", first: "DicomImage", window: str, force: bool) -> "Shading":
    """One window for all frames of a file, that a loop doesn't flicker."""
    import numpy as np

    from vis3d.dicom import read_image
    from vis3d.imaging import parse_shading

    numbers = np.unique(np.linspace(0, first.frames - 1, LOOKED_AT).astype(int)).tolist()
    seen = [read_image(file, frame=n, force=force).pixels for n in numbers]
    volume = first.as_volume()
    grid = replace(volume.geometry, shape=(len(seen), *volume.geometry.shape[1:]))
    return parse_shading(window, replace(volume, array=np.stack(seen), geometry=grid))
