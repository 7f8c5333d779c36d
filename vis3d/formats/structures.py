"""Names and colours of the structures in label maps made here or elsewhere."""

import colorsys
from collections.abc import Iterable

from vis3d.labels import STRUCTURES, Structure, normal_name


def plain_name(name: str) -> str:
    """A name that every header can hold: on one line, nothing but what can be printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def structure(label: int, name: str, color: tuple[int, int, int] | None = None) -> Structure:
    """A structure of a file, with our code where its name is one of ours."""
    name = plain_name(name) or f"label {label}"
    ours = {known.name: known for known in STRUCTURES}.get(normal_name(name))
    return Structure(
        label,
        ours.name if ours else name,
        color or (ours.color if ours else distinct_color(label)),
        ours.code if ours else None,
    )


def plain_structures(labels: Iterable[int]) -> tuple[Structure, ...]:
    """Structures for labels that a file gives no names: never guessed from the number."""
    return tuple(Structure(label, f"label {label}", distinct_color(label)) for label in labels)


def distinct_color(label: int) -> tuple[int, int, int]:
    """A colour for a label, unlike its neighbours' (hues a golden angle apart)."""
    r, g, b = colorsys.hsv_to_rgb((label * 0.6180339887) % 1.0, 0.55, 0.9)
    return (round(r * 255), round(g * 255), round(b * 255))
