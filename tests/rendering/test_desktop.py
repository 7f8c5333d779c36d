"""A window opens where there is a display, and says so where there is none."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.needs import need
from vis3d.errors import RequirementError
from vis3d.rendering import open_window
from vis3d.scene import Scene

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


@pytest.mark.skipif(sys.platform != "linux", reason="a virtual display is an X11 thing")
def test_a_window_shows_the_scene_until_it_is_closed() -> None:
    need(shutil.which("xvfb-run") is not None, "xvfb-run: apt-get install xvfb xauth")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("VTK_", "DISPLAY"))}
    shown = subprocess.run(
        ["xvfb-run", "-a", sys.executable, "-c", SHOW],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert "vtkXOpenGLRenderWindow (200, 300, 3) 0 True" in shown.stdout
