"""A cube in a corner that says which way the patient lies."""

from typing import Any

import numpy as np
from vtkmodules.vtkRenderingAnnotation import vtkAnnotatedCubeActor
from vtkmodules.vtkRenderingCore import vtkRenderer

SIZE_PIXELS = 72

FACES = {"XPlus": "L", "XMinus": "R", "YPlus": "P", "YMinus": "A", "ZPlus": "S", "ZMinus": "I"}
COLORS = {"X": (0.35, 0.66, 0.90), "Y": (0.38, 0.77, 0.63), "Z": (0.91, 0.69, 0.29)}
"""Those of the sagittal, coronal and axial slices."""


class Marker:
    """The cube, in a renderer of its own over the scene's."""

    def __init__(self, window: Any) -> None:
        window.SetNumberOfLayers(2)
        self._window = window
        self._renderer = vtkRenderer()
        self._renderer.SetLayer(1)
        self._renderer.InteractiveOff()
        self._renderer.UseFXAAOn()
        self._renderer.AddActor(_cube())
        self._renderer.SetDraw(False)
        window.AddRenderer(self._renderer)

    def show(self, shown: bool) -> None:
        """Show it or not."""
        self._renderer.SetDraw(shown)

    def follow(self, camera: Any, share: float) -> None:
        """Turn as this camera does; the picture takes a share of the window's sides."""
        width, height = (min(1.0, SIZE_PIXELS / length) for length in self._window.GetSize())
        self._renderer.SetViewport(0, 0, share * width, share * height)
        mine = self._renderer.GetActiveCamera()
        toward = np.array(camera.GetPosition()) - camera.GetFocalPoint()
        mine.SetFocalPoint(0, 0, 0)
        mine.SetPosition((toward / np.linalg.norm(toward)).tolist())
        mine.SetViewUp(camera.GetViewUp())
        self._renderer.ResetCamera()


def _cube() -> vtkAnnotatedCubeActor:
    cube = vtkAnnotatedCubeActor()
    for face, letter in FACES.items():
        getattr(cube, f"Set{face}FaceText")(letter)
    cube.SetFaceTextScale(0.62)
    cube.SetXFaceTextRotation(0)  # letters stand upright for somebody who stands
    cube.SetYFaceTextRotation(0)
    cube.SetZFaceTextRotation(90)
    cube.GetCubeProperty().SetColor(0.16, 0.20, 0.26)
    cube.GetTextEdgesProperty().SetOpacity(0)
    for face in FACES:
        paint = getattr(cube, f"Get{face}FaceProperty")()
        paint.SetColor(COLORS[face[0]])
        paint.SetInterpolationToFlat()
        paint.LightingOff()
    return cube
