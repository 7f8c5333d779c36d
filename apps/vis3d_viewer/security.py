"""Who may talk to the explorer: whoever has this start's key, from this machine, from our page.

trame 4.0 as shipped has a public default key, looks at neither Origin nor Host, leaves HTTP
routes open, sends tracebacks to the client and lets any client end the server.
"""

import hmac
import inspect
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from aiohttp import web
from wslink.websocket import LinkProtocol

from vis3d_viewer import messages
from vis3d_viewer.asking import remember_page
from vis3d_viewer.logbook import defect

log = logging.getLogger(__name__)

OPEN_PATHS = ("/assets/", "/static/")
"""The only addresses without a key: they hold nothing but program text."""

KEY_BYTES = 32

REQUEST_S = 30.0
"""So long a connection may take to say what it wants; aiohttp waits for an hour."""

ALLOWED_CALLS = frozenset(
    {
        "trame.state.get",
        "trame.state.update",
        "trame.trigger",
        "trame.lifecycle.update",
        "trame.error.client",
        "trame.rca.size",
        "trame.rca.event",
        "trame.rca.reset",
    }
)
"""What the page calls; everything else (`application.exit` first) is taken away."""

LIFE_CYCLE = frozenset({"client_connected", "client_exited", "client_unmounted"})
"""What a page may say of its own life; trame would run any `on_...` of the server."""

CLIENT_ONLY_MESSAGE = "Something went wrong here; the program's log says more."

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True)
class Door:
    """Under which names this server may be spoken to.

    On this machine alone by default. `names` are those of the machine, with `tls` when it is
    reached from others; `public` is a proxy's whole address, such as https://vis3d.example.
    """

    names: frozenset[str] = LOCAL_NAMES
    tls: bool = False
    public: str = ""

    def hosts(self, request: web.Request) -> set[str]:
        """What the Host header may say."""
        public = {urlsplit(self.public).netloc.lower()} if self.public else set()
        return self._own_hosts(request) | public

    def origins(self, request: web.Request) -> set[str]:
        """What the Origin header may say."""
        scheme = "https" if self.tls else "http"
        own = {f"{scheme}://{host}" for host in self._own_hosts(request)}
        return own | ({self.public.lower()} if self.public else set())

    def sockets(self, request: web.Request) -> str:
        """Where the page's websocket may lead."""
        origins = sorted(self.origins(request))
        return " ".join(
            "ws" + origin.removeprefix("http") for origin in origins if "[" not in origin
        )

    def _own_hosts(self, request: web.Request) -> set[str]:
        name, port = listening_at(request)
        names = set(self.names)
        if self.tls:  # an address in numbers can't be turned to another machine
            names.add(f"[{name}]" if ":" in name else name)
        hosts = {f"{name}:{port}" for name in names}
        return hosts | (names if port == (443 if self.tls else 80) else set())

    @property
    def secure(self) -> bool:
        """Whether browsers meet it under https."""
        return self.tls or self.public.startswith("https:")


LOCAL = Door()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def new_key() -> str:
    """A key that nobody can guess, for one start."""
    return secrets.token_urlsafe(KEY_BYTES)


def same_key(given: object, key: str) -> bool:
    """Whether `given` is the key, in a time that doesn't depend on where they differ."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), key.encode())


def cookie_name(port: int) -> str:
    """Cookies are shared by all ports of a host: each server has a name of its own."""
    return f"vis3d-{port}"


def gate(key: str, door: Door = LOCAL, closing: Callable[[], bool] = lambda: False) -> Any:
    """The middleware that lets a request in, or answers 403 before anything reads it.

    A page that tries again while the program is `closing` is told so.
    """

    @web.middleware
    async def let_in(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = refused(request, key, door)
        if refusal:
            log.warning("Refused %s %s: %s.", request.method, request.path, refusal)
            return web.Response(status=403, text=f"Refused: {refusal}.\n")
        if closing():  # no thread is there any more to read a file with
            return web.Response(status=503, text="vis3d is ending.\n")
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except ConnectionError:  # whoever asked has gone: an upload given up, a closed page
            return web.Response(status=499)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is said and logged)
            what = f"The answer to {request.method} {request.path} failed"
            return web.Response(status=500, text=defect(log, what, error))

    return let_in


def limit_waiting(app: web.Application) -> None:
    """Close connections whose request doesn't get whole, one letter a minute for ever."""
    # wslink makes the server of this application and has no word for it (wslink 2.6).
    app._handler_args = {"keepalive_timeout": REQUEST_S}


def refused(request: web.Request, key: str, door: Door = LOCAL) -> str:
    """Why this request isn't let in; empty where it is."""
    port = listening_port(request)
    if request.headers.get("Host", "").lower() not in door.hosts(request):
        return "this server has another name"
    origin = request.headers.get("Origin")
    if origin is not None and origin.lower() not in door.origins(request):
        return "another page's origin"
    if origin is None and request.method not in ("GET", "HEAD"):
        return "it doesn't say which page it comes from"
    by_address = same_key(request.query.get("key"), key)
    if not by_address and request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        return "asked for by another page"
    if request.path.startswith(OPEN_PATHS):
        return ""
    if request.path == "/ws" and not web.WebSocketResponse().can_prepare(request):
        return "this address is for websockets alone"
    if by_address or same_key(request.cookies.get(cookie_name(port)), key):
        return ""
    return "the key is missing; use the whole address that the command printed"


def listening_port(request: web.Request) -> int:
    """The port this request arrived at, whatever its headers say."""
    return listening_at(request)[1]


def listening_at(request: web.Request) -> tuple[str, int]:
    """The address and the port this request arrived at."""
    transport = request.transport
    name = transport.get_extra_info("sockname") if transport else None
    return (str(name[0]), int(name[1])) if name else ("", 0)


def header_adder(door: Door = LOCAL) -> Any:
    """What every answer says to the browser about what a page may do with it."""

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        if response.status == 101:  # a websocket has no use for them
            return
        for name, value in headers(door.sockets(request)).items():
            response.headers[name] = value
        response.headers.pop("Server", None)

    return add_headers


def headers(sockets: str) -> dict[str, str]:
    """The security headers of a page whose websockets lead to `sockets`.

    Vue compiles trame's templates in the page, hence 'unsafe-eval'; Vuetify writes its theme
    into a style element, hence 'unsafe-inline' for styles alone.
    """
    policy = {
        "default-src": "'none'",
        "script-src": "'self' 'unsafe-eval'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' blob: data:",
        "font-src": "'self' data:",
        "worker-src": "'self' blob:",
        "connect-src": f"'self' {sockets}",
        "base-uri": "'self'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{key} {value}" for key, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }


class KeyProtocol(LinkProtocol):
    """The websocket's greeting must bring the key as well."""

    def __init__(self, key: str, counted: Callable[[int], None] = lambda pages: None) -> None:
        super().__init__()
        self._key = key
        self._counted = counted
        self._pages: set[str] = set()

    async def validateToken(self, token: object, client_id: str) -> bool:  # noqa: N802
        """Whether a client may go on (wslink asks)."""
        good = same_key(token, self._key)
        if good:
            self._pages.add(client_id)
            self._counted(len(self._pages))
        return good

    def onClose(self, client_id: str) -> None:  # noqa: N802
        """A page is gone (wslink says)."""
        if client_id in self._pages:
            self._pages.discard(client_id)
            self._counted(len(self._pages))


class StateDoor:
    """What clients may change: the settings, each within its range; all else is ignored."""

    def __init__(self, server: Any, accept: Callable[[str, object], object]) -> None:
        self._server = server
        self._accept = accept

    def update(self, changes: object) -> None:
        """Take over the changes that `accept` lets through (it raises on the others)."""
        accepted = {}
        for change in changes if isinstance(changes, list) else []:
            try:
                accepted[change["key"]] = self._accept(change["key"], change.get("value"))
            except (ValueError, TypeError, KeyError, AttributeError):
                continue
        with self._server.state as state:
            self._server.protocol.push_state_change(accepted, skip_last_active_client=True)
            state.update(accepted)

    async def trigger(
        self, name: object, arguments: object = None, named: object = None, *_: object
    ) -> Any:
        """Do what the page can ask for by name; kept from it is what doesn't fit."""
        remember_page(named.get("page") if isinstance(named, Mapping) else None)
        function = self._server.controller.trigger_fn(name) if isinstance(name, str) else None
        if function is None or not messages.fits(function, arguments):
            log.warning("A page asked for what there isn't.")
            return None
        with self._server.state:
            result = function(*cast("list[Any]", arguments))
            return await result if inspect.isawaitable(result) else result

    def life_cycle(self, name: object) -> None:
        """A page came or went."""
        if name in LIFE_CYCLE:
            self._server.protocol.life_cycle_update(name)


def narrow_calls(wslink_server: Any, door: StateDoor) -> None:
    """Leave of trame's remote calls those the page needs, without tracebacks in answers."""
    for handler in wslink_server._ws_handlers:
        calls = handler.functionMap
        for name in set(calls) - ALLOWED_CALLS:
            del calls[name]
        for name, (owner, call) in calls.items():
            calls[name] = (owner, messages.forgiving(name, call))
        calls["trame.state.update"] = (door, StateDoor.update)
        calls["trame.trigger"] = (door, StateDoor.trigger)
        calls["trame.lifecycle.update"] = (door, StateDoor.life_cycle)
        handler.sendWrappedError = _without_trace(handler.sendWrappedError)
        messages.guard(handler)


def _without_trace(send: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def send_error(
        rpcid: str, code: int, message: str, data: object = None, client_id: str | None = None
    ) -> None:
        told = CLIENT_ONLY_MESSAGE if isinstance(data, dict) else data
        await send(rpcid, code, message, told, client_id=client_id)

    return send_error
