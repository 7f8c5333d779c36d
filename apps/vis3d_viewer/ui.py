"""The page: widgets bound to settings and to what the explorer tells; no logic.

What comes from a scan (descriptions, names, messages) reaches the page as state, which Vue
shows as text; none of it is ever part of a template.
"""

from typing import Any

from trame.ui.vuetify3 import VAppLayout
from trame.widgets import html, rca
from trame.widgets import vuetify3 as v3

from vis3d_viewer.settings import VIEWS
from vis3d_viewer.widgets import FileSaver, ReadOut, SliceView

VIEW_3D = "view3d"
"""The name of the streamed area."""

THEME = {
    "theme": {
        "defaultTheme": "vis3d",
        "themes": {
            "vis3d": {
                "dark": True,
                "colors": {
                    "background": "#0b0e13",
                    "surface": "#141a23",
                    "primary": "#5aa9e6",
                    "secondary": "#62c4a0",
                    "warning": "#e8b04b",
                    "error": "#e5686a",
                    "on-surface-variant": "#aeb8c6",
                    "surface-variant": "#3a4656",
                },
            }
        },
    },
    "defaults": {
        "VBtn": {"variant": "text", "density": "comfortable"},
        "VSelect": {"variant": "outlined", "density": "compact", "hideDetails": True},
        "VSlider": {"density": "compact", "hideDetails": True, "color": "primary"},
        "VSwitch": {"density": "compact", "hideDetails": True, "color": "primary"},
        "VTextField": {"variant": "outlined", "density": "compact", "hideDetails": True},
    },
}

HELP = (
    ("Click, in 3D too", "moves the crosshair"),
    ("Wheel, arrows, page keys", "go through the slices"),
    ("Left-drag", "changes the window"),
    ("Right-drag, ctrl-wheel, + and −", "zoom"),
    ("Middle- or shift-drag", "pans"),
    ("Double-click", "enlarges a view, and back"),
    ("R", "resets zoom and pan"),
    ("In 3D: drag, wheel, shift-drag", "turn, zoom, pan"),
)


CLOSED = """
<div class="v3-center" data-testid="closed" role="alert">
  <p>The connection to vis3d is closed.</p>
  <p class="v3-dim">Start it again, and open the address that it prints.</p>
</div>
"""


def build_page(server: Any, settings: Any) -> None:
    """Build the page; `settings` holds the names of the settings' state (TypedState.name)."""
    server.state.trame__template_error = CLOSED
    with VAppLayout(server, theme="vis3d", vuetify_config=THEME, classes="v3-app"):
        FileSaver(address=("download",))
        with html.Div(classes="v3-frame", v_if=("phase === 'ready'",), **_id("explorer")):
            _bar(settings)
            with html.Div(classes="v3-body"):
                _panel(settings)
                _views(settings)
            _foot(settings)
        _opening()
        _choosing()
        _problem()


def _bar(s: Any) -> None:
    with html.Header(classes="v3-bar"):
        html.Img(src="static/icon.svg", alt="", width=22, height=22)
        html.H1("vis3d")
        html.Span("{{ facts }}", classes="v3-facts", **_id("facts"))
        html.Div(classes="v3-space")
        with html.Div(classes="v3-layouts", role="group", aria_label="Layout"):
            for layout, icon, title in (
                ("grid", "mdi-view-grid-outline", "Four views"),
                ("axial", "mdi-alpha-a-box-outline", "Axial alone"),
                ("coronal", "mdi-alpha-c-box-outline", "Coronal alone"),
                ("sagittal", "mdi-alpha-s-box-outline", "Sagittal alone"),
                ("volume", "mdi-cube-outline", "3D alone"),
            ):
                with v3.VBtn(
                    icon=True,
                    size="small",
                    title=title,
                    disabled=("!has_volume",) if layout != "volume" else False,
                    color=(f"{s.layout} === '{layout}' ? 'primary' : undefined",),
                    click=f"{s.layout} = '{layout}'",
                    **_id(f"layout-{layout}", f'aria-label="{title}"'),
                ):
                    v3.VIcon(icon)
        with v3.VMenu(location="bottom end"):
            with (
                v3.Template(v_slot_activator="{ props }"),
                v3.VBtn(
                    v_bind="props",
                    icon=True,
                    size="small",
                    title="Keys and gestures",
                    **_id("help", 'aria-label="Keys and gestures"'),
                ),
            ):
                v3.VIcon("mdi-help-circle-outline")
            with v3.VCard(classes="v3-help"), html.Dl():
                for keys, what in HELP:
                    html.Dt(keys)
                    html.Dd(what)


def _panel(s: Any) -> None:
    with html.Aside(classes="v3-panel"):
        with html.Section(v_if=("has_volume",)):
            html.H2("Window")
            _window(s)
        with html.Section():
            html.H2("3D")
            _rendering(s)
        with html.Section(classes="v3-structures"):
            html.H2("Structures")
            _structures(s)
            _segment()
        with html.Section(v_if=("notes.length",), **_id("notes")):
            html.H2("Checks and findings")
            with html.Div(
                v_for="(note, n) in notes", key="n", classes=("'v3-note v3-' + note.severity",)
            ):
                v3.VIcon(
                    icon=(
                        "note.severity === 'ok' ? 'mdi-check' : note.severity === 'note' ? "
                        "'mdi-information-outline' : 'mdi-alert-outline'",
                    ),
                    size="16",
                )
                html.Span("{{ note.message }}")


def _window(s: Any) -> None:
    with html.Div(classes="v3-chips", role="group", aria_label="Window presets"):
        html.Button(
            "{{ choice.name }}",
            v_for="choice in windows",
            key="choice.name",
            type="button",
            classes=(
                f"'v3-chip' + ({s.window_center} === choice.center && "
                f"{s.window_width} === choice.width ? ' v3-on' : '')",
            ),
            click=f"{s.window_center} = choice.center; {s.window_width} = choice.width",
            raw_attrs=[":data-testid=\"'window-' + choice.name\""],
        )
    with html.Div(classes="v3-pair"):
        for label, name, least in (
            ("Center", s.window_center, ""),
            ("Width", s.window_width, " && Number($event) > 0"),
        ):
            v3.VTextField(
                label=label,
                type="number",
                model_value=(name,),
                update_modelValue=f"$event !== ''{least} && ({name} = Number($event))",
                **_id(f"window-{label.lower()}"),
            )


def _rendering(s: Any) -> None:
    with html.Div(classes="v3-chips", role="group", aria_label="Look of the volume"):
        html.Button(
            "{{ preset }}",
            v_for="preset in presets",
            key="preset",
            type="button",
            disabled=("!has_volume",),
            classes=(
                f"'v3-chip' + ({s.preset} === preset && {s.show_volume} ? ' v3-on' : '')",
            ),
            click=f"{s.preset} = preset; {s.show_volume} = true",
            raw_attrs=[":data-testid=\"'preset-' + preset\""],
        )
    with html.Div(classes="v3-switches"):
        v3.VSwitch(
            label="Volume",
            v_model=(s.show_volume,),
            disabled=("!has_volume",),
            **_id("show-volume"),
        )
        v3.VSwitch(label="Surfaces", v_model=(s.show_surfaces,), **_id("show-surfaces"))


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
            value=(f"{s.opacity}[row.label] ?? 1",),
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
        v3.VSwitch(label="Colours on slices", v_model=(s.show_overlay,), **_id("show-overlay"))


def _segment() -> None:
    with html.Div(v_if=("job.running",), classes="v3-job", **_id("job")):
        with html.Div(classes="v3-job-line"):
            html.Span("{{ job.what }}", **_id("job-what"))
            html.Span("{{ Math.round(100 * job.fraction) }} %")
        v3.VProgressLinear(
            model_value=("100 * job.fraction",), color="primary", height=4, rounded=True
        )
        v3.VBtn("Cancel", size="small", block=True, click="trigger('cancel')", **_id("cancel"))
    v3.VBtn(
        "{{ rows.some(row => row.exportable) ? 'Segment again' : 'Segment' }}",
        v_else_if=("has_volume",),
        block=True,
        variant="tonal",
        color="primary",
        prepend_icon="mdi-creation-outline",
        click="trigger('segment')",
        **_id("segment"),
    )
    html.P(
        "{{ message }}",
        v_if=("message",),
        classes="v3-message",
        **_id("message", 'role="alert"'),
    )


def _views(s: Any) -> None:
    with html.Main(classes=(f"'v3-views v3-layout-' + {s.layout}",), **_id("views")):
        for plane in ("axial", "coronal", "sagittal"):
            SliceView(
                v_if=(f"planes.{plane} && ['grid', '{plane}'].includes({s.layout})",),
                plane=plane,
                map=(f"planes.{plane}",),
                crosshair=f"{s.crosshair_lps} = $event",
                center=(s.window_center,),
                width=(s.window_width,),
                labels=(
                    f"{s.show_overlay} ? rows.filter(row => row.exportable && "
                    f"!{s.hidden}.includes(row.label)).map(row => row.label).join(',') : ''",
                ),
                opacity=(s.overlay_opacity,),
                version=("version",),
                window=f"[{s.window_center}, {s.window_width}] = $event",
                maximise=f"{s.layout} = {s.layout} === 'grid' ? '{plane}' : 'grid'",
                hover="hover = $event",
                raw_attrs=[f':crosshair="{s.crosshair_lps}"'],
            )
        with html.Div(
            v_if=(f"['grid', 'volume'].includes({s.layout})",),
            classes="v3-volume",
            **_id("view-3d", ':data-state="view3d.state"'),
        ):
            rca.RemoteControlledArea(name=VIEW_3D, display="image", event_throttle_ms=16)
            html.Span("3D", classes="v3-name")
            with html.Div(classes="v3-sides", role="group", aria_label="Viewing side"):
                for view in VIEWS:
                    html.Button(
                        view[0].upper(),
                        type="button",
                        title=f"From {view}",
                        click=f"trigger('look', ['{view}'])",
                        **_id(f"look-{view}", f'aria-label="From {view}"'),
                    )
            html.Span(
                "{{ view3d.message }}",
                v_if=("view3d.message",),
                classes="v3-waiting",
                **_id("view-3d-message"),
            )


def _foot(s: Any) -> None:
    with html.Footer(classes="v3-foot"):
        ReadOut(
            v_if=("has_volume",), point=(f"hover || {s.crosshair_lps}",), version=("version",)
        )
        html.Div(classes="v3-space")
        html.Span("For research, not for diagnosis", classes="v3-dim", **_id("purpose"))


def _opening() -> None:
    with html.Div(v_if=("phase === 'opening'",), classes="v3-center", **_id("opening")):
        html.Img(src="static/icon.svg", alt="", width=56, height=56)
        html.P("{{ job.what || 'Opening ...' }}")
        v3.VProgressLinear(
            model_value=("100 * job.fraction",),
            indeterminate=("!job.fraction",),
            color="primary",
            height=4,
            rounded=True,
        )


def _choosing() -> None:
    with html.Div(v_if=("phase === 'choosing'",), classes="v3-center v3-wide", **_id("cards")):
        html.H2("Several scans were found. Which one?")
        with (
            html.Div(classes="v3-cards"),
            html.Button(
                v_for="card in cards",
                key="card.number",
                type="button",
                classes="v3-card",
                click="trigger('choose', [card.number])",
                raw_attrs=[":data-testid=\"'card-' + card.number\""],
            ),
        ):
            html.B("{{ card.title }}")
            html.Span("{{ card.modality }}  ·  {{ card.size }}")
            html.Span(
                "{{ warning }}",
                v_for="(warning, n) in card.warnings",
                key="n",
                classes="v3-warning",
            )


def _problem() -> None:
    with html.Div(v_if=("phase === 'failed'",), classes="v3-center", **_id("failed")):
        v3.VIcon("mdi-alert-outline", size="48", color="warning")
        html.P("{{ message }}")
        v3.VBtn(
            "Fill the gaps and open",
            v_if=("can_fill",),
            variant="tonal",
            color="primary",
            click="trigger('fill_gaps')",
            **_id("fill-gaps"),
        )


def _id(name: str, *attributes: str) -> dict[str, list[str]]:
    """What tests find a widget by, and other attributes as they are."""
    return {"raw_attrs": [f'data-testid="{name}"', *attributes]}
