"""What `render` and `view` show of an INPUT."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

from vis3d.errors import InputError, UsageError
from vis3d.files import read_surface
from vis3d.labels import BODY, LabelMap
from vis3d.meshing import decimated_for_view, extract_surface
from vis3d.progress import Progress, part
from vis3d.rendering import VOLUME_PRESETS
from vis3d.scene import Blend, SurfaceLayer, TransferFunction
from vis3d.volume import Volume

Mode: TypeAlias = Literal["volume", "surface", "mip", "minip", "slice", "montage"]

DEFAULT_PRESETS: dict[str, str] = {"volume": "bone", "mip": "mip", "minip": "minip"}
BODY_OPACITY = 0.25
"""The skin is shown as glass: what is inside is what one looks for."""


def transfer(mode: Mode, preset: str | None) -> str | TransferFunction:
    """How a volume mode shows the scan; MIP and MinIP take any preset's colours.

    Raises:
        UsageError: no preset of that name.
    """
    name = preset or DEFAULT_PRESETS.get(mode, "bone")
    if name not in VOLUME_PRESETS:
        legal = ", ".join(VOLUME_PRESETS)
        raise UsageError(f"There is no preset {name!r}; choose from {legal}.")
    if mode == "volume" or name == mode:
        return name
    blend: Blend = "minip" if mode == "minip" else "mip"
    return replace(VOLUME_PRESETS[name], blend=blend, shaded=False)


def surface_layers(
    volume: Volume, labels: LabelMap, names: Iterable[str], progress: Progress
) -> tuple[SurfaceLayer, ...]:
    """A surface a structure, each light enough for the screen; absent ones are left out.

    Raises:
        InputError: none of them is there.
    """
    single = _single_names(labels, names) or [
        one.name for one in labels.structures if one.name != BODY
    ]
    layers = []
    for number, name in enumerate(single):
        step = part(progress, number / len(single), (number + 1) / len(single))
        step(0.0, f"surface of {name}")
        mask = labels.mask(name)
        if mask.array.any():
            surface = decimated_for_view(extract_surface(mask, volume, progress=step))
            layers.append(SurfaceLayer(surface, opacity=_opacity(name)))
    if not layers:
        raise InputError(f"The scan shows none of {', '.join(single)}.")
    return tuple(layers)


def surface_file_layer(path: Path) -> SurfaceLayer:
    """A surface that is in a file already."""
    return SurfaceLayer(decimated_for_view(read_surface(path)))


def _single_names(labels: LabelMap, names: Iterable[str]) -> list[str]:
    """The names with groups opened, so that each lung has its own colour."""
    by_label = {one.label: one.name for one in labels.structures}
    single: dict[str, None] = {}
    for name in names:
        members = labels.labels_of(name)
        is_body = len(members) > 1 and BODY in {by_label[label] for label in members}
        single.update(dict.fromkeys([BODY] if is_body else [by_label[n] for n in members]))
    return list(single)


def _opacity(name: str) -> float:
    return BODY_OPACITY if name == BODY else 1.0
