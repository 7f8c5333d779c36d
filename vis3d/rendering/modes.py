"""What `vis3d render` shows, mode by mode: scenes and pictures that look well unasked."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import uniform_filter1d

from vis3d.imaging import Plane, Window, montage, picture, slice_count, within
from vis3d.labels import BODY, LabelMap
from vis3d.scene import Camera, Scene, SurfaceLayer, VolumeLayer
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume

MODES = ("surface", "volume", "mip", "minip", "slice", "montage")

VEILS = {BODY: 0.12, "left lung": 0.35, "right lung": 0.35, "lungs": 0.35}
"""The opacity of structures that have others inside, where those are shown."""

INSIDE = {BODY: ("left lung", "right lung", "lungs", "airways", "bones"), "lungs": ("airways",)}

BODY_MARGIN_MM = 3.0
"""Kept round the body, so that the skin stays smooth."""

CALMED_MM = 1.05

VIEW_PLANES: dict[str, Plane] = {
    "anterior": "coronal",
    "posterior": "coronal",
    "left": "sagittal",
    "right": "sagittal",
    "superior": "axial",
    "inferior": "axial",
}


def surface_scene(surfaces: Iterable[Surface], camera: Camera | None = None) -> Scene:
    """Surfaces together; what would hide another inside it becomes a veil."""
    shown = tuple(surfaces)
    names = {surface.name for surface in shown}
    layers = [SurfaceLayer(s, opacity=_opacity(s.name, names)) for s in shown]
    return Scene(layers, camera or Camera())


def volume_scene(
    volume: Volume,
    preset: str = "bone",
    camera: Camera | None = None,
    *,
    body: Mask | None = None,
) -> Scene:
    """A volume rendering through a preset; with `body`, without table and air.

    Minimum intensity projections show nothing but outside air unless `body` is given.
    """
    if body is not None and preset == "minip":
        most = float(volume.array.max())
        calm = volume.with_array(_without_noise(volume))
        volume = within(calm, body, margin_mm=-BODY_MARGIN_MM, outside=most)
    elif body is not None:
        volume = within(volume, body, margin_mm=BODY_MARGIN_MM)
    return Scene([VolumeLayer(volume, preset)], camera or Camera())


def slice_picture(
    volume: Volume,
    labels: LabelMap | None = None,
    *,
    plane: Plane = "axial",
    index: int | None = None,
    window: Window | None = None,
    size: tuple[int, int] = (1200, 900),
) -> NDArray[np.uint8]:
    """One slice (the middle one unless told), as large as fits in `size`, on black."""
    index = slice_count(volume.geometry, plane) // 2 if index is None else index
    return fitted(picture(volume, plane, index, window, labels, square=True), size)


def montage_picture(
    volume: Volume,
    labels: LabelMap | None = None,
    *,
    plane: Plane = "axial",
    window: Window | None = None,
    columns: int = 6,
    rows: int = 4,
    size: tuple[int, int] = (1200, 900),
) -> NDArray[np.uint8]:
    """Slices side by side, as large as fits in `size`, on black."""
    sheet = montage(volume, labels, plane=plane, window=window, columns=columns, rows=rows)
    return fitted(sheet, size)


def fitted(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """An RGB picture scaled to fit in width x height, centred on black."""
    rows, columns = pixels.shape[:2]
    scale = min(size[0] / columns, size[1] / rows)
    width, height = max(1, round(columns * scale)), max(1, round(rows * scale))
    scaled = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", size)
    sheet.paste(scaled, ((size[0] - width) // 2, (size[1] - height) // 2))
    return np.asarray(sheet)


def _without_noise(volume: Volume) -> NDArray[Any]:
    """Means of three voxels along each axis of 1 mm or finer: a minimum shows all noise."""
    array: NDArray[Any] = volume.array
    for axis, mm in enumerate(volume.geometry.spacing_kji):
        if mm <= CALMED_MM:
            array = uniform_filter1d(array, 3, axis=axis, mode="nearest")
    return array


def _opacity(name: str, shown: set[str]) -> float:
    kind = "lungs" if name.endswith("lung") else name
    hides = shown.intersection(INSIDE.get(kind, ()))
    return VEILS.get(name, 1.0) if hides else 1.0
