"""Where a camera stands, in numbers that server and browser exchange."""

from dataclasses import dataclass
from typing import Any

from vis3d.rendering import Stage, cameras

Point = tuple[float, float, float]

STEP_DEGREES = 10.0
ORBITS = {
    "ArrowLeft": (STEP_DEGREES, 0.0),
    "ArrowRight": (-STEP_DEGREES, 0.0),
    "ArrowUp": (0.0, -STEP_DEGREES),
    "ArrowDown": (0.0, STEP_DEGREES),
}
"""How keys turn a camera: degrees to the viewer's right and upwards."""

USUAL_ASPECT = 1.4
"""A chest with arms is about so many times as wide as it is high."""

ZOOMS = {"+": 1.1, "-": 1 / 1.1}


@dataclass(frozen=True)
class Pose:
    """A camera in LPS mm; `scale_mm` is half the height of a parallel picture.

    Its angle and kind of projection are told, and never asked for: see `stand`.
    """

    position_lps: Point
    focus_lps: Point
    up_lps: Point
    scale_mm: float
    angle_degrees: float = 0.0
    parallel: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As the page takes it, in the words of vtk.js."""
        return {
            "position": list(self.position_lps),
            "focalPoint": list(self.focus_lps),
            "viewUp": list(self.up_lps),
            "viewAngle": self.angle_degrees,
            "parallelScale": self.scale_mm,
            "parallelProjection": self.parallel,
        }


def pose_of(stage: Stage) -> Pose:
    """How the stage's camera stands, on the stage's thread."""
    camera = _camera(stage)
    return Pose(
        camera.GetPosition(),
        camera.GetFocalPoint(),
        camera.GetViewUp(),
        camera.GetParallelScale(),
        camera.GetViewAngle(),
        bool(camera.GetParallelProjection()),
    )


def stand(stage: Stage, pose: Pose) -> None:
    """Put the stage's camera there; angle and projection stay its own."""
    camera = _camera(stage)
    camera.SetPosition(pose.position_lps)
    camera.SetFocalPoint(pose.focus_lps)
    camera.SetViewUp(pose.up_lps)
    camera.SetParallelScale(pose.scale_mm)


def orbit(stage: Stage, key: str) -> None:
    """Turn the stage's camera round what it looks at, or zoom; see `ORBITS`."""
    if key in ZOOMS:
        _camera(stage).Zoom(ZOOMS[key])
        return
    cameras.orbit(_camera(stage), *ORBITS[key])


def refit(stage: Stage, size: tuple[int, int]) -> None:
    """Give the stage another size in pixels; what fitted before fits again, more or less."""
    before, after = (min(width / height, USUAL_ASPECT) for width, height in (stage.size, size))
    stage.resize(size)
    _camera(stage).Zoom(after / before)


def _camera(stage: Stage) -> Any:
    return stage.window.GetRenderers().GetFirstRenderer().GetActiveCamera()
