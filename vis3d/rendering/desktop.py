"""A window on the screen, and what its keys do."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from textwrap import fill
from typing import Any, TypeAlias

import vtkmodules.vtkRenderingFreeType  # noqa: F401  (registers the drawing of words)
from vtkmodules.vtkRenderingCore import vtkTextActor

from vis3d.rendering import cameras
from vis3d.rendering.stage import Stage
from vis3d.scene import Camera, Layer, Scene, SliceLayer, View, VolumeLayer

SIZE = (1200, 900)
TURN_DEGREES, TURN_MS = 2.0, 40
ORBIT_DEGREES = 10.0
ZOOM = 1.25
MARGIN = 14
"""Pixels between the words and the window's edge."""
LINE = 130
"""Letters on a line of a window of 1200 pixels."""

Looks: TypeAlias = Mapping[str, Callable[[], Scene]]
"""Scenes by name, each made when it is asked for; the keys 1 to 9 choose among them."""

VIEW_KEYS: dict[str, View] = {
    "a": "anterior",
    "p": "posterior",
    "l": "left",
    "r": "right",
    "s": "superior",
    "i": "inferior",
}

HELP = """drag, arrows: turn    shift-drag: move    wheel, + and -: zoom
A P L R S I: look from the patient's side    Home: as at first
T: turntable    O: parallel    M: marker    C: slices    H: this help    Q, Esc: close"""


def open_window(
    scene: Scene,
    title: str = "vis3d",
    *,
    size: tuple[int, int] = SIZE,
    looks: Looks | None = None,
    warnings: Sequence[str] = (),
) -> None:
    """Show the scene in a window until its user closes it: drag turns, wheel zooms, H helps.

    The sentences of `warnings` stand on the window above the scene, until H.

    Raises:
        RequirementError: there is no display, or no OpenGL for it.
    """
    stage = opened(scene, title, size=size, looks=looks, warnings=warnings)
    try:
        stage.interactor.Start()
    finally:
        stage.close()


def opened(
    scene: Scene,
    title: str,
    *,
    size: tuple[int, int] = SIZE,
    looks: Looks | None = None,
    warnings: Sequence[str] = (),
) -> Stage:
    """A stage on the screen that shows the scene and waits for its interactor's start."""
    stage = Stage(size, on_screen=True)
    stage.window.SetWindowName(title)
    stage.show(scene)
    Keys(stage, scene, looks or {}, warnings)
    stage.render()
    stage.interactor.Initialize()
    return stage


class Keys:
    """What the keys of a window do to its stage."""

    def __init__(
        self, stage: Stage, scene: Scene, looks: Looks, warnings: Sequence[str] = ()
    ) -> None:
        self.stage, self.scene = stage, scene
        self._looks = list(looks.items())
        self._slices = False
        self._timer: int | None = None
        self._words = [_help(self._looks), _above(warnings)]
        for words in self._words:
            stage.renderer.AddViewProp(words)
        stage.interactor.AddObserver(
            "KeyPressEvent", lambda one, _: self.press(one.GetKeySym())
        )
        stage.interactor.AddObserver("TimerEvent", lambda *_: self._turn())

    def press(self, key: str | None) -> None:
        """Do what a key, named as X11 names it, stands for; others do nothing."""
        name = (key or "").lower()
        if name in VIEW_KEYS:
            self._look(Camera(VIEW_KEYS[name], parallel=self.scene.camera.parallel))
        elif name.isdigit() and 1 <= int(name) <= len(self._looks):
            self._choose(self._looks[int(name) - 1])
        elif name in _ACTIONS:
            _ACTIONS[name](self)
        else:
            return
        self.stage.render("fine")

    def _look(self, camera: Camera) -> None:
        self.scene = replace(self.scene, camera=camera)
        self.stage.look(camera)

    def _home(self) -> None:
        self._look(Camera(parallel=self.scene.camera.parallel))

    def _choose(self, look: tuple[str, Callable[[], Scene]]) -> None:
        """Another look at the same patient, from where the user stands."""
        _, make = look
        self.scene = replace(
            make(),
            camera=self.scene.camera,
            marker=self.scene.marker,
            background=self.scene.background,
        )
        self._show()

    def _show(self) -> None:
        layers = [*self.scene.layers, *(_slices_of(self.scene) if self._slices else ())]
        self.stage.show(replace(self.scene, layers=layers))

    def _cut(self) -> None:
        self._slices = not self._slices
        self._show()

    def _parallel(self) -> None:
        camera = self.scene.camera
        self.scene = replace(self.scene, camera=replace(camera, parallel=not camera.parallel))
        self._show()

    def _mark(self) -> None:
        self.scene = replace(self.scene, marker=not self.scene.marker)
        self._show()

    def _orbit(self, azimuth: float, elevation: float) -> None:
        """Look from a little farther to a side, as an arrow points in the explorer."""
        camera: Any = self.stage.renderer.GetActiveCamera()
        cameras.orbit(camera, azimuth * ORBIT_DEGREES, elevation * ORBIT_DEGREES)
        self.stage.renderer.ResetCameraClippingRange()

    def _zoom(self, factor: float) -> None:
        camera: Any = self.stage.renderer.GetActiveCamera()
        if camera.GetParallelProjection():
            camera.Zoom(factor)
        else:
            camera.Dolly(factor)

    def _rotate(self) -> None:
        """Begin to turn, or end it."""
        interactor = self.stage.interactor
        if self._timer is None:
            self._timer = interactor.CreateRepeatingTimer(TURN_MS)
        else:
            interactor.DestroyTimer(self._timer)
            self._timer = None

    def _turn(self) -> None:
        if self._timer is not None:
            self.stage.turn(TURN_DEGREES)
            self.stage.render("coarse")

    def _tell(self) -> None:
        for words in self._words:
            words.SetVisibility(not words.GetVisibility())

    def _close(self) -> None:
        self.stage.interactor.TerminateApp()


_ACTIONS: dict[str, Callable[[Keys], None]] = {
    "home": Keys._home,
    "t": Keys._rotate,
    "o": Keys._parallel,
    "m": Keys._mark,
    "c": Keys._cut,
    "h": Keys._tell,
    "plus": lambda keys: keys._zoom(ZOOM),
    "equal": lambda keys: keys._zoom(ZOOM),
    "minus": lambda keys: keys._zoom(1 / ZOOM),
    "kp_add": lambda keys: keys._zoom(ZOOM),
    "kp_subtract": lambda keys: keys._zoom(1 / ZOOM),
    "left": lambda keys: keys._orbit(1, 0),
    "right": lambda keys: keys._orbit(-1, 0),
    "up": lambda keys: keys._orbit(0, -1),
    "down": lambda keys: keys._orbit(0, 1),
    "q": Keys._close,
    "escape": Keys._close,
}


def _slices_of(scene: Scene) -> list[Layer]:
    """The three slices through the middle of the first volume there is."""
    volumes = [one.volume for one in scene.layers if isinstance(one, VolumeLayer)]
    planes = ("axial", "coronal", "sagittal")
    return [SliceLayer(volume, plane) for volume in volumes[:1] for plane in planes]  # type: ignore[arg-type]


def _help(looks: list[tuple[str, Callable[[], Scene]]]) -> Any:
    """What the keys do, at the bottom; it is there from the start, until H."""
    chosen = "    ".join(f"{n}: {name}" for n, (name, _) in enumerate(looks[:9], 1))
    words = _words(HELP + (f"\n{chosen}" if chosen else ""), (0.72, 0.76, 0.82))
    words.SetPosition(MARGIN, MARGIN)
    return words


def _above(warnings: Iterable[str]) -> Any:
    """What to know of the scene, at the top, wherever the window's size moves that."""
    words = _words("\n".join(fill(one, LINE) for one in warnings), (0.98, 0.75, 0.30))
    words.GetTextProperty().SetVerticalJustificationToTop()
    place = words.GetPositionCoordinate()
    place.SetCoordinateSystemToNormalizedViewport()
    place.SetValue(0.012, 0.984)
    return words


def _words(text: str, color: tuple[float, float, float]) -> Any:
    words = vtkTextActor()
    words.SetInput(text)
    style = words.GetTextProperty()
    style.SetFontSize(14)
    style.SetColor(*color)
    style.SetLineSpacing(1.25)
    return words
