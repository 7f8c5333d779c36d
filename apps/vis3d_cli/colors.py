"""Background colours as people write them."""

import re

from vis3d.errors import UsageError

COLORS = {"white": (255, 255, 255), "black": (0, 0, 0)}
TRANSPARENT = "transparent"


def color(text: str) -> tuple[int, int, int] | None:
    """RGB, or None for transparent.

    Raises:
        UsageError: no colour is written there.
    """
    name = text.strip().lower()
    if name == TRANSPARENT:
        return None
    if name in COLORS:
        return COLORS[name]
    match = re.fullmatch(r"#?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", name)
    if not match:
        raise UsageError(
            f"--background takes transparent, white, black or #rrggbb, not {text!r}."
        )
    red, green, blue = (int(part, 16) for part in match.groups())
    return red, green, blue
