"""Which surfaces the browser draws, and what it gets of them."""

import asyncio
import struct
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from vis3d_viewer import scene3d
from vis3d_viewer.drawn_here import DrawnHere, add_drawing_routes, drawable, packed
from vis3d_viewer.poses import Pose
from vis3d_viewer.settings import Settings
from vis3d_viewer.view3d import View3D

from tests.vis3d_viewer.desks import PlainDesk
from tests.vis3d_viewer.scans import blob_lps, blob_study
from vis3d import meshing
from vis3d.errors import UsageError
from vis3d.scene import Scene, SurfaceLayer, VolumeLayer

ALONE = Settings(show_volume=False, render_here=True)
POSE = Pose((0, -500, 0), (0, 0, 0), (0, 0, 1), 120.0, 30.0)


class Eye:
    """Notes where a camera is put."""

    def __init__(self) -> None:
        self.stood: list[Pose] = []

    def stand(self, pose: Pose) -> None:
        self.stood.append(pose)


@pytest.fixture
def desk(tmp_path: Path) -> PlainDesk:
    desk = PlainDesk(blob_study(), tmp_path)
    desk.settings = ALONE
    return desk


def test_surfaces_alone_are_the_browsers_to_draw() -> None:
    study = blob_study()
    (layer,) = drawable(scene3d.compose(study, ALONE))
    assert layer.surface is study.surfaces[4]


@pytest.mark.parametrize(
    "more",
    [
        {"show_volume": True},
        {"slices_in_3d": True},
        {"crop": [0.0, 0.0, 0.0, 9.0, 9.0, 9.0]},
        {"clip": [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]},
        {"hidden": [4]},
        {"show_surfaces": False},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_the_browser_cannot_draw_is_left_to_the_server(more: dict[str, object]) -> None:
    scene = scene3d.compose(blob_study(), replace(ALONE, **more))  # type: ignore[arg-type]
    assert drawable(scene) == []


def test_the_page_hears_of_surfaces_by_keys_that_stay(desk: PlainDesk) -> None:
    here = DrawnHere(desk)
    study = blob_study()
    assert here.show(scene3d.compose(study, ALONE))
    (first,) = desk.state["drawn_here"]
    assert first["opacity"] == 1
    assert np.allclose(first["color"], np.array(study.structures[0].color) / 255)
    assert here.surface(first["key"]) is study.surfaces[4]
    here.show(scene3d.compose(study, replace(ALONE, opacity={"4": 0.5})))
    assert desk.state["drawn_here"] == [{**first, "opacity": 0.5}]
    other = replace(study, surfaces={4: meshing.extract_surface(study.masks[4])})
    here.show(scene3d.compose(other, ALONE))
    assert desk.state["drawn_here"][0]["key"] != first["key"]
    assert here.surface(first["key"]) is None, "what is no longer shown is forgotten"


def test_a_surface_that_went_while_the_page_asked_is_no_error(desk: PlainDesk) -> None:
    here = DrawnHere(desk)
    here.show(scene3d.compose(blob_study(), ALONE))
    key = desk.state["drawn_here"][0]["key"]

    async def asked() -> list[tuple[int, int]]:
        app = web.Application()
        add_drawing_routes(app, here)
        async with TestClient(TestServer(app)) as client:
            answers = [await client.get(f"/surface/{one}") for one in (key, key + 1)]
            return [(answer.status, len(await answer.read())) for answer in answers]

    (there, size), gone = asyncio.run(asked())
    assert there == 200
    assert size == len(packed(blob_study().surfaces[4]))
    assert gone == (204, 0), "a browser notes every other answer as an error"


@pytest.mark.parametrize("chosen", [{"render_here": False}, {"turning": True}])
def test_the_server_draws_unless_it_is_wished_otherwise(
    desk: PlainDesk, chosen: dict[str, bool]
) -> None:
    desk.choose_settings(**chosen)
    assert not DrawnHere(desk).show(scene3d.compose(blob_study(), ALONE))
    assert desk.state["drawn_here"] is None


def test_an_empty_scene_and_a_volume_alone_are_the_servers() -> None:
    study = blob_study()
    assert study.volume is not None
    assert drawable(Scene()) == []
    assert drawable(Scene([VolumeLayer(study.volume), SurfaceLayer(study.surfaces[4])])) == []


def test_a_packed_surface_says_where_its_triangles_lie_and_face() -> None:
    surface = meshing.extract_surface(blob_study().masks[4])
    data = packed(surface)
    points, cells = struct.unpack_from("<2I", data)
    assert (points, cells) == (len(surface.points), len(surface.triangles))
    floats = np.frombuffer(data, "<f4", 6 * points, 8).reshape(2, points, 3)
    triangles = np.frombuffer(data, "<u4", 4 * cells, 8 + 24 * points).reshape(cells, 4)
    assert len(data) == 8 + 24 * points + 16 * cells
    assert np.allclose(floats[0], surface.points, atol=1e-3)
    assert np.array_equal(triangles[:, 1:], surface.triangles)
    assert (triangles[:, 0] == 3).all()
    outwards = floats[0] - np.array(blob_lps(), np.float32)
    assert (np.einsum("ij,ij->i", floats[1], outwards) > 0).all()
    assert np.allclose(np.linalg.norm(floats[1], axis=1), 1, atol=1e-5)


def test_both_cameras_stand_together_and_none_hears_an_echo(desk: PlainDesk) -> None:
    here, eye = DrawnHere(desk), Eye()
    desk.view = cast(View3D, eye)
    points = [[0.0, -500.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    here.stand("a page", points, 120.0)
    assert (eye.stood[0].position_lps, eye.stood[0].scale_mm) == ((0, -500, 0), 120)
    here.moved([1.0] * 16, POSE)
    assert desk.state["camera"]["by"] == "a page"
    assert desk.state["camera"]["viewAngle"] == 30
    here.moved([2.0] * 16, replace(POSE, position_lps=(500.0, 0.0, 0.0)))
    assert desk.state["projection"] == [2.0] * 16
    assert desk.state["camera"]["by"] == "", "the server turned: the page follows"


def test_a_page_that_draws_nothing_hears_of_the_last_camera_only(
    desk: PlainDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vis3d_viewer.drawn_here.TELL_EVERY_S", 0.02)
    told: list[float] = []
    monkeypatch.setattr(desk, "update", lambda **new: told.append(new["projection"][0]))

    async def turn(*, marks: bool) -> None:
        here = DrawnHere(desk)
        for n in range(5):
            here.moved([float(n)] * 16, POSE, marks=marks)
        await asyncio.sleep(0.1)

    asyncio.run(turn(marks=False))
    assert told == [4]
    asyncio.run(turn(marks=True))
    assert told == [4, 0, 1, 2, 3, 4], "marks stay where they belong while it turns"


@pytest.mark.parametrize(
    "poor", [("a", [[0, 0]], 1.0), ("a", "b", 1.0), ("a", [[0, 0, 0]] * 3, -1.0)]
)
def test_a_camera_is_made_of_numbers(desk: PlainDesk, poor: tuple[object, ...]) -> None:
    with pytest.raises(UsageError):
        DrawnHere(desk).stand(*poor)


def test_two_points_are_no_camera(desk: PlainDesk) -> None:
    here, eye = DrawnHere(desk), Eye()
    desk.view = cast(View3D, eye)
    here.stand("a", [[0.0, 0.0, 0.0]] * 2, 5.0)
    assert eye.stood == []
