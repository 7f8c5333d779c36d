"""The panel's part about 3D: presets as pictures, what is shown, cuts, transfer function."""

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_client.widgets.core import AbstractElement

from vis3d_viewer.widgets import named

MODULE = {"scripts": ["static/transfer_editor.js"], "vue_use": ["vis3d_transfer"]}
"""What trame loads into the page for the editor."""


class TransferEditor(AbstractElement):
    """A transfer function over the histogram."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("transfer-editor", **kwargs)
        self._attr_names += ["points", "histogram"]
        self._event_names += ["change"]


HINTS = {
    "Drawn here": "The browser draws the surfaces itself, whenever they alone are shown",
    "Soft shadows": "Hollows of surfaces are darker in pictures at rest",
}


def build_3d(s: Any) -> None:
    """Build it; `s` holds the names of the settings' state."""
    _presets(s)
    with html.Div(classes="v3-switches v3-two"):
        for label, name, needs in (
            ("Volume", s.show_volume, "!has_volume"),
            ("Surfaces", s.show_surfaces, "!rows.length"),
            ("Slices", s.slices_in_3d, "!has_volume"),
            ("Turntable", s.turning, "false"),
            ("Parallel", s.parallel, "false"),
            ("Soft shadows", s.ambient_occlusion, "!rows.length"),
            ("Drawn here", s.render_here, "!rows.length"),
        ):
            v3.VSwitch(
                label=label,
                v_model=(name,),
                disabled=(needs,),
                title=HINTS.get(label, ""),
                **named(_switch_name(label)),
            )
    _cuts(s)
    _transfer(s)


def _switch_name(label: str) -> str:
    kept = {"Volume": "show-volume", "Surfaces": "show-surfaces", "Slices": "show-slices"}
    return kept.get(label, label.lower().replace(" ", "-"))


def _presets(s: Any) -> None:
    with (
        html.Div(classes="v3-presets", role="group", aria_label="Look of the volume"),
        html.Button(
            v_for="preset in presets",
            key="preset",
            type="button",
            disabled=("!has_volume",),
            classes=(
                f"'v3-preset' + ({s.preset} === preset && {s.show_volume} ? ' v3-on' : '')",
            ),
            click=f"{s.preset} = preset; {s.transfer} = []; {s.show_volume} = true",
            raw_attrs=[
                ":data-testid=\"'preset-' + preset\"",
                f':aria-pressed="{s.preset} === preset && {s.show_volume}"',
            ],
        ),
    ):
        html.Img(
            v_if=("preset_pictures[preset]",),
            src=("preset_pictures[preset]",),
            alt="",
            raw_attrs=[":data-testid=\"'preset-picture-' + preset\""],
        )
        html.I(v_else=True)
        html.Span("{{ { mip: 'MIP', minip: 'MinIP' }[preset] || preset }}")


def _cuts(s: Any) -> None:
    """Crop box and clip plane: on with handles, handles away, off."""
    with html.Div(classes="v3-cuts", role="group", aria_label="Cut"):
        html.Span("Cut", classes="v3-dim")
        for what, handles, name in (("Box", "box", s.crop), ("Plane", "plane", s.clip)):
            html.Button(
                what,
                type="button",
                disabled=(f"!cuts.{'crop' if handles == 'box' else 'clip'}.length",),
                classes=(f"'v3-chip' + ({name}.length ? ' v3-on' : '')",),
                click=_toggle(s, name, handles),
                title=f"Cut with a {what.lower()} that is moved by its handles",
                **named(f"cut-{handles}", f':aria-pressed="{name}.length > 0"'),
            )
        html.Button(
            "Flip",
            v_if=(f"{s.clip}.length",),
            type="button",
            classes="v3-chip",
            title="Show the other side of the plane",
            click=(f"{s.clip} = [...{s.clip}.slice(0, 3), ...{s.clip}.slice(3).map(n => -n)]"),
            **named("cut-flip"),
        )
        html.Button(
            f"{{{{ {s.handles} === 'none' ? 'Handles' : 'Hide handles' }}}}",
            v_if=(f"{s.crop}.length || {s.clip}.length",),
            type="button",
            classes="v3-chip",
            click=(
                f"{s.handles} = {s.handles} !== 'none' ? 'none' : "
                f"{s.crop}.length ? 'box' : 'plane'"
            ),
            **named("cut-handles"),
        )


def _toggle(s: Any, name: str, handles: str) -> str:
    """On: where the page was told that it starts, with its handles. Off: both gone."""
    start = "crop" if handles == "box" else "clip"
    return (
        f"{name}.length ? ({name} = [], {s.handles} = 'none') "
        f": ({name} = cuts.{start}, {s.handles} = '{handles}')"
    )


def _transfer(s: Any) -> None:
    with html.Details(v_if=("histogram.bars.length",), classes="v3-details"):
        html.Summary("Colours and opacity", **named("transfer-open"))
        TransferEditor(
            points=(f"{s.transfer}.length ? {s.transfer} : preset_points[{s.preset}]",),
            histogram=("histogram",),
            change=f"{s.transfer} = $event; {s.show_volume} = true",
        )
        html.Button(
            "Back to the preset",
            v_if=(f"{s.transfer}.length",),
            type="button",
            classes="v3-chip",
            click=f"{s.transfer} = []",
            **named("transfer-reset"),
        )
