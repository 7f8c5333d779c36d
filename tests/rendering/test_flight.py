"""A flight keeps to the middle, never rolls, and shows what lies ahead where it lies."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from tests.rendering.conftest import sphere
from vis3d.errors import Cancelled, InputError, UsageError
from vis3d.geometry import FloatArray, Geometry
from vis3d.rendering import Stage, airway_path, eyes_along, flight, path_through
from vis3d.scene import Scene, SurfaceLayer
from vis3d.volume import Mask

FORK = np.array((5.0, -20.0, 40.0))
TOP = FORK + np.array((0.0, -6.0, 60.0))
LEFT = FORK + np.array((28.0, 8.0, -30.0))
RIGHT = FORK + np.array((-34.0, 6.0, -40.0))
RADII_MM = {"trachea": 8.0, "left": 4.5, "right": 5.0}


def distance_to_line(points: FloatArray, start: FloatArray, stop: FloatArray) -> FloatArray:
    line = stop - start
    along = np.clip((points - start) @ line / (line @ line), 0, 1)
    return np.asarray(np.linalg.norm(points - start - along[..., None] * line, axis=-1))


def grid(spacing: tuple[float, float, float] = (0.9, 1.2, 1.9)) -> Geometry:
    """An oblique grid round the tree."""
    shape = (90, 110, 150)
    turned = oblique_geometry(shape, spacing)
    shift = FORK + np.array((0, 0, 8)) - turned.center_lps
    return replace(turned, origin=tuple(np.array(turned.origin) + shift))


def places_of(geometry: Geometry) -> FloatArray:
    """The centre (nk, nj, ni, 3) of each voxel."""
    return geometry.to_lps(np.stack(tuple(np.indices(geometry.shape)[::-1]), axis=-1))


@pytest.fixture(scope="module")
def tree() -> Mask:
    geometry = grid()
    places = places_of(geometry)
    pipes = (
        distance_to_line(places, TOP, FORK) < RADII_MM["trachea"],
        distance_to_line(places, FORK, LEFT) < RADII_MM["left"],
        distance_to_line(places, FORK, RIGHT) < RADII_MM["right"],
    )
    return Mask(np.logical_or.reduce(pipes), geometry, "airways")


@pytest.mark.parametrize(
    ("side", "end"), [("left", LEFT), ("right", RIGHT), (None, RIGHT)], ids=str
)
def test_the_way_keeps_to_the_middle_and_ends_where_it_is_wanted(
    tree: Mask, side: str | None, end: FloatArray
) -> None:
    path = airway_path(tree, side=side)  # type: ignore[arg-type]
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert np.allclose(steps, steps.mean(), atol=0.15)
    assert np.linalg.norm(path[0] - TOP) < 8
    assert np.linalg.norm(path[-1] - end) < 8
    off = np.minimum(distance_to_line(path, TOP, FORK), distance_to_line(path, FORK, end))
    assert off.mean() < 1.5
    assert off.max() < 4.0  # it cuts the bend at the fork


def test_the_way_ends_where_branches_become_narrow(tree: Mask) -> None:
    geometry = tree.geometry
    places = places_of(geometry)
    hair = distance_to_line(places, LEFT, LEFT + np.array((20.0, 0, -20.0))) < 1.6
    longer = replace(tree, array=tree.array | hair)
    path = airway_path(longer, side="left")
    assert np.linalg.norm(path[-1] - LEFT) < 8


def test_looking_for_the_way_stops_when_told(tree: Mask) -> None:
    def stop(fraction: float, what: str) -> None:
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        airway_path(tree, progress=stop)


def test_what_cannot_be_flown_is_refused(tree: Mask) -> None:
    empty = replace(tree, array=np.zeros_like(tree.array))
    with pytest.raises(InputError, match="no airways"):
        airway_path(empty)
    places = places_of(tree.geometry)
    pipe = replace(tree, array=distance_to_line(places, TOP, FORK) < 8)
    with pytest.raises(InputError, match="left lung"):
        airway_path(pipe, side="left")
    with pytest.raises(UsageError, match="two places"):
        path_through(np.array([(1.0, 2, 3), (1, 2, 3)]))
    with pytest.raises(UsageError, match="three numbers"):
        path_through(np.array([(1.0, 2), (1, 2)]))
    with pytest.raises(UsageError, match="positive number"):
        eyes_along(np.zeros((5, 3)), 0)


@pytest.mark.parametrize("far", [1e9, -1e300, np.nan, np.inf])
def test_a_way_far_from_any_scan_is_refused(far: float) -> None:
    with pytest.raises(InputError, match=r"Place 2 of the way, .* doesn't lie near the scan"):
        path_through(np.array([(0, 100, -600), (far, far, far)]))


def test_a_way_of_many_near_places_is_refused_where_it_is_too_long() -> None:
    there_and_back = np.array([(0.0, 0, 0), (0, 0, -900)] * 20)
    with pytest.raises(InputError, match=r"too long: 35.1 m, of at most 20 m"):
        path_through(there_and_back)


def test_a_way_goes_through_its_places() -> None:
    places = np.array([(0.0, 0, 0), (30, 5, -10), (50, 40, -60), (20, 60, -90)])
    path = path_through(places)
    for place in places:
        assert np.linalg.norm(path - place, axis=1).min() < 0.6
    assert np.allclose(np.linalg.norm(np.diff(path, axis=0), axis=1), 1, atol=0.05)
    straight = path_through(places[:2])
    assert distance_to_line(straight, places[0], places[1]).max() < 1e-9


def test_eyes_look_along_the_way_and_never_roll() -> None:
    angle = np.linspace(0, 2 * np.pi, 300)
    spiral = np.stack([40 * np.cos(angle), 40 * np.sin(angle), -60 * angle], axis=1)
    eyes = eyes_along(path_through(spiral[::20]), 120)
    ahead = np.array([eye.toward_lps - eye.position_lps for eye in eyes])
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    ups = np.array([eye.up for eye in eyes])
    moved = np.diff([eye.position_lps for eye in eyes], axis=0)
    assert (np.sum(ahead[:-1] * moved, axis=1) > 0.9 * np.linalg.norm(moved, axis=1)).all()
    assert np.abs(np.sum(ahead * ups, axis=1)).max() < 0.02
    assert np.sum(ups[1:] * ups[:-1], axis=1).min() > 0.99
    speeds = np.linalg.norm(moved, axis=1)
    assert speeds.std() < 0.02 * speeds.mean()


def test_towards_the_feet_the_right_lung_is_on_the_right(
    make_stage: Callable[..., Stage],
) -> None:
    make_stage()  # skips where there is no OpenGL
    right = replace(sphere(np.array((-12.0, 0, -60)), 5.0), color=(240, 30, 20))
    front = replace(sphere(np.array((0.0, -12, -60)), 5.0), color=(20, 30, 240))
    scene = Scene([SurfaceLayer(right), SurfaceLayer(front)], background=(0, 0, 0))
    eyes = eyes_along(path_through(np.array([(0.0, 0, 0), (0, 0, -40)])), 3)
    pixels = next(flight(scene, eyes, (120, 90))).astype(int)
    rows, columns = np.nonzero(pixels[..., 0] - pixels[..., 2] > 60)
    assert columns.mean() > 65
    assert abs(rows.mean() - 44.5) < 2
    rows, columns = np.nonzero(pixels[..., 2] - pixels[..., 0] > 60)
    assert rows.mean() < 40
    assert abs(columns.mean() - 59.5) < 2


def test_a_torch_shows_what_is_near_brighter(make_stage: Callable[..., Stage]) -> None:
    make_stage()
    balls = [
        SurfaceLayer(replace(sphere(np.array((x, 0.0, z)), r), color=(200, 200, 200)))
        for x, z, r in ((-10, -40, 4.0), (40, -160, 16.0))
    ]
    eyes = eyes_along(path_through(np.array([(0.0, 0, 0), (0, 0, -10)])), 1)
    shown = []
    for torch_mm in (None, 40.0):
        (pixels,) = flight(
            Scene(balls, background=(0, 0, 0)), eyes, (120, 90), torch_mm=torch_mm
        )
        shown.append((pixels[:, :60].max(), pixels[:, 60:].max()))
    even, faded = shown
    near_right = eyes[0]
    assert near_right.up[1] == pytest.approx(-1)
    assert abs(int(even[0]) - int(even[1])) < 30
    assert faded[1] > 2 * faded[0] > 0  # L -10 is the patient's right, on the right


def test_a_flight_stops_when_told(make_stage: Callable[..., Stage]) -> None:
    make_stage()

    def stop(fraction: float, what: str) -> None:
        assert what.startswith("drawing picture")
        if fraction >= 0.5:
            raise Cancelled

    eyes = eyes_along(path_through(np.array([(0.0, 0, 0), (0, 0, -10)])), 4)
    scene = Scene([SurfaceLayer(sphere(np.array((0.0, 0, -60)), 5.0))])
    with pytest.raises(Cancelled):
        list(flight(scene, eyes, (60, 40), progress=stop))
