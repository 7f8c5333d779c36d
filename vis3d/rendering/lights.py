"""What lights a scene: a studio's lamps, one at the camera, one that fades with distance."""

from typing import Any

from vtkmodules.vtkRenderingCore import vtkLight, vtkLightKit

from vis3d.geometry import FloatArray


def studio_lights(renderer: Any) -> None:
    """A warm key light from above, a fill, two from behind, all moving with the camera."""
    kit = vtkLightKit()
    kit.SetKeyLightIntensity(0.85)
    kit.SetKeyToFillRatio(2.5)
    kit.SetKeyToHeadRatio(3.0)
    kit.SetKeyToBackRatio(3.5)
    kit.AddLightsToRenderer(renderer)


def headlight(renderer: Any) -> None:
    """One lamp at the camera.

    No headlight by VTK's name: with that OpenGL's ray caster draws brighter than the CPU's.
    """
    light = vtkLight()
    light.SetLightTypeToCameraLight()
    light.SetPosition(0.0, 0.0, 1.0)
    light.SetFocalPoint(0.0, 0.0, 0.0)
    renderer.AddLight(light)


class Torch:
    """A lamp that is carried along, and is half as bright after `half_mm`."""

    def __init__(self, renderer: Any, half_mm: float) -> None:
        renderer.RemoveAllLights()
        self._lamp = vtkLight()
        self._lamp.SetLightTypeToSceneLight()
        self._lamp.SetIntensity(1.2)
        self._lamp.PositionalOn()
        self._lamp.SetConeAngle(180)  # shines all round
        self._lamp.SetAttenuationValues(1.0, 0.0, 1 / half_mm**2)
        renderer.AddLight(self._lamp)

    def hold(self, position_lps: FloatArray, toward_lps: FloatArray) -> None:
        """Shine from here, in that direction."""
        self._lamp.SetPosition(position_lps.tolist())
        self._lamp.SetFocalPoint(toward_lps.tolist())
