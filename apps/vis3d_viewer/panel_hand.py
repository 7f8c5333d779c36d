"""The panel's part about tools for the hand: measure, paint, erase, cut."""

from typing import Any

from trame_client.widgets.core import AbstractElement

MODULE = {"vue_use": ["vis3d_hand_tools"]}
"""What trame uses for it; the page loads its script before."""

ACT = "trigger($event[0], $event.slice(1))"


class HandTools(AbstractElement):
    """What is in the hand, and what was measured."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("hand-tools", **kwargs)
        self._attr_names += ["rows", "marks", "unit"]
        self._event_names += ["act"]


class HandOver3D(AbstractElement):
    """What a hand draws over the 3D view, and the marks that are seen there."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("hand-over3d", **kwargs)
        self._attr_names += ["matrix"]


def build_hand() -> None:
    """Build it."""
    HandTools(rows=("rows",), marks=("marks",), unit=("unit",), act=ACT)
