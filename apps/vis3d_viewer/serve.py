"""Starts the explorer and stays until it is interrupted."""

import asyncio
import errno
import gc
import os
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import web
from trame_client.module import vue3
from trame_client.widgets.core import VirtualNode
from trame_server.core import Server

from vis3d.allocator import give_large_arrays_back
from vis3d.errors import Cancelled, NothingFoundError, OutputError
from vis3d.progress import stop_signals
from vis3d_viewer import (
    panel_3d,
    panel_hand,
    panel_structures,
    panel_work,
    security,
    widgets,
)
from vis3d_viewer.drawn_here import add_drawing_routes
from vis3d_viewer.explorer import Explorer
from vis3d_viewer.header_page import add_header_route
from vis3d_viewer.label_files import add_label_route, add_session_route
from vis3d_viewer.logbook import logbook
from vis3d_viewer.opening import Sources
from vis3d_viewer.pointing import add_pointing_route
from vis3d_viewer.reach import Reach
from vis3d_viewer.recent import RecentScans
from vis3d_viewer.routes import add_opening_routes, add_routes
from vis3d_viewer.ui import build_page
from vis3d_viewer.wishes import PLAIN, Wishes

LOCAL = Reach()

IDLE_MINUTES = 30.0
"""After so long without a hand on it, the page hides the scan."""


def serve(
    inputs: Sequence[str | os.PathLike[str]] = (),
    *,
    port: int = 0,
    open_browser: bool = True,
    phantom: bool = False,
    segment: bool = False,
    data_root: str | os.PathLike[str] | None = None,
    where: Reach = LOCAL,
    idle_minutes: float = IDLE_MINUTES,
    wishes: Wishes = PLAIN,
    on_ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve the explorer, to this machine alone unless `where` says more, until Ctrl-C.

    `inputs` are opened at once; `phantom` opens the built-in phantom instead; without
    either there is a start page, on which folders below `data_root` can be chosen. `port`
    0 is any free one. `segment` finds the structures without being asked. `wishes` are
    about what happens once a scan is open. `on_ready` is called with the address, key
    included, once a browser can open it.

    Raises:
        NothingFoundError: an input doesn't exist.
        OutputError: the port is taken.
        Cancelled: a signal to stop came, after all has been put away.
    """
    give_large_arrays_back()
    paths = [Path(name) for name in inputs]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise NothingFoundError(f"There is no {missing[0]}.")
    sources = Sources(
        paths,
        phantom=phantom,
        data_root=None if data_root is None else Path(data_root),
        recent=RecentScans() if where == LOCAL else None,
    )
    with logbook():
        asyncio.run(
            _serve(
                sources,
                where,
                port=port,
                open_browser=open_browser,
                segment=segment,
                idle_minutes=idle_minutes,
                wishes=wishes,
                on_ready=on_ready,
            )
        )


async def _serve(
    sources: Sources,
    where: Reach,
    *,
    port: int,
    open_browser: bool,
    segment: bool,
    idle_minutes: float,
    wishes: Wishes,
    on_ready: Callable[[str], None],
) -> None:
    key = security.new_key()
    server = _server(key, where)
    explorer = Explorer(server, sources, wishes)
    closing = asyncio.Event()
    build_page(server, explorer.setting_names)

    def bind(bound: Any) -> None:
        """The HTTP server is there and not yet listening: put our gate and routes on it."""
        security.narrow_calls(bound, security.StateDoor(server, explorer.accept))
        add_routes(
            bound.app,
            key=key,
            www=Path(vue3.www),
            study=lambda: explorer.study,
            saved=explorer.saved,
            door=where.door,
            closing=closing.is_set,
            idle_minutes=idle_minutes,
        )
        _add_parts(bound.app, explorer, wishes)

    def ready() -> None:
        address = where.address(server.port, key)
        on_ready(address)
        if open_browser:
            webbrowser.open(address)

    server.controller.on_server_bind.add(bind)
    try:
        await _run(server, explorer, where.host, port, ready, segment=segment)
    finally:
        closing.set()


def _add_parts(app: web.Application, explorer: Explorer, wishes: Wishes) -> None:
    """Put on the server what the explorer's parts answer."""
    add_opening_routes(app, explorer.opening, explorer.folder)
    add_label_route(app, explorer.folder, explorer.take_labels)
    add_header_route(app, lambda: explorer.study, show_patient=wishes.show_patient)
    add_session_route(app, explorer.folder, explorer.take_session)
    add_pointing_route(app, lambda: explorer.view)
    add_drawing_routes(app, explorer.drawn)


async def _run(
    server: Server,
    explorer: Explorer,
    host: str,
    port: int,
    ready: Callable[[], None],
    *,
    segment: bool,
) -> None:
    """Listen and draw until a signal to stop comes; `ready()` once a browser can connect."""
    listening = asyncio.ensure_future(
        server.start(
            exec_mode="coroutine",
            port=port,
            host=host,
            timeout=0,  # never end because a browser was closed
            thread=True,  # signals are asyncio's business
            open_browser=False,
            show_connection_info=False,
        )
    )
    interrupted = _interruption()
    drawing = None
    try:
        await asyncio.wait((listening, server.ready), return_when=asyncio.FIRST_COMPLETED)
        if listening.done():
            _explain(listening, port)
        gc.freeze()  # the program itself is no garbage; to look through it holds up the loop
        ready()
        drawing = asyncio.ensure_future(explorer.run(segment=segment))
        tasks = (listening, drawing, interrupted)
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if interrupted in done:
            raise Cancelled
        for task in done:
            task.result()
    finally:
        explorer.close()
        await _end(listening, drawing)


def _interruption() -> "asyncio.Future[None]":
    """Done once a signal to stop came; work is then ended in an orderly way."""
    loop = asyncio.get_running_loop()
    came: asyncio.Future[None] = loop.create_future()
    for number in stop_signals():
        # Not on Windows, nor in a test's thread: there whoever runs us ends us.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, _finish, came)
    return came


def _finish(came: "asyncio.Future[None]") -> None:
    if not came.done():
        came.set_result(None)


async def _end(*tasks: "asyncio.Future[Any] | None") -> None:
    started = [task for task in tasks if task is not None]
    for task in started:
        task.cancel()
    await asyncio.gather(*started, return_exceptions=True)


def _server(key: str, where: Reach) -> Server:
    """A trame server that listens to nobody's arguments but ours."""
    os.environ.pop("WSLINK_HTTP_HEADERS", None)
    server = Server("vis3d", VirtualNode, log_network=None)
    server.client_type = "vue3"
    server.hot_reload = False
    # trame would read this program's own command line.
    # A key may begin with a minus. JPEGs can't be made smaller; trying holds up the loop.
    arguments = server.cli.parse_args([f"--authKey={key}", "--no-ws-compress"])
    if where.tls_cert is not None:
        arguments.ssl = f"{where.tls_cert},{where.tls_key}"
    server.cli.parse_known_args = lambda *_, **__: (arguments, [])
    server.enable_module(vue3)
    server.enable_module(widgets.MODULE)
    server.enable_module(panel_3d.MODULE)
    server.enable_module(panel_structures.MODULE)
    server.enable_module(panel_hand.MODULE)
    server.enable_module(panel_work.MODULE)
    server.add_protocol_to_configure(
        lambda protocol: protocol.registerLinkProtocol(
            security.KeyProtocol(key, lambda pages: _tell_pages(server, pages))
        )
    )
    return server


def _tell_pages(server: Server, pages: int) -> None:
    """Show on each page how many there are: they share one view."""
    with server.state as state:
        state.pages = pages


def _explain(listening: "asyncio.Future[Any]", port: int) -> None:
    """Raise what kept the server from listening, in words."""
    try:
        listening.result()
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "another program is using it" if taken else str(error.strerror)
        raise OutputError(f"Port {port} can't be used: {reason}. Try --port 0.") from error
