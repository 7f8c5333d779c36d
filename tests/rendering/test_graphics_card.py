"""A graphics card draws what software draws: the check for whoever has a card.

Run `pytest -m slow tests/rendering/test_graphics_card.py -rs` there. Each way of drawing has
a process of its own, for VTK keeps to the OpenGL that it met first.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import oblique_geometry
from vis3d.phantom import chest_phantom
from vis3d.rendering import VOLUME_PRESETS, Stage, surface_scene, volume_scene
from vis3d.rendering.opengl import OSMESA, VARIABLE, draws_in_software
from vis3d.scene import Camera, Scene, SliceLayer

SIZE = (400, 300)
MEAN_GRAY = {"solid": 2.0, "veils": 3.0, "slices": 2.0, "straight": 5.0, "oblique": 5.0}
"""Of 255, the mean difference of a channel over a picture, by what is drawn.

Volumes go through another program on a card (OpenGL's ray caster) than without one.
"""

CARD = ""
"""VTK's window as vis3d chooses it: a card's, where there is one."""

BY_CPU = "drawn by the CPU"

Pictures = dict[str, NDArray[np.uint8]]


def scenes() -> dict[str, Scene]:
    """What is drawn, named by its kind and what it shows."""
    from vis3d.meshing import extract_surface

    made = {}
    for pose, direction in (("straight", np.eye(3)), ("oblique", oblique_geometry().direction)):
        phantom = chest_phantom(
            shape=(64, 80, 88), spacing=(4.4, 4.8, 5.0), direction=direction
        )
        camera = Camera("anterior", 20, 10)
        body = phantom.labels.mask("body")
        for preset in VOLUME_PRESETS:
            made[f"{pose} {preset}"] = volume_scene(phantom.volume, preset, camera, body=body)
        names = ("bones", "left lung", "right lung", "body")
        shown = [extract_surface(phantom.labels.mask(one), phantom.volume) for one in names]
        made[f"solid {pose}"] = surface_scene(shown[:1], camera)
        made[f"veils {pose}"] = surface_scene(shown, camera)
        made[f"slices {pose}"] = Scene(
            [SliceLayer(phantom.volume, plane) for plane in ("axial", "coronal")], camera
        )
    return made


def draw_into(path: str) -> None:
    """Draw all scenes into an .npz file, which says too whether the CPU did it."""
    pictures: dict[str, object] = {}
    for name, scene in scenes().items():
        stage = Stage(SIZE, exact=True)
        stage.show(scene)
        stage.render("fine")
        pictures[name] = stage.picture()
        pictures[BY_CPU] = draws_in_software(stage.window)
        stage.close()
    np.savez(path, **pictures)  # type: ignore[arg-type]


def drawn_with(window_class: str, folder: Path) -> tuple[bool, Pictures]:
    """Whether the CPU drew the scenes in such a window, and their pictures."""
    path = folder / f"{window_class or 'chosen'}.npz"
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    if window_class:
        environment[VARIABLE] = window_class
    run = f"from {__name__} import draw_into; draw_into({str(path)!r})"
    answer = subprocess.run(
        [sys.executable, "-c", run],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    with np.load(path) as file:
        pictures = dict(file)
    return bool(pictures.pop(BY_CPU)), pictures


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def assert_alike(one: Pictures, other: Pictures) -> None:
    differences = {name: difference(picture, other[name]) for name, picture in one.items()}
    too_far = {
        name: round(gray, 2)
        for name, gray in differences.items()
        if gray > MEAN_GRAY[name.split()[0]]
    }
    assert not too_far


@pytest.mark.slow
def test_a_card_draws_what_software_draws(tmp_path: Path) -> None:
    here_by_cpu, here = drawn_with(CARD, tmp_path)
    there_by_cpu, there = drawn_with(OSMESA, tmp_path)
    assert there_by_cpu
    assert_alike(here, there)
    if here_by_cpu:
        pytest.skip("no graphics card here: only software was compared, with itself")
