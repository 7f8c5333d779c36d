"""Our own Vue components (static/slice_view.js) as trame widgets."""

from typing import Any

from trame_client.widgets.core import AbstractElement

MODULE = {"scripts": ["static/slice_view.js"], "vue_use": ["vis3d_viewer"]}
"""What trame loads into the page for them."""


class SliceView(AbstractElement):
    """One slice plane with its crosshair."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("slice-view", **kwargs)
        self._attr_names += [
            "plane",
            "map",
            "crosshair",
            "center",
            "width",
            "labels",
            "opacity",
            "version",
        ]
        self._event_names += ["crosshair", "window", "maximise", "hover", "preset"]


class ReadOut(AbstractElement):
    """The value and the structure at a point."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("read-out", **kwargs)
        self._attr_names += ["point", "version"]


class FileSaver(AbstractElement):
    """Saves the file at an address as soon as there is one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("file-saver", **kwargs)
        self._attr_names += ["address"]


def named(name: str, *attributes: str) -> dict[str, list[str]]:
    """What tests find a widget by, and other attributes as they are."""
    return {"raw_attrs": [f'data-testid="{name}"', *attributes]}
