"""One DICOM image with other pixels -> a new image of the same patient and study."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from vis3d.dicom.codecs import LOSSY_TRANSFER_SYNTAXES
from vis3d.dicom.colors import rgb_values, size_of
from vis3d.dicom.datasets import header_dataset
from vis3d.dicom.derived import derive, without
from vis3d.dicom.file_meta import file_meta
from vis3d.dicom.frames import Frame, PixelFormat, frame_count, single_frame, stored_format
from vis3d.dicom.headers import Header, read_header, safe_text
from vis3d.dicom.kinds import check_pixels, check_readable
from vis3d.dicom.padding import stored_range
from vis3d.dicom.pixels import stored_values
from vis3d.dicom.quiet import quietly
from vis3d.dicom.sentences import named_error
from vis3d.dicom.sources import Source, named_file
from vis3d.dicom.uids import new_uid
from vis3d.errors import InputError, UnsupportedError, UsageError
from vis3d.progress import Progress, silent
from vis3d.whole_file import whole_file

Opacity: TypeAlias = Callable[[int], NDArray[np.uint8]]
"""What of a frame, counted from 0, is kept: 255 where all of it (rows, columns)."""

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
SERIES_NUMBER = 903

_STALE_PIXELS = """
    IconImageSequence SmallestImagePixelValue LargestImagePixelValue
    SmallestPixelValueInSeries LargestPixelValueInSeries DigitalSignaturesSequence
    MACParametersSequence EncryptedAttributesSequence InstanceCreatorUID PixelDataProviderURL
    SourceImageSequence DerivationCodeSequence PixelData ExtendedOffsetTable
    ExtendedOffsetTableLengths
"""
_STALE = tuple(_STALE_PIXELS.split())
"""What holds no longer of pixels that were changed where they lie."""


@quietly()
def write_cut_image(
    source: str | os.PathLike[str] | Source,
    path: str | os.PathLike[str],
    opacity: Opacity,
    *,
    background: tuple[int, int, int] | None = None,
    description: str = "vis3d: background removed",
    series_uid: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write the image in the file `source` again with its background gone, all its frames.

    Patient, study, equipment and place stay; identifiers are new, and the source is named
    (PS3.3 section C.7.6.1.1.2). Stored values keep their bits and their meaning. Without a
    `background` they become padding: the file's own, else the darkest there is; a picture
    of values takes black and white, one of colours any. Images that share a `series_uid`
    are of one new series.

    Raises:
        NothingFoundError: there is no such file.
        UsageError: a colour for a picture of values.
        InputError: it isn't DICOM, holds no picture, or is damaged.
        UnsupportedError: an enhanced multi-frame object.
        OutputError: the file can't be written there.
    """
    file = named_file(source)
    try:
        header = read_header(file, force=force)
        image = _image(header, opacity, background, progress or silent)
    except InputError as error:
        raise named_error(file.name, error) from error
    _identify(image, header, series_uid or new_uid(), safe_text(description)[:64])
    image.file_meta = file_meta(image.SOPClassUID, image.SOPInstanceUID)
    with whole_file(path) as unfinished:
        image.save_as(unfinished, enforce_file_format=True)
    return Path(path)


def _image(
    header: Header, opacity: Opacity, background: tuple[int, int, int] | None, tell: Progress
) -> Dataset:
    """The header with new pixels, before it has an identity of its own."""
    check_readable(header)
    if header.has("PerFrameFunctionalGroupsSequence"):
        raise UnsupportedError(
            "is an enhanced multi-frame object: name a folder as OUT, with --format dcm"
        )
    form, count = stored_format(header), frame_count(header)
    if form.floating or form.allocated == 1:
        raise UnsupportedError(
            "stores pixels as floating-point numbers or single bits, which aren't written back "
            "as DICOM: name OUT .png or .tiff"
        )
    check_pixels(header, count, size_of(form, count))
    image = without(header_dataset(header), _STALE)
    pixels: list[bytes] = []
    fill = _fill(header, form, background)
    unused, own_padding = True, "PixelPaddingValue" in image
    for number in range(count):
        tell(number / count, "removing the background")
        frame = _frame(header, form, number)
        share = opacity(number) / np.float32(255)
        if form.is_color:
            cut = _mixed(rgb_values(frame), share[..., None], np.array(background or BLACK))
            pixels.append(cut.astype(np.uint8).tobytes())
        else:
            stored = stored_values(frame)
            unused &= not (stored[share > 0] == fill).any()
            cut = _mixed(stored, share, np.array(fill))
            pixels.append(cut.astype(f"<{form.kind}").tobytes())
    _describe(image, header, form, count)
    if not form.is_color and background is None and unused and not own_padding:
        image.PixelPaddingValue = fill
    image.PixelData = b"".join(pixels) + b"\0" * (sum(map(len, pixels)) % 2)
    image["PixelData"].VR = "OB" if form.allocated == 8 or form.is_color else "OW"
    return image


def _frame(header: Header, form: PixelFormat, number: int) -> Frame:
    return replace(single_frame(header, form), number=number)


def _fill(header: Header, form: PixelFormat, background: tuple[int, int, int] | None) -> int:
    """The stored value of the background."""
    if form.is_color:
        return 0
    low = -(1 << (form.stored - 1)) if form.signed else 0
    high = low + (1 << form.stored) - 1
    dark, light = (high, low) if form.photometric == "MONOCHROME1" else (low, high)
    if background is None:
        own = stored_range(_frame(header, form, 0))
        padding = dark if own is None else int(own[0])
        return padding if low <= padding <= high else dark
    if background not in (BLACK, WHITE):
        raise UsageError(
            "This image holds values, not colours: its background can be black or white, or, "
            "without --background, padding."
        )
    return light if background == WHITE else dark


def _mixed(values: NDArray[Any], share: NDArray[Any], fill: NDArray[Any]) -> NDArray[Any]:
    """So much of the values, the rest of what fills the background; whole ones untouched."""
    blend = np.rint(fill + (values.astype(np.float64) - fill) * share)
    return np.where(share >= 1, values, np.where(share <= 0, fill, blend))


def _describe(image: Dataset, header: Header, form: PixelFormat, count: int) -> None:
    """Image Pixel module (PS3.3 section C.7.6.3) of what is written."""
    image.Rows, image.Columns = form.rows, form.columns
    if form.is_color:
        image.SamplesPerPixel, image.PhotometricInterpretation = 3, "RGB"
        image.PlanarConfiguration, image.PixelRepresentation = 0, 0
        image.BitsAllocated = image.BitsStored = 8
        image.HighBit = 7
    else:
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, form.photometric
        image.BitsAllocated, image.BitsStored = form.allocated, form.stored
        image.HighBit, image.PixelRepresentation = form.stored - 1, int(form.signed)
    for keyword in image.dir("PaletteColor"):
        del image[keyword]
    if count > 1:
        image.NumberOfFrames = count
    if header.transfer_syntax in LOSSY_TRANSFER_SYNTAXES:
        image.LossyImageCompression = "01"


def _identify(image: Dataset, header: Header, series_uid: str, description: str) -> None:
    now = datetime.now()
    image.setdefault("StudyInstanceUID", new_uid(f"{series_uid} study"))
    image.SOPInstanceUID, image.SeriesInstanceUID = new_uid(), series_uid
    image.SeriesNumber, image.SeriesDescription = SERIES_NUMBER, description
    image.InstanceCreationDate, image.InstanceCreationTime = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    derive(image, [_frame(header, stored_format(header), 0)], description)
