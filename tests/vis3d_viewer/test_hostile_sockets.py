"""A page that means harm, with the key in its hands: the real server, without a browser."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType
from wslink.chunking import _encode_header, generate_chunks

from tests.vis3d_viewer.conftest import served
from tests.vis3d_viewer.scans import blob_scan
from tests.vis3d_viewer.test_monkey_in_browser import server_pid
from vis3d import files

Harm = Callable[[ClientWebSocketResponse], Awaitable[None]]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """That of a server whose log has no traceback at its end; `served` looks."""
    path = tmp_path_factory.mktemp("scan") / "blob.nii.gz"
    files.write_volume(blob_scan(), path)
    with served("serve", path) as address:
        yield address


def call(method: str, *args: object, **more: object) -> bytes:
    """One call as the page sends it."""
    message = {"wslink": "1.0", "id": "rpc:1:1", "method": method, "args": list(args), **more}
    packed = msgpack.packb(message)
    return b"".join(generate_chunks(packed, 0))


def hello(key: str) -> bytes:
    return call("wslink.hello", {"secret": key}, id="system:c0:0")


def met(address: str, harm: Harm, *, key: str | None = None) -> None:
    """Do harm on a websocket that has said its key, then see that all goes on as before."""
    root, given = re.fullmatch(r"(http://[^/]+)/\?key=(\S+)", address).groups()  # type: ignore[union-attr]

    async def do() -> None:
        async with ClientSession() as client:
            where = f"{root}/ws?key={given}"
            async with client.ws_connect(where, headers={"Origin": root}) as page:
                await page.send_bytes(hello(given if key is None else key))
                await harm(page)
            async with client.get(f"{root}/?key={given}") as answer:
                assert answer.status == 200
            async with client.ws_connect(where, headers={"Origin": root}) as page:
                await page.send_bytes(hello(given))
                await page.send_bytes(call("trame.state.get"))
                for _ in range(20):
                    answered = await page.receive(timeout=20)
                    if answered.type == WSMsgType.BINARY and len(answered.data) > 1000:
                        return
                raise AssertionError("The server no longer answers.")

    asyncio.run(asyncio.wait_for(do(), 60))


async def closed(page: ClientWebSocketResponse) -> None:
    """Until the server has closed the websocket."""
    while (await page.receive(timeout=20)).type not in (
        WSMsgType.CLOSE,
        WSMsgType.CLOSED,
        WSMsgType.CLOSING,
        WSMsgType.ERROR,
    ):
        pass


def resident_mb(address: str) -> float:
    told = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server_pid()}/status").read_text())
    assert told is not None
    return int(told[1]) / 1024


@pytest.mark.parametrize(
    "sent",
    [
        _encode_header(7, 0, 0xFFFFFFFF) + b"x",
        _encode_header(7, 4_000_000_000, 100) + b"x",
        b"".join(generate_chunks(msgpack.packb([1, 2]), 0)),
        b"".join(generate_chunks(msgpack.packb({"id": 5, "method": "x"}), 0)),
        b"".join(generate_chunks(msgpack.packb({"id": "rpc:1:1"}), 0)),
        call("trame.trigger", "undo", [], kwargs={"self": 1}),
        b"".join(generate_chunks(b"\xc1\xff\xfe", 0)),
        b"",
        b"short",
        b"x" * 9_000_000,
    ],
    ids=[
        "too long",
        "far offset",
        "a list",
        "id is a number",
        "no method",
        "names self",
        "no msgpack",
        "nothing",
        "short",
        "9 MB",
    ],
)
def test_what_is_no_message_closes_its_websocket_and_no_other(
    address: str, sent: bytes
) -> None:
    async def harm(page: ClientWebSocketResponse) -> None:
        await page.send_bytes(sent)
        await closed(page)

    before = resident_mb(address)
    met(address, harm)
    assert resident_mb(address) - before < 100


def test_text_closes_its_websocket(address: str) -> None:
    async def harm(page: ClientWebSocketResponse) -> None:
        await page.send_str("{}")
        await closed(page)

    met(address, harm)


def test_messages_that_never_end_are_given_up(address: str) -> None:
    async def harm(page: ClientWebSocketResponse) -> None:
        for number in range(40):
            await page.send_bytes(_encode_header(number, 0, 3_000_000) + b"x")
        await closed(page)

    before = resident_mb(address)
    met(address, harm)
    assert resident_mb(address) - before < 100


@pytest.mark.parametrize("key", ["", "wslink-secret", "x" * 43])
def test_a_wrong_key_gets_nothing(address: str, key: str) -> None:
    async def harm(page: ClientWebSocketResponse) -> None:
        await page.send_bytes(call("trame.state.get"))
        for _ in range(2):
            answer = await page.receive(timeout=20)
            assert b"Unauthorized" in answer.data or b"Authentication" in answer.data

    met(address, harm, key=key)


def test_senseless_calls_change_nothing_and_leave_no_trace(address: str) -> None:
    odd: list[Any] = [None, -1, 1e308, "x", "{{7*7}}", [], {}, [[1]], "a" * 5000, True]

    async def harm(page: ClientWebSocketResponse) -> None:
        for method in (
            "application.exit",
            "no.such.call",
            "trame.state.get",
            "trame.state.update",
            "trame.trigger",
            "trame.lifecycle.update",
            "trame.error.client",
            "trame.rca.size",
            "trame.rca.event",
            "trame.rca.reset",
        ):
            for value in odd:
                await page.send_bytes(call(method, value))
                await page.send_bytes(call(method, value, value))
                await page.send_bytes(call(method, "view3d", value, value))
        for name in TRIGGERS:
            for value in odd:
                await page.send_bytes(call("trame.trigger", name, [value]))
                await page.send_bytes(call("trame.trigger", name, [value] * 3))
                await page.send_bytes(call("trame.trigger", name, [4, value, value, value]))
        for name in ("trame__template_main", "vis3d__window_width", "phase", "__class__", 5):
            for value in odd:
                change = [{"key": name, "value": value}]
                await page.send_bytes(call("trame.state.update", change))
        await page.send_bytes(call("trame.trigger", "start_page", []))

    met(address, harm)


TRIGGERS = (
    "cancel look browse open_path open_recent open_upload choose fill_gaps segment "
    "add_threshold grow_region preview_range preview_level rename recolor duplicate merge "
    "subtract delete reshape fill_holes at_point stroke cut_outline cut_view mark move_mark "
    "rename_mark delete_mark save_marks export_structure prepare_export undo redo"
).split()


def test_connections_that_say_nothing_hold_up_nobody(address: str) -> None:
    found = re.search(r":(\d+)/", address)
    assert found is not None
    idle = [socket.create_connection(("127.0.0.1", int(found[1]))) for _ in range(150)]
    try:
        for one in idle:
            one.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-")

        async def nothing(page: ClientWebSocketResponse) -> None:
            pass

        met(address, nothing)
    finally:
        for one in idle:
            one.close()
