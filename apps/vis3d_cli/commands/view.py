"""`vis3d view`: a window on the desktop."""

from collections.abc import Callable, Collection
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from vis3d.errors import UsageError
from vis3d.progress import Progress, part
from vis3d_cli import options, reading
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, How, Input, Which
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.scene import Scene
    from vis3d.volume import Finding, Volume

PRESET = "bone"


def view(
    input: Input,
    /,
    *,
    structures: Annotated[
        str | None,
        Parameter(metavar="NAME,...", help="Surfaces to show, instead of the whole scan."),
    ] = None,
    segmentation: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="A label map of this scan: show its surfaces."),
    ] = None,
    preset: Annotated[
        str,
        Parameter(metavar="NAME", help="The look at first: bone, lungs, vessels, skin ..."),
    ] = PRESET,
    which: Which = THE_ONLY_ONE,
    how: How = PLAIN,
) -> int:
    """Show a scan in a window.

    Keys: A P L R S I look from the patient's sides, 1 to 7 choose a look,
    T turns, C adds slices, H lists them all. INPUT may also be a surface file
    (.stl .ply ...). The browser explorer, vis3d serve, shows more.

    For example: vis3d view scans/chest --preset lungs
    """
    from vis3d.files import input_kind, read_surfaces
    from vis3d.rendering import open_window, require_display, surface_scene
    from vis3d_cli import scenes

    kind = input_kind(input)  # a path that isn't there is said first
    scenes.check_preset(preset)
    if kind == "surface" and (structures or segmentation):
        raise UsageError(f"{input.name} is a surface: it is shown as it is.")
    names = () if structures is None else options.names(structures)
    require_display()
    looks: dict[str, Callable[[], Scene]] = {}
    doubts: Collection[Finding] = ()
    with watching(how) as progress:
        if kind == "surface":
            scene = surface_scene(read_surfaces(input))
        elif names or segmentation is not None:
            scene, doubts = _surfaces(input, names, segmentation, which, how, progress)
        else:
            looks = _looks(input, which, how, progress)
            scene = looks[preset]()
    warnings = [one.message for one in doubts if one.severity != "note"]
    open_window(scene, "vis3d", looks=looks, warnings=warnings)
    return DONE


def _surfaces(
    path: Path,
    names: tuple[str, ...],
    segmentation: Path | None,
    which: options.Choice,
    how: options.Manner,
    progress: Progress,
) -> "tuple[Scene, Collection[Finding]]":
    """The structures' surfaces, and what to know of them."""
    from vis3d.labels import structure_labels
    from vis3d.rendering import surface_scene
    from vis3d.segmentation import segment
    from vis3d_cli import scenes

    if segmentation is None:
        structure_labels(names)  # an unknown name is said before the work
    volume = reading.load(path, which, how, part(progress, 0.0, 0.3))
    if segmentation is not None:
        labels = reading.shown_label_map(volume, segmentation, how, part(progress, 0.3, 0.8))
    else:
        labels = segment(volume, names, progress=part(progress, 0.3, 0.8))
        reading.say_doubts(labels.report.findings, volume, how)
    shown = scenes.surfaces(volume, labels, names, part(progress, 0.8, 1.0), light=True)
    return surface_scene(shown), labels.report.findings


def _looks(
    path: Path, which: options.Choice, how: options.Manner, progress: Progress
) -> "dict[str, Callable[[], Scene]]":
    """The scan through each preset; there are two volumes, one of them for what shows air."""
    from vis3d.rendering import INSIDE_PRESETS, VOLUME_PRESETS, volume_scene
    from vis3d.scene import Scene, VolumeLayer
    from vis3d_cli import scenes

    volume = reading.load(path, which, how, part(progress, 0.0, 0.4))
    body = scenes.body_of(volume, part(progress, 0.4, 1.0))

    @cache
    def shown(inside: bool) -> "Volume":
        (layer,) = volume_scene(
            volume, INSIDE_PRESETS[0] if inside else PRESET, body=body
        ).layers
        assert isinstance(layer, VolumeLayer)
        return layer.volume

    def look(name: str) -> "Scene":
        return Scene([VolumeLayer(shown(name in INSIDE_PRESETS), name)])

    return {name: partial(look, name) for name in VOLUME_PRESETS}
