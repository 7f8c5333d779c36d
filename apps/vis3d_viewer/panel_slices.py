"""The panel's part on slices: window, histogram, slabs, turned planes."""

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3

from vis3d_viewer.settings import LEAST_WIDTH, MAX_HU, MAX_SLAB_MM
from vis3d_viewer.widgets import WindowHistogram, named

SLABS = (("thin", "Thin"), ("mean", "Mean"), ("mip", "MIP"), ("minip", "MinIP"))


def build_windows(s: Any) -> None:
    """Build the window menu; `s` holds the names of the settings' state."""
    with html.Div(classes="v3-chips", role="group", aria_label="Window presets"):
        html.Button(
            "{{ choice.name }}",
            v_for="(choice, n) in windows",
            key="choice.name",
            type="button",
            classes=(
                f"'v3-chip' + ({s.window_center} === choice.center && "
                f"{s.window_width} === choice.width ? ' v3-on' : '')",
            ),
            title=(
                "'C ' + choice.center + ', W ' + choice.width + "
                "(n < 9 ? ', key ' + (n + 1) : '')",
            ),
            click=f"{s.window_center} = choice.center; {s.window_width} = choice.width",
            raw_attrs=[
                ":data-testid=\"'window-' + choice.name\"",
                f':aria-pressed="{s.window_center} === choice.center && '
                f'{s.window_width} === choice.width"',
            ],
        )
    WindowHistogram(v_if=("window_bars",), bars=("window_bars",))
    with html.Div(classes="v3-pair"):
        for label, name, least, most in (
            ("Center", s.window_center, -MAX_HU, MAX_HU),
            ("Width", s.window_width, LEAST_WIDTH, 2 * MAX_HU),
        ):
            fits = f"$event !== '' && $event >= {least:g} && $event <= {most:g}"
            v3.VTextField(
                label=label,
                type="number",
                model_value=(name,),
                update_modelValue=f"{fits} && ({name} = Number($event))",
                **named(
                    f"window-{label.lower()}",
                    f'min="{least:g}" max="{most:g}" step="any"',
                    '@change="$event.target.reportValidity()"',
                    f'@blur="{_again(name)}"',
                ),
            )


def _again(name: str) -> str:
    """What shows the number that holds where a field is left with one that was refused."""
    return f"$event.target.value = {name}"


def build_slabs(s: Any) -> None:
    """Build the choice of slabs, and what makes turned planes straight."""
    with html.Div(classes="v3-chips", role="group", aria_label="Thickness of the slices"):
        for name, label in SLABS:
            html.Button(
                label,
                type="button",
                classes=(f"'v3-chip' + ({s.slab} === '{name}' ? ' v3-on' : '')",),
                click=f"{s.slab} = '{name}'",
                **named(f"slab-{name}", f":aria-pressed=\"{s.slab} === '{name}'\""),
            )
        html.Button(
            "Straighten",
            v_if=(f"{s.turns}.some((part, n) => part !== (n % 4 ? 0 : 1))",),
            type="button",
            classes="v3-chip",
            click=f"{s.turns} = [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]",
            **named("straighten"),
        )
    with html.Label(v_if=(f"{s.slab} !== 'thin'",), classes="v3-slab-mm"):
        html.Input(
            type="range",
            min=1,
            max=60,
            step=1,
            classes="v3-range",
            value=(f"{s.slab_mm}",),
            input=f"{s.slab_mm} = Number($event.target.value)",
            raw_attrs=['aria-label="Thickness in mm"', 'data-testid="slab-range"'],
        )
        html.Input(
            type="number",
            min=0.1,
            max=MAX_SLAB_MM,
            step="any",
            classes="v3-number",
            value=(f"{s.slab_mm}",),
            change=(
                f"$event.target.reportValidity() && $event.target.value && "
                f"({s.slab_mm} = Number($event.target.value))"
            ),
            **named(
                "slab-mm",
                'aria-label="Thickness in mm, typed"',
                f'@blur="{_again(s.slab_mm)}"',
            ),
        )
        html.Span("mm", classes="v3-dim")
