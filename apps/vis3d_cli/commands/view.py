"""`vis3d view`: a window on the desktop."""

from typing import TYPE_CHECKING

from vis3d.progress import Progress, part
from vis3d_cli import options, reading
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, How, Input, Which
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.scene import Scene

PRESET = "bone"


def view(input: Input, /, *, which: Which = THE_ONLY_ONE, how: How = PLAIN) -> int:
    """Show a scan in a window.

    INPUT may also be a surface file (.stl .ply ...). The browser explorer,
    vis3d serve, shows more.

    For example: vis3d view scans/chest
    """
    from vis3d.files import input_kind
    from vis3d.rendering import open_window, require_display

    input_kind(input)  # a path that isn't there is said first
    require_display()
    with watching(how) as progress:
        scene = _scene(input, which, how, progress)
    open_window(scene, "vis3d")
    return DONE


def _scene(
    path: Input, which: options.Choice, how: options.Manner, progress: Progress
) -> "Scene":
    from vis3d.files import input_kind, read_surfaces
    from vis3d.rendering import surface_scene, volume_scene
    from vis3d_cli import scenes

    if input_kind(path) == "surface":
        return surface_scene(read_surfaces(path))
    volume = reading.load(path, which, how, part(progress, 0.0, 0.4))
    body = scenes.body_of(volume, part(progress, 0.4, 1.0))
    return volume_scene(volume, PRESET, body=body)
