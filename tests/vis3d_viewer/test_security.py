"""Who gets in, over HTTP and over the websocket's calls."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, DummyCookieJar, web
from aiohttp.test_utils import TestServer
from trame_client.module import vue3
from vis3d_viewer import security
from vis3d_viewer.logbook import logbook
from vis3d_viewer.routes import add_routes
from vis3d_viewer.settings import accept

from tests.vis3d_viewer.scans import blob_study

KEY = "k" * 43
SLICE = "/slice/axial?index=3&center=40&width=400"

Ask = Callable[..., Awaitable[ClientResponse]]


def asked(
    question: Callable[[Ask, int], Awaitable[None]],
    saved: Path | None = None,
    door: security.Door = security.LOCAL,
    closing: bool = False,
) -> None:
    """Ask a real server, with no cookies but those given, what `question` wants to know."""

    async def main() -> None:
        app = web.Application()
        add_routes(
            app,
            key=KEY,
            www=Path(vue3.www),
            study=blob_study,
            saved=lambda ticket: saved if ticket == "good" else None,
            door=door,
            closing=lambda: closing,
        )
        async with TestServer(app) as server, ClientSession(cookie_jar=DummyCookieJar()) as one:
            port = int(server.port or 0)

            async def ask(path: str, **headers: str) -> ClientResponse:
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                return await one.get(f"http://127.0.0.1:{port}{path}", headers=named)

            await question(ask, port)

    asyncio.run(main())


@pytest.mark.parametrize(
    "path",
    ["/", "/index.html", SLICE, "/value?l=0&p=0&s=0", "/saved/good", "/ws", "/vue.global.js"],
)
def test_nothing_answers_without_the_key(path: str) -> None:
    async def question(ask: Ask, port: int) -> None:
        for wrong in ("", "wslink-secret", KEY[:-1], KEY + "k", "ключ"):
            address = f"{path}{'&' if '?' in path else '?'}key={wrong}" if wrong else path
            assert (await ask(address)).status == 403

    asked(question)


def test_program_text_needs_no_key() -> None:
    async def question(ask: Ask, port: int) -> None:
        assert (await ask("/static/slice_view.js")).status == 200
        assert (await ask("/static/../security.py")).status in (403, 404)

    asked(question)


def test_the_key_opens_and_its_cookie_keeps_open() -> None:
    async def question(ask: Ask, port: int) -> None:
        page = await ask(f"/?key={KEY}")
        assert page.status == 200
        cookie = page.cookies[f"vis3d-{port}"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
        shown = await ask(SLICE, Cookie=f"vis3d-{port}={cookie.value}")
        assert shown.status == 200
        assert shown.content_type == "image/jpeg"
        assert (await ask(SLICE, Cookie=f"vis3d-{port + 1}={KEY}")).status == 403

    asked(question)


@pytest.mark.parametrize("path", ["/", SLICE, "/static/slice_view.js", "/ws"])
def test_foreign_hosts_and_origins_are_refused_even_with_the_key(path: str) -> None:
    async def question(ask: Ask, port: int) -> None:
        address = f"{path}{'&' if '?' in path else '?'}key={KEY}"
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port}1"):
            assert (await ask(address, Host=host)).status == 403
        for origin in (
            "http://evil.example",
            "null",
            f"http://127.0.0.1:{port + 1}",
            f"https://127.0.0.1:{port}",
            f"http://127.0.0.1:{port}@evil.example",
        ):
            assert (await ask(address, Origin=origin)).status == 403

    asked(question)


def test_our_own_names_and_origin_are_let_in() -> None:
    async def question(ask: Ask, port: int) -> None:
        for name in ("127.0.0.1", "localhost"):
            own = {"Host": f"{name}:{port}", "Origin": f"http://{name}:{port}"}
            assert (await ask(f"{SLICE}&key={KEY}", **own)).status == 200

    asked(question)


def test_behind_a_proxy_its_name_is_ours_and_others_are_not() -> None:
    async def question(ask: Ask, port: int) -> None:
        own = {"Host": "scans.example", "Origin": "https://scans.example"}
        page = await ask(f"/?key={KEY}", **own)
        assert page.status == 200
        assert page.cookies[f"vis3d-{port}"]["secure"]
        assert "wss://scans.example" in page.headers["Content-Security-Policy"]
        for wrong in (
            {"Host": "scans.example", "Origin": "http://scans.example"},
            {"Host": "scans.example", "Origin": "https://evil.example"},
            {"Host": "scans.example:8080"},
            {"Host": "evil.example"},
        ):
            assert (await ask(f"/?key={KEY}", **wrong)).status == 403
        assert (await ask("/", **own)).status == 403

    asked(question, door=security.Door(public="https://scans.example"))


def test_pages_are_counted_once_they_brought_the_key() -> None:
    counts: list[int] = []
    protocol = security.KeyProtocol(KEY, counts.append)
    assert not asyncio.run(protocol.validateToken("wrong", "stranger"))
    for page in ("one", "two"):
        assert asyncio.run(protocol.validateToken(KEY, page))
    protocol.onClose("stranger")
    protocol.onClose("one")
    assert counts == [1, 2, 1]


def test_another_page_cannot_use_the_cookie() -> None:
    async def question(ask: Ask, port: int) -> None:
        for site in ("cross-site", "same-site"):
            answer = await ask(SLICE, Cookie=f"vis3d-{port}={KEY}", Sec_Fetch_Site=site)
            assert answer.status == 403

    asked(question)


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/static/slice_view.js", SLICE, "/slice/axial?index=x"]
)
def test_every_answer_carries_the_headers(path: str) -> None:
    async def question(ask: Ask, port: int) -> None:
        for key in (KEY, "wrong"):
            answer = await ask(f"{path}{'&' if '?' in path else '?'}key={key}")
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "'unsafe-inline'" not in policy.split("style-src")[0]
            assert "*" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "Access-Control-Allow-Origin" not in answer.headers

    asked(question)


@pytest.mark.parametrize(
    "path",
    [
        "/slice/axial?index=99999&center=40&width=400",
        "/slice/axial?index=-1&center=40&width=400",
        "/slice/sideways?index=1&center=40&width=400",
        "/slice/axial?index=1&center=nan&width=400",
        "/slice/axial?index=1&center=40&width=0",
        "/slice/axial?index=1&center=40&width=400&labels=x",
        "/value?l=0&p=0",
        "/value?l=inf&p=0&s=0",
    ],
)
def test_senseless_questions_are_answered_with_400(path: str) -> None:
    async def question(ask: Ask, port: int) -> None:
        answer = await ask(f"{path}&key={KEY}")
        assert answer.status == 400
        assert "Traceback" not in await answer.text()
        assert (await ask(f"/ws?key={KEY}")).status == 403  # no websocket: once a defect

    asked(question)


def test_a_defect_is_logged_and_not_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    name = "DOE^JANE"

    def broken(*_: object) -> bytes:
        raise RuntimeError(name)

    monkeypatch.setattr("vis3d_viewer.routes.slice_jpeg", broken)

    async def question(ask: Ask, port: int) -> None:
        answer = await ask(f"{SLICE}&key={KEY}")
        assert answer.status == 500
        told.append(await answer.text())

    with logbook():
        asked(question)
    written = capsys.readouterr().err
    number = re.search(r"error (\w{6})\.", told[0])
    assert number
    assert number[1] in written
    assert "in broken" in written
    assert "RuntimeError" in written
    assert "DOE" not in written + told[0]
    assert "Traceback" not in told[0]


def test_a_page_that_tries_again_at_the_end_is_told_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def question(ask: Ask, port: int) -> None:
        await asyncio.get_running_loop().shutdown_default_executor()
        answer = await ask("/static/explorer.css")
        assert answer.status == 503
        assert await answer.text() == "vis3d is ending.\n"
        assert (await ask(SLICE)).status == 403

    with logbook():
        asked(question, closing=True)
    assert "Traceback" not in capsys.readouterr().err


def test_a_refusal_is_one_line_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    async def question(ask: Ask, port: int) -> None:
        await ask("/a%0avis3d: all is well%1b[2J" + "x" * 3000)

    with logbook():
        asked(question)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("vis3d: Refused GET /a")
    assert len(line) < 400
    assert line.isprintable()


def test_what_is_no_request_is_one_line_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    async def question(ask: Ask, port: int) -> None:
        await ask("/alive?key=" + KEY)
        for words in (
            b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x02\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(words)
            await reader.read()
            writer.close()

    with logbook():
        asked(question)
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("vis3d: Refused") for line in lines), lines
    assert lines


def test_endless_headers_are_given_up_and_pages_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(security, "REQUEST_S", 0.6)

    async def question(ask: Ask, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /alive HTTP/1.1\r\n")
        ended = asyncio.ensure_future(reader.read())
        for n in range(100):
            writer.write(f"X-{n}: still there\r\n".encode())
            if (await asyncio.wait([ended], timeout=0.1))[0]:
                break
        assert ended.done(), "still listened to after ten seconds"
        assert await ended == b""
        writer.close()
        assert (await ask("/alive?key=" + KEY)).status == 200

    asked(question)


def test_a_page_that_goes_while_it_is_sent_to_is_no_defect(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with logbook():
        for error in (ConnectionResetError("gone"), KeyError("ours")):
            logging.getLogger("asyncio").error("never retrieved", exc_info=error)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "vis3d:" in line]
    assert line == "vis3d: A defect met by asyncio: KeyError"


def test_a_saved_file_comes_as_a_download(tmp_path: Path) -> None:
    (tmp_path / "bones.stl").write_bytes(b"solid")

    async def question(ask: Ask, port: int) -> None:
        answer = await ask(f"/saved/good?key={KEY}")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="bones.stl"'
        assert await answer.read() == b"solid"
        assert (await ask(f"/saved/other?key={KEY}")).status == 404

    asked(question, tmp_path / "bones.stl")


class FakeServer:
    """What `StateDoor` needs of a trame server."""

    def __init__(self) -> None:
        self.changed: dict[str, object] = {}
        self.told: list[object] = []
        self.state = self
        self.protocol = SimpleNamespace(
            push_state_change=lambda changes, **_: None, life_cycle_update=self.told.append
        )

    def __enter__(self) -> "FakeServer":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to flush."""

    def update(self, changes: dict[str, object]) -> None:
        self.changed.update(changes)


def test_clients_change_settings_and_nothing_else() -> None:
    server = FakeServer()
    door = security.StateDoor(server, accept)
    door.update(
        [
            {"key": "trame__template_main", "value": "<b>mine</b>"},
            {"key": "layout", "value": "axial"},
            {"key": "window_width", "value": "wide"},
            {"value": 1},
            "nonsense",
        ]
    )
    door.update({"layout": "coronal"})
    assert server.changed == {"layout": "axial"}


def test_clients_cannot_run_the_servers_life_cycle() -> None:
    server = FakeServer()
    door = security.StateDoor(server, accept)
    for name in ("server_exited", "server_bind", "client_connected"):
        door.life_cycle(name)
    assert server.told == ["client_connected"]


def test_exit_is_gone_and_traces_stay_here() -> None:
    sent: list[tuple[Any, ...]] = []

    async def send(*args: object, client_id: str | None = None) -> None:
        sent.append(args)

    calls: dict[str, Any] = dict.fromkeys(
        ("application.exit", "application.exit.later", "trame.rca.push", "trame.trigger"),
        (None, print),
    )
    handler = SimpleNamespace(
        functionMap=calls, sendWrappedError=send, onConnect=None, onMessage=None
    )
    bound = SimpleNamespace(_ws_handlers=[handler])
    security.narrow_calls(bound, security.StateDoor(FakeServer(), accept))
    assert set(calls) == {"trame.trigger", "trame.state.update", "trame.lifecycle.update"}
    asyncio.run(handler.sendWrappedError("1", -32001, "Exception raised", {"trace": "/home"}))
    assert sent == [("1", -32001, "Exception raised", security.CLIENT_ONLY_MESSAGE)]


def test_keys_are_long_and_never_the_same() -> None:
    keys = {security.new_key() for _ in range(20)}
    assert len(keys) == 20
    assert min(map(len, keys)) >= 40


def test_the_websocket_wants_the_key_too() -> None:
    protocol = security.KeyProtocol(KEY)
    assert asyncio.run(protocol.validateToken(KEY, "client"))
    for wrong in ("wslink-secret", "", None, 5, KEY[:-1]):
        assert not asyncio.run(protocol.validateToken(wrong, "client"))
