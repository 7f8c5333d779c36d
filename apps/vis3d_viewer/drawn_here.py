"""Surfaces that the browser draws itself, on the computer before which a person sits.

It does so whenever surfaces alone are shown; volumes, slices, cuts and the turntable are
drawn by the server.
"""

import asyncio
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from aiohttp import web
from trame_vtk.modules import common

from vis3d.meshing.fairing import twice_area
from vis3d.scene import Scene, SurfaceLayer
from vis3d.surface import Surface
from vis3d.vtk_data import NORMALS
from vis3d_viewer.asked import finite, points_of
from vis3d_viewer.desk import Desk, by_name
from vis3d_viewer.poses import Pose

STATE: dict[str, Any] = {"drawn_here": None, "camera": {}, "projection": []}
"""The surfaces that the page draws, if it does, and where the server's camera stands."""

MAX_SCALE_MM = 1e5

TELL_EVERY_S = 0.2
"""How often a page hears of a camera on which nothing of it depends."""


class DrawnHere:
    """Tells the page which surfaces to draw, and the server where the page's camera stands."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._keys: dict[int, tuple[int, Surface]] = {}
        self._next = 1
        self._by = ""
        self._stood: Pose | None = None
        self._camera: tuple[list[float], Pose]
        self._telling: asyncio.TimerHandle | None = None

    @property
    def triggers(self) -> dict[str, Callable[..., None]]:
        """What the page can ask for, by name."""
        return by_name(self.stand)

    def show(self, scene: Scene) -> bool:
        """Have the page draw this scene, if it can and a person wants it; whether it does."""
        chosen = self._desk.settings
        layers = drawable(scene) if chosen.render_here and not chosen.turning else []
        kept = {id(layer.surface): layer.surface for layer in layers}
        self._keys = {number: self._keyed(number, one) for number, one in kept.items()}
        listed = [
            {
                "key": self._keys[id(layer.surface)][0],
                "color": [value / 255 for value in layer.color or layer.surface.color],
                "opacity": layer.opacity,
            }
            for layer in layers
        ]
        self._desk.update(drawn_here=listed or None)
        return bool(listed)

    def surface(self, key: int) -> Surface | None:
        """A surface that the page was told of."""
        return next((one for known, one in self._keys.values() if known == key), None)

    def stand(self, by: object, points: object, scale_mm: object) -> None:
        """The camera of page `by` stands at a position, looks at a focus, has this up."""
        ends = points_of(points, 3)
        scale = finite(scale_mm, 1e-3, MAX_SCALE_MM, "A scale in mm")
        if len(ends) == 3 and isinstance(by, str) and self._desk.view is not None:
            self._by = by[:40]
            self._stood = Pose(*ends, scale_mm=scale)
            self._desk.view.stand(self._stood)

    def moved(self, matrix: list[float], pose: Pose, *, marks: bool = True) -> None:
        """The server's camera stands so now: by a page's wish, or by its own.

        What the page draws over 3D follows by the camera's `matrix`: at once where it draws
        `marks` or surfaces. Else it hears of it now and then, for it works at each word.
        """
        self._camera = matrix, pose
        if marks or self._keys:
            self._tell()
        elif self._telling is None:
            loop = asyncio.get_running_loop()
            self._telling = loop.call_later(TELL_EVERY_S, self._tell)

    def _tell(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        matrix, pose = self._camera
        by = self._by if self._stood and stands_at(pose, self._stood) else ""
        self._desk.update(projection=matrix, camera={"by": by, **pose.as_dict()})

    def _keyed(self, number: int, surface: Surface) -> tuple[int, Surface]:
        known = self._keys.get(number)
        if known is None:
            known = (self._next, surface)
            self._next += 1
        return known


def drawable(scene: Scene) -> list[SurfaceLayer]:
    """The surfaces that are seen; none where there is more to be seen than surfaces."""
    seen = [layer for layer in scene.layers if layer.visible]
    surfaces = [layer for layer in seen if isinstance(layer, SurfaceLayer) and layer.opacity]
    alone = len(surfaces) == len(seen) and scene.crop is None and scene.clip is None
    return surfaces if alone else []


def packed(surface: Surface) -> bytes:
    """A surface for vtk.js, little-endian.

    The numbers of points and triangles (uint32); points and normals (float32, LPS mm);
    for each triangle a 3 and its corners (uint32).
    """
    normals = surface.point_data.get(NORMALS)
    if normals is None:
        area = twice_area(surface.points, surface.triangles)
        normals = area / np.maximum(np.linalg.norm(area, axis=1, keepdims=True), 1e-12)
    cells = np.empty((len(surface.triangles), 4), "<u4")
    cells[:, 0], cells[:, 1:] = 3, surface.triangles
    return b"".join(
        [
            struct.pack("<2I", len(surface.points), len(cells)),
            surface.points.astype("<f4").tobytes(),
            np.asarray(normals).astype("<f4").tobytes(),
            cells.tobytes(),
        ]
    )


def add_drawing_routes(app: web.Application, drawn: DrawnHere) -> None:
    """Put on the server: the surfaces, and vtk.js, which comes with trame-vtk."""

    async def surface(request: web.Request) -> web.Response:
        known = drawn.surface(int(request.match_info["key"]))
        if known is None:  # it went while the page asked, which hears of that, and is no error
            return web.Response(status=web.HTTPNoContent.status_code)
        body = await asyncio.to_thread(packed, known)
        return web.Response(body=body, content_type="application/octet-stream")

    app.add_routes(
        [
            web.get(r"/surface/{key:\d{1,9}}", surface),
            web.static("/vtkjs", common.serve_path),
        ]
    )


def stands_at(pose: Pose, wanted: Pose) -> bool:
    """Whether a camera stands where it was wanted; its projection is another matter."""
    ours, others = ([*one.position_lps, *one.focus_lps, *one.up_lps] for one in (pose, wanted))
    return bool(np.allclose(ours, others, atol=1e-2))
