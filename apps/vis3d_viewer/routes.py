"""The explorer's HTTP addresses: the page, slices, values, files to save."""

import asyncio
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from vis3d.errors import TooLargeError, UsageError, Vis3dError
from vis3d.imaging import PLANES, Plane, Window
from vis3d.imaging.stacks import Blend
from vis3d.volume import Volume
from vis3d_viewer import security
from vis3d_viewer.compose import value_at
from vis3d_viewer.opening import Opening
from vis3d_viewer.page import STATIC, page
from vis3d_viewer.planes import is_placed, plane_maps
from vis3d_viewer.settings import MAX_SLAB_MM
from vis3d_viewer.slices import SliceRequest, slice_jpeg
from vis3d_viewer.study import Study
from vis3d_viewer.uploads import check_size, received


def add_routes(
    app: web.Application,
    *,
    key: str,
    www: Path,
    study: Callable[[], Study | None],
    saved: Callable[[str], Path | None],
    door: security.Door = security.LOCAL,
    closing: Callable[[], bool] = lambda: False,
    idle_minutes: float = 0.0,
) -> None:
    """Put the explorer's addresses on trame's server, behind the gate.

    `study` is the one now open; `saved` finds a finished file by its ticket; `closing` says
    whether the program is ending.
    """
    security.limit_waiting(app)
    app.middlewares.insert(0, security.gate(key, door, closing))
    app.on_response_prepare.append(security.header_adder(door))
    _add_page(app, key, www, secure=door.secure, idle_minutes=idle_minutes)
    _add_slices(app, study)
    _add_saved(app, saved)


def _add_page(
    app: web.Application, key: str, www: Path, *, secure: bool, idle_minutes: float
) -> None:
    async def root(request: web.Request) -> web.Response:
        text = page(www, key, idle_minutes=idle_minutes)
        answer = web.Response(text=text, content_type="text/html")
        name = security.cookie_name(security.listening_port(request))
        answer.set_cookie(name, key, httponly=True, samesite="Strict", secure=secure)
        return answer

    async def alive(_request: web.Request) -> web.Response:
        return web.Response(text="yes")

    app.add_routes(
        [
            web.get("/", root),
            web.get("/index.html", root),
            web.get("/alive", alive),
            web.static("/static", STATIC),
        ]
    )


def _add_slices(app: web.Application, study: Callable[[], Study | None]) -> None:
    async def one_slice(request: web.Request) -> web.Response:
        wanted = slice_request(request.match_info["plane"], request.query)
        try:
            jpeg = await asyncio.to_thread(slice_jpeg, _open(study()), wanted)
        except UsageError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return web.Response(body=jpeg, content_type="image/jpeg")

    async def value(request: web.Request) -> web.Response:
        try:
            lps = [finite_number(request.query[axis]) for axis in ("l", "p", "s")]
        except (KeyError, ValueError):
            raise web.HTTPBadRequest(text="A point needs l, p and s in mm.") from None
        return web.json_response(value_at(_open(study()), lps))

    async def planes(request: web.Request) -> web.Response:
        volume = _volume(study())
        try:
            turns = _turns(request.query.get("turns", ""), len(PLANES))
        except ValueError:
            raise web.HTTPBadRequest(text="A turn is four numbers a plane.") from None
        return web.json_response(plane_maps(volume.geometry, turns, placed=is_placed(volume)))

    app.add_routes(
        [
            web.get("/slice/{plane}", one_slice),
            web.get("/value", value),
            web.get("/planes", planes),
        ]
    )


def _add_saved(app: web.Application, saved: Callable[[str], Path | None]) -> None:
    async def save(request: web.Request) -> web.StreamResponse:
        path = saved(request.match_info["ticket"])
        if path is None or not path.is_file():
            raise web.HTTPNotFound(text="This file is no longer there; make it again.")
        disposition = f'attachment; filename="{path.name}"'
        return web.FileResponse(path, headers={"Content-Disposition": disposition})

    app.add_routes([web.get("/saved/{ticket}", save)])


def add_opening_routes(app: web.Application, opening: Opening, folder: Path) -> None:
    """Put the addresses for uploads (into `folder`) and thumbnails on the server."""
    busy = asyncio.Lock()

    async def upload(request: web.Request) -> web.Response:
        if busy.locked():
            raise web.HTTPConflict(text="Another upload is going on.")
        async with busy:
            try:
                check_size(request.content_length, folder)
                async with received(await request.multipart(), folder) as complete:
                    ticket = opening.take_upload(complete)
            except TooLargeError as error:
                raise web.HTTPRequestEntityTooLarge(0, text=str(error)) from None
            # aiohttp asserts that what was sent is in parts, with fields that have names.
            except (Vis3dError, ValueError, AssertionError) as error:
                known = isinstance(error, Vis3dError)
                text = str(error) if known else "This is no upload."
                raise web.HTTPBadRequest(text=text) from None
        return web.json_response({"ticket": ticket})

    async def thumbnail(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        jpeg = await asyncio.to_thread(opening.thumbnails.jpeg, number)
        if jpeg is None:
            return web.Response(status=204)  # no picture is no fault of the page
        return web.Response(body=jpeg, content_type="image/jpeg")

    app.add_routes(
        [web.post("/upload", upload), web.get(r"/thumbnail/{number:\d{1,6}}", thumbnail)]
    )


def slice_request(plane: str, query: Any) -> SliceRequest:
    """The slice that an address asks for.

    `labels` are those shown, `opacity` that of their colours, as in
    `/slice/axial?index=12&center=40&width=400&labels=1,2&opacity=0.4`; `slab=mip&mm=10` asks
    for a slab, `turn=w,x,y,z` for a turned plane, `emphysema=1` for that overlay.

    Raises:
        aiohttp.web.HTTPBadRequest: something in it is missing or makes no sense.
    """
    try:
        labels = [int(label) for label in query.get("labels", "").split(",") if label]
        opacity = finite_number(query.get("opacity", "0"))
        if not 0 <= opacity <= 1 or len(labels) > 1000:
            raise ValueError(opacity)
        window = Window(finite_number(query["center"]), finite_number(query["width"]))
        opacities = tuple((label, opacity) for label in labels if opacity)
        blend, thickness_mm = _slab(query)
        (turn,) = _turns(query.get("turn", "1,0,0,0"), 1)
        return SliceRequest(
            _plane(plane),
            int(query["index"]),
            window,
            opacities,
            blend,
            thickness_mm,
            turn,
            emphysema="emphysema" in query,
        )
    except (KeyError, ValueError):
        raise web.HTTPBadRequest(text="There is no such slice.") from None


def _slab(query: Any) -> tuple[Blend | None, float]:
    """How a slab is blended, and its thickness in mm."""
    blends: dict[str, Blend] = {"mean": "mean", "mip": "mip", "minip": "minip"}
    if "slab" not in query:
        return None, 0.0
    thickness_mm = finite_number(query["mm"])
    if not 0 < thickness_mm <= MAX_SLAB_MM:
        raise ValueError(thickness_mm)
    return blends[query["slab"]], thickness_mm


def _turns(text: str, count: int) -> list[tuple[float, float, float, float]]:
    """Quaternions (w, x, y, z) of length 1."""
    numbers = [finite_number(number) for number in text.split(",")]
    if len(numbers) != 4 * count:
        raise ValueError(text)
    turns = []
    for n in range(0, len(numbers), 4):
        w, x, y, z = numbers[n : n + 4]
        if abs(math.hypot(w, x, y, z) - 1) > 1e-3:
            raise ValueError(text)
        turns.append((w, x, y, z))
    return turns


def _plane(name: str) -> Plane:
    for plane in PLANES:
        if plane == name:
            return plane
    raise UsageError(f"There is no plane {name!r}.")


def finite_number(text: str) -> float:
    """A finite number from an address.

    Raises:
        ValueError: it is none.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _open(study: Study | None) -> Study:
    if study is None or study.volume is None:
        raise web.HTTPNotFound(text="No scan is open.")
    return study


def _volume(study: Study | None) -> Volume:
    volume = _open(study).volume
    assert volume is not None
    return volume
