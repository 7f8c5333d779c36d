"""The panel beside the views: window, look of the volume, structures, findings."""

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3

from vis3d_viewer.panel_3d import build_3d
from vis3d_viewer.panel_export import build_export
from vis3d_viewer.panel_hand import build_hand
from vis3d_viewer.panel_slices import build_slabs, build_windows
from vis3d_viewer.panel_structures import build_structures
from vis3d_viewer.panel_work import build_header, build_kept_work, build_report, build_session
from vis3d_viewer.widgets import PanelNav, named


def build_panel(s: Any) -> None:
    """Build the panel; `s` holds the names of the settings' state."""
    with html.Aside(classes="v3-side", aria_label="Panel"):
        PanelNav(volume=("has_volume",))
        with html.Div(classes="v3-panel"):
            _parts(s)


def _parts(s: Any) -> None:
    with _part("structures", "Structures", classes="v3-structures"):
        build_structures(s)
        build_kept_work()
    with _part("window", "Window", v_if=("has_volume",)):
        build_windows(s)
    with _part("slices", "Slices", v_if=("has_volume",)):
        build_slabs(s)
    with _part("volume", "3D"):
        build_3d(s)
    with _part("measure", "Measure and correct", v_if=("has_volume",)):
        build_hand()
    with _part("save", "Save"):
        build_export()
        build_session()
        build_report()
    with _part("scan", "Scan", v_if=("has_volume",)):
        build_header()
    with _part("notes", "Checks and findings", v_if=("notes.length",)):
        note_list("notes")


def _part(name: str, title: str, **options: Any) -> html.Section:
    """A part of the panel under its title."""
    known = name if name == "notes" else f"part-{name}"
    section = html.Section(**options, **named(known, f'data-part="{name}"'))
    with section:
        html.H2(title)
    return section


def note_list(which: str) -> None:
    """Build a list of the notes that the expression `which` names."""
    with html.Div(
        v_for=f"(note, n) in {which}", key="n", classes=("'v3-note v3-' + note.severity",)
    ):
        v3.VIcon(
            icon=(
                "note.severity === 'ok' ? 'mdi-check' : note.severity === 'note' ? "
                "'mdi-information-outline' : 'mdi-alert-outline'",
            ),
            size="16",
        )
        html.Span("{{ note.message }}")
