"""Scenes as pixels: VTK windows off and on the screen, cameras, volume presets."""

from vis3d.rendering.opengl import renderer_is_software, require_opengl
from vis3d.rendering.presets import VOLUME_PRESETS
from vis3d.rendering.screenshots import frames, screenshot
from vis3d.rendering.stage import Stage

__all__ = [
    "VOLUME_PRESETS",
    "Stage",
    "frames",
    "renderer_is_software",
    "require_opengl",
    "screenshot",
]
