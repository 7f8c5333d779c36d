"""`vis3d slices`: one picture a slice."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from vis3d.errors import UsageError
from vis3d.progress import Progress, part
from vis3d_cli import reading, say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, How, Input, Which
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.imaging import Window
    from vis3d.labels import LabelMap
    from vis3d.volume import Volume

Plane = Literal["axial", "coronal", "sagittal"]


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
            "by default the file's own, else one that suits it.",
        ),
    ] = "default",
    every: Annotated[int, Parameter(metavar="N", help="Only every Nth slice.")] = 1,
    montage: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="Also one picture with slices side by side."),
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
    if every < 1:
        raise UsageError("--every takes a number from 1 on.")

    from vis3d.imaging import PICTURE_SUFFIXES, parse_window

    if montage is not None:
        reading.check_output(montage, PICTURE_SUFFIXES, "pictures")
    with watching(how) as progress:
        volume = reading.load(input, which, how, part(progress, 0.0, 0.4))
        chosen = parse_window(window, volume)
        labels = reading.label_map_for(volume, segmentation) if segmentation else None
        if montage is not None:
            _write_montage(volume, plane, chosen, labels, montage)
        names = _numbered(volume, plane, every, format)
        _write_all(volume, plane, chosen, labels, names, output, part(progress, 0.5, 1.0))
    files = [str(output / name) for name in names.values()]
    document = {"files": files, "montage": None if montage is None else str(montage)}
    say.answer(document, [f"{output}: {len(files)} pictures written"], how)
    return DONE


def _numbered(volume: "Volume", plane: Plane, every: int, suffix: str) -> dict[int, str]:
    from vis3d.imaging import slice_count

    count = slice_count(volume.geometry, plane)
    digits = max(3, len(str(count - 1)))
    return {index: f"{index:0{digits}d}.{suffix}" for index in range(0, count, every)}


def _write_all(
    volume: "Volume",
    plane: Plane,
    window: "Window",
    labels: "LabelMap | None",
    names: dict[int, str],
    folder: Path,
    progress: Progress,
) -> None:
    from vis3d.imaging import picture, write_picture

    reading.make_folder(folder)
    for number, (index, name) in enumerate(names.items()):
        progress(number / len(names), f"slice {index}")
        pixels = picture(volume, plane, index, window, labels, square=True)
        write_picture(pixels if labels else pixels[:, :, 0], folder / name)


def _write_montage(
    volume: "Volume", plane: Plane, window: "Window", labels: "LabelMap | None", path: Path
) -> None:
    from vis3d.imaging import montage, write_picture

    write_picture(montage(volume, labels, plane=plane, window=window), path)
