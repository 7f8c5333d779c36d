"""Scenes as pixels: VTK windows off and on the screen, cameras, volume presets."""

from vis3d.rendering.desktop import open_window
from vis3d.rendering.modes import (
    MODES,
    VIEW_PLANES,
    montage_picture,
    slice_picture,
    surface_scene,
    volume_scene,
)
from vis3d.rendering.movies import MOVIE_WRITERS, write_movie
from vis3d.rendering.opengl import renderer_is_software, require_display, require_opengl
from vis3d.rendering.presets import VOLUME_PRESETS
from vis3d.rendering.screenshots import frames, screenshot
from vis3d.rendering.stage import Stage

__all__ = [
    "MODES",
    "MOVIE_WRITERS",
    "VIEW_PLANES",
    "VOLUME_PRESETS",
    "Stage",
    "frames",
    "montage_picture",
    "open_window",
    "renderer_is_software",
    "require_display",
    "require_opengl",
    "screenshot",
    "slice_picture",
    "surface_scene",
    "volume_scene",
    "write_movie",
]
