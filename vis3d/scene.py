"""What to show, as plain data: layers and a camera."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from vis3d.surface import Surface
from vis3d.volume import Volume

View: TypeAlias = Literal["anterior", "posterior", "left", "right", "superior", "inferior"]
Plane: TypeAlias = Literal["axial", "coronal", "sagittal"]
Blend: TypeAlias = Literal["composite", "mip", "minip"]
Rgb: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float, float]
Handles: TypeAlias = Literal["none", "box", "plane"]
Rotation: TypeAlias = tuple[Point, Point, Point]


@dataclass(frozen=True)
class TransferFunction:
    """Colour and opacity by value: rows of (HU, r, g, b, opacity), colours 0 to 1.

    `opacity` is that of 1 mm of tissue; `shaded` asks for light and shadow.
    """

    points: tuple[tuple[float, float, float, float, float], ...]
    shaded: bool = True
    blend: Blend = "composite"


@dataclass(frozen=True, eq=False)
class SurfaceLayer:
    """A surface, in its own colour unless another is given.

    `light` is a copy of fewer triangles to draw while the picture moves; the stage makes one
    of a large surface where none is given.
    """

    surface: Surface
    color: Rgb | None = None
    opacity: float = 1.0
    visible: bool = True
    light: Surface | None = None


@dataclass(frozen=True, eq=False)
class VolumeLayer:
    """A volume seen through a preset's name or a transfer function."""

    volume: Volume
    transfer: "str | TransferFunction" = "bone"
    opacity: float = 1.0
    visible: bool = True


@dataclass(frozen=True, eq=False)
class SliceLayer:
    """The cut through a volume at one point, windowed to grey, standing in the patient.

    `point_lps` is any point of the plane (the grid's middle by default); `turn` is a rotation
    (the rows of its matrix, in LPS) that turns the plane out of the grid.
    """

    volume: Volume
    plane: Plane = "axial"
    point_lps: tuple[float, float, float] | None = None
    window: tuple[float, float] | str = "default"
    visible: bool = True
    turn: Rotation | None = None


@dataclass(frozen=True)
class CropBox:
    """What of surfaces and volumes is shown: between two corners, along the patient's axes."""

    low_lps: Point
    high_lps: Point


@dataclass(frozen=True)
class ClipPlane:
    """What of surfaces and volumes is shown: that on the side to which the normal points."""

    point_lps: Point
    normal_lps: Point


Layer: TypeAlias = SurfaceLayer | VolumeLayer | SliceLayer


@dataclass(frozen=True)
class Camera:
    """Where the viewer stands: on the patient's `view` side, then turned and zoomed.

    `azimuth_degrees` turns round the patient's long axis, `elevation_degrees` over it.
    """

    view: View = "anterior"
    azimuth_degrees: float = 0.0
    elevation_degrees: float = 0.0
    zoom: float = 1.0
    parallel: bool = False


@dataclass(frozen=True, eq=False)
class Scene:
    """Layers, a camera and a background (RGB 0 to 255, top of the picture lighter).

    `crop` and `clip` cut surfaces and volumes, never slices; `handles` are those of the box
    or the plane, to be moved by hand. `marker` shows which way the patient lies.
    `ambient_occlusion` darkens the hollows of surfaces in pictures at rest.
    """

    layers: Sequence[Layer] = ()
    camera: Camera = field(default_factory=Camera)
    background: Rgb = (18, 22, 28)
    crop: CropBox | None = None
    clip: ClipPlane | None = None
    handles: Handles = "none"
    marker: bool = False
    ambient_occlusion: bool = False
