"""Pictures as files that any program opens."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from vis3d.errors import InputError, NothingFoundError, TooLargeError, UsageError
from vis3d.whole_file import whole_file

PICTURE_SUFFIXES: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".jpg": {"format": "JPEG", "quality": 92},
    ".jpeg": {"format": "JPEG", "quality": 92},
    ".tif": {"format": "TIFF", "compression": "tiff_deflate"},
    ".tiff": {"format": "TIFF", "compression": "tiff_deflate"},
    ".webp": {"format": "WEBP", "lossless": True},
}
"""How Pillow writes each kind of picture."""


DEEP_SUFFIXES = (".png", ".tif", ".tiff")
"""The formats that hold 16 bits a pixel."""


def write_picture(
    pixels: NDArray[np.uint8] | NDArray[np.uint16], path: str | os.PathLike[str]
) -> None:
    """Write a grey (rows, columns), RGB or RGBA picture; the suffix chooses the format.

    Raises:
        UsageError: a suffix that isn't in `PICTURE_SUFFIXES`, or holds no 16 bits.
        OutputError: the file can't be written there.
    """
    options = PICTURE_SUFFIXES.get(Path(path).suffix.lower())
    if options is None:
        legal = ", ".join(PICTURE_SUFFIXES)
        raise UsageError(f"{Path(path).name}: a picture's name ends in one of {legal}.")
    if pixels.dtype == np.uint16 and Path(path).suffix.lower() not in DEEP_SUFFIXES:
        raise UsageError(f"Only {', '.join(DEEP_SUFFIXES)} hold 16 bits a pixel.")
    with whole_file(path) as unfinished:
        Image.fromarray(np.ascontiguousarray(pixels)).save(unfinished, **options)


WITH_OPACITY = ("PNG", "WEBP", "TIFF", "TGA", "ICO", "ICNS", "JPEG2000", "GIF", "AVIF")
"""The formats whose readers honour opacity."""

MOST_ICON = 256
"""The longest side of an icon (.ico)."""

NOT_PICTURES = ("PDF", "MPO", "BUFR", "GRIB", "HDF5", "FITS", "WMF", "IM")
"""Pillow registers these as well: documents, pairs of pictures, data of its plugins."""

SIMPLER_MODES = ("RGB", "P", "L", "1")
"""What a format is offered that can't hold full colour, best first."""


def pillow_formats() -> dict[str, str]:
    """Every suffix that Pillow writes pictures under, and its format."""
    found = Image.registered_extensions()
    return {
        suffix: name
        for suffix, name in sorted(found.items())
        if name in Image.SAVE and name not in NOT_PICTURES
    }


def read_picture(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """A picture as grey (rows, columns), RGB or RGBA: upright, and its first frame.

    Values of more than 8 bits are scaled to 8, from 16-bit black to 16-bit white.

    Raises:
        NothingFoundError: there is no such file.
        InputError: no picture that Pillow reads, or a damaged one.
        TooLargeError: more pixels than any camera takes.
    """
    name = Path(path).name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # damaged remarks in a sound picture
            with Image.open(path) as image:
                return _pixels(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise NothingFoundError(f"There is no {path}.") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise TooLargeError(f"{name} has too many pixels: make it smaller first.") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{name} is no picture that can be read.") from error
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, IndexError) as error:
        raise InputError(f"{name} is a damaged picture: make it anew.") from error


def write_any_picture(pixels: NDArray[np.uint8], path: str | os.PathLike[str]) -> None:
    """Write a grey, RGB or RGBA picture in any format that Pillow writes, by the suffix.

    What the format can't hold is reduced: opacity is dropped, colours become a palette.

    Raises:
        UsageError: a suffix that no format has.
        OutputError: the file can't be written there.
    """
    file = Path(path)
    name = pillow_formats().get(file.suffix.lower())
    if name is None:
        raise UsageError(f"{file.name}: Pillow writes no {file.suffix or 'such'} pictures.")
    options = PICTURE_SUFFIXES.get(file.suffix.lower(), {"format": name})
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if name == "ICO":
        image.thumbnail((MOST_ICON, MOST_ICON))
        options = {**options, "sizes": [image.size]}
    if name == "ICNS":
        image = _on_a_square(image)
    with whole_file(path) as unfinished:
        for mode in (image.mode, *SIMPLER_MODES):
            try:
                image.convert(mode).save(unfinished, **options)
            except (OSError, KeyError, ValueError) as error:
                if mode == SIMPLER_MODES[-1] or getattr(error, "errno", None):
                    raise
            else:
                return


def _on_a_square(image: Image.Image) -> Image.Image:
    """In the middle of a transparent square: Pillow stretches what isn't one."""
    side = max(image.size)
    square = Image.new("RGBA", (side, side))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def holds_opacity(path: str | os.PathLike[str]) -> bool:
    """Whether a picture of this name can be transparent."""
    return pillow_formats().get(Path(path).suffix.lower()) in WITH_OPACITY


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I", "F"):
        values = np.asarray(image, np.float64)
        top = max(65535.0 if image.mode != "F" else 1.0, float(np.nanmax(values, initial=0)))
        return np.nan_to_num(255 * np.clip(values / top, 0, 1)).astype(np.uint8)
    if image.mode in ("L", "RGB", "RGBA"):
        return np.asarray(image)
    transparent = "A" in image.mode or "a" in image.mode or "transparency" in image.info
    if transparent:
        return np.asarray(image.convert("RGBA"))
    return np.asarray(image.convert("L" if image.mode == "1" else "RGB"))
