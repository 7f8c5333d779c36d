"""The address at which the page asks what is seen at a place in 3D."""

from collections.abc import Callable

from aiohttp import web

from vis3d_viewer.routes import finite_number
from vis3d_viewer.view3d import View3D


def add_pointing_route(app: web.Application, view: Callable[[], View3D | None]) -> None:
    """Put it on the server: `/pick?x=0.5&y=0.5`, shares of the view from the top left."""

    async def pick(request: web.Request) -> web.Response:
        try:
            x, y = (finite_number(request.query[name]) for name in ("x", "y"))
            if not (0 <= x <= 1 and 0 <= y <= 1):
                raise ValueError(x, y)
        except (KeyError, ValueError):
            raise web.HTTPBadRequest(text="A place in the view has x and y, 0 to 1.") from None
        shown = view()
        lps = await shown.pick(x, y) if shown is not None else None
        return web.json_response({"lps": None if lps is None else lps.tolist()})

    app.add_routes([web.get("/pick", pick)])
