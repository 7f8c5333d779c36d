"""Surfaces that bring their own normals, and a light copy to draw while they move."""

import numpy as np
import pytest

from vis3d.rendering import Stage
from vis3d.scene import Scene, SurfaceLayer
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
