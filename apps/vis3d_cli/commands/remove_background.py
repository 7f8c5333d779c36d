"""`vis3d remove-background`: the patient without table and air, or an object cut out."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from vis3d.errors import InputError, NothingFoundError, OutputError, UsageError
from vis3d.progress import Progress, part
from vis3d_cli import bodies, cutouts, reading, say
from vis3d_cli.colors import TRANSPARENT, color
from vis3d_cli.cutouts import Row, Source
from vis3d_cli.cutting import Cutting, cutting, feather_px
from vis3d_cli.exit_codes import BAD_INPUT, DONE, SOME_DONE
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, Choice, How, Manner, Which
from vis3d_cli.watch import watching

MOST_LINES = 10
"""Files of one input that are named one by one."""

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def remove_background(
    input: Annotated[
        Path,
        Parameter(
            help="A picture (PNG, JPEG, ...), a DICOM image or CT scan, or a folder of those."
        ),
    ],
    /,
    *,
    output: Annotated[
        Path,
        Parameter(
            name=["--output", "-o"],
            help="A picture of any format that Pillow writes; for a DICOM image also a .dcm "
            "file; for a CT scan a .nii.gz .nrrd .mha ... file; for several a folder.",
        ),
    ],
    box: Annotated[
        tuple[str, ...],
        Parameter(
            metavar="X0,Y0,X1,Y1[,KIND]",
            allow_leading_hyphen=True,
            help="Where an object is, in pixels: whole (nothing of it outside; the default), "
            "part (it reaches beyond) or uncertain. Can be given again.",
        ),
    ] = (),
    point: Annotated[
        tuple[str, ...],
        Parameter(
            metavar="X,Y[,KIND]",
            allow_leading_hyphen=True,
            help="A pixel that is object (the default) or background. Can be given again.",
        ),
    ] = (),
    feather: Annotated[
        str,
        Parameter(metavar="PX|%", help="How wide the edge fades: pixels, or 1% of the size."),
    ] = "0",
    background: Annotated[
        str | None,
        Parameter(
            metavar="COLOR",
            help="transparent, white, black or #rrggbb; by default transparent where OUT can "
            "hold it, else white.",
        ),
    ] = None,
    separate: Annotated[
        bool, Parameter(help="Each object as a picture of its own: OUT-1, OUT-2 ...")
    ] = False,
    format: Annotated[
        str,
        Parameter(
            metavar="SUFFIX",
            help="The pictures' format in a folder; dcm writes new DICOM series.",
        ),
    ] = "png",
    which: Which = THE_ONLY_ONE,
    how: How = PLAIN,
) -> int:
    """Cut out what a picture shows; of a CT scan keep the body.

    A CT loses table, clothes and air. In any other picture the foreground is
    what differs from the picture's border; boxes and points correct that.

    For example: vis3d remove-background photo.jpg -o cut.png --feather 2
    """
    chosen = cutting(box, point, feather, background, separate)
    if not input.exists():
        raise NothingFoundError(f"There is no {input}.")
    as_dicom = _as_dicom(output, format)
    if as_dicom:
        from vis3d_cli import cut_dicom

        cut_dicom.check(chosen)
    elif background == TRANSPARENT:
        _check_holds_opacity(output.name if output.suffix else f"x.{format.lstrip('.')}")
    with watching(how) as progress:
        if as_dicom:
            return _dicom(input, output, chosen, which, how, progress)
        if _is_volume_file(output):
            return _whole_scan(input, output, chosen, which, how, progress)
        if cutouts.holds_several(input):
            return _all(input, output, format, chosen, which, how, progress)
        return _one(input, output, format, chosen, which, how, progress)


def _as_dicom(output: Path, format: str) -> bool:
    return output.suffix.lower() == ".dcm" or format.lower().lstrip(".") == "dcm"


def _dicom(
    input: Path, output: Path, chosen: Cutting, which: Choice, how: Manner, progress: Progress
) -> int:
    """Back to DICOM: a file, or a folder of them."""
    from vis3d_cli import cut_dicom

    if output.suffix.lower() == cut_dicom.DICOM_SUFFIX and not output.is_dir():
        reading.check_output(output, sources=[input])
        rows = [cut_dicom.one_image(input, output, chosen, which, progress)]
    else:
        if output.exists() and not output.is_dir():
            raise OutputError(f"{output} is a file; name a folder for DICOM.")
        reading.check_apart(input, output)
        with reading.folder_for_files(output):
            steps = cut_dicom.all_series(input, output, chosen, which, how, progress)
            rows = list(steps)
    return _answer(rows, how)


def _one(
    input: Path,
    output: Path,
    format: str,
    chosen: Cutting,
    which: Choice,
    how: Manner,
    progress: Progress,
) -> int:
    """A picture, or a scan in one file: an enhanced multi-frame, a NIfTI."""
    if input.suffix.lower() in cutouts.picture_suffixes():
        source = cutouts.source_of_picture(input, Path(output.stem))
    elif output.suffix.lower() in cutouts.picture_suffixes():
        source = cutouts.source_of_image(input, input, Path(output.stem), force=which.force)
    else:
        volume = reading.load(input, which, how, part(progress, 0.0, 0.3))
        body = bodies.body_of(volume, part(progress, 0.3, 0.6))
        sources = list(cutouts.sources_of_volume(volume, body, Path()))
        return _write_all(sources, output, format, chosen, how, part(progress, 0.6, 1.0))
    reading.check_output(output, cutouts.picture_suffixes(), "pictures", sources=[input])
    row = _written(source, output, chosen, progress)
    say.answer({"images": [row]}, _lines([row]), how)
    return DONE


def _all(
    input: Path,
    output: Path,
    format: str,
    chosen: Cutting,
    which: Choice,
    how: Manner,
    progress: Progress,
) -> int:
    sources = cutouts.sources_in(input, which, how, part(progress, 0.0, 0.4))
    if len(sources) == 1 and output.suffix.lower() in cutouts.picture_suffixes():
        row = _written(sources[0], output, chosen, progress)
        say.answer({"images": [row]}, _lines([row]), how)
        return DONE
    return _write_all(sources, output, format, chosen, how, part(progress, 0.4, 1.0))


def _write_all(
    sources: list[Source],
    folder: Path,
    format: str,
    chosen: Cutting,
    how: Manner,
    progress: Progress,
) -> int:
    """Each picture to the folder; one that fails is named and doesn't stop the rest."""
    suffix = f".{format.lower().lstrip('.')}"
    if suffix not in cutouts.picture_suffixes():
        raise UsageError(
            f"--format names no kind of picture: {format!r}; give one such as png."
        )
    if folder.suffix.lower() in cutouts.picture_suffixes() and not folder.is_dir():
        raise UsageError(f"INPUT is {len(sources)} pictures: -o names a folder for them.")
    rows = []
    with reading.folder_for_files(folder):
        for number, source in enumerate(sources):
            step = part(progress, number / len(sources), (number + 1) / len(sources))
            output = folder / _name(source, sources, suffix)
            try:
                with reading.folder_for_files(output.parent):
                    rows.append(_written(source, output, chosen, step))
            except InputError as error:
                named = Path(source.origin).name in str(error)
                say.error_line(error if named else f"{source.origin}: {error}")
                rows.append(cutouts.row(source.origin, (), 0.0, say.plain(error)))
    return _answer(rows, how)


def _answer(rows: list[Row], how: Manner) -> int:
    """Say what was written; the exit code."""
    say.answer({"images": rows}, _lines(rows), how)
    failed = sum(row["error"] is not None for row in rows)
    if not failed:
        return DONE
    return BAD_INPUT if failed == len(rows) else SOME_DONE


def _name(source: Source, sources: list[Source], suffix: str) -> Path:
    """The name in the folder; pictures that differ in their suffix alone keep that."""
    alike = sum(one.name.with_suffix("") == source.name.with_suffix("") for one in sources)
    if alike > 1:
        return source.name.with_name(source.name.name + suffix)
    return source.name.with_suffix(suffix)


def _written(source: Source, output: Path, chosen: Cutting, progress: Progress) -> Row:
    """Cut one picture out and write it, or each object of it."""
    from vis3d.imaging import foreground, objects

    pixels, mask = source.read(part(progress, 0.0, 0.3))
    opacity = pixels[..., 3] if pixels.ndim == 3 and pixels.shape[2] == 4 else None
    shown = pixels if opacity is None else pixels[..., :3]
    if mask is None or chosen.boxes or chosen.points:
        look = part(progress, 0.3, 0.9)
        mask = foreground(shown, boxes=chosen.boxes, points=chosen.points, progress=look)
    if opacity is not None:
        mask = mask & (opacity > 0)
    if not mask.any():
        raise InputError(cutouts.NOTHING_SEEN)
    pieces = objects(mask) if chosen.separate else (mask,)
    paths = tuple(
        output.with_stem(f"{output.stem}-{number}") if chosen.separate else output
        for number in range(1, len(pieces) + 1)
    )
    for piece, path in zip(pieces, paths, strict=True):
        _write(shown, opacity, piece, path, chosen)
    return cutouts.row(source.origin, paths, 100 * float(mask.mean()), None)


def _write(
    pixels: "NDArray[np.uint8]",
    opacity: "NDArray[np.uint8] | None",
    mask: "NDArray[np.bool_]",
    path: Path,
    chosen: Cutting,
) -> None:
    from vis3d.imaging import cut_out, feathered, holds_opacity, write_any_picture

    edge = feathered(mask, feather_px(chosen.feather, mask.shape))
    if opacity is not None:
        edge = edge.clip(max=opacity)
    wanted = chosen.background or (TRANSPARENT if holds_opacity(path) else "white")
    write_any_picture(cut_out(pixels, edge, color(wanted)), path)


def _whole_scan(
    input: Path, output: Path, chosen: Cutting, which: Choice, how: Manner, progress: Progress
) -> int:
    """A CT scan with padding for all but the body."""
    from vis3d.files import VOLUME_SUFFIXES, write_volume
    from vis3d.imaging import only

    if chosen.boxes or chosen.points or chosen.separate:
        raise UsageError("--box, --point and --separate are for pictures, not for a volume.")
    reading.check_output(output, VOLUME_SUFFIXES, "volumes", sources=[input])
    volume = reading.load(input, which, how, part(progress, 0.0, 0.4))
    body = bodies.body_of(volume, part(progress, 0.4, 0.9))
    write_volume(only(volume, body), output, progress=part(progress, 0.9, 1.0))
    row = cutouts.row(str(input), (output,), 100 * float(body.array.mean()), None)
    say.answer({"images": [row]}, _lines([row]), how)
    return DONE


def _lines(rows: list[Row]) -> Iterator[object]:
    for row in rows:
        kept = f"{row['foreground_percent']:.1f} % of it kept"
        outputs = row["outputs"]
        if len(outputs) > MOST_LINES:
            yield f"{Path(outputs[0]).parent}: {len(outputs)} files written, {kept}"
        else:
            yield from (f"{path}: written, {kept}" for path in outputs)


def _check_holds_opacity(name: str) -> None:
    from vis3d.imaging import holds_opacity

    if not holds_opacity(name):
        raise UsageError(
            f"{Path(name).suffix} pictures can't be transparent: write .png, or give a colour."
        )


def _is_volume_file(path: Path) -> bool:
    from vis3d.files import VOLUME_SUFFIXES

    return reading.suffix_of(path) in VOLUME_SUFFIXES
