"""A window opens where there is a display, and says so where there is none."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from vis3d_viewer.poses import orbit

from tests.needs import need
from tests.rendering.conftest import Ball
from vis3d.errors import RequirementError
from vis3d.files import write_volume
from vis3d.rendering import Stage, open_window
from vis3d.rendering.desktop import Keys
from vis3d.scene import Scene, VolumeLayer

SHOW = """
import numpy as np
from tests.rendering.conftest import sphere
from vis3d.rendering.desktop import opened
from vis3d.scene import Scene, SurfaceLayer

stage = opened(Scene([SurfaceLayer(sphere(np.zeros(3), 5.0))]), "chest", size=(300, 200))
stage.interactor.AddObserver("TimerEvent", lambda *_: stage.interactor.TerminateApp())
stage.interactor.CreateRepeatingTimer(50)
stage.interactor.Start()
pixels = stage.picture()
middle = pixels[100, 150]
print(stage.window.GetClassName(), pixels.shape, middle.argmax(), middle.max() > 100)
stage.close()
"""


def test_without_a_display_it_names_the_other_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(RequirementError, match="no display.*vis3d serve"):
        open_window(Scene(), "chest")


XVFB = ("xvfb-run", "-a", "-s", "-noreset -screen 0 1280x1024x24")
"""Without -noreset it starts anew when its last client goes, and is away for a moment."""


def looks_of(ball: Ball) -> dict[str, Callable[[], Scene]]:
    return {
        name: partial(Scene, [VolumeLayer(ball.volume, name)])
        for name in ("bone", "mip", "skin")
    }


@pytest.fixture
def keys(ball: Ball, make_stage: Callable[..., Stage]) -> Keys:
    stage = make_stage()
    scene = looks_of(ball)["bone"]()
    stage.show(scene)
    made = Keys(stage, scene, looks_of(ball))
    made.press("h")  # without the words
    return made


def test_letters_look_from_the_patients_sides(keys: Keys) -> None:
    camera = keys.stage.renderer.GetActiveCamera()
    for key, toward in (("a", (0, -1, 0)), ("P", (0, 1, 0)), ("l", (1, 0, 0)),
                        ("r", (-1, 0, 0)), ("s", (0, 0, 1)), ("i", (0, 0, -1))):  # fmt: skip
        keys.press(key)
        assert -np.array(camera.GetDirectionOfProjection()) @ toward == pytest.approx(1)
    keys.press("Home")
    assert -np.array(camera.GetDirectionOfProjection()) @ (0, -1, 0) == pytest.approx(1)


def test_arrows_turn_as_they_do_in_the_explorer(keys: Keys) -> None:
    camera = keys.stage.renderer.GetActiveCamera()
    for key, name in (("Left", "ArrowLeft"), ("Up", "ArrowUp"), ("Right", "ArrowRight"),
                      ("Down", "ArrowDown")):  # fmt: skip
        keys.press("a")
        orbit(keys.stage, name)
        expected = camera.GetDirectionOfProjection()
        keys.press("a")
        keys.press(key)
        assert camera.GetDirectionOfProjection() == pytest.approx(expected)
        assert -np.array(expected) @ (0, -1, 0) == pytest.approx(np.cos(np.radians(10)))


def test_numbers_choose_a_look_and_the_user_stays_where_he_stands(keys: Keys) -> None:
    keys.press("l")
    stood = keys.stage.renderer.GetActiveCamera().GetPosition()
    seen = []
    for key in "123":
        keys.press(key)
        seen.append(keys.stage.picture().astype(int))
        assert keys.stage.renderer.GetActiveCamera().GetPosition() == stood
    assert min(np.abs(seen[n] - seen[m]).max() for n, m in ((0, 1), (1, 2), (0, 2))) > 30
    keys.press("9")  # there is none
    assert np.array_equal(keys.stage.picture(), seen[2])


def test_other_keys_zoom_mark_cut_and_help(keys: Keys) -> None:
    def drawn() -> np.ndarray:
        keys.stage.render("fine")
        return keys.stage.picture().astype(int)

    before = drawn()
    for key in ("m", "c", "h"):
        keys.press(key)
        assert np.abs(drawn() - before).max() > 40
        keys.press(key)
        assert np.abs(drawn() - before).max() <= 3
    size = keys.stage.mm_per_pixel
    keys.press("plus")
    assert keys.stage.mm_per_pixel == pytest.approx(size / 1.25)
    keys.press("o")
    assert keys.stage.renderer.GetActiveCamera().GetParallelProjection()
    assert keys.stage.mm_per_pixel == pytest.approx(size / 1.25)
    keys.press("minus")
    assert keys.stage.mm_per_pixel == pytest.approx(size)


def test_warnings_stand_at_the_top_until_h(
    ball: Ball, make_stage: Callable[..., Stage]
) -> None:
    stage = make_stage()
    scene = looks_of(ball)["bone"]()
    stage.show(scene)
    stage.render("fine")
    bare = stage.picture().astype(int)
    keys = Keys(stage, scene, {}, ["The scan cuts the lungs.", "No trachea was found."])
    stage.render("fine")
    height = len(bare)
    changed = np.abs(stage.picture().astype(int) - bare).max(axis=(1, 2)) > 60
    lines = np.flatnonzero(np.diff(changed[: height // 2].astype(int)) == 1)
    assert changed[: height // 5].any()
    assert len(lines) >= 2
    keys.press("h")
    assert np.abs(stage.picture().astype(int) - bare).max() <= 3


@pytest.mark.skipif(sys.platform != "linux", reason="a virtual display is an X11 thing")
def test_a_window_shows_the_scene_until_it_is_closed() -> None:
    need(shutil.which("xvfb-run") is not None, "xvfb-run: apt-get install xvfb xauth")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("VTK_", "DISPLAY"))}
    shown = subprocess.run(
        [*XVFB, sys.executable, "-c", SHOW],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert "vtkXOpenGLRenderWindow (200, 300, 3) 0 True" in shown.stdout


PRESS = """
import sys
from vis3d.rendering import desktop
from vis3d_cli.main import main

opened = desktop.opened
middles = []

def pressing(*words, **options):
    stage = opened(*words, **{**options, "size": (300, 200)})
    keys = list("hl2t") + ["wait"] * 4 + ["t", "Escape"]

    def next_key(*_):
        key = keys.pop(0)
        if key != "wait":
            stage.interactor.SetKeySym(key)
            stage.interactor.InvokeEvent("KeyPressEvent")
        camera = stage.renderer.GetActiveCamera()
        middles.append([round(n, 3) for n in camera.GetDirectionOfProjection()])

    stage.interactor.AddObserver("TimerEvent", next_key)
    stage.interactor.CreateRepeatingTimer(30)
    return stage

desktop.opened = pressing
code = main(["view", sys.argv[1], "--quiet"])
print(code, middles[1], middles[-1] != middles[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a virtual display is an X11 thing")
def test_the_command_opens_a_window_whose_keys_work(ball: Ball, tmp_path: Path) -> None:
    need(shutil.which("xvfb-run") is not None, "xvfb-run: apt-get install xvfb xauth")
    write_volume(ball.volume, tmp_path / "ball.nii.gz")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("VTK_", "DISPLAY"))}
    shown = subprocess.run(
        [*XVFB, sys.executable, "-c", PRESS, str(tmp_path / "ball.nii.gz")],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert "0 [-1.0, 0.0, 0.0] True" in shown.stdout, shown.stdout + shown.stderr
