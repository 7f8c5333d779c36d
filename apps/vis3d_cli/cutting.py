"""How a picture is cut out: what the options of `remove-background` say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vis3d.errors import UsageError
from vis3d_cli.colors import color

if TYPE_CHECKING:
    from vis3d.imaging import Box, Point

BOX_KINDS = ("whole", "part", "uncertain")
POINT_KINDS = ("object", "background")


@dataclass(frozen=True)
class Cutting:
    """Where the objects are, how their edges fade, and what comes in the background's place.

    `background` is a colour, or None for whatever suits the format.
    """

    boxes: "tuple[Box, ...]"
    points: "tuple[Point, ...]"
    feather: str
    background: str | None
    separate: bool


def cutting(
    boxes: tuple[str, ...],
    points: tuple[str, ...],
    feather: str,
    background: str | None,
    separate: bool,
) -> Cutting:
    """What the options say.

    Raises:
        UsageError: one of them says nothing that can be done.
    """
    from vis3d.imaging import Box, Point

    if background is not None:
        color(background)
    feather_px(feather, (1, 1))
    return Cutting(
        tuple(Box(*hint) for hint in _hints(boxes, "--box", "X0,Y0,X1,Y1", BOX_KINDS)),
        tuple(Point(*hint) for hint in _hints(points, "--point", "X,Y", POINT_KINDS)),
        feather,
        background,
        separate,
    )


def feather_px(text: str, shape: tuple[int, ...]) -> float:
    """The feather in pixels; a share is one of the picture's shorter side.

    Raises:
        UsageError: neither is written there.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%|px)?\s*", text)
    if not match:
        raise UsageError(
            f"--feather takes pixels such as 3, or a share such as 1%, not {text!r}."
        )
    value = float(match[1])
    return value / 100 * min(shape) if match[2] == "%" else value


def _hints(
    texts: tuple[str, ...], option: str, form: str, kinds: tuple[str, ...]
) -> Iterator[tuple[Any, ...]]:
    """The numbers of each hint and its kind, the first kind where none is said."""
    count = form.count(",") + 1
    for text in texts:
        words = [word.strip().lower() for word in text.split(",")]
        kind = words.pop() if words[-1] in kinds else kinds[0]
        if len(words) != count or not all(
            re.fullmatch(r"\d{1,9}", word, re.ASCII) for word in words
        ):
            raise UsageError(
                f"{option} takes {form} in whole pixels, and {' or '.join(kinds)} after them, "
                f"not {text!r}."
            )
        yield (*(int(word) for word in words), kind)
