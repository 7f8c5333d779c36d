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
from vis3d_viewer.widgets import named


def build_panel(s: Any) -> None:
    """Build the panel; `s` holds the names of the settings' state."""
    with html.Aside(classes="v3-panel"):
        with html.Section(classes="v3-structures"):
            html.H2("Structures")
            build_structures(s)
            build_kept_work()
        with html.Section(v_if=("has_volume",)):
            html.H2("Window")
            build_windows(s)
        with html.Section(v_if=("has_volume",)):
            html.H2("Slices")
            build_slabs(s)
        with html.Section():
            html.H2("3D")
            build_3d(s)
        with html.Section(v_if=("has_volume",)):
            html.H2("Measure and correct")
            build_hand()
        with html.Section():
            html.H2("Save")
            build_export()
            build_session()
            build_report()
        with html.Section(v_if=("has_volume",)):
            html.H2("Scan")
            build_header()
        with html.Section(v_if=("notes.length",), **named("notes")):
            html.H2("Checks and findings")
            note_list("notes")


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
