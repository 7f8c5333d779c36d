"""`vis3d serve`: the explorer in the browser."""

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from vis3d.errors import NothingFoundError, RequirementError, UsageError
from vis3d_cli import say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, How, Manner, NoBrowser, Port


def serve(
    *inputs: Annotated[
        Path, Parameter(name="INPUT", help="Scans as for `info`, and surface files.")
    ],
    data_root: Annotated[
        Path | None,
        Parameter(metavar="DIR", help="Offer what lies below this folder, and nothing else."),
    ] = None,
    port: Port = 0,
    host: Annotated[
        str | None, Parameter(metavar="ADDRESS", help="Listen here, not on 127.0.0.1.")
    ] = None,
    allow_remote: Annotated[
        bool, Parameter(help="Let other machines in; needs TLS or a proxy that has it.")
    ] = False,
    tls_cert: Annotated[Path | None, Parameter(metavar="FILE", help="A certificate.")] = None,
    tls_key: Annotated[Path | None, Parameter(metavar="FILE", help="Its private key.")] = None,
    behind_proxy: Annotated[
        str, Parameter(metavar="URL", help="A proxy's https address for this server.")
    ] = "",
    idle_minutes: Annotated[
        float,
        Parameter(
            metavar="N",
            validator=Number(gte=0),
            help="Hide the scan on a page left alone so long; 0 never does.",
        ),
    ] = 30.0,
    session: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="Go on with work that was saved from the explorer."),
    ] = None,
    no_autosave: Annotated[
        bool, Parameter(help="Keep no work on scans; else it is kept privately for 30 days.")
    ] = False,
    show_patient: Annotated[
        bool, Parameter(help="Name the patient in the header browser.")
    ] = False,
    no_browser: NoBrowser = False,
    how: How = PLAIN,
) -> int:
    """Open the explorer in the browser.

    Without INPUT it shows a start page: drop a scan there, or choose a folder below
    --data-root. It listens on this machine alone unless told otherwise, and only a
    browser that knows the printed address with its key gets in. Ctrl-C ends it.

    For example: vis3d serve scans/chest --no-browser --port 8080
    """
    if data_root is not None and inputs:
        raise UsageError("Give INPUT to open it at once, or --data-root to choose, not both.")
    if data_root is not None and not data_root.is_dir():
        raise NothingFoundError(f"There is no folder {data_root}.")
    for path in inputs:
        _check_file(path)
    start = start_explorer()
    from vis3d_viewer.reach import reach
    from vis3d_viewer.session import read_summary
    from vis3d_viewer.wishes import Wishes

    if session is not None:
        read_summary(session)

    where = reach(
        host=host,
        allow_remote=allow_remote,
        tls_cert=tls_cert,
        tls_key=tls_key,
        behind_proxy=behind_proxy,
    )
    start(
        inputs,
        port=port,
        open_browser=not no_browser,
        data_root=data_root,
        where=where,
        idle_minutes=idle_minutes,
        wishes=Wishes(session, keep_work=not no_autosave, show_patient=show_patient),
        on_ready=announcement(how),
    )
    return DONE


def _check_file(path: Path) -> None:
    """Say at once that a file can't be opened; folders and archives are read in the page.

    Raises:
        Vis3dError: there is no scan in it, and why.
    """
    from vis3d.choosing import nothing_found
    from vis3d.files import discover, input_kind

    archive = path.is_file() and (zipfile.is_zipfile(path) or tarfile.is_tarfile(path))
    if path.is_dir() or archive or input_kind(path) == "surface":
        return
    found = discover(path)
    if not found.series:
        raise nothing_found(found)


def start_explorer() -> Callable[..., None]:
    """The explorer's `serve`.

    Raises:
        RequirementError: the libraries of the extra `viewer` are missing.
    """
    try:
        from vis3d_viewer.serve import serve as start
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("vis3d"):
            raise
        raise RequirementError(
            f'The explorer needs {error.name}: pip install "vis3d[viewer]".'
        ) from error
    return start


def announcement(how: Manner) -> Callable[[str], None]:
    """Says where the explorer is, at once, also to a pipe."""

    def announce(address: str) -> None:
        said: Any = say.json_text({"url": address}) if how.json else f"Serving on {address}"
        print(said, flush=True)

    return announce
