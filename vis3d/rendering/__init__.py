"""Scenes as pixels: VTK windows off and on the screen, cameras, volume presets."""

from vis3d.rendering.desktop import open_window
from vis3d.rendering.flight import Eye, eyes_along, flight
from vis3d.rendering.modes import airless_outside, surface_scene, volume_scene
from vis3d.rendering.movies import MOVIE_WRITERS, write_movie
from vis3d.rendering.opengl import renderer_is_software, require_display, require_opengl
from vis3d.rendering.paths import airway_path, path_through
from vis3d.rendering.presets import INSIDE_PRESETS, VOLUME_PRESETS, transfer_function
from vis3d.rendering.screenshots import frames, screenshot
from vis3d.rendering.stage import Stage

__all__ = [
    "INSIDE_PRESETS",
    "MOVIE_WRITERS",
    "VOLUME_PRESETS",
    "Eye",
    "Stage",
    "airless_outside",
    "airway_path",
    "eyes_along",
    "flight",
    "frames",
    "open_window",
    "path_through",
    "renderer_is_software",
    "require_display",
    "require_opengl",
    "screenshot",
    "surface_scene",
    "transfer_function",
    "volume_scene",
    "write_movie",
]
