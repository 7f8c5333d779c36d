"""Pictures as files that any program opens."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vis3d.errors import UsageError
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


def write_picture(pixels: NDArray[np.uint8], path: str | os.PathLike[str]) -> None:
    """Write a grey (rows, columns), RGB or RGBA picture; the suffix chooses the format.

    Raises:
        UsageError: a suffix that isn't in `PICTURE_SUFFIXES`.
        OutputError: the file can't be written there.
    """
    options = PICTURE_SUFFIXES.get(Path(path).suffix.lower())
    if options is None:
        legal = ", ".join(PICTURE_SUFFIXES)
        raise UsageError(f"{Path(path).name}: a picture's name ends in one of {legal}.")
    with whole_file(path) as unfinished:
        Image.fromarray(np.ascontiguousarray(pixels)).save(unfinished, **options)
