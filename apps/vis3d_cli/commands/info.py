"""`vis3d info`: what is there."""

from vis3d_cli import say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.listing import discovery_document, finding_lines, series_table, skipped_lines
from vis3d_cli.options import PLAIN, Force, How, Input
from vis3d_cli.watch import watching


def info(input: Input, /, *, force: Force = False, how: How = PLAIN) -> int:
    """List the series in a folder, file or archive, and what to know of each.

    Whatever another command would repair, trim or refuse shows here first.

    For example: vis3d info scans/chest --json
    """
    from vis3d.choosing import nothing_found
    from vis3d.files import discover

    with watching(how) as progress:
        found = discover(input, force=force, progress=progress)
    if how.json:
        say.print_json(discovery_document(found.series, found.skipped))
    else:
        shown = None if how.verbose else 10
        lines = (*finding_lines(found.series), *skipped_lines(found.skipped, shown))
        heading = [series_table(found.series)] if found.series else []
        say.answer(None, [*heading, *lines], how)
    if not found.series:
        raise nothing_found(found)
    return DONE
