"""The pages before a scan is seen: where from, which one, reading it, what went wrong."""

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3

from vis3d_viewer.widgets import DropZone, ThemeSwitch, named


def build_start_page() -> None:
    """Build the start page, the progress page, the cards and the page of a failure."""
    DropZone(
        active=("phase === 'start'",),
        sent="trigger('open_upload', [$event])",
        v_if=("['start', 'ready', 'choosing', 'failed'].includes(phase)",),
    )
    _start()
    _opening()
    _choosing()
    _failed()


def _start() -> None:
    with html.Main(v_if=("phase === 'start'",), classes="v3-start", **named("start")):
        with html.Header(classes="v3-start-head"):
            html.Img(src="static/icon.svg", alt="", width=44, height=44)
            with html.Div():
                html.H1("vis3d")
                html.P("See, measure and print what is in a CT scan.", classes="v3-dim")
            html.Div(classes="v3-space")
            _button("Other series", "show_choices", "mdi-cards", "show-choices", "has_choices")
            _button("Back to the scan", "go_back", "mdi-arrow-left", "go-back", "has_study")
            ThemeSwitch()
        html.P(
            "{{ start_message }}",
            v_if=("start_message",),
            classes="v3-message",
            **named("start-message", 'role="status"'),
        )
        with html.Div(classes="v3-start-body"):
            html.Div(raw_attrs=['id="v3-drop-here"'], classes="v3-drop-place")
            _folders()
            with html.Section(classes="v3-start-side"):
                html.H2("Without a scan")
                with html.Button(
                    type="button",
                    classes="v3-card",
                    click="trigger('open_phantom')",
                    **named("open-phantom"),
                ):
                    html.B("The built-in chest phantom")
                    html.Span("A made-up chest, to try everything on")
                _recent()


def _folders() -> None:
    with html.Section(v_if=("browse",), classes="v3-folders", **named("folders")):
        html.H2("Folders")
        with html.Nav(classes="v3-ways", aria_label="Folder"):
            html.Button(
                "{{ way.name }}",
                v_for="(way, n) in browse.ways",
                key="n",
                type="button",
                click="trigger('browse', [way.path])",
            )
        html.P(
            "{{ browse_error }}",
            v_if=("browse_error",),
            classes="v3-message",
            **named("browse-error", 'role="alert"'),
        )
        with html.Div(classes="v3-entries"):
            _entry()
            html.P(
                "Nothing but hidden files is here.",
                v_if=("!browse.entries.length && !browse.loose",),
                classes="v3-dim",
            )
        _folder_foot()


def _entry() -> None:
    """A folder to look into, or a file to open; either can be opened at once."""
    is_folder = "entry.kind === 'folder'"
    with html.Div(v_for="entry in browse.entries", key="entry.path", classes="v3-entry"):
        with html.Button(
            type="button",
            click=f"trigger({is_folder} ? 'browse' : 'open_path', [entry.path])",
            raw_attrs=[":data-testid=\"'entry-' + entry.name\""],
        ):
            icon = f"{is_folder} ? 'mdi-folder-outline' : 'mdi-file-outline'"
            v3.VIcon(icon=(icon,), size="18")
            html.Span("{{ entry.name }}")
        html.Button(
            "Open",
            type="button",
            classes="v3-chip",
            click="trigger('open_path', [entry.path])",
            raw_attrs=[
                ":data-testid=\"'open-' + entry.name\"",
                ":aria-label=\"'Open ' + entry.name\"",
            ],
        )


def _folder_foot() -> None:
    with html.Div(classes="v3-folder-foot"):
        html.Span(
            "{{ browse.loose }} {{ browse.loose === 1 ? 'file' : 'files' }} without a "
            "known ending{{ browse.more ? '; not all entries are shown' : '' }}",
            v_if=("browse.loose || browse.more",),
            classes="v3-dim",
        )
        html.Div(classes="v3-space")
        v3.VBtn(
            "Open this folder",
            size="small",
            variant="tonal",
            color="primary",
            click="trigger('open_path', [browse.path])",
            **named("open-here"),
        )


def _recent() -> None:
    with html.Div(v_if=("recent.length",), classes="v3-recent", **named("recent")):
        with html.Div(classes="v3-recent-head"):
            html.H2("Recent")
            html.Button(
                "Forget",
                type="button",
                classes="v3-chip",
                title="Empty this list; the scans stay where they are",
                click="trigger('forget_recent')",
                **named("forget-recent"),
            )
        with html.Button(
            v_for="scan in recent",
            key="scan.number",
            type="button",
            classes="v3-card",
            click="trigger('open_recent', [scan.number])",
            raw_attrs=[":data-testid=\"'recent-' + scan.number\""],
        ):
            html.B("{{ scan.name }}")
            html.Span("{{ scan.facts }}")


def _opening() -> None:
    with html.Div(
        v_if=("phase === 'opening'",),
        classes="v3-center",
        **named("opening", 'role="status"'),
    ):
        html.Img(src="static/icon.svg", alt="", width=56, height=56)
        html.P("{{ job.what || 'Opening ...' }}")
        v3.VProgressLinear(
            model_value=("100 * job.fraction",),
            indeterminate=("!job.fraction",),
            color="primary",
            height=4,
            rounded=True,
        )
        v3.VBtn("Cancel", size="small", click="trigger('cancel')", **named("cancel-opening"))


def _choosing() -> None:
    with html.Main(
        v_if=("phase === 'choosing'",), classes="v3-center v3-wide", **named("cards")
    ):
        html.H2("Several scans were found. Which one?")
        with (
            html.Div(classes="v3-cards"),
            html.Button(
                v_for="card in cards",
                key="card.number",
                type="button",
                classes="v3-card v3-series",
                click="trigger('choose', [card.number])",
                raw_attrs=[":data-testid=\"'card-' + card.number\""],
            ),
        ):
            html.Img(
                alt="",
                loading="lazy",
                raw_attrs=[
                    ":src=\"'thumbnail/' + card.number\"",
                    ":data-testid=\"'thumbnail-' + card.number\"",
                    "@error=\"$event.target.classList.add('v3-no-picture')\"",
                ],
            )
            with html.Div():
                html.B("{{ card.title }}")
                html.Span("{{ card.modality }}  ·  {{ card.slices }}")
                html.Span("{{ card.size }}")
                html.Span(
                    "{{ warning }}",
                    v_for="(warning, n) in card.warnings",
                    key="n",
                    classes="v3-warning",
                )
                html.Span("and {{ card.more }} more", v_if=("card.more",), classes="v3-warning")
                html.Span(
                    "{{ card.notes }} {{ card.notes === 1 ? 'note' : 'notes' }}",
                    v_if=("card.notes",),
                )
        _button("Other scans", "start_page", "mdi-arrow-left", "choose-other")


def _failed() -> None:
    with html.Main(v_if=("phase === 'failed'",), classes="v3-center", **named("failed")):
        v3.VIcon("mdi-alert-outline", size="48", color="warning")
        html.P("{{ message }}", raw_attrs=['role="alert"'])
        with html.Div(classes="v3-buttons"):
            v3.VBtn(
                "Fill the gaps and open",
                v_if=("can_fill",),
                variant="tonal",
                color="primary",
                click="trigger('fill_gaps')",
                **named("fill-gaps"),
            )
            _button("Other scans", "start_page", "mdi-folder-outline", "open-other")
            _button("Back to the scan", "go_back", "mdi-arrow-left", "failed-back", "has_study")


def _button(text: str, trigger: str, icon: str, name: str, shown: str = "") -> Any:
    condition = {"v_if": (shown,)} if shown else {}
    return v3.VBtn(
        text,
        variant="tonal",
        prepend_icon=icon,
        click=f"trigger('{trigger}')",
        **condition,
        **named(name),
    )
