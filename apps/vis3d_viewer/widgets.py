"""Our own Vue components (static/*.js) as trame widgets."""

from typing import Any

from trame_client.widgets.core import AbstractElement

MODULE = {"vue_use": ["vis3d_viewer"]}
"""What trame's client installs; the page itself loads the scripts, in their order."""


class LiveValues(AbstractElement):
    """Unseen: carries crosshair, window and turns between trame's state and the views."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("live-values", **kwargs)
        self._attr_names += ["center", "width", "planes"]
        self._event_names += ["crosshair", "window", "turns"]


class SliceView(AbstractElement):
    """One slice plane with its crosshair."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("slice-view", **kwargs)
        self._attr_names += ["plane", "labels", "opacity", "version", "slab", "thickness"]
        self._attr_names += ["emphysema"]
        self._event_names += ["maximise", "preset"]


class LocalView(AbstractElement):
    """Surfaces drawn by the browser."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("local-view", **kwargs)
        self._attr_names += ["layers", "camera"]


class WindowHistogram(AbstractElement):
    """The histogram with the window's edges to be dragged."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("window-histogram", **kwargs)
        self._attr_names += ["bars"]


class SplitBars(AbstractElement):
    """The bars between the views, to be dragged."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("split-bars", **kwargs)
        self._attr_names += ["layout"]


class ReadOut(AbstractElement):
    """The value and the structure under the mouse, else at the crosshair."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("read-out", **kwargs)
        self._attr_names += ["version"]


class DropZone(AbstractElement):
    """Where scans are dropped or picked; gives the ticket of what was sent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("drop-zone", **kwargs)
        self._attr_names += ["active"]
        self._event_names += ["sent"]


class IdleBlank(AbstractElement):
    """Hides the page when nobody uses it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("idle-blank", **kwargs)


class EscapeKey(AbstractElement):
    """Hears the Escape key wherever the focus is."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("escape-key", **kwargs)
        self._event_names += ["pressed"]


class PanelNav(AbstractElement):
    """Leads to the parts of the panel that follows it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("panel-nav", **kwargs)
        self._attr_names += ["volume"]


class PanelSwitch(AbstractElement):
    """Hides the panel, or brings it back."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("panel-switch", **kwargs)


class Themed(AbstractElement):
    """What says which theme this browser wants; the state `theme` follows."""

    def __init__(self, name: str) -> None:
        super().__init__(name, theme="theme = $event === 'light' ? 'vis3d-light' : 'vis3d'")
        self._event_names += ["theme"]


class FirstTheme(Themed):
    """Nothing to see: the theme as the page opens."""

    def __init__(self) -> None:
        super().__init__("first-theme")


class ThemeSwitch(Themed):
    """Light or dark."""

    def __init__(self) -> None:
        super().__init__("theme-switch")


class FileSaver(AbstractElement):
    """Saves a file as soon as there is one, on the page that asked for it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("file-saver", **kwargs)
        self._attr_names += ["file"]


class SendFile(AbstractElement):
    """A button that sends a file about the open scan to an address; `name` is its test id."""

    def __init__(self, text: str, **kwargs: Any) -> None:
        super().__init__("send-file", text, **kwargs)
        self._attr_names += ["to", "accept", "name", "busy"]


def named(name: str, *attributes: str) -> dict[str, list[str]]:
    """What tests find a widget by, and other attributes as they are."""
    return {"raw_attrs": [f'data-testid="{name}"', *attributes]}
