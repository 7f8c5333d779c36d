"""The page: widgets bound to settings and to what the explorer tells; no logic.

What comes from a scan (descriptions, names, messages) reaches the page as state, which Vue
shows as text; none of it is ever part of a template.
"""

from typing import Any

from trame.ui.vuetify3 import VAppLayout
from trame.widgets import html, rca
from trame.widgets import vuetify3 as v3

from vis3d.imaging import PLANES
from vis3d_viewer.panel import build_panel, note_list
from vis3d_viewer.panel_hand import HandOver3D
from vis3d_viewer.settings import LARGE, VIEWS
from vis3d_viewer.start_page import build_start_page
from vis3d_viewer.widgets import (
    EscapeKey,
    FileSaver,
    FirstTheme,
    IdleBlank,
    LiveValues,
    LocalView,
    PanelSwitch,
    ReadOut,
    SliceView,
    SplitBars,
    ThemeSwitch,
    named,
)

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
            },
            "vis3d-light": {
                "dark": False,
                "colors": {
                    "background": "#e9edf2",
                    "surface": "#ffffff",
                    "primary": "#1b6fb3",
                    "secondary": "#1f8a66",
                    "warning": "#9a6700",
                    "error": "#b3261e",
                    "on-surface-variant": "#4c5868",
                    "surface-variant": "#c6d0dc",
                },
            },
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
    ("Left-drag, keys 1 to 9", "change the window"),
    ("Right-drag, ctrl-wheel, + and −", "zoom"),
    ("Middle- or shift-drag", "pans"),
    ("Double-click, Enter", "enlarges a view, and back"),
    ("Drag a round grip, [ and ]", "turns the planes round the crosshair"),
    ("R", "resets zoom, pan and turned planes"),
    ("Esc", "gives up a drag or the work going on, puts a tool down"),
    ("Fingers", "one walks, two zoom and pan, a tap moves the crosshair"),
    ("In 3D: drag, wheel, shift-drag", "turn, zoom, pan"),
    ("In 3D: arrows, + and −, R", "turn, zoom, look from the front"),
    ("Double-click on an eye", "shows one structure alone, and all again"),
    ("Ctrl Z, Ctrl Y", "undo, and do again"),
)


CLOSED = "<lost-connection />"
"""What takes the page's place when the connection is lost."""


def build_page(server: Any, settings: Any) -> None:
    """Build the page; `settings` holds the names of the settings' state (TypedState.name)."""
    server.state.trame__template_error = CLOSED
    with VAppLayout(server, theme=("theme",), vuetify_config=THEME, classes="v3-app"):
        FirstTheme()
        FileSaver(file=("download",))
        with html.Div(classes="v3-frame", v_if=("phase === 'ready'",), **named("explorer")):
            _live(settings)
            _bar(settings)
            with html.Div(classes="v3-body"):
                build_panel(settings)
                _views(settings)
            _foot()
        build_start_page()
        IdleBlank()
        EscapeKey(pressed="job.running && trigger('cancel')")


def _bar(s: Any) -> None:
    with html.Header(classes="v3-bar"):
        html.Img(src="static/icon.svg", alt="", width=22, height=22)
        with html.Button(
            type="button",
            classes="v3-home",
            title="Open another scan",
            click="trigger('start_page')",
            **named("open-other-scan", 'aria-label="vis3d: open another scan"'),
        ):
            html.H1("vis3d")
            v3.VIcon("mdi-folder-open-outline", size="18")
        html.Span("{{ facts }}", classes="v3-facts", **named("facts"))
        html.Div(classes="v3-space")
        html.Span(
            "{{ pages }} pages share this view",
            v_if=("pages > 1",),
            classes="v3-pages",
            **named("pages", 'role="status"'),
        )
        _alerts()
        _layouts(s)
        PanelSwitch()
        ThemeSwitch()
        _help()


def _layouts(s: Any) -> None:
    with html.Div(classes="v3-layouts", role="group", aria_label="Layout"):
        for layout, icon, title in (
            ("grid", "mdi-view-grid-outline", "Four views"),
            (
                "large",
                "mdi-view-split-vertical",
                "One large, three small; again: another large",
            ),
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
                click=_large(s) if layout == "large" else f"{s.layout} = '{layout}'",
                aria_pressed=(f"{s.layout} === '{layout}'",),
                **named(f"layout-{layout}", f'aria-label="{title}"'),
            ):
                v3.VIcon(icon)


def _help() -> None:
    with v3.VMenu(location="bottom end"):
        with (
            v3.Template(v_slot_activator="{ props }"),
            v3.VBtn(
                v_bind="props",
                icon=True,
                size="small",
                title="Keys and gestures",
                **named("help", 'aria-label="Keys and gestures"'),
            ),
        ):
            v3.VIcon("mdi-help-circle-outline")
        with v3.VCard(classes="v3-help"):
            html.H2("Keys and gestures")
            with html.Dl():
                for keys, what in HELP:
                    html.Dt(keys)
                    html.Dd(what)


def _alerts() -> None:
    """How many warnings there are, wherever the panel is scrolled to."""
    serious = "notes.filter(note => ['warning', 'error'].includes(note.severity))"
    with v3.VMenu(v_if=(f"{serious}.length",), location="bottom end"):
        with v3.Template(v_slot_activator="{ props }"):
            v3.VBtn(
                f"{{{{ {serious}.length }}}}",
                v_bind="props",
                size="small",
                color="warning",
                prepend_icon="mdi-alert-outline",
                title="Warnings",
                **named("alerts", 'aria-label="Warnings"'),
            )
        with v3.VCard(classes="v3-alerts"):
            note_list(serious)


def _live(s: Any) -> None:
    LiveValues(
        v_if=("has_volume",),
        center=(s.window_center,),
        width=(s.window_width,),
        planes=("planes",),
        crosshair=f"{s.crosshair_lps} = $event",
        window=_window(s, "$event"),
        turns=f"{s.turns} = $event",
        raw_attrs=[f':crosshair="{s.crosshair_lps}"', f':turns="{s.turns}"'],
    )


def _window(s: Any, chosen: str) -> str:
    """What takes a window [center, width] over: in one message, as one change."""
    names = f"'{s.window_center}': {chosen}[0], '{s.window_width}': {chosen}[1]"
    return f"setAll({{{names}}})"


def _views(s: Any) -> None:
    with html.Main(
        classes=(f"'v3-views v3-layout-' + {s.layout} + ' v3-large-' + {s.large}",),
        **named("views"),
    ):
        SplitBars(layout=(s.layout,))
        for plane in PLANES:
            _slice(s, plane)
        _volume(s)


def _slice(s: Any, plane: str) -> None:
    SliceView(
        v_if=(f"planes.{plane} && ['grid', 'large', '{plane}'].includes({s.layout})",),
        plane=plane,
        labels=(
            f"{s.show_overlay} ? rows.filter(row => row.exportable && "
            f"!{s.hidden}.includes(row.label)).map(row => row.label).join(',') : ''",
        ),
        opacity=(s.overlay_opacity,),
        version=("version",),
        slab=(s.slab,),
        thickness=(s.slab_mm,),
        emphysema=(f"{s.show_emphysema} && !!emphysema.text",),
        maximise=_enlarge(s, plane),
        preset=(
            "windows[$event] && "
            + _window(s, "[windows[$event].center, windows[$event].width]")
        ),
    )


def _volume(s: Any) -> None:
    with html.Div(
        v_if=(f"['grid', 'large', 'volume'].includes({s.layout})",),
        dblclick=_enlarge(s, "volume"),
        classes="v3-volume",
        **named(
            "view-3d",
            ':data-state="view3d.state"',
            'tabindex="0" role="application" aria-label="3D view"',
            f'@keydown="{_turn_keys(s)}"',
        ),
    ):
        rca.RemoteControlledArea(
            name=VIEW_3D,
            display="image",
            event_throttle_ms=16,
            raw_attrs=['tabindex="-1"'],  # the view round it takes the keys
        )
        LocalView(v_if=("drawn_here",), layers=("drawn_here",), camera=("camera",))
        HandOver3D(matrix=("projection",))
        html.Span("3D", classes="v3-name")
        _sides()
        html.Span(
            "{{ view3d.message }}",
            v_if=("view3d.message",),
            classes="v3-waiting",
            **named("view-3d-message"),
        )
        html.Button(
            "Show the volume in 3D",
            v_if=("given_up_3d",),
            type="button",
            classes="v3-chip v3-again",
            disabled=("job.running",),
            click="trigger('prepare_3d')",
            **named("prepare-3d"),
        )


def _sides() -> None:
    with html.Div(classes="v3-sides", role="group", aria_label="Viewing side"):
        for view in VIEWS:
            html.Button(
                view[0].upper(),
                type="button",
                title=f"From {view}",
                click=f"trigger('look', ['{view}'])",
                **named(f"look-{view}", f'aria-label="From {view}"'),
            )


def _turn_keys(s: Any) -> str:
    """What keys do in 3D: arrows turn, + and - zoom, R looks from the front."""
    return (
        "['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', '+', '-', 'r', 'R'].includes("
        "$event.key) && !$event.ctrlKey && !$event.altKey && !$event.metaKey && "
        "($event.preventDefault(), $event.key.toLowerCase() === 'r' "
        "? trigger('look', ['anterior']) : trigger('orbit', [$event.key]))"
    )


def _large(s: Any) -> str:
    """One large view: the one that was alone; where one is large already, the next."""
    views = str(list(LARGE))
    alone = f"{views}.includes({s.layout}) ? {s.layout}"
    following = f"{views}[({views}.indexOf({s.large}) + 1) % {len(LARGE)}]"
    return (
        f"{s.large} = {alone} : {s.layout} === 'large' ? {following} : {s.large}; "
        f"{s.layout} = 'large'"
    )


def _enlarge(s: Any, view: str) -> str:
    """What shows a view alone, and the views from before when it is alone."""
    return (
        f"{s.layout} === '{view}' ? ({s.layout} = back) "
        f": (back = {s.layout}, {s.layout} = '{view}')"
    )


def _foot() -> None:
    with html.Footer(classes="v3-foot"):
        ReadOut(v_if=("has_volume",), version=("version",))
        html.Span(
            "{{ job.what }} {{ Math.round(100 * job.fraction) }} %",
            v_if=("job.running",),
            classes="v3-busy-foot",
            **named("job-foot"),
        )
        html.Div(classes="v3-space")
        html.Span("For research, not for diagnosis", classes="v3-dim", **named("purpose"))
