"""Surfaces that bring their own normals, and a light copy to draw while they move."""

import numpy as np
import pytest

from vis3d.rendering import Stage
from vis3d.scene import ClipPlane, Scene, SurfaceLayer
from vis3d.surface import Surface
from vis3d.vtk_data import NORMALS

SIZE = (120, 120)


def plate(half_mm: float, normal: tuple[float, float, float] | None = None) -> Surface:
    """A square that faces the front, y = 0."""
    corners = [(-1, 0, -1), (1, 0, -1), (1, 0, 1), (-1, 0, 1)]
    data = {} if normal is None else {NORMALS: np.tile(np.float32(normal), (4, 1))}
    points = np.array(corners, np.float32) * half_mm
    return Surface(points, np.array([[0, 1, 2], [0, 2, 3]]), "plate", (250, 250, 250), data)


def seen(stage: Stage, quality: str) -> np.ndarray:
    stage.render("coarse" if quality == "coarse" else "fine")
    return stage.picture().astype(float).mean(axis=2)


def lit(picture: np.ndarray) -> int:
    """How many pixels are brighter than the background."""
    return int((picture > 60).sum())


@pytest.fixture
def stage() -> Stage:
    return Stage(SIZE)


def test_the_light_copy_is_drawn_while_it_moves_and_the_whole_at_rest(stage: Stage) -> None:
    whole, light, other = plate(50.0), plate(20.0), plate(30.0)
    stage.show(Scene([SurfaceLayer(whole, light=light)]))
    fine, coarse = lit(seen(stage, "fine")), lit(seen(stage, "coarse"))
    assert coarse == pytest.approx(fine * 0.16, rel=0.1)
    assert lit(seen(stage, "fine")) == fine
    stage.show(Scene([SurfaceLayer(whole, light=other)]))
    assert lit(seen(stage, "coarse")) == pytest.approx(fine * 0.36, rel=0.1)
    stage.show(Scene([SurfaceLayer(whole)]))
    assert lit(seen(stage, "coarse")) == pytest.approx(fine, rel=0.03)


def test_given_normals_are_what_light_falls_on(stage: Stage) -> None:
    bright = []
    for normal in ((0.0, -1.0, 0.0), (0.98, -0.2, 0.0)):
        stage.show(Scene([SurfaceLayer(plate(50.0, normal))]))
        bright.append(seen(stage, "fine")[50:70, 50:70].mean())
    assert bright[0] > bright[1] + 20


def box(half_mm: float) -> Surface:
    """A closed box round the origin; its normals lead outwards from the middle."""
    corners = np.array(list(np.ndindex(2, 2, 2))) * 2.0 - 1
    quads = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    data = {NORMALS: (corners / np.sqrt(3)).astype(np.float32)}
    points = (corners * half_mm).astype(np.float32)
    return Surface(points, triangles, "box", (250, 250, 250), data)


def folded(surface: Surface) -> Surface:
    """The same with a small triangle before its front, seen from within, as folds are."""
    y = surface.points[:, 1].min() - 0.5
    fold = np.array([[-12, y, -12], [0, y, 12], [12, y, -12]], np.float32)
    first = len(surface.points)
    normals = np.concatenate([surface.point_data[NORMALS], np.tile((0, -1, 0), (3, 1))])
    return Surface(
        np.concatenate([surface.points, fold]),
        np.concatenate([surface.triangles, [[first, first + 1, first + 2]]]),
        surface.name,
        surface.color,
        {NORMALS: normals.astype(np.float32)},
    )


def test_small_folds_of_a_light_copy_are_not_seen_as_cracks(stage: Stage) -> None:
    plain, creased = box(40.0), folded(box(40.0))
    stage.show(Scene([SurfaceLayer(plain, light=creased)]))
    middle = (slice(50, 70), slice(50, 70))
    assert seen(stage, "coarse")[middle].min() > 100
    stage.show(Scene([SurfaceLayer(creased)]))
    assert seen(stage, "coarse")[middle].min() < 60, "a fold is dark by itself"


def test_the_inside_of_a_light_copy_is_seen_where_one_can_look_inside(stage: Stage) -> None:
    whole = box(40.0)
    cut = ClipPlane((0, 0, 0), (0, 1, 0))
    stage.show(Scene([SurfaceLayer(whole, light=whole)], clip=cut))
    coarse = lit(seen(stage, "coarse"))
    assert coarse == pytest.approx(lit(seen(stage, "fine")), rel=0.03)
    stage.show(Scene([SurfaceLayer(whole, light=whole)]))
    camera = stage.renderer.GetActiveCamera()
    camera.SetPosition(0, 0, 0)
    camera.SetFocalPoint(0, 100, 0)
    assert lit(seen(stage, "coarse")) == SIZE[0] * SIZE[1], "walls all round"


def stage_lit(stage: Stage) -> int:
    return lit(seen(stage, "coarse"))
