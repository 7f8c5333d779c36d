"""The panel beside the views: window, look of the volume, structures, findings."""

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3

from vis3d_viewer.panel_3d import build_3d
from vis3d_viewer.panel_slices import build_slabs, build_windows
from vis3d_viewer.widgets import named


def build_panel(s: Any) -> None:
    """Build the panel; `s` holds the names of the settings' state."""
    with html.Aside(classes="v3-panel"):
        with html.Section(v_if=("has_volume",)):
            html.H2("Window")
            build_windows(s)
        with html.Section(v_if=("has_volume",)):
            html.H2("Slices")
            build_slabs(s)
        with html.Section():
            html.H2("3D")
            build_3d(s)
        with html.Section(classes="v3-structures"):
            html.H2("Structures")
            _structures(s)
            _segment()
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


def _structures(s: Any) -> None:
    with html.Div(
        v_for="row in rows",
        key="row.label",
        classes="v3-row",
        raw_attrs=[":data-testid=\"'structure-' + row.name\""],
    ):
        with html.Div(classes="v3-row-head"):
            with v3.VBtn(
                icon=True,
                size="x-small",
                title="Show or hide",
                click=(
                    f"{s.hidden} = {s.hidden}.includes(row.label) "
                    f"? {s.hidden}.filter(label => label !== row.label) "
                    f": [...{s.hidden}, row.label]"
                ),
                raw_attrs=[
                    ":data-testid=\"'visible-' + row.name\"",
                    ":aria-label=\"'Show or hide ' + row.name\"",
                    f':aria-pressed="!{s.hidden}.includes(row.label)"',
                ],
            ):
                v3.VIcon(
                    icon=(
                        f"{s.hidden}.includes(row.label) ? 'mdi-eye-off-outline' "
                        ": 'mdi-eye-outline'",
                    )
                )
            html.I(classes="v3-swatch", style=("{ background: row.color }",))
            html.Span(
                "{{ row.name }}",
                classes=("row.exportable ? 'v3-row-name v3-ours' : 'v3-row-name'",),
            )
            html.Span(
                "{{ row.volume }}",
                classes="v3-row-volume",
                raw_attrs=[":data-testid=\"'volume-' + row.name\""],
            )
            with v3.VBtn(
                v_if=("row.exportable",),
                icon=True,
                size="x-small",
                title="Save as STL",
                disabled=("job.running",),
                click="trigger('export_stl', [row.label])",
                raw_attrs=[
                    ":data-testid=\"'stl-' + row.name\"",
                    ":aria-label=\"'Save ' + row.name + ' as STL'\"",
                ],
            ):
                v3.VIcon("mdi-download")
        html.Input(
            type="range",
            min=0,
            max=1,
            step=0.05,
            classes="v3-range",
            value=(f"{s.opacity}[row.label] ?? row.opacity",),
            disabled=(f"{s.hidden}.includes(row.label)",),
            style=("{ accentColor: row.color }",),
            input=(
                f"{s.opacity} = {{ ...{s.opacity}, [row.label]: Number($event.target.value) }}"
            ),
            raw_attrs=[
                ":data-testid=\"'opacity-' + row.name\"",
                ":aria-label=\"'Opacity of ' + row.name\"",
            ],
        )
    html.P("Nothing is segmented yet.", v_if=("!rows.length",), classes="v3-dim")
    with html.Div(v_if=("rows.length && has_volume",), classes="v3-switches"):
        v3.VSwitch(
            label="Colours on slices", v_model=(s.show_overlay,), **named("show-overlay")
        )


def _segment() -> None:
    with html.Div(v_if=("job.running",), classes="v3-job", **named("job")):
        with html.Div(classes="v3-job-line"):
            html.Span("{{ job.what }}", **named("job-what"))
            html.Span("{{ Math.round(100 * job.fraction) }} %")
        v3.VProgressLinear(
            model_value=("100 * job.fraction",), color="primary", height=4, rounded=True
        )
        v3.VBtn(
            "Cancel", size="small", block=True, click="trigger('cancel')", **named("cancel")
        )
    v3.VBtn(
        "{{ rows.some(row => row.exportable) ? 'Segment again' : 'Segment' }}",
        v_else_if=("can_segment",),
        block=True,
        variant="tonal",
        color="primary",
        prepend_icon="mdi-creation-outline",
        click="trigger('segment')",
        **named("segment"),
    )
    html.P(
        "{{ message }}",
        v_if=("message",),
        classes="v3-message",
        **named("message", 'role="alert"'),
    )
