"""What `render` shows unasked."""

from dataclasses import replace

import numpy as np

from tests.rendering.conftest import Ball
from vis3d.rendering import surface_scene, volume_scene
from vis3d.scene import SurfaceLayer, VolumeLayer
from vis3d.volume import Mask, Volume


def opacities(names: list[str], ball: Ball) -> dict[str, float]:
    scene = surface_scene(replace(ball.surface, name=name) for name in names)
    layers = [layer for layer in scene.layers if isinstance(layer, SurfaceLayer)]
    return {layer.surface.name: layer.opacity for layer in layers}


def test_only_what_hides_another_becomes_a_veil(ball: Ball) -> None:
    assert set(opacities(["left lung", "right lung", "bones"], ball).values()) == {1.0}
    shown = opacities(["left lung", "airways", "body"], ball)
    assert shown["airways"] == 1.0
    assert 0 < shown["body"] < shown["left lung"] < 1
    assert opacities(["body"], ball) == {"body": 1.0}


def test_a_body_takes_away_what_lies_outside(ball: Ball) -> None:
    body = Mask(ball.volume.array > 0, ball.geometry, "body")
    table = ball.volume.with_array(ball.volume.array.copy())
    table.array[:, -2:] = 800
    (layer,) = volume_scene(table, "bone", body=body).layers
    assert isinstance(layer, VolumeLayer)
    assert (layer.volume.array[:, -2:] == -1024).all()
    assert layer.volume.array.max() == 1000


def test_airways_are_not_lost_in_the_air_outside(ball: Ball) -> None:
    air = np.full(ball.geometry.shape, -1000, np.int16)
    body = np.zeros(ball.geometry.shape, bool)
    body[5:25, 10:50, 10:70] = True
    air[body] = 0
    air[12:18, 25:35, 30:50] = -1000
    volume = Volume(air, ball.geometry)
    (layer,) = volume_scene(volume, "airways", body=Mask(body, ball.geometry)).layers
    assert isinstance(layer, VolumeLayer)
    thin = layer.volume.array < -900
    assert thin[14, 30, 40]
    assert not thin[~body].any()


def test_a_minimum_is_not_that_of_the_air_outside(ball: Ball) -> None:
    array = np.full(ball.geometry.shape, -1000, np.int16)
    array[5:25, 10:50, 10:70] = 0
    array[12:18, 25:35, 30:50] = -950
    body = np.zeros(ball.geometry.shape, bool)
    body[5:25, 10:50, 10:70] = True
    volume = Volume(array, ball.geometry)
    (layer,) = volume_scene(volume, "minip", body=Mask(body, ball.geometry)).layers
    assert isinstance(layer, VolumeLayer)
    shown = layer.volume.array
    assert np.argwhere(shown < -900).min(axis=0).tolist() == [12, 25, 30]
