"""Scenes as pixels: VTK windows off and on the screen, cameras, volume presets."""

from vis3d.rendering.desktop import open_window
from vis3d.rendering.modes import (
    surface_scene,
    volume_scene,
)
from vis3d.rendering.movies import MOVIE_WRITERS, write_movie
from vis3d.rendering.opengl import renderer_is_software, require_display, require_opengl
from vis3d.rendering.presets import VOLUME_PRESETS
from vis3d.rendering.screenshots import frames, screenshot
from vis3d.rendering.stage import Stage

__all__ = [
    "MOVIE_WRITERS",
    "VOLUME_PRESETS",
    "Stage",
    "frames",
    "open_window",
    "renderer_is_software",
    "require_display",
    "require_opengl",
    "screenshot",
    "surface_scene",
    "volume_scene",
    "write_movie",
]
