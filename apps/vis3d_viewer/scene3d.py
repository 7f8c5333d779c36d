"""The 3D scene, worked out from a study and the settings: pure functions only."""

from typing import TypeVar

import numpy as np

from vis3d.geometry import FloatArray
from vis3d.imaging import PLANES
from vis3d.rendering import INSIDE_PRESETS, transfer_function
from vis3d.rendering.modes import INSIDE, VEILS
from vis3d.rendering.volumes import visible_corners
from vis3d.scene import (
    Camera,
    ClipPlane,
    CropBox,
    Layer,
    Rotation,
    Scene,
    SliceLayer,
    SurfaceLayer,
    TransferFunction,
    VolumeLayer,
)
from vis3d.volume import Volume
from vis3d_viewer.planes import is_placed, is_straight, rotation
from vis3d_viewer.settings import HANDLES, VIEWS, Settings
from vis3d_viewer.smoothness import shown_surface
from vis3d_viewer.study import Study

Choice = TypeVar("Choice", bound=str)

AIRWAYS = "airways"

MANY_TRIANGLES = 20_000
"""A structure of more is drawn from its light copy while it moves."""


def compose(study: Study, settings: Settings) -> Scene:
    """The 3D scene: the volume, a surface for each structure, slices, cuts and handles."""
    layers = (*_volume(study, settings), *_surfaces(study, settings), *_slices(study, settings))
    return Scene(
        layers,
        Camera(view=_one_of(VIEWS, settings.view), parallel=settings.parallel),
        crop=crop_box(settings),
        clip=clip_plane(settings),
        handles=_one_of(HANDLES, settings.handles),
        marker=study.volume is None or is_placed(study.volume),
        ambient_occlusion=settings.ambient_occlusion,
    )


def lacks_inside(study: Study, settings: Settings) -> bool:
    """Whether a preset of air waits for its volume; others would show the air outside."""
    wanted = settings.show_volume and settings.preset in INSIDE_PRESETS
    return wanted and study.view_body is not None and study.inside_volume is None


def crop_box(settings: Settings) -> CropBox | None:
    """The box that the settings cut with."""
    if not settings.crop:
        return None
    x0, y0, z0, x1, y1, z1 = settings.crop
    return CropBox((x0, y0, z0), (x1, y1, z1))


def clip_plane(settings: Settings) -> ClipPlane | None:
    """The plane that the settings cut with."""
    if not settings.clip:
        return None
    x, y, z, nx, ny, nz = settings.clip
    return ClipPlane((x, y, z), (nx, ny, nz))


def cut_settings(cut: CropBox | ClipPlane) -> tuple[str, list[float]]:
    """The setting that holds a cut, and its value."""
    if isinstance(cut, CropBox):
        return "crop", [*cut.low_lps, *cut.high_lps]
    return "clip", [*cut.point_lps, *cut.normal_lps]


def first_crop(study: Study) -> list[float]:
    """A box round all there is, to be made smaller by hand."""
    corners = _corners(study)
    return [float(mm) for end in (corners.min(axis=0), corners.max(axis=0)) for mm in end]


def first_clip(study: Study) -> list[float]:
    """A coronal plane through the middle, which takes away the front."""
    corners = _corners(study)
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    return [*(float(mm) for mm in middle), 0.0, 1.0, 0.0]


def usual_opacity(name: str, shown: frozenset[str]) -> float:
    """How opaque a structure starts: less where it would hide another inside it."""
    kind = "lungs" if name.endswith("lung") else name
    return VEILS.get(name, 1.0) if shown.intersection(INSIDE.get(kind, ())) else 1.0


def opacity_of(label: int, study: Study, settings: Settings) -> float:
    """The opacity of a structure: what a person chose, else the usual one."""
    chosen = settings.opacity.get(str(label))
    if chosen is not None:
        return chosen
    return usual_opacity(study.structure(label).name, names_in_3d(study))


def names_in_3d(study: Study) -> frozenset[str]:
    """The names of what stands in 3D, for `usual_opacity`."""
    names = frozenset(structure.name for structure in study.structures)
    # The lungs would hide emphysema as they would hide the airways.
    return names if study.emphysema is None else names | {AIRWAYS}


def transfer_of(volume: Volume, settings: Settings) -> TransferFunction:
    """What the volume is seen through: one's own function, or the preset's."""
    preset = transfer_function(settings.preset, volume)
    if not settings.transfer:
        return preset
    points = tuple((v, r, g, b, o) for v, r, g, b, o in settings.transfer)
    return TransferFunction(points, preset.shaded, preset.blend)


def _volume(study: Study, settings: Settings) -> list[Layer]:
    shown = study.view_volume
    if settings.preset in INSIDE_PRESETS and study.inside_volume is not None:
        shown = study.inside_volume
    if shown is None:
        return []
    transfer = transfer_of(shown, settings) if settings.transfer else settings.preset
    visible = settings.show_volume and study.preview_surface is None  # it would be hidden
    return [VolumeLayer(shown, transfer, visible=visible)]


def _surfaces(study: Study, settings: Settings) -> list[Layer]:
    layers: list[Layer] = []
    for structure in study.structures:
        if structure.label in study.surfaces:
            surface = shown_surface(study, structure.label, settings)
            opacity = opacity_of(structure.label, study, settings)
            shown = settings.show_surfaces and structure.label not in settings.hidden
            visible = shown and opacity > 0
            tiled = study.tiles.get(structure.label)
            if tiled is None or surface is not study.surfaces[structure.label]:
                layers.append(SurfaceLayer(surface, structure.color, opacity, visible))
                continue
            many = tiled.triangle_count > MANY_TRIANGLES
            layers += [
                SurfaceLayer(
                    tile.surface,
                    structure.color,
                    opacity,
                    visible,
                    tile.light if many else None,
                )
                for tile in tiled.tiles.values()
            ]
    if settings.show_surfaces and study.emphysema is not None:
        layers.append(SurfaceLayer(study.emphysema.surface))
    if study.preview_surface is not None:
        layers.append(SurfaceLayer(study.preview_surface))
    return layers


def _slices(study: Study, settings: Settings) -> list[Layer]:
    if study.volume is None or not settings.slices_in_3d:
        return []
    x, y, z = settings.crosshair_lps
    window = (settings.window_center, settings.window_width)
    return [
        SliceLayer(study.volume, plane, (x, y, z), window, turn=_turn_of(settings, n))
        for n, plane in enumerate(PLANES)
    ]


def _turn_of(settings: Settings, n: int) -> Rotation | None:
    """How the n-th plane is turned; nothing where it follows the grid."""
    turn = settings.turns[4 * n : 4 * n + 4]
    if is_straight(turn):
        return None
    (a, b, c), (d, e, f), (g, h, i) = rotation(turn).tolist()
    return (a, b, c), (d, e, f), (g, h, i)


def _corners(study: Study) -> FloatArray:
    """The corners of the body, or of the surfaces where there is nothing else."""
    if study.view_volume is not None:
        skin = transfer_function("skin", study.view_volume)
        return visible_corners(study.view_volume, skin)
    return np.concatenate([surface.bounds_mm for surface in study.surfaces.values()])


def _one_of(known: tuple[Choice, ...], chosen: str) -> Choice:
    return next(one for one in known if one == chosen)
