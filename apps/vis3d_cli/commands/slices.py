"""`vis3d slices`: one picture a slice."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from vis3d.errors import UsageError
from vis3d.progress import Progress, part
from vis3d_cli import loose, reading, say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, How, Input, Which
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vis3d.imaging import Shading
    from vis3d.labels import LabelMap
    from vis3d.volume import Volume

Plane = Literal["axial", "coronal", "sagittal"]
DEEP = ("png", "tiff")


def slices(
    input: Input,
    /,
    *,
    output: Annotated[
        Path,
        Parameter(name=["--output", "-o"], metavar="DIR", help="The folder to write into."),
    ],
    format: Annotated[
        Literal["png", "jpeg", "tiff", "webp"], Parameter(help="The pictures' format.")
    ] = "png",
    plane: Annotated[Plane, Parameter(help="The way to cut.")] = "axial",
    window: Annotated[
        str,
        Parameter(
            metavar="NAME|CENTER,WIDTH",
            allow_leading_hyphen=True,
            help="lung, mediastinum, bone, abdomen, brain ... or numbers such as -600,1500; "
            "or one of the file's own by its name or number (1, 2 ...). By default the "
            "file's first, else one that suits it.",
        ),
    ] = "default",
    bits: Annotated[
        Literal["8", "16"], Parameter(help="Of a grey pixel; 16 in png and tiff.")
    ] = "8",
    every: Annotated[int, Parameter(metavar="N", help="Only every Nth slice.")] = 1,
    montage: Annotated[
        Path | None,
        Parameter(
            metavar="FILE",
            help="Also one picture with slices side by side and where each lies.",
        ),
    ] = None,
    segmentation: Annotated[
        Path | None, Parameter(metavar="FILE", help="A label map of this scan to lay over it.")
    ] = None,
    which: Which = THE_ONLY_ONE,
    how: How = PLAIN,
) -> int:
    """Write one picture a slice, one pixel a voxel where spacing is square.

    The files are numbered from 0 in slice order. Pictures are as radiologists
    look at them: the patient's right on the left, the head on top.

    For example: vis3d slices scans/chest -o slices --window -600,1500 --every 5
    """
    from vis3d.imaging import parse_shading

    deep = bits == "16"
    _check(every, format, deep, montage, segmentation)
    with watching(how) as progress:
        found, files = loose.found_in(input, which, part(progress, 0.0, 0.1))
        if files:
            if plane != "axial" or segmentation or montage:
                raise UsageError(
                    f"{input} has no place in the patient: leave --plane, --segmentation and "
                    "--montage out."
                )
            frames = loose.loose(files, window, deep=deep, force=which.force)
            written = _write_all(frames, every, format, output, part(progress, 0.1, 1.0))
            say.answer(_document(written, None), _lines(written, output), how)
            return DONE
        volume = reading.load(input, which, how, part(progress, 0.1, 0.4), found=found)
        labels = None
        if segmentation is not None:
            labels = reading.shown_label_map(
                volume, segmentation, how, part(progress, 0.4, 0.5)
            )
        look = _Look(volume, plane, parse_shading(window, volume), labels, deep)
        if montage is not None:
            _write_montage(look, montage)
        written = _write_all(look, every, format, output, part(progress, 0.5, 1.0))
    say.answer(_document(written, montage), _lines(written, output), how)
    return DONE


def _check(
    every: int, format: str, deep: bool, montage: Path | None, segmentation: Path | None
) -> None:
    if every < 1:
        raise UsageError("--every takes a number from 1 on.")
    if deep and format not in DEEP:
        raise UsageError(f"--bits 16 needs --format {' or '.join(DEEP)}.")
    if deep and segmentation is not None:
        raise UsageError("--bits 16 is for greys: leave --segmentation out.")
    if montage is not None:
        from vis3d.imaging import PICTURE_SUFFIXES

        reading.check_output(montage, PICTURE_SUFFIXES, "pictures")


@dataclass(frozen=True)
class _Look:
    """What the slices are pictures of, and how they look."""

    volume: "Volume"
    plane: Plane
    shading: "Shading"
    labels: "LabelMap | None"
    deep: bool

    @property
    def count(self) -> int:
        """How many slices there are in the plane."""
        from vis3d.imaging import slice_count

        return slice_count(self.volume.geometry, self.plane)

    def picture(self, index: int) -> "NDArray[Any]":
        """One slice: grey, or in colour with labels on it."""
        from vis3d.imaging import deep_picture, picture

        if self.deep:
            return deep_picture(self.volume, self.plane, index, self.shading, square=True)
        pixels = picture(self.volume, self.plane, index, self.shading, self.labels, square=True)
        return pixels if self.labels else pixels[:, :, 0]


def _write_all(
    look: "_Look | loose.Loose", every: int, format: str, folder: Path, progress: Progress
) -> list[Path]:
    from vis3d.imaging import write_picture

    reading.make_folder(folder)
    paths = _numbered(look.count, every, format, folder)
    for number, (index, path) in enumerate(paths.items()):
        progress(number / len(paths), f"slice {index}")
        write_picture(look.picture(index), path)
    return list(paths.values())


def _numbered(count: int, every: int, format: str, folder: Path) -> dict[int, Path]:
    digits = max(3, len(str(count - 1)))
    return {n: folder / f"{n:0{digits}d}.{format}" for n in range(0, count, every)}


def _write_montage(look: _Look, path: Path) -> None:
    from vis3d.imaging import montage, write_picture
    from vis3d_cli.flat import doubts_of, told_below

    sheet = montage(
        look.volume, look.labels, plane=look.plane, window=look.shading, positions=True
    )
    write_picture(told_below(sheet, doubts_of(look.labels)), path)


def _document(files: list[Path], montage: Path | None) -> dict[str, object]:
    return {
        "files": [str(file) for file in files],
        "montage": None if montage is None else str(montage),
    }


def _lines(files: list[Path], folder: Path) -> list[str]:
    return [f"{folder}: {len(files)} picture{'s' * (len(files) != 1)} written"]
