"""The same picture with and without a GPU, within a stated tolerance.

OpenGL's ray caster is run on software OpenGL here: what is compared are the two programs,
not a graphics card.
"""

from collections.abc import Callable

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from vis3d.phantom import Phantom, chest_phantom
from vis3d.rendering import VOLUME_PRESETS, Stage, volume_scene
from vis3d.scene import Camera

MEAN_GRAY = {"straight": 8.0, "oblique": 12.0}
"""Of 255, the mean difference of a channel over a picture; docs/commands.md states them."""

BACKGROUND_SHARE = 0.04
"""Of the picture, that one draws on and the other leaves free."""


@pytest.fixture(scope="module", params=["straight", "oblique"])
def posed(request: pytest.FixtureRequest) -> tuple[str, Phantom]:
    direction = np.eye(3) if request.param == "straight" else oblique_geometry().direction
    return request.param, chest_phantom(
        shape=(64, 80, 88), spacing=(4.4, 4.8, 5.0), direction=direction
    )


@pytest.mark.parametrize("preset", VOLUME_PRESETS)
def test_both_draw_the_same_picture(
    posed: tuple[str, Phantom], make_stage: Callable[..., Stage], preset: str
) -> None:
    pose, phantom = posed
    body = phantom.labels.mask("body")
    scene = volume_scene(phantom.volume, preset, Camera("anterior", 20, 10), body=body)
    pictures = []
    for on_cpu in (True, False):
        stage = make_stage((200, 150), volumes_on_cpu=on_cpu)
        stage.show(scene)
        stage.render("fine")
        pictures.append(stage.picture().astype(int))
    ground = pictures[0][:, :1]  # the gradient's own column
    drawn = [np.abs(one - ground).max(axis=-1) > 25 for one in pictures]
    assert drawn[0].mean() > 0.01
    assert (drawn[0] != drawn[1]).mean() <= BACKGROUND_SHARE
    assert np.abs(pictures[0] - pictures[1]).mean() <= MEAN_GRAY[pose]
