"""The phantom itself: a scan of the chest, and its truth on any grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vis3d.geometry import FloatArray, Geometry
from vis3d.labels import LabelMap
from vis3d.phantom.anatomy import Layer, Nodule, anatomy
from vis3d.phantom.canvas import Canvas
from vis3d.progress import Progress, part, silent
from vis3d.volume import Volume

FIELD_OF_VIEW_MM = (384.0, 384.0, 320.0)
"""What is scanned unless spacings are given: left to right, front to back, feet to head."""

AIR_HU = -1000.0


@dataclass(frozen=True, eq=False)
class Phantom:
    """A scan and its truth.

    With a tilted gantry slice k begins at `slice_origins_lps[k]` and not where
    `volume.geometry` says, which then is the stack straightened: a regular grid can't hold
    it. `labels` belong to the voxels of `volume` either way; `truth_on` gives the truth of
    any regular grid, such as the one that tilt correction makes.
    """

    volume: Volume
    labels: LabelMap
    slice_origins_lps: FloatArray
    nodules: tuple[Nodule, ...]
    tilt_degrees: float
    seed: int

    def truth_on(self, geometry: Geometry, *, progress: Progress | None = None) -> LabelMap:
        """The truth at the voxel centres of another grid in the same patient."""
        canvas = Canvas(geometry.affine, geometry.shape, 0.0, AIR_HU)
        _paint(canvas, anatomy(self.seed)[0], progress or silent)
        return LabelMap(canvas.label_array(), geometry)


def chest_phantom(
    *,
    shape: tuple[int, int, int] = (160, 256, 256),
    spacing: tuple[float, float, float] | None = None,
    direction: ArrayLike | None = None,
    tilt_degrees: float = 0.0,
    noise_hu: float = 15.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> Phantom:
    """A chest CT of a patient lying on the back, and which voxel is what.

    The grid lies round the middle of the chest, LPS (0, 0, 0); without `spacing` it covers
    the whole of it. `direction` has the i, j and k axes in its columns; a tilted gantry
    turns the slices about their rows while the table still moves along k. `seed` grows
    vessels and small airways, and draws the noise, whose standard deviation in tissue is
    `noise_hu`.

    Raises:
        ValueError: a shape, spacing or direction that makes no grid.
    """
    tell = progress or silent
    straight = _grid(shape, spacing, direction)
    affine = _tilted(straight, tilt_degrees)
    edge_mm = max(0.7, 1.2 * (1000 * straight.voxel_ml) ** (1 / 3))
    canvas = Canvas(affine, straight.shape, edge_mm, AIR_HU)
    layers, nodules = anatomy(seed)
    _paint(canvas, layers, part(tell, 0.0, 0.75))
    labels = canvas.label_array()
    hu = canvas.hu_array()
    tell(0.8, "Adding noise")
    _add_noise(hu, labels, noise_hu, np.random.default_rng(seed + 1))
    tell(0.95, "Rounding to HU")
    geometry = _stack_grid(affine, straight)
    metadata = {
        "modality": "CT",
        "description": "Chest phantom",
        "thickness_mm": straight.spacing[2],
        "contrast": False,
        "patient_position": "HFS",
        "windows": ((-600.0, 1500.0, "LUNG"), (40.0, 400.0, "MEDIASTINUM")),
        "source": "phantom",
    }
    volume = Volume(_to_int16(hu), geometry, "HU", metadata=metadata)
    origins = affine[:3, 3] + np.arange(shape[0])[:, None] * affine[:3, 2]
    tell(1.0, "Done")
    return Phantom(volume, LabelMap(labels, geometry), origins, nodules, tilt_degrees, seed)


def _grid(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float] | None,
    direction: ArrayLike | None,
) -> Geometry:
    """The straight grid round the middle of the chest."""
    i_mm, j_mm, k_mm = (mm / n for mm, n in zip(FIELD_OF_VIEW_MM, shape[::-1], strict=True))
    turned = np.eye(3) if direction is None else np.array(direction, float)
    middle = Geometry(shape, spacing or (i_mm, j_mm, k_mm), direction=turned)
    x, y, z = (-middle.center_lps).tolist()
    return Geometry(shape, middle.spacing, (x, y, z), turned)


def _tilted(straight: Geometry, tilt_degrees: float) -> FloatArray:
    """The affine of slices turned about their rows, each where its middle was."""
    affine = straight.affine
    turn = np.radians(tilt_degrees)
    j_mm, rows = straight.spacing[1], straight.shape[1]
    tilted = np.cos(turn) * straight.direction[:, 1] + np.sin(turn) * straight.direction[:, 2]
    affine[:3, 3] += (rows - 1) / 2 * (affine[:3, 1] - tilted * j_mm)
    affine[:3, 1] = tilted * j_mm
    return affine


def _stack_grid(affine: FloatArray, straight: Geometry) -> Geometry:
    """The grid of a stack with its in-plane drift left out; without tilt, its own."""
    i_axis, j_axis = affine[:3, 0] / straight.spacing[0], affine[:3, 1] / straight.spacing[1]
    normal = np.cross(i_axis, j_axis)
    i_mm, j_mm, _ = straight.spacing
    x, y, z = affine[:3, 3].tolist()
    direction = np.column_stack([i_axis, j_axis, normal])
    spacing = (i_mm, j_mm, float(normal @ affine[:3, 2]))
    return Geometry(straight.shape, spacing, (x, y, z), direction)


def _paint(canvas: Canvas, layers: tuple[Layer, ...], progress: Progress) -> None:
    for number, layer in enumerate(layers):
        progress(number / len(layers), f"Painting {layer.name}")
        reach = max((mm for mm, _ in layer.shells), default=0.0)
        sample = canvas.sample(layer.shape, reach)
        canvas.paint(sample, layer.hu, layer.label)
        for mm, hu in layer.shells:
            canvas.paint(sample.shrunk(mm), hu)
        if layer.shading is not None:
            canvas.shade(sample, layer.shading)


def _add_noise(
    hu: NDArray[np.float32],
    labels: NDArray[np.uint8],
    noise_hu: float,
    rng: np.random.Generator,
) -> None:
    """Noise as a smooth kernel leaves it: alike in neighbours, less of it in outside air."""
    for k in range(len(hu)):
        noise = rng.standard_normal(hu.shape[1:], dtype=np.float32)
        for axis in (0, 1):
            noise = 2 * noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
        scale = np.where(labels[k] > 0, np.float32(noise_hu / 6), np.float32(noise_hu / 12))
        hu[k] += scale * noise


def _to_int16(hu: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.clip(np.rint(hu), -1024, 3071).astype(np.int16)
