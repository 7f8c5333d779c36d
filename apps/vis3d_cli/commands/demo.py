"""`vis3d demo`: the explorer on the built-in phantom."""

from typing import Annotated

from cyclopts import Parameter

from vis3d_cli.commands.serve import announcement, start_explorer
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, How, NoBrowser, Port


def demo(
    *,
    no_segment: Annotated[
        bool, Parameter(help="Leave finding lungs, airways and bones to the button.")
    ] = False,
    port: Port = 0,
    no_browser: NoBrowser = False,
    how: How = PLAIN,
) -> int:
    """Open the explorer on the built-in phantom.

    For example: vis3d demo --no-browser
    """
    start_explorer()(
        (),
        phantom=True,
        segment=not no_segment,
        port=port,
        open_browser=not no_browser,
        on_ready=announcement(how),
    )
    return DONE
