"""The panel's part about structures: one click, the list, what is done to one."""

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_client.widgets.core import AbstractElement

from vis3d_viewer.widgets import SendFile, named
from vis3d_viewer.workbench import ONE_CLICK

MODULE = {"scripts": ["static/structure_list.js"], "vue_use": ["vis3d_structures"]}
"""What trame loads into the page for it."""

ACT = "trigger($event[0], $event.slice(1))"


class StructureList(AbstractElement):
    """The list, and the tools of one structure."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("structure-list", **kwargs)
        self._attr_names += ["rows", "hidden", "opacity", "smoothness", "busy"]
        self._attr_names += ["steps", "done", "plan"]
        self._event_names += ["hidden", "opacity", "smoothness", "act"]


class AddByValue(AbstractElement):
    """Adds a structure by values."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("add-by-value", **kwargs)
        self._attr_names += ["busy", "unit", "limits"]
        self._event_names += ["act"]


def build_structures(s: Any) -> None:
    """Build it; `s` holds the names of the settings' state."""
    _one_click()
    _job()
    StructureList(
        rows=("rows",),
        busy=("job.running",),
        steps=("steps",),
        done=("steps_done",),
        plan=("surface_plan",),
        act=ACT,
        raw_attrs=[
            f':hidden="{s.hidden}"',
            f'@hidden="{s.hidden} = $event"',
            f':opacity="{s.opacity}"',
            f'@opacity="{s.opacity} = $event"',
            f':smoothness="{s.smoothness}"',
            f'@smoothness="{s.smoothness} = $event"',
        ],
    )
    with html.Div(v_if=("rows.length && has_volume",), classes="v3-switches v3-two"):
        v3.VSwitch(
            label="Colours",
            v_model=(s.show_overlay,),
            title="Colours of the structures on the slices",
            **named("show-overlay"),
        )
        v3.VSwitch(
            v_if=("emphysema.possible",),
            label="Emphysema",
            v_model=(s.show_emphysema,),
            title="Voxels of the lungs below -950 HU, red on slices and in 3D",
            **named("show-emphysema"),
        )
    html.P(
        "Below −950 HU: {{ emphysema.text || '...' }}",
        v_if=(f"emphysema.possible && {s.show_emphysema}",),
        classes="v3-dim v3-small",
        **named("emphysema-text", 'role="status"'),
    )
    AddByValue(
        v_if=("has_volume && histogram.bars.length",),
        busy=("job.running",),
        unit=("unit",),
        limits=("histogram",),
        act=ACT,
    )
    with html.Div(v_if=("has_volume",), classes="v3-details"):
        SendFile(
            "Add from file …",
            to="labels",
            accept=".gz,.nii,.nrrd,.mha,.dcm",
            name="labels-file",
            busy=("job.running",),
        )


def _one_click() -> None:
    with html.Div(
        v_if=("can_segment",), classes="v3-chips v3-one-click", role="group", aria_label="Find"
    ):
        for name in ONE_CLICK:
            html.Button(
                name.capitalize(),
                type="button",
                classes="v3-chip",
                disabled=("job.running",),
                title=f"Find the {name}",
                click=f"trigger('segment', ['{name}'])",
                **named(f"find-{name}"),
            )
        html.Button(
            "All",
            type="button",
            classes="v3-chip v3-strong",
            disabled=("job.running",),
            title="Find lungs, airways and bones",
            click="trigger('segment')",
            **named("segment"),
        )


def _job() -> None:
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
    html.P(
        "{{ message }}",
        v_if=("message",),
        classes="v3-message",
        **named("message", 'role="alert"'),
    )
