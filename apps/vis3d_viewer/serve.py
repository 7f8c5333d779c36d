"""Starts the explorer on 127.0.0.1 and stays until it is interrupted."""

import asyncio
import errno
import os
import signal
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from trame_client.module import vue3
from trame_client.widgets.core import VirtualNode
from trame_server.core import Server

from vis3d.errors import Cancelled, NothingFoundError, OutputError
from vis3d_viewer import panel_3d, security, widgets
from vis3d_viewer.explorer import Explorer
from vis3d_viewer.routes import add_routes
from vis3d_viewer.ui import build_page

HOST = "127.0.0.1"


def serve(
    inputs: Sequence[str | os.PathLike[str]] = (),
    *,
    port: int = 0,
    open_browser: bool = True,
    phantom: bool = False,
    segment: bool = False,
    on_ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve the explorer on this machine alone, until Ctrl-C.

    `inputs` are opened at once; `phantom` opens the built-in phantom instead. `port` 0 is
    any free one. `segment` finds the structures without being asked. `on_ready` is called
    with the address, key included, once a browser can open it.

    Raises:
        NothingFoundError: an input doesn't exist.
        OutputError: the port is taken.
        Cancelled: Ctrl-C or SIGTERM, after all has been put away.
    """
    asyncio.run(
        _serve(
            [Path(name) for name in inputs],
            port=port,
            open_browser=open_browser,
            phantom=phantom,
            segment=segment,
            on_ready=on_ready,
        )
    )


async def _serve(
    inputs: list[Path],
    *,
    port: int,
    open_browser: bool,
    phantom: bool,
    segment: bool,
    on_ready: Callable[[str], None],
) -> None:
    missing = [path for path in inputs if not path.exists()]
    if missing:
        raise NothingFoundError(f"There is no {missing[0]}.")
    key = security.new_key()
    server = _server(key)
    explorer = Explorer(server, inputs, phantom=phantom)
    build_page(server, explorer.setting_names)
    server.controller.on_server_bind.add(lambda bound: _bind(bound, server, explorer, key))
    listening = asyncio.ensure_future(
        server.start(
            exec_mode="coroutine",
            port=port,
            host=HOST,
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
        address = f"http://{HOST}:{server.port}/?key={key}"
        on_ready(address)
        if open_browser:
            webbrowser.open(address)
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
    """Done once Ctrl-C or SIGTERM came; work is then ended in an orderly way."""
    loop = asyncio.get_running_loop()
    came: asyncio.Future[None] = loop.create_future()
    for number in (signal.SIGINT, signal.SIGTERM):
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


def _server(key: str) -> Server:
    """A trame server that listens to nobody's arguments but ours."""
    os.environ.pop("WSLINK_HTTP_HEADERS", None)
    server = Server("vis3d", VirtualNode, log_network=None)
    server.client_type = "vue3"
    server.hot_reload = False
    # trame would read this program's own command line.
    arguments = server.cli.parse_args([f"--authKey={key}"])  # a key may begin with a minus
    server.cli.parse_known_args = lambda *_, **__: (arguments, [])
    server.enable_module(vue3)
    server.enable_module(widgets.MODULE)
    server.enable_module(panel_3d.MODULE)
    server.add_protocol_to_configure(
        lambda protocol: protocol.registerLinkProtocol(security.KeyProtocol(key))
    )
    return server


def _bind(bound: Any, server: Server, explorer: Explorer, key: str) -> None:
    """The HTTP server is there and not yet listening: put our gate and routes on it."""
    security.narrow_calls(bound, security.StateDoor(server, explorer.accept))
    add_routes(
        bound.app,
        key=key,
        www=Path(vue3.www),
        study=lambda: explorer.study,
        saved=explorer.saved,
    )


def _explain(listening: "asyncio.Future[Any]", port: int) -> None:
    """Raise what kept the server from listening, in words."""
    try:
        listening.result()
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "another program is using it" if taken else str(error.strerror)
        raise OutputError(f"Port {port} can't be used: {reason}. Try --port 0.") from error
