"""A window on the screen."""

from vis3d.rendering.stage import Stage
from vis3d.scene import Scene

SIZE = (1200, 900)


def open_window(scene: Scene, title: str = "vis3d", *, size: tuple[int, int] = SIZE) -> None:
    """Show the scene in a window until its user closes it: drag turns, wheel zooms.

    Raises:
        RequirementError: there is no display, or no OpenGL for it.
    """
    stage = opened(scene, title, size=size)
    try:
        stage.interactor.Start()
    finally:
        stage.close()


def opened(scene: Scene, title: str, *, size: tuple[int, int] = SIZE) -> Stage:
    """A stage on the screen that shows the scene and waits for its interactor's start."""
    stage = Stage(size, on_screen=True)
    stage.window.SetWindowName(title)
    stage.show(scene)
    stage.render()
    stage.interactor.Initialize()
    return stage
