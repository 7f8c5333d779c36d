"""The cards from which a person picks one of several scans."""

import io
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vis3d import files
from vis3d.dicom import load_series
from vis3d.errors import Vis3dError
from vis3d.imaging import fitted, picture, slice_count
from vis3d.volume import Volume
from vis3d_viewer.said import plain
from vis3d_viewer.windows import first_window

THUMBNAIL = (160, 160)

Choice = tuple[Path, Any]


def cards(choices: Sequence[Choice]) -> list[dict[str, Any]]:
    """A card for each series that could be opened."""
    return [_card(number, series) for number, (_, series) in enumerate(choices)]


def _card(number: int, series: Any) -> dict[str, Any]:
    nk, nj, ni = series.shape
    spacing = series.geometry.spacing if series.geometry else ()
    sizes = " × ".join(f"{mm:.2f}" for mm in spacing)
    serious = [plain(f.message) for f in series.findings if f.severity != "note"]
    return {
        "number": number,
        "title": plain(series.description) or f"Series {series.index}",
        "modality": plain(series.modality) or "Volume",
        "slices": f"{nk} slices" if nk > 1 else "1 slice",
        "size": f"{ni} × {nj}" + (f"  ·  {sizes} mm" if sizes else ""),
        "warnings": serious[:3],
        "more": max(0, len(serious) - 3),
        "notes": sum(f.severity == "note" for f in series.findings),
    }


class Thumbnails:
    """A small picture of each choice's middle slice, made once, one at a time."""

    def __init__(self, choices: Sequence[Choice] = ()) -> None:
        self._choices = choices
        self._made: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def jpeg(self, number: int) -> bytes | None:
        """The picture, or None where there is none (slow: for a worker thread)."""
        if not 0 <= number < len(self._choices):
            return None
        with self._lock:
            if number not in self._made:
                self._made[number] = _thumbnail(*self._choices[number])
            return self._made[number] or None


def _thumbnail(path: Path, series: Any) -> bytes:
    """The middle slice as JPEG; empty where it can't be read."""
    try:
        volume = _middle(path, series)
        pixels = picture(
            volume,
            "axial" if slice_count(volume.geometry, "axial") == 1 else _flat_plane(volume),
            0,
            first_window(volume),
            square=True,
        )
    except (Vis3dError, ValueError):
        return b""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(fitted(pixels, THUMBNAIL))).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _middle(path: Path, series: Any) -> Volume:
    """One slice from the middle of the series, as it was stored."""
    middle = series.shape[0] // 2
    part = slice(middle, middle + 1)
    if files.input_kind(path) == "dicom":
        return load_series(series, slices=part)
    return files.load_volume(path, series=series.index, slices=part)


def _flat_plane(volume: Volume) -> Any:
    """The plane in which a single slice lies."""
    return "coronal" if slice_count(volume.geometry, "coronal") == 1 else "sagittal"
