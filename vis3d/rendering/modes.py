"""What `vis3d render` shows in 3D, mode by mode: scenes that look well unasked."""

from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from vis3d.imaging import within
from vis3d.labels import BODY
from vis3d.rendering.presets import INSIDE_PRESETS
from vis3d.scene import Camera, Scene, SurfaceLayer, VolumeLayer
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume

VEILS = {BODY: 0.12, "left lung": 0.35, "right lung": 0.35, "lungs": 0.35}
"""The opacity of structures that have others inside, where those are shown."""

INSIDE = {BODY: ("left lung", "right lung", "lungs", "airways", "bones"), "lungs": ("airways",)}

BODY_MARGIN_MM = 3.0
"""Kept round the body, so that the skin stays smooth."""

CALMED_MM = 1.05


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

    Presets that show air (`INSIDE_PRESETS`) show nothing but that outside unless `body` is
    given.
    """
    if body is not None and preset in INSIDE_PRESETS:
        volume = airless_outside(volume, body)
    elif body is not None:
        volume = within(volume, body, margin_mm=BODY_MARGIN_MM)
    return Scene([VolumeLayer(volume, preset)], camera or Camera())


def airless_outside(volume: Volume, body: Mask) -> Volume:
    """The volume as presets of air need it: calmer, and dense wherever the body isn't."""
    most = float(volume.array.max())
    calm = volume.with_array(_without_noise(volume))
    return within(calm, body, margin_mm=-BODY_MARGIN_MM, outside=most)


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
