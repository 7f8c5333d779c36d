"""A flight through a scene: the camera goes along a way, looks ahead, and never rolls."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vis3d.errors import UsageError
from vis3d.geometry import FloatArray
from vis3d.progress import Progress, silent
from vis3d.rendering.lights import Torch, headlight
from vis3d.rendering.paths import STEP_MM
from vis3d.rendering.screenshots import SIZE, drawn
from vis3d.rendering.stage import Stage
from vis3d.scene import Scene

VIEW_ANGLE_DEGREES = 85.0
"""Wide, as the lens of a bronchoscope is."""

LOOK_AHEAD_MM = 16.0
CALM_MM = 6.0
"""Standard deviation of the smoothing of where one looks."""

ANTERIOR, SUPERIOR = np.array((0.0, -1.0, 0.0)), np.array((0.0, 0.0, 1.0))


@dataclass(frozen=True, eq=False)
class Eye:
    """A camera at a place in LPS mm: where it looks to, what is up, and how wide it sees."""

    position_lps: FloatArray
    toward_lps: FloatArray
    up: FloatArray
    angle_degrees: float = VIEW_ANGLE_DEGREES


def eyes_along(path_lps: FloatArray, count: int) -> list[Eye]:
    """`count` cameras along an even way (n, 3) with a point each mm, at a constant speed.

    Who looks towards the feet has the patient's front on top and the right side on the
    right, as a bronchoscopist at the head of the table; others have the head on top.

    Raises:
        UsageError: no camera, or no way.
    """
    if count < 1 or len(path_lps) < 2:
        raise UsageError("A flight needs a way and a positive number of pictures.")
    directions = _directions(path_lps)
    ups = _ups(directions)
    places = np.linspace(0, len(path_lps) - 1, count)

    def at(rows: FloatArray, place: float) -> FloatArray:
        before = int(min(place, len(rows) - 2))
        return np.asarray(rows[before] + (place - before) * (rows[before + 1] - rows[before]))

    eyes = []
    for place in places.tolist():
        position, ahead = at(path_lps, place), at(directions, place)
        eyes.append(Eye(position, position + LOOK_AHEAD_MM * ahead, at(ups, place)))
    return eyes


def flight(
    scene: Scene,
    eyes: Sequence[Eye],
    size: tuple[int, int] = SIZE,
    *,
    torch_mm: float | None = None,
    progress: Progress | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """What each eye sees of the scene, RGB (rows, columns, 3), one by one as they are drawn.

    The light is at the camera; with `torch_mm` it is half as bright so far away.

    Raises:
        RequirementError: this machine can't draw; the message says what to install.
        UsageError: no eye, or a size that isn't positive.
    """
    if not eyes or min(size) < 1:
        raise UsageError("A flight needs a positive width, height and number of pictures.")
    tell = progress or silent
    stage = Stage(size, exact=True)
    try:
        stage.show(scene)
        torch = _light(stage, torch_mm)
        for number, eye in enumerate(eyes):
            _look(stage, eye)
            if torch is not None:
                torch.hold(eye.position_lps, eye.toward_lps)
            what = f"drawing picture {number + 1} of {len(eyes)}"
            yield drawn(stage, partial(tell, number / len(eyes), what))
    finally:
        stage.close()


def _light(stage: Stage, torch_mm: float | None) -> Torch | None:
    """One lamp at the camera."""
    stage.renderer.RemoveAllLights()
    if torch_mm is not None:
        return Torch(stage.renderer, torch_mm)
    headlight(stage.renderer)
    return None


def _look(stage: Stage, eye: Eye) -> None:
    camera = stage.renderer.GetActiveCamera()
    camera.SetParallelProjection(False)
    camera.SetViewAngle(eye.angle_degrees)
    camera.SetPosition(eye.position_lps.tolist())
    camera.SetFocalPoint(eye.toward_lps.tolist())
    camera.SetViewUp(eye.up.tolist())


def _directions(path_lps: FloatArray) -> FloatArray:
    """Where one looks at each point: to a place ahead, calmly."""
    ahead = round(LOOK_AHEAD_MM / STEP_MM)
    last = path_lps[-1] - path_lps[max(0, len(path_lps) - 1 - ahead)]
    last = last / (np.linalg.norm(last) or 1.0)
    beyond = path_lps[-1] + last * STEP_MM * np.arange(1, ahead + 1)[:, None]
    longer = np.concatenate([path_lps, beyond])
    toward = longer[ahead:] - longer[: len(path_lps)]
    calm = ndimage.gaussian_filter1d(toward, CALM_MM / STEP_MM, axis=0, mode="nearest")
    lengths = np.linalg.norm(calm, axis=1, keepdims=True)
    return np.asarray(calm / np.maximum(lengths, 1e-9))


def _ups(directions: FloatArray) -> FloatArray:
    """What is up at each point: turned as little as the way allows."""
    first = ANTERIOR if abs(directions[0][2]) > 0.7 else SUPERIOR
    ups = [_across(first, directions[0])]
    for ahead in directions[1:]:
        ups.append(_across(ups[-1], ahead))
    return np.array(ups)


def _across(up: FloatArray, ahead: FloatArray) -> FloatArray:
    """The part of `up` at a right angle to where one looks, a mm long."""
    part = up - (up @ ahead) * ahead
    return np.asarray(part / np.linalg.norm(part))
