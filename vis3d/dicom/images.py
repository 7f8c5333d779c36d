"""One DICOM file -> one picture, for those without a place in the patient too."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.dicom.colors import rgb_values, size_of
from vis3d.dicom.discovery import files_at
from vis3d.dicom.enhanced import all_frames
from vis3d.dicom.findings import value_findings
from vis3d.dicom.frames import Frame, PixelFormat, frame_count, single_frame, stored_format
from vis3d.dicom.grouping import Group
from vis3d.dicom.headers import Header, read_header
from vis3d.dicom.kinds import check_pixels, check_readable
from vis3d.dicom.loading import load_series
from vis3d.dicom.metadata import metadata_of
from vis3d.dicom.planning import planned_series
from vis3d.dicom.sentences import named_error
from vis3d.dicom.series import Discovery
from vis3d.dicom.sources import Source, Unreadable, at_hand, named_file
from vis3d.errors import InputError, UsageError
from vis3d.geometry import Geometry
from vis3d.memory import check_memory
from vis3d.volume import Volume


@dataclass(frozen=True, eq=False)
class DicomImage:
    """A single picture.

    `pixels` are measured values (rows, columns), or colours (rows, columns, 3) as 8-bit RGB.
    `pixel_spacing` is (between rows, between columns) in mm, None where the file gives none;
    `steps_mm` then holds the pixel's proportions, the finer side as 1.
    `frames` counts the pictures in the file. `unit`, `padding` and `metadata` are those of
    `Volume`.
    """

    pixels: NDArray[Any]
    pixel_spacing: tuple[float, float] | None
    steps_mm: tuple[float, float] = (1.0, 1.0)
    frames: int = 1
    unit: str = ""
    padding: float | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_color(self) -> bool:
        """Whether the pixels are colours instead of values."""
        return self.pixels.ndim == 3

    def as_volume(self) -> Volume:
        """The values as a volume of one slice, to be windowed as those are.

        Raises:
            UsageError: colours, which are no values.
        """
        if self.is_color:
            raise UsageError("A colour picture holds no values to window: show it as it is.")
        between_rows, between_columns = self.steps_mm
        grid = Geometry((1, *self.pixels.shape[:2]), (between_columns, between_rows, 1.0))
        return Volume(self.pixels[None], grid, self.unit, self.padding, self.metadata)


def read_image(
    path: str | os.PathLike[str] | Source, *, frame: int = 0, force: bool = False
) -> DicomImage:
    """One picture of a DICOM file: CR, DX, US, colours, a localizer, a frame of a loop.

    `path` may also be a file of an archive, as `loose_pictures` finds it. `frame` counts from
    0 in the file's order. Nothing is stacked or placed.

    Raises:
        NothingFoundError: there is no such file.
        UsageError: the file has no such frame.
        InputError: it isn't DICOM, holds no picture, or is damaged.
    """
    file = named_file(path)
    try:
        return _image(read_header(file, force=force), frame)
    except InputError as error:
        raise named_error(file.name, error) from error


def loose_pictures(
    path: str | os.PathLike[str], found: Discovery, *, force: bool = False
) -> Iterator[Source]:
    """The pictures at a path that `discover` skipped: colours, loops, localizers.

    By their names, each a file that `read_image` reads.
    """
    skipped = {entry.path for entry in found.skipped}
    files = [one for one in files_at(Path(path))[1] if one.name in skipped]
    for file in sorted(files, key=lambda one: one.name):
        if isinstance(file, Unreadable):
            continue
        try:
            read_image(at_hand(file), force=force)
        except InputError:
            continue
        yield file


def _image(header: Header, number: int) -> DicomImage:
    check_readable(header)
    form = stored_format(header)
    count = frame_count(header)
    check_pixels(header, count, size_of(form, count))
    if not 0 <= number < count:
        raise UsageError(f"{header.name} has {count} frames, counted from 0; not {number}.")
    frame = _frame(header, form, count, number)
    check_memory((1, form.rows, form.columns), 4 * form.samples, what="A picture")
    return _color_image(frame, count) if form.is_color else _value_image(frame, count)


def _frame(header: Header, form: PixelFormat, count: int, number: int) -> Frame:
    """The frame asked for, where it lies and how its values are measured."""
    if header.has("PerFrameFunctionalGroupsSequence"):
        return all_frames(header, form, count)[number]
    return replace(single_frame(header, form), number=number)


def _color_image(frame: Frame, count: int) -> DicomImage:
    pixels = rgb_values(frame)
    series = planned_series(1, Group((frame,)))
    metadata = metadata_of(series, frame, value_findings((frame,)))
    return DicomImage(pixels, frame.pixel_spacing, frame.steps_mm, count, metadata=metadata)


def _value_image(frame: Frame, count: int) -> DicomImage:
    volume = load_series(planned_series(1, Group((frame,))))
    return DicomImage(
        np.asarray(volume.array[0]),
        frame.pixel_spacing,
        frame.steps_mm,
        count,
        volume.unit,
        volume.padding,
        volume.metadata,
    )
