"""The phantom itself: a scan of the chest, and its truth on any grid."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vis3d.geometry import FloatArray, Geometry
from vis3d.labels import LabelMap
from vis3d.phantom.anatomy import Layer, Nodule, anatomy
from vis3d.phantom.canvas import EDGE, Canvas
from vis3d.progress import Progress, part, silent
from vis3d.volume import Volume

FIELD_OF_VIEW_MM = (384.0, 384.0, 320.0)
"""What is scanned unless spacings are given: left to right, front to back, feet to head."""


def _turned(degrees: float) -> FloatArray:
    """Turned by as much about each of the patient's axes in turn."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    about_l = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    about_p = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    about_s = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    turned: FloatArray = about_l @ about_p @ about_s
    return turned


ORIENTATIONS: dict[str, FloatArray] = {
    "axial": np.eye(3),
    "coronal": np.column_stack([(1.0, 0, 0), (0, 0, -1.0), (0, 1.0, 0)]),
    "sagittal": np.column_stack([(0, 1.0, 0), (0, 0, -1.0), (-1.0, 0, 0)]),
    "oblique": _turned(20),
}
"""Directions of usual slices: the i, j and k axes in the columns, LPS."""

AIR_HU = -1000.0
HU_LIMITS = (-1024, 3071)

EDGE_VOXELS = 1.2
"""Over how many voxels an edge fades: their own size and a little of the kernel's."""

LEAST_EDGE_MM = 0.7

SLAB_VOXELS = 2_000_000
"""How much is painted at once: small enough to answer a wish to stop in 0.2 s."""


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
        labels = np.zeros(geometry.shape, np.uint8)
        layers, _ = anatomy(self.seed)
        for rows, canvas in _painted(geometry.affine, geometry.shape, 0.0, layers, progress):
            labels[rows] = canvas.label_array()
        return LabelMap(labels, geometry)


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
    the whole of it. `direction` has the i, j and k axes in its columns (see
    `ORIENTATIONS`); a tilted gantry turns the slices about their rows while the table
    still moves along k. `seed` grows vessels and small airways, and draws the noise, whose
    standard deviation in tissue is `noise_hu`.

    Raises:
        ValueError: a shape, spacing or direction that makes no grid.
    """
    straight = _grid(shape, spacing, direction)
    affine = _tilted(straight, tilt_degrees)
    edge_mm = max(LEAST_EDGE_MM, EDGE_VOXELS * (1000 * straight.voxel_ml) ** (1 / 3))
    layers, nodules = anatomy(seed)
    rng = np.random.default_rng((seed, 1))
    labels = np.zeros(shape, np.uint8)
    scan = np.zeros(shape, np.int16)
    for rows, canvas in _painted(affine, shape, edge_mm, layers, progress):
        labels[rows] = canvas.label_array()
        hu = canvas.hu_array()
        _add_noise(hu, labels[rows], noise_hu, rng)
        scan[rows] = np.clip(np.rint(hu), *HU_LIMITS)
    geometry = _stack_grid(affine, straight) if tilt_degrees else straight
    metadata = {
        "modality": "CT",
        "description": "Chest phantom",
        "thickness_mm": straight.spacing[2],
        "contrast": False,
        "patient_position": "HFS",
        "windows": ((-600.0, 1500.0, "LUNG"), (40.0, 400.0, "MEDIASTINUM")),
        "source": "phantom",
    }
    volume = Volume(scan, geometry, "HU", metadata=metadata)
    origins = affine[:3, 3] + np.arange(shape[0])[:, None] * affine[:3, 2]
    return Phantom(volume, LabelMap(labels, geometry), origins, nodules, tilt_degrees, seed)


def _grid(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float] | None,
    direction: ArrayLike | None,
) -> Geometry:
    """The straight grid round the middle of the chest."""
    turned = np.eye(3) if direction is None else np.array(direction, float)
    along_axes_mm = np.abs(turned).T @ FIELD_OF_VIEW_MM
    i_mm, j_mm, k_mm = (along_axes_mm / shape[::-1]).tolist()
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
    """The grid of a tilted stack with its in-plane drift left out."""
    i_axis, j_axis = affine[:3, 0] / straight.spacing[0], affine[:3, 1] / straight.spacing[1]
    normal = np.cross(i_axis, j_axis)
    i_mm, j_mm, _ = straight.spacing
    x, y, z = affine[:3, 3].tolist()
    direction = np.column_stack([i_axis, j_axis, normal])
    spacing = (i_mm, j_mm, float(normal @ affine[:3, 2]))
    return Geometry(straight.shape, spacing, (x, y, z), direction)


def _painted(
    affine: FloatArray,
    shape: tuple[int, int, int],
    edge_mm: float,
    layers: tuple[Layer, ...],
    progress: Progress | None,
) -> Iterator[tuple[slice, Canvas]]:
    """The layers painted on one slab of slices after the other."""
    nk, nj, ni = shape
    depth = EDGE * max(1, SLAB_VOXELS // (EDGE * nj * ni))
    for start in range(0, nk, depth):
        slab = affine.copy()
        slab[:3, 3] += start * affine[:3, 2]
        stop = min(start + depth, nk)
        canvas = Canvas(slab, (stop - start, nj, ni), edge_mm, AIR_HU)
        tell = part(progress, start / nk, stop / nk)
        for number, layer in enumerate(layers):
            tell(number / len(layers), f"Painting {layer.name}")
            _paint(canvas, layer)
        yield slice(start, stop), canvas
    (progress or silent)(1.0, "Painted")


def _paint(canvas: Canvas, layer: Layer) -> None:
    reach = max((mm for mm, _ in layer.shells), default=0.0)
    sample = canvas.sample(layer.shape, reach)
    canvas.paint(sample, layer.hu, layer.label, layer.within_hu)
    around = layer.hu
    for mm, hu in layer.shells:
        canvas.paint(sample.shrunk(mm), hu, within_hu=around)
        around = hu
    if layer.shading is not None:
        canvas.shade(sample, layer.shading)


def _add_noise(
    hu: NDArray[np.float32],
    labels: NDArray[np.uint8],
    noise_hu: float,
    rng: np.random.Generator,
) -> None:
    """Noise as a smooth kernel leaves it: alike in neighbours, less of it in outside air."""
    for values, inside in zip(hu, labels > 0, strict=True):
        noise = rng.standard_normal(values.shape, dtype=np.float32)
        for axis in (0, 1):
            noise = 2 * noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
        # Weights 1 2 1 along both axes leave a standard deviation of 6.
        values += np.where(inside, noise_hu / 6, noise_hu / 12).astype(np.float32) * noise
