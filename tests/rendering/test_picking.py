"""A ray is followed within the grid, however far away it begins."""

import tracemalloc

import numpy as np
import pytest

from tests.rendering.conftest import Ball
from vis3d.geometry import FloatArray
from vis3d.rendering import Stage
from vis3d.rendering.picking import first_seen
from vis3d.rendering.presets import transfer_function
from vis3d.scene import Scene, VolumeLayer

MEGABYTE = 1 << 20


def ends(ball: Ball, toward: FloatArray, away_mm: float) -> tuple[FloatArray, FloatArray]:
    center = np.asarray(ball.center_lps)
    return center - away_mm * toward, center + away_mm * toward


@pytest.mark.parametrize("toward", [(0, 1, 0), (0, 0, -1), (0.48, -0.6, 0.64)])
def test_a_ray_from_far_away_sees_what_one_from_near_sees(
    ball: Ball, toward: tuple[float, float, float]
) -> None:
    transfer = transfer_function("bone", ball.volume)
    direction = np.array(toward, float)
    near = first_seen(ball.volume, transfer, *ends(ball, direction, 200.0))
    tracemalloc.start()
    try:
        far = first_seen(ball.volume, transfer, *ends(ball, direction, 1e6))
        assert tracemalloc.get_traced_memory()[1] < 10 * MEGABYTE
    finally:
        tracemalloc.stop()
    assert near is not None
    assert far is not None
    assert np.linalg.norm(near - far) < min(ball.volume.geometry.spacing)
    aside = 1e3 * np.cross(direction, (0.3, 0.5, 0.8))
    start, stop = ends(ball, direction, 1e6)
    assert first_seen(ball.volume, transfer, start + aside, stop + aside) is None


def test_along_the_grid_and_beside_it(ball: Ball) -> None:
    transfer, geometry = transfer_function("bone", ball.volume), ball.volume.geometry
    middle = geometry.to_ijk(ball.center_lps)
    through = np.array([[-9, middle[1], middle[2]], [99, middle[1], middle[2]]])
    beside = through - (0, middle[1] + 3, 0)
    through, beside = geometry.to_lps(through), geometry.to_lps(beside)
    assert first_seen(ball.volume, transfer, *through) is not None
    assert first_seen(ball.volume, transfer, *beside) is None


def test_a_camera_that_stands_nowhere_sees_nothing(ball: Ball) -> None:
    stage = Stage((60, 40))
    try:
        stage.show(Scene([VolumeLayer(ball.volume, "bone")]))
        stage.render()
        stage._renderer.GetActiveCamera().SetPosition(*[float("nan")] * 3)
        assert stage.pick(30, 20) is None
    finally:
        stage.close()
