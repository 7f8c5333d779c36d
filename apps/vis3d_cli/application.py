"""Which commands there are."""

from cyclopts import App, Parameter

from vis3d_cli.exit_codes import DONE

COMMANDS = {
    "info": "List the series in a folder, file or archive, and what to know of each.",
    "tags": "Show the header of a DICOM file as a tree; of several, what differs.",
    "convert": "Write a scan as NIfTI, NRRD, MetaImage, VTK or NumPy.",
    "slices": "Write one picture a slice.",
    "histogram": "Count voxels by HU: a picture with tissue ranges, CSV, or a sketch.",
    "segment": "Find lungs, airways, bones and body; write a label map.",
    "measure": "Measure the lungs: volume, density, emphysema; and the bones.",
    "mesh": "Write the surface of a structure as STL, PLY, OBJ, glTF, 3MF, VTP or DICOM.",
    "plan": "Cut, mirror, hollow or engrave a surface; join it with another one.",
    "render": "Write a picture or a turning movie, without a screen.",
    "view": "Show a scan in a window.",
    "serve": "Open the explorer in the browser.",
    "demo": "Open the explorer on the built-in phantom.",
    "anonymize": "Write DICOM images without the patient's identity.",
    "remove-background": "Cut out what a picture shows; of a CT scan keep the body.",
    "phantom": "Write the built-in phantom as a DICOM series with its truth.",
}
"""Each is the function of its name in the module of its name, imported when it is run."""


def application(chosen: str | None = None) -> App:
    """The commands; the chosen one with all its help, the others by one line each."""
    from vis3d import __version__

    app = App(
        name="vis3d",
        help="See, measure and print what is in a CT scan: DICOM in, lungs and bones out.\n\n"
        "For example: vis3d segment scans/chest -o masks.nii.gz",
        version=__version__,
        default_parameter=Parameter(negative=(), show_default=_worth_showing),
        help_format="plaintext",
    )
    for order, (name, summary) in enumerate(COMMANDS.items()):
        path = f"vis3d_cli.commands.{name.replace('-', '_')}:{name.replace('-', '_')}"
        # A summary given here would replace the whole help of the command's own page.
        help_text = None if name == chosen else summary
        app.command(path, name=name, help=help_text, sort_key=order)
    return app


def run(tokens: list[str]) -> int:
    """Run the command that the tokens name; its exit code, or its exception."""
    chosen = next((token for token in tokens if not token.startswith("-")), None)
    code = application(chosen)(
        tokens, exit_on_error=False, print_error=False, result_action="return_value"
    )
    return code if isinstance(code, int) else DONE


def _worth_showing(value: object) -> str | None:
    return None if value is None or isinstance(value, bool) else str(value)
