"""`remove-background` back to DICOM: new images, and new series of scans."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.choosing import nothing_found, select_series
from vis3d.dicom import (
    PictureError,
    Series,
    at_hand,
    loose_pictures,
    read_image,
    write_cut_image,
    write_derived_series,
)
from vis3d.dicom import Source as File
from vis3d.dicom.uids import new_uid
from vis3d.errors import InputError, UnsupportedError, UsageError
from vis3d.files import discover, input_kind
from vis3d.imaging import default_window, feathered, foreground, grays, only
from vis3d.progress import Progress, part
from vis3d_cli import bodies, cutouts, reading, say
from vis3d_cli.colors import color
from vis3d_cli.cutouts import Row, row
from vis3d_cli.cutting import Cutting, feather_px
from vis3d_cli.options import Choice, Manner

DICOM_SUFFIX = ".dcm"
DESCRIPTION = "vis3d: background removed"


def check(chosen: Cutting) -> None:
    """Before anything is read.

    Raises:
        UsageError: what DICOM can't hold, or what isn't written as DICOM.
    """
    if chosen.background is not None and color(chosen.background) is None:
        raise UsageError("DICOM images can't be transparent: write .png, or give a colour.")
    if chosen.separate:
        raise UsageError("--separate is for pictures; a DICOM image stays one.")


def one_image(
    source: Path, output: Path, chosen: Cutting, which: Choice, progress: Progress
) -> Row:
    """A DICOM image with its background gone, all frames of it.

    Raises:
        UnsupportedError: the source isn't DICOM, so there is no patient to belong to.
        UsageError: a folder, an archive or a colour where none can be.
    """
    if cutouts.holds_several(source):
        raise UsageError(f"{source} is no single image: -o names a folder, with --format dcm.")
    _check_dicom(source)
    return _image(source, source, output, chosen, which.force, None, progress)


def _check_dicom(source: Path) -> None:
    """Whether a file can have a patient and a study."""
    if source.suffix.lower() in cutouts.picture_suffixes() or input_kind(source) != "dicom":
        raise UnsupportedError(
            f"{source.name} isn't DICOM, so there is no patient and study for a DICOM image to "
            "belong to: write .png instead."
        )


def all_series(
    source: Path,
    folder: Path,
    chosen: Cutting,
    which: Choice,
    how: Manner,
    progress: Progress,
) -> Iterator[Row]:
    """The scans of a folder or archive as new series, and its other images as new images.

    A scan's slices stay where they were scanned, unless its gaps are to be filled. One
    series lies in `folder` itself, several in `series-001`, `series-002` ...
    """
    if not cutouts.holds_several(source):
        _check_dicom(source)
    try:
        found = discover(source, force=which.force, progress=part(progress, 0.0, 0.1))
    except PictureError:  # one file of colours, a loop or a localizer
        yield from _images(source, [source], folder, chosen, which.force, progress)
        return
    series = list(found.series)
    if which.series is not None:
        series = [select_series(found, which.series)]
    others: list[File] = []
    if which.series is None:
        others = list(loose_pictures(source, found, force=which.force))
    if not series and not others:
        raise nothing_found(found)
    alone = len(series) + bool(others) == 1
    for number, one in enumerate(series):
        step = part(
            progress, 0.1 + 0.9 * number / len(series), 0.1 + 0.9 * (number + 1) / len(series)
        )
        place = folder if alone else folder / f"series-{one.index:03d}"
        try:
            if bodies.is_scan(one):
                yield _scan(source, one, place, chosen, which, how, step, found)
            else:
                files = cutouts.images_of(one)
                if one.unit == bodies.HOUNSFIELD and not alone:
                    say.note(
                        f"warning: series {one.index} is one CT slice: its body is found in "
                        "that alone, and may keep a part of the table.",
                        how,
                    )
                yield from _images(source, files, place, chosen, which.force, step)
        except InputError as error:
            say.error_line(f"series {one.index}: {error}")
            yield row(f"series {one.index}", (), 0.0, say.plain(error))
    place = folder if alone else folder / "images"
    yield from _images(source, others, place, chosen, which.force, progress)


def _scan(
    source: Path,
    series: Series,
    folder: Path,
    chosen: Cutting,
    which: Choice,
    how: Manner,
    progress: Progress,
    found: Any,
) -> Row:
    if chosen.boxes or chosen.points or chosen.background or feather_px(chosen.feather, (1, 1)):
        raise UsageError(
            "A scan's background becomes padding: --box, --point, --feather and --background "
            "are for single images."
        )
    volume, body = bodies.scan(source, series, which, how, part(progress, 0.0, 0.6), found)
    files = write_derived_series(
        only(volume, body),
        series,
        folder,
        description=DESCRIPTION,
        in_place=which.gaps == "refuse",
        progress=part(progress, 0.6, 1.0),
    )
    return row(f"series {series.index}", files, 100 * float(body.array.mean()), None)


def _images(
    source: Path,
    files: Sequence[Path | File],
    folder: Path,
    chosen: Cutting,
    force: bool,
    progress: Progress,
) -> Iterator[Row]:
    uid = new_uid()
    for number, file in enumerate(files):
        step = part(progress, number / len(files), (number + 1) / len(files))
        origin = file if isinstance(file, Path) else cutouts.origin_of(source, file)
        try:
            reading.make_folder(folder)
            output = folder / f"{number:04d}{DICOM_SUFFIX}"
            yield _image(file, origin, output, chosen, force, uid, step)
        except InputError as error:
            reason = str(error).removeprefix(file.name).removeprefix(":").strip()
            say.error_line(f"{origin}: {reason}")
            yield row(str(origin), (), 0.0, say.plain(error))


def _image(
    source: Path | File,
    origin: Path,
    output: Path,
    chosen: Cutting,
    force: bool,
    series_uid: str | None,
    progress: Progress,
) -> Row:
    shares: list[float] = []
    file = source if isinstance(source, Path) else at_hand(source)

    def opacity(frame: int) -> NDArray[np.uint8]:
        mask = _mask(file, frame, chosen, force, progress)
        shares.append(float(mask.mean()))
        return feathered(mask, feather_px(chosen.feather, mask.shape))

    ground = None if chosen.background is None else color(chosen.background)
    write_cut_image(
        file,
        output,
        opacity,
        background=ground,
        description=DESCRIPTION,
        series_uid=series_uid,
        force=force,
        progress=progress,
    )
    return row(str(origin), (output,), 100 * float(np.mean(shares)), None)


def _mask(
    source: Path | File, frame: int, chosen: Cutting, force: bool, progress: Progress
) -> NDArray[np.bool_]:
    """What of a frame is kept: the body of a CT, the foreground of all else."""
    image = read_image(source, frame=frame, force=force)
    hints = {"boxes": chosen.boxes, "points": chosen.points}
    if image.is_color:
        mask = foreground(image.pixels, **hints)  # type: ignore[arg-type]
    else:
        volume = image.as_volume()
        if volume.unit == bodies.HOUNSFIELD and not (chosen.boxes or chosen.points):
            return np.asarray(bodies.body_of(volume, progress).array[0])
        shown = grays(volume.array[0], default_window(volume))
        mask = foreground(shown, **hints)  # type: ignore[arg-type]
    if not mask.any():
        raise InputError(cutouts.NOTHING_SEEN)
    return mask
