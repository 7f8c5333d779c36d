"""`vis3d render`: a picture or a turning movie."""

import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from vis3d.errors import RequirementError, UsageError
from vis3d.progress import Progress, part
from vis3d_cli import options, reading, say
from vis3d_cli.colors import color
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, Choice, How, Input, Which
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.labels import LabelMap
    from vis3d.rendering.paths import Side
    from vis3d.scene import Plane, Scene
    from vis3d.volume import Volume

Mode = Literal["volume", "surface", "mip", "minip", "slice", "montage"]
View = Literal["anterior", "posterior", "left", "right", "superior", "inferior"]

FLAT_MODES = ("slice", "montage")
VOLUME_MODES = ("volume", "mip", "minip")
AIRWAYS = ("airways", "left", "right")
SIDES: "dict[str, Side]" = {"left": "left", "right": "right"}
"""Where `--fly-through` finds its way by itself; anything else names a file."""
SUFFIXES = (".png", ".gif", ".webp", ".mp4")
STRUCTURES = ("lungs", "bones")
PRESET = "bone"
TURN_FRAMES = 60
"""A turn of 6 degrees a frame, where .gif or .mp4 is asked for without --frames."""
FLIGHT_FRAMES = 200
"""Ten seconds, for the airways about a mm a picture."""
MOST_FRAMES = 3600
FACING: "dict[str, Plane]" = {
    "anterior": "coronal",
    "posterior": "coronal",
    "left": "sagittal",
    "right": "sagittal",
    "superior": "axial",
    "inferior": "axial",
}
"""The plane one looks at from each side."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """How the picture of a 3D mode is taken."""

    azimuth: Annotated[
        float,
        Parameter(
            metavar="DEG",
            allow_leading_hyphen=True,
            help="Walk round the patient from the --view, towards the patient's left.",
        ),
    ] = 0.0
    elevation: Annotated[
        float,
        Parameter(metavar="DEG", allow_leading_hyphen=True, help="Rise above the --view."),
    ] = 0.0
    zoom: Annotated[float, Parameter(help="2 shows everything twice as large.")] = 1.0
    parallel: Annotated[bool, Parameter(help="Without perspective: sizes can be compared.")] = (
        False
    )
    background: Annotated[
        str | None,
        Parameter(metavar="COLOR", help="white, black, #rrggbb or (.png) transparent."),
    ] = None
    shadows: Annotated[
        bool,
        Parameter(negative="--no-shadows", help="Darken the hollows of surfaces."),
    ] = True
    marker: Annotated[bool, Parameter(help="Show which way the patient lies.")] = False
    scale_bar: Annotated[bool, Parameter(help="Show how long a cm is.")] = False


PLAINLY = Picture()
PICTURE = Group("Picture of a 3D mode", sort_key=7)


@dataclass(frozen=True)
class Wanted:
    """What the command line asks to see."""

    input: Path
    which: Choice
    mode: Mode
    names: tuple[str, ...]
    segmentation: Path | None
    preset: str | None
    view: View | None
    size: tuple[int, int]
    picture: Picture
    fly_through: str | None = None


def render(
    input: Input,
    /,
    *,
    output: Annotated[
        Path, Parameter(name=["--output", "-o"], help="A .png .gif .webp or .mp4 file.")
    ],
    mode: Annotated[Mode, Parameter(help="How to show it.")] = "surface",
    structures: Annotated[
        str | None,
        Parameter(
            metavar="NAME,...",
            help="Surfaces to show (lungs,bones), or labels to lay over slices (none).",
        ),
    ] = None,
    segmentation: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="A label map of this scan, instead of segmenting."),
    ] = None,
    preset: Annotated[
        str | None,
        Parameter(
            metavar="NAME", help="Colours of --mode volume: bone, lungs, vessels, skin ..."
        ),
    ] = None,
    view: Annotated[
        View | None,
        Parameter(
            help="The patient's side one looks from (anterior); for slice and montage the "
            "plane that faces it (axial)."
        ),
    ] = None,
    size: Annotated[str, Parameter(metavar="WxH", help="Pixels.")] = "1200x900",
    frames: Annotated[
        int | None,
        Parameter(
            metavar="N",
            help="A movie of one turn round the patient, or of the flight, in N pictures.",
        ),
    ] = None,
    fly_through: Annotated[
        str | None,
        Parameter(
            metavar="airways|left|right|FILE",
            help="A movie from inside: down the airways into the deepest branch, or into one "
            "lung; or along the places of a text file, a line L,P,S in mm each.",
        ),
    ] = None,
    picture: Annotated[Picture, Parameter(name="*", group=PICTURE)] = PLAINLY,
    which: Which = THE_ONLY_ONE,
    how: How = PLAIN,
) -> int:
    """Write a picture, a turning movie or a flight, without a screen.

    INPUT may also be a surface file (.stl .ply ...).

    For example: vis3d render scans/chest -o bones.png --structures bones
    """
    names = () if structures is None else options.names(structures)
    pixels = options.size(size)
    wanted = Wanted(
        input, which, mode, names, segmentation, preset, view, pixels, picture, fly_through
    )
    _check_together(wanted)
    reading.check_output(output, SUFFIXES, "pictures", sources=[input])
    if fly_through is not None:
        _check_flight(wanted, reading.suffix_of(output))
        frames = FLIGHT_FRAMES if frames is None else frames
    count = _frame_count(reading.suffix_of(output), mode, frames)
    if _is_transparent(picture) and (count > 1 or reading.suffix_of(output) != ".png"):
        raise UsageError("Only a single .png can be transparent here: give --background white.")
    if reading.suffix_of(output) == ".mp4":
        _require_ffmpeg()
    with watching(how) as progress:
        if mode in FLAT_MODES:
            pictures = iter([_flat_picture(wanted, how, part(progress, 0.0, 0.9))])
        elif fly_through is not None:
            pictures = _flight(wanted, count, how, progress)
        else:
            pictures = _turn(wanted, count, how, progress)
        _write(pictures, output, count)
    say.answer({"output": str(output)}, [f"{output}: written"], how)
    return DONE


def _check_together(wanted: Wanted) -> None:
    """No option is passed over in silence."""
    if wanted.mode in VOLUME_MODES and (wanted.names or wanted.segmentation):
        raise UsageError(
            f"--mode {wanted.mode} shows the whole scan: --structures and --segmentation go "
            "with the modes surface, slice and montage."
        )
    if wanted.mode in FLAT_MODES and wanted.picture != PLAINLY:
        raise UsageError(
            f"--mode {wanted.mode} has no camera: --azimuth, --background, --scale-bar and "
            "the like go with the other modes."
        )
    _check_camera(wanted.picture)
    if wanted.preset is not None:
        _check_preset(wanted.preset, wanted.mode)
    if wanted.names and wanted.segmentation is None:
        from vis3d.labels import structure_labels

        structure_labels(wanted.names)


def _check_flight(wanted: Wanted, suffix: str) -> None:
    """A flight has a camera of its own."""
    if suffix == ".png":
        raise UsageError("--fly-through is a movie: write a .gif, .webp or .mp4.")
    if wanted.mode in FLAT_MODES:
        raise UsageError(f"--fly-through goes through space; --mode {wanted.mode} is flat.")
    ground = wanted.picture.background
    if wanted.picture != replace(PLAINLY, background=ground) or wanted.view:
        raise UsageError(
            "--fly-through has a camera and a light of its own: leave --view, --azimuth, "
            "--zoom, --scale-bar and the like out."
        )
    if wanted.fly_through in AIRWAYS and (wanted.mode != "surface" or wanted.names):
        raise UsageError(
            f"--fly-through {wanted.fly_through} shows the airways from inside: leave --mode "
            "and --structures out, or give a file of places."
        )


def _check_camera(picture: Picture) -> None:
    if not all(math.isfinite(number) for number in (picture.azimuth, picture.elevation)):
        raise UsageError("--azimuth and --elevation take degrees.")
    if not 0 < picture.zoom < math.inf:
        raise UsageError("--zoom takes a number above 0.")
    if picture.background is not None:
        color(picture.background)


def _check_preset(preset: str, mode: Mode) -> None:
    if mode != "volume":
        raise UsageError(f"--preset goes with --mode volume, not with {mode}.")
    from vis3d_cli import scenes

    scenes.check_preset(preset)


def _frame_count(suffix: str, mode: Mode, frames: int | None) -> int:
    if frames is None:
        return TURN_FRAMES if suffix in (".gif", ".mp4") and mode not in FLAT_MODES else 1
    if not 1 <= frames <= MOST_FRAMES:
        raise UsageError(f"--frames takes a number from 1 to {MOST_FRAMES}.")
    if frames > 1 and mode in FLAT_MODES:
        raise UsageError(f"--frames is a turn round the patient; --mode {mode} can't turn.")
    if frames > 1 and suffix == ".png":
        raise UsageError("A .png holds one picture: for --frames write a .gif, .webp or .mp4.")
    return frames


def _require_ffmpeg() -> None:
    """Before the work: MP4 is the one format that needs another program."""
    if shutil.which("ffmpeg") is None and find_spec("imageio_ffmpeg") is None:
        raise RequirementError(
            'An .mp4 needs ffmpeg: apt-get install ffmpeg, or pip install "vis3d[movie]"; '
            ".gif and .webp need neither."
        )


def _flat_picture(wanted: Wanted, how: options.Manner, progress: Progress) -> Any:
    from vis3d_cli.flat import contact_sheet, middle_slice

    volume = reading.load(wanted.input, wanted.which, how, part(progress, 0.0, 0.4))
    labels = None
    if wanted.names or wanted.segmentation:
        labels = _labels(wanted, volume, wanted.names, how, part(progress, 0.4, 0.9))
    draw = middle_slice if wanted.mode == "slice" else contact_sheet
    plane = FACING[wanted.view or "superior"]
    return draw(volume, plane, wanted.size, labels, wanted.names)


def _turn(wanted: Wanted, count: int, how: options.Manner, progress: Progress) -> Iterator[Any]:
    from vis3d.rendering import frames, require_opengl
    from vis3d_cli.flat import told_below

    require_opengl()  # before the work: a machine that can't draw says so at once
    scene, doubts = _scene(wanted, how, part(progress, 0.0, 0.7), light=count > 1)
    scene = replace(
        scene, ambient_occlusion=wanted.picture.shadows, marker=wanted.picture.marker
    )
    ground = None if wanted.picture.background is None else color(wanted.picture.background)
    if ground is not None:
        scene = replace(scene, background=ground)
    transparent = _is_transparent(wanted.picture)
    pictures = frames(
        scene,
        count,
        wanted.size,
        transparent=transparent,
        scale_bar=wanted.picture.scale_bar,
        progress=part(progress, 0.7, 1.0),
    )
    # what is cut out is laid over something else
    return pictures if transparent else (told_below(one, doubts) for one in pictures)


def _flight(
    wanted: Wanted, count: int, how: options.Manner, progress: Progress
) -> Iterator[Any]:
    from vis3d.files import input_kind
    from vis3d.rendering import require_opengl
    from vis3d_cli import flights

    require_opengl()
    named = wanted.fly_through or ""
    if named in AIRWAYS:
        if input_kind(wanted.input) == "surface":
            raise UsageError("A surface file has no airways to find: give a file of places.")
        volume = reading.load(wanted.input, wanted.which, how, part(progress, 0.0, 0.2))
        labels = _labels(wanted, volume, ("airways",), how, part(progress, 0.2, 0.4))
        airways = labels.mask("airways")
        step = part(progress, 0.4, 0.6)
        scene, path = flights.through_airways(volume, airways, SIDES.get(named), step)
        torch_mm: float | None = flights.TORCH_MM
    else:
        path = flights.path_of(Path(named))
        scene, _ = _scene(wanted, how, part(progress, 0.0, 0.6), light=False)
        torch_mm = None
    if wanted.picture.background is not None:
        scene = replace(scene, background=color(wanted.picture.background) or scene.background)
    return flights.pictures(
        scene, path, count, wanted.size, torch_mm=torch_mm, progress=part(progress, 0.6, 1.0)
    )


def _is_transparent(picture: Picture) -> bool:
    return picture.background is not None and color(picture.background) is None


def _scene(
    wanted: Wanted, how: options.Manner, progress: Progress, *, light: bool
) -> "tuple[Scene, list[str]]":
    """What is shown, and what of it is in doubt."""
    from vis3d.files import input_kind, read_surfaces
    from vis3d.rendering import surface_scene, volume_scene
    from vis3d.scene import Camera
    from vis3d_cli import scenes
    from vis3d_cli.flat import doubts_of

    camera = Camera(
        wanted.view or "anterior",
        azimuth_degrees=wanted.picture.azimuth,
        elevation_degrees=wanted.picture.elevation,
        zoom=wanted.picture.zoom,
        parallel=wanted.picture.parallel,
    )
    if input_kind(wanted.input) == "surface":
        if wanted.mode != "surface" or wanted.names or wanted.segmentation:
            raise UsageError(f"{wanted.input.name} is a surface: it is shown as it is.")
        return surface_scene(read_surfaces(wanted.input), camera), []
    volume = reading.load(wanted.input, wanted.which, how, part(progress, 0.0, 0.3))
    if wanted.mode in VOLUME_MODES:
        body = scenes.body_of(volume, part(progress, 0.3, 1.0))
        return volume_scene(volume, _preset(wanted), camera, body=body), []
    names = wanted.names or (() if wanted.segmentation else STRUCTURES)
    labels = _labels(wanted, volume, names, how, part(progress, 0.3, 0.8))
    shown = scenes.surfaces(volume, labels, names, part(progress, 0.8, 1.0), light=light)
    return surface_scene(shown, camera), doubts_of(labels)


def _preset(wanted: Wanted) -> str:
    return (wanted.preset or PRESET) if wanted.mode == "volume" else wanted.mode


def _labels(
    wanted: Wanted,
    volume: "Volume",
    names: tuple[str, ...],
    how: options.Manner,
    progress: Progress,
) -> "LabelMap":
    if wanted.segmentation is not None:
        return reading.shown_label_map(volume, wanted.segmentation, how, progress)
    from vis3d.segmentation import segment

    labels = segment(volume, names, progress=progress)
    reading.say_doubts(labels.report.findings, volume, how)
    return labels


def _write(pictures: Iterator[Any], output: Path, count: int) -> None:
    from vis3d.imaging import PICTURE_SUFFIXES, write_picture

    if count == 1 and reading.suffix_of(output) in PICTURE_SUFFIXES:
        write_picture(next(pictures), output)
        return
    from vis3d.rendering import write_movie

    write_movie(pictures, output)
