"""A hand in the 3D view: the page's mouse events for VTK's trackball, clicks and handles."""

import asyncio
import math
from collections.abc import Callable, Mapping
from typing import Any

from vis3d.rendering import Stage
from vis3d.scene import ClipPlane, CropBox

Picked = Callable[[list[float]], None]
WasCut = Callable[[CropBox | ClipPlane], None]

CLICK_PIXELS = 4
"""A press that moves less is a click."""

BUTTONS = {
    f"{button}Button{what}": f"{button}Button{what}Event"
    for button in ("Left", "Middle", "Right")
    for what in ("Press", "Release")
}

HEARD = (*BUTTONS, "MouseMove", "MouseWheel")
"""What a hand does to the view; trame-rca tells more, a key let go anywhere on the page too."""


class Hand3D:
    """Feeds a stage; what it finds is told on the event loop that made it.

    `picked(lps)` hears of the point in LPS mm that was clicked, `cut(cut)` of the box or plane
    that was moved by its handles, once it is let go.
    """

    def __init__(self, picked: Picked, cut: WasCut) -> None:
        self._loop = asyncio.get_running_loop()
        self._picked = picked
        self._was_cut = cut
        self._held: CropBox | ClipPlane | None = None
        self._pressed_at: tuple[int, int] | None = None

    def hold(self, cut: CropBox | ClipPlane) -> None:
        """The box or plane is being moved."""
        self._held = cut

    def feed(self, stage: Stage, event: Mapping[str, Any], scale: float) -> None:
        """Hand an event to the stage, on its thread; `scale` is its pixels a CSS pixel."""
        kind = event.get("type")
        x, y = (int(bearable(event.get(name), 0.0) * scale) for name in ("x", "y"))
        interactor = stage.interactor
        if kind in BUTTONS or kind in ("MouseMove", "MouseWheel"):
            control, shift = bool(event.get("controlKey")), bool(event.get("shiftKey"))
            interactor.SetEventInformation(x, y, control, shift)
        if kind in BUTTONS:
            interactor.InvokeEvent(BUTTONS[kind])
            self._pick_at_click(stage, kind, x, y)
            self._let_go(kind)
        elif kind == "MouseMove":
            interactor.InvokeEvent("MouseMoveEvent")
        elif kind == "MouseWheel":
            forward = bearable(event.get("spinY"), 0.0) < 0
            interactor.InvokeEvent(f"MouseWheel{'Forward' if forward else 'Backward'}Event")

    def _pick_at_click(self, stage: Stage, kind: str, x: int, y: int) -> None:
        if kind == "LeftButtonPress":
            self._pressed_at = (x, y)
        elif kind == "LeftButtonRelease" and self._pressed_at is not None:
            moved = math.dist(self._pressed_at, (x, y))
            self._pressed_at = None
            lps = stage.pick(x, stage.size[1] - 1 - y) if moved < CLICK_PIXELS else None
            if lps is not None:
                self._loop.call_soon_threadsafe(self._picked, lps.tolist())

    def _let_go(self, kind: str) -> None:
        """Say where the box or plane is now, if it was moved."""
        held = self._held
        if held is not None and kind.endswith("Release"):
            self._held = None
            self._loop.call_soon_threadsafe(self._was_cut, held)


def bearable(value: object, otherwise: float) -> float:
    """A finite number of bearable size from a browser."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return otherwise
    return min(max(float(value), -1e5), 1e5) if math.isfinite(value) else otherwise
