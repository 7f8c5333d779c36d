"""The panel's parts about the work as a whole: go on with it, keep it, report, header."""

from typing import Any

from trame.widgets import html
from trame_client.widgets.core import AbstractElement

from vis3d_viewer.kept_work import DAYS
from vis3d_viewer.widgets import SendFile, named

MODULE = {
    "scripts": ["static/dialogs.js"],
    "styles": ["static/dialogs.css"],
    "vue_use": ["vis3d_dialogs"],
}
"""What trame loads into the page for it."""

ACT = "trigger($event[0], $event.slice(1))"
WHEN = (
    "new Date(1000 * kept_work.when).toLocaleString([], "
    "{ dateStyle: 'medium', timeStyle: 'short' })"
)


class HeaderBrowser(AbstractElement):
    """The header of the scan, searched."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("header-browser", **kwargs)


class LungReport(AbstractElement):
    """The lungs in numbers; it opens when there are new ones."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("lung-report", **kwargs)
        self._attr_names += ["report"]
        self._event_names += ["act"]


def build_kept_work() -> None:
    """Build the offer to go on where the work on this scan ended."""
    with html.Div(
        v_if=("kept_work",), classes="v3-kept", **named("kept-work", 'role="status"')
    ):
        html.P(
            f"Work on this scan from {{{{ {WHEN} }}}} was kept: {_count('steps', 'step')}, "
            f"{_count('structures', 'structure')}, {_count('marks', 'measurement')}."
        )
        with html.Div(classes="v3-chips"):
            html.Button(
                "Continue where you left off",
                type="button",
                classes="v3-chip v3-strong",
                disabled=("job.running",),
                click="trigger('continue_work')",
                **named("continue-work"),
            )
            html.Button(
                "Remove",
                type="button",
                classes="v3-chip",
                title="Remove that work for good",
                click="trigger('remove_work')",
                **named("remove-work"),
            )


def build_session() -> None:
    """Build what saves, opens and forgets the work as a whole."""
    with html.Div(v_if=("has_volume",), classes="v3-cuts", role="group", aria_label="Session"):
        html.Span("Session", classes="v3-dim v3-save-title")
        html.Button(
            "Save",
            type="button",
            classes="v3-chip",
            title="Settings, camera, structures, measurements and all steps, as one file",
            disabled=("job.running",),
            click="trigger('save_session')",
            **named("save-session"),
        )
        SendFile(
            "Open …",
            to="session",
            accept=".vis3d",
            name="session-file",
            busy=("job.running",),
        )
        html.Button(
            "Forget",
            v_if=("keeps_work",),
            type="button",
            classes="v3-chip",
            title=(
                f"Work is kept on this computer as you go, for {DAYS:g} days: remove all that "
                "is kept of this scan"
            ),
            click="trigger('forget_work')",
            **named("forget-work"),
        )


def build_header() -> None:
    """Build the button of the header."""
    HeaderBrowser()


def build_report() -> None:
    """Build the lung report, unseen until there is one."""
    LungReport(report=("lung_report",), act=ACT)


def _count(name: str, word: str) -> str:
    one, value = f"'{word}'", f"kept_work.{name}"
    return f"{{{{ {value} }}}} {{{{ {value} === 1 ? {one} : {one} + 's' }}}}"
