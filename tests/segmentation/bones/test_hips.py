"""Hips of the young and the old, on oblique grids of unequal sides."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import ndtr

from tests.conftest import oblique_geometry
from vis3d.geometry import Geometry
from vis3d.segmentation import segment
from vis3d.volume import Volume

Point = tuple[float, float, float]
Drawn = NDArray[np.float64]
BLUR_MM, HEAD_MM, JOINT_MM, WALL_MM = 0.6, 24.0, 3.5, 0.7


def upside_down(geometry: Geometry) -> Geometry:
    """The same grid turned half about its own i axis, as feet first and prone."""
    axes = np.array(geometry.direction) @ np.diag([1.0, -1.0, -1.0])
    return Geometry(geometry.shape, geometry.spacing, (120.0, -80.0, 60.0), axes)


FINE = oblique_geometry((90, 110, 125), (1.1, 1.3, 1.6))
THICK = upside_down(oblique_geometry((48, 115, 105), (1.3, 1.2, 3.0)))


def tube(at: Drawn, start: Point, end: Point, first_mm: float, last_mm: float) -> Drawn:
    """How far each place is from a tube that widens or narrows evenly; negative inside."""
    along = np.subtract(end, start)
    share = np.clip((at - start) @ along / (along @ along), 0, 1)
    off = np.linalg.norm(at - start - share[..., None] * along, axis=-1)
    return np.asarray(off - first_mm - share * (last_mm - first_mm))


def hip(
    geometry: Geometry, marrow_hu: float, grain_hu: float
) -> tuple[Volume, NDArray[np.bool_]]:
    """A thigh bone in its socket, in a thigh; its cortex is thin but in the shaft.

    The shaft holds fat, the rest marrow of one density with grains of 1.3 mm.
    """
    k, j, i = np.indices(geometry.shape)
    mid = (np.array(geometry.shape[::-1]) - 1) / 2
    # along the grid's own sides, so that the whole hip is seen however those lie
    at = (np.stack([i, j, k], axis=-1) - mid) * geometry.spacing
    random = np.random.default_rng(4)

    def grains(sd: float, mm: float) -> Drawn:
        noise = gaussian_filter(
            random.normal(size=geometry.shape), [mm / step for step in geometry.spacing[::-1]]
        )
        return np.asarray(noise * (sd / noise.std()))

    hu = np.full(geometry.shape, -1000.0)

    def draw(depth: Drawn, values: Drawn | float) -> None:
        share = ndtr(-depth / BLUR_MM)
        hu[...] += share * (values - hu)

    skin = np.hypot(at[..., 0], at[..., 1]) - 66
    draw(skin, -100.0)
    draw(skin + 6, -25.0)  # as patients have it, no specimen
    draw(skin + 12, 50 + grains(8, 3))
    marrow = marrow_hu + grains(grain_hu, 1.3)
    head = np.linalg.norm(at - (-14, 0, 12), axis=-1) - HEAD_MM
    neck = tube(at, (-10, 2, 8), (14, 6, -12), 16, 17)
    trochanter = tube(at, (20, 10, 6), (18, 8, -20), 12, 17)
    shaft = tube(at, (18, 8, -20), (4, 4, -140), 16, 13)
    femur = np.minimum(np.minimum(head, neck), np.minimum(trochanter, shaft))
    ahead = (at - (-14, 0, 12)) @ (0.72, -0.3, -0.62)
    socket = np.maximum(np.abs(head - JOINT_MM - 6) - 6, ahead - 4)
    draw(socket, 900.0)
    draw(socket + WALL_MM, marrow)
    draw(femur, 1000.0)
    wall = np.interp(at[..., 2], [-60, -30, -10], [4.0, 2.0, WALL_MM])
    fat = ndtr((at[..., 2] + 35) / 5)
    draw(femur + wall, fat * marrow - 60 * (1 - fat))
    hu += random.normal(0, 10, geometry.shape)
    values = np.rint(hu).astype(np.int16)
    return Volume(values, geometry, metadata={"modality": "CT"}), femur < 0


@pytest.mark.parametrize("geometry", [FINE, THICK], ids=["fine", "thick"])
@pytest.mark.parametrize(
    ("marrow_hu", "grain_hu"),
    [(250.0, 40.0), (420.0, 12.0), (60.0, 12.0), (30.0, 20.0)],
    ids=["grown up", "young and even", "old", "old and fatty"],
)
def test_a_thigh_bone_is_whole_however_even_its_marrow(
    geometry: Geometry, marrow_hu: float, grain_hu: float
) -> None:
    volume, femur = hip(geometry, marrow_hu, grain_hu)
    bones = segment(volume, ["bones"]).mask("bones").array
    assert np.mean(bones[femur]) > 0.96
