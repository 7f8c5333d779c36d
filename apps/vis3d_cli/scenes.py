"""What `render` and `view` show of an INPUT."""

from collections.abc import Iterable

from vis3d.errors import InputError, UnsupportedError, UsageError
from vis3d.labels import BODY, LabelMap, normal_name
from vis3d.meshing import extract_surface
from vis3d.meshing.for_view import surface_for_view
from vis3d.progress import Progress, part
from vis3d.rendering import VOLUME_PRESETS
from vis3d.segmentation import close, segment_body
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume

GOWN_MM = 8.0
"""Air between skin and clothes is narrower than twice that."""


def check_preset(name: str) -> None:
    """Before anything is read: whether volumes can be looked at that way.

    Raises:
        UsageError: no preset has that name.
    """
    if name not in VOLUME_PRESETS:
        legal = ", ".join(VOLUME_PRESETS)
        raise UsageError(f"There is no preset {name!r}; choose from {legal}.")


def body_of(volume: Volume, progress: Progress) -> Mask | None:
    """What lies inside the skin; None where none is found or the scan is no CT."""
    try:
        body = segment_body(volume, progress=progress).mask(BODY)
    except UnsupportedError:
        return None
    return body if body.array.any() else None


def surfaces(
    volume: Volume,
    labels: LabelMap,
    names: Iterable[str],
    progress: Progress,
    *,
    light: bool = False,
) -> list[Surface]:
    """A surface a structure; absent ones are left out.

    Without names, all structures but the body. `light` ones have fewer triangles, so that
    many pictures of them take no minutes on a CPU. A body round others is drawn smooth.

    Raises:
        InputError: none of them is there.
    """
    everything = [one.name for one in labels.structures if one.name != BODY]
    single = _single_names(labels, names) or everything
    colors = {normal_name(one.name): one.color for one in labels.structures}
    found = []
    for number, name in enumerate(single):
        step = part(progress, number / len(single), (number + 1) / len(single))
        mask = labels.mask(name)
        if not mask.array.any():
            continue
        color = colors[mask.name]
        if name == BODY and len(single) > 1:
            found.append(_veil(mask, color, step))
        else:
            found.append(_surface(mask, volume, color, step, light=light))
    if not found:
        raise InputError(f"The scan shows none of {', '.join(single)}.")
    return found


def _veil(body: Mask, color: tuple[int, int, int], progress: Progress) -> Surface:
    """The skin without the thin air that a gown leaves along it, which a veil would show."""
    progress(0.5, "Drawing the body")
    return surface_for_view(close(body, GOWN_MM), color=color)


def _surface(
    mask: Mask, volume: Volume, color: tuple[int, int, int], progress: Progress, *, light: bool
) -> Surface:
    if light:
        progress(0.5, f"Drawing the {mask.name}")
        return surface_for_view(mask, color=color)
    return extract_surface(mask, volume, color=color, progress=progress)


def _single_names(labels: LabelMap, names: Iterable[str]) -> list[str]:
    """The names with groups opened, so that each lung has its own colour."""
    by_label = {one.label: one.name for one in labels.structures}
    single: dict[str, None] = {}
    for name in names:
        members = [by_label[label] for label in labels.labels_of(name)]
        single.update(dict.fromkeys([BODY] if BODY in members else members))
    return list(single)
