"""Ears, and what the field of view leaves of arms, are body though they are thin or small."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.segmentation.body.test_small_bodies import body_in, limb, middle_mm
from tests.segmentation.simple_chest import chest, dice, turned
from vis3d.geometry import Geometry
from vis3d.segmentation import segment
from vis3d.volume import Volume

Floats = NDArray[np.float64]


def slanting(width_mm: float, spacing: tuple[float, float, float]) -> Geometry:
    """A field of view as wide, with 30 slices, turned about two axes."""
    shape = (30, round(width_mm * 1.1 / spacing[1]), round(width_mm / spacing[0]))
    direction = turned(9).direction @ turned(-7, axis=0).direction
    return Geometry(shape, spacing, (3.0, -8.0, 20.0), direction)


def ear_with_rim(x: Floats, y: Floats, z: Floats) -> NDArray[np.bool_]:
    """A plate that stands off the right side of a head of 75 x 95 mm, and its bent rim."""
    high = np.abs(z) < 14
    plate = (x < -70) & (x > -98) & (np.abs(y - 12) < 2.5)
    return high & (plate | ((np.abs(x + 96) < 2.5) & (y > 12) & (y < 22)))


@pytest.mark.parametrize("width_mm", [240, 280])  # cores on a grid of 2 mm and of 4 mm
@pytest.mark.parametrize("holder", [True, False])
def test_an_ear_is_body_and_the_holder_that_it_touches_is_not(
    width_mm: float, *, holder: bool
) -> None:
    geometry = slanting(width_mm, (0.9, 0.8, 2.2))
    x, y, z = middle_mm(geometry)
    hu = np.full(geometry.shape, -1000.0)
    head = limb(hu, np.hypot(x, y * 75 / 95), 75)
    ear = ear_with_rim(x, y, z)
    hu[ear & ~head] = 40
    plate = (np.abs(x + 100.5) < 2) & (y < 90) & (y > -20)
    if holder:
        hu[plate] = 500
    body = body_in(hu, geometry)
    assert np.mean(body[ear]) > 0.9
    assert np.mean(body[plate]) < 0.05
    assert dice(body, head | ear) > 0.998


def test_a_tube_that_leads_away_from_a_head_is_no_ear() -> None:
    geometry = slanting(260, (0.9, 0.8, 2.2))
    x, y, z = middle_mm(geometry)
    hu = np.full(geometry.shape, -1000.0)
    head = limb(hu, np.hypot(x, y * 75 / 95), 75)
    tube = (np.hypot(y - 12, z) < 4) & (x < -74) & ~head
    hu[tube] = 40
    body = body_in(hu, geometry)
    assert np.mean(body[tube & (x < -92)]) < 0.05
    assert dice(body, head) > 0.998


@pytest.mark.parametrize("left_mm", [15.0, 19.0])
@pytest.mark.parametrize("padded", [True, False])
def test_a_sliver_of_an_arm_that_the_field_of_view_cuts_is_body(
    left_mm: float, *, padded: bool
) -> None:
    geometry = Geometry((16, 150, 260), (2.2, 2.0, 4.5), (-286, -150, -36), turned(9).direction)
    volume, truth = chest(geometry, table=True)
    k, j, i = np.indices(geometry.shape)
    x, y, _ = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    hu = volume.array.astype(float)
    arm = limb(hu, np.hypot(x - 227, y + 20), 30)
    stop = int(np.flatnonzero(arm.any(axis=(0, 1)))[0] + left_mm / 2.2) + 1
    array = np.rint(hu).astype(np.int16)
    if padded:
        array[:, :, stop:] = -2000
        seen = Volume(array, geometry, padding=-2000, metadata=volume.metadata)
    else:
        array = np.ascontiguousarray(array[:, :, :stop])
        seen = Volume(
            array,
            Geometry(array.shape, geometry.spacing, geometry.origin, geometry.direction),
            metadata=volume.metadata,
        )
    labels = segment(seen, ["body"])
    body, sliver = labels.mask("body").array[:, :, :stop], arm[:, :, :stop]
    assert np.mean(body[sliver]) > 0.9
    assert dice(body, (truth[:, :, :stop] > 0) | sliver) > 0.998
    assert not next(c for c in labels.report.checks if c.code == "body-cut").ok
