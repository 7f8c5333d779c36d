"""What is painted in which order: each shape with its HU and its label."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from vis3d.labels import STRUCTURES
from vis3d.phantom import skeleton, torso, trees
from vis3d.phantom.canvas import Solid, Tubes
from vis3d.phantom.fields import Field, Floats, ellipsoid

_LABEL = {structure.name: structure.label for structure in STRUCTURES}
LEFT, RIGHT, AIRWAYS, BONES, BODY = (
    _LABEL[name] for name in ("left lung", "right lung", "airways", "bones", "body")
)


@dataclass(frozen=True)
class Layer:
    """A shape with its HU; without a label, what lies below keeps its own.

    `shells` are (mm, HU) pairs: what the shape holds further than that under its surface.
    `within_hu` is the value of what a shape lies wholly in, if it does. `shading` is added to
    the HU inside.
    """

    name: str
    shape: Solid | Tubes
    hu: float
    label: int | None = None
    shells: tuple[tuple[float, float], ...] = ()
    within_hu: float | None = None
    shading: Field | None = None


@dataclass(frozen=True)
class Nodule:
    """A solid ball in a lung; `at_pleura` where it touches the chest wall."""

    center_lps: tuple[float, float, float]
    radius_mm: float
    structure: str
    at_pleura: bool = False


NODULES = (
    Nodule((-72.0, -28.0, 42.0), 6.0, "right lung"),
    Nodule((-88.0, 38.0, -30.0), 4.0, "right lung"),
    Nodule((-50.0, 60.0, 60.0), 3.0, "right lung"),
    Nodule((74.0, -38.0, 45.0), 5.0, "left lung"),
    Nodule((92.0, 30.0, 5.0), 3.5, "left lung"),
)
"""Those that lie free in the lung, LPS mm."""


def anatomy(seed: int) -> tuple[tuple[Layer, ...], tuple[Nodule, ...]]:
    """The layers of a chest, lowest first, and its nodules; `seed` grows vessels."""
    rng = np.random.default_rng(seed)
    nodules = (*NODULES, _at_pleura(-1, 8.0, (-70.0, 20.0, -10.0), (-0.8, 0.6, 0.0)))
    layers = (
        *_support_and_trunk(),
        *_lungs_and_mediastinum(rng),
        *(_nodule(number, nodule) for number, nodule in enumerate(nodules, 1)),
        *_airways(rng),
        *_bones(),
    )
    return layers, nodules


def _support_and_trunk() -> tuple[Layer, ...]:
    return (
        Layer("mattress", torso.MATTRESS, -935),
        Layer("table", torso.TABLE, -180, shells=((2.5, -965),)),
        Layer("skin", torso.SKIN, 25, BODY),
        Layer("fat", torso.FAT, -105, within_hu=25),
        Layer("muscle", torso.MUSCLE, 55, within_hu=-105),
        Layer("fat of the chest wall", torso.CHEST_WALL_FAT, -85, within_hu=55),
        Layer("chest", torso.CHEST, -95, within_hu=55),
        Layer("neck muscles", skeleton.neck_muscles(), 55),
        Layer("diaphragm", torso.ABDOMEN, 50),
        Layer("abdominal fat", torso.ABDOMEN_FAT, -100),
        Layer("stomach", torso.STOMACH, 38),
        Layer("spleen", torso.SPLEEN, 52),
        Layer("liver", torso.LIVER, 60),
        Layer("gas", torso.STOMACH_GAS, -960),
    )


def _lungs_and_mediastinum(rng: np.random.Generator) -> tuple[Layer, ...]:
    return (
        Layer("right lung", torso.RIGHT_LUNG, -855, RIGHT, shading=_dependent),
        Layer("left lung", torso.LEFT_LUNG, -850, LEFT, shading=_dependent),
        Layer("heart", torso.HEART, 44, BODY),
        Layer("left atrium", torso.LEFT_ATRIUM, 42, BODY),
        Layer("descending aorta", torso.AORTA, 42, BODY),
        Layer("great vessels", trees.GREAT_VESSELS, 42, BODY),
        Layer("esophagus", trees.ESOPHAGUS, 32, BODY),
        Layer("pulmonary vessels", trees.pulmonary_vessels(rng), 40),
    )


def _nodule(number: int, nodule: Nodule) -> Layer:
    x, y, z = nodule.center_lps
    radius = nodule.radius_mm
    field = partial(ellipsoid, center=nodule.center_lps, radii=(radius, radius, radius))
    reach = radius + 4
    low, high = (x - reach, y - reach, z - reach), (x + reach, y + reach, z + reach)
    return Layer(f"nodule {number}", Solid(field, low, high), 30)


def _airways(rng: np.random.Generator) -> tuple[Layer, ...]:
    large = skeleton.joined((trees.TRACHEA, trees.RIGHT_BRONCHI, trees.LEFT_BRONCHI))
    small = trees.bronchioles(rng)
    return (
        Layer("walls of small airways", small.grown(0.7), -150),
        Layer("walls of large airways", large.grown(1.4), 25, BODY),
        Layer("small airways", small, -960, AIRWAYS),
        Layer("large airways", large, -995, AIRWAYS),
    )


def _bones() -> tuple[Layer, ...]:
    return (
        Layer("cartilages", skeleton.cartilages(), 95),
        Layer("discs", skeleton.DISCS, 85, BODY),
        Layer("vertebral bodies", skeleton.BODIES, 560, BONES, ((1.5, 190),)),
        Layer("vertebral arches", skeleton.vertebral_arches(), 620, BONES, ((1.7, 280),)),
        Layer("spinal canal", skeleton.CANAL, 8, BODY),
        Layer("spinal cord", skeleton.CORD, 38),
        Layer("ribs", skeleton.ribs(), 820, BONES, ((1.5, 240),)),
        Layer("sternum", skeleton.sternum(), 480, BONES, ((1.5, 140),)),
        Layer("clavicles", skeleton.clavicles(), 900, BONES, ((2.0, 260),)),
        Layer("shoulder blades", skeleton.shoulder_blades(), 640, BONES, ((2.2, 260),)),
    )


def _dependent(x: Floats, y: Floats, z: Floats) -> Floats:
    """Lung is denser where the patient lies on it."""
    return 0.32 * y


def _at_pleura(
    side: int,
    radius_mm: float,
    start: tuple[float, float, float],
    toward: tuple[float, float, float],
) -> Nodule:
    """A nodule whose middle lies a little inside the pleura, from `start` on `toward` it."""
    lung = torso.LEFT_LUNG if side > 0 else torso.RIGHT_LUNG
    steps = np.arange(0, 120, 0.1)
    x, y, z = (np.array(start)[:, None] + np.array(toward)[:, None] * steps).astype(np.float32)
    deep = lung.field(x, y, z) < -0.4 * radius_mm
    last = int(np.argmin(deep)) - 1
    center = (float(x[last]), float(y[last]), float(z[last]))
    return Nodule(center, radius_mm, "left lung" if side > 0 else "right lung", at_pleura=True)
