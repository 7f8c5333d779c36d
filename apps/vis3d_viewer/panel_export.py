"""The panel's part about files: what can be saved, by one click each."""

from typing import Any

from trame.widgets import html

from vis3d_viewer.widgets import named

GROUPS = (
    (
        "Structures",
        "rows.some(row => row.exportable)",
        (
            ("NIfTI", "save_labels", ".nii.gz", "A label map of all structures, as NIfTI"),
            ("NRRD", "save_labels", ".nrrd", "A label map of all structures, as NRRD"),
            ("SEG", "save_labels", ".dcm", "A DICOM segmentation of the series"),
        ),
    ),
    (
        "Numbers",
        "rows.some(row => row.exportable)",
        (
            ("CSV", "save_numbers", ".csv", "Volume and density of each structure"),
            ("JSON", "save_numbers", ".json", "Volume and density of each structure"),
            ("Lung report", "show_report", None, "Lungs and thirds, to read, save and print"),
        ),
    ),
    (
        "Steps",
        "steps_done",
        (
            ("Python", "save_script", None, "A script that repeats what was done"),
            ("Show", "show_script", None, "The script, to be copied"),
        ),
    ),
    (
        "3D view",
        "view3d.state === 'fine' || view3d.state === 'coarse'",
        (
            ("Picture", "save_picture", False, "The 3D view as it is, in twice its size"),
            ("Plain", "save_picture", True, "The same without cube and handles"),
            ("Film", "save_film", ".webp", "A turn round the patient, as WebP"),
            ("GIF", "save_film", ".gif", "A turn round the patient, as GIF"),
            ("MP4", "save_film", ".mp4", "A turn round the patient, as MP4"),
        ),
    ),
)
"""Title, when there is something, and the buttons: text, trigger, argument, what it is."""


def build_export() -> None:
    """Build it."""
    for title, there, buttons in GROUPS:
        with html.Div(classes="v3-cuts", role="group", aria_label=title):
            html.Span(title, classes="v3-dim v3-save-title")
            for text, trigger, argument, what in buttons:
                html.Button(
                    text,
                    type="button",
                    classes="v3-chip",
                    title=what,
                    disabled=(f"job.running || !({there})",),
                    click=_click(trigger, argument),
                    **named(f"{trigger.replace('_', '-')}-{text.lower().replace(' ', '-')}"),
                )
    _script()


def _script() -> None:
    """What was done as commands and as Python; a click selects and copies it."""
    copy = "$event.target.select(); window.navigator.clipboard?.writeText($event.target.value)"
    html.P(
        "{{ script.why_none }}",
        v_if=("script.why_none",),
        classes="v3-dim v3-small",
        **named("script-why-none", 'role="status"'),
    )
    for name, rows in (("commands", 3), ("python", 8)):
        html.Textarea(
            v_if=(f"script.{name}",),
            readonly=True,
            rows=rows,
            spellcheck=False,
            classes="v3-script",
            title="A click copies it",
            click=copy,
            **named(
                f"script-{name}",
                f':value="script.{name}"',
                f'aria-label="What was done, as {name}"',
            ),
        )


def _click(trigger: str, argument: Any) -> str:
    if argument is None:
        return f"trigger('{trigger}')"
    value = f"'{argument}'" if isinstance(argument, str) else str(argument).lower()
    return f"trigger('{trigger}', [{value}])"
