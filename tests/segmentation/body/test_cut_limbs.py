"""What is said where the field of view leaves little of an arm."""

import numpy as np
import pytest

from tests.segmentation.simple_chest import chest, turned, upright
from vis3d.geometry import Geometry
from vis3d.labels import Check
from vis3d.segmentation import segment
from vis3d.volume import Volume

GRIDS = [
    pytest.param(upright((2.2, 2.6, 5.0)), id="anisotropic"),
    pytest.param(turned(15.0), id="turned"),
]


def with_things(geometry: Geometry, *, arm: bool = False, foot: bool = False) -> Volume:
    """A chest; beside it 22 mm of an arm that the edge cuts, below it the foot of its table."""
    volume, _ = chest(geometry)
    array = volume.array.copy()
    k, j, i = np.indices(geometry.shape)
    i_mm, j_mm, k_mm = geometry.spacing
    if arm:
        inside = np.hypot((i - geometry.shape[2]) * i_mm - 18, (j - 75 / j_mm) * j_mm) < 40
        array[inside & (k * k_mm < 200)] = 50
    if foot:
        inside = (abs(i * i_mm - 200) < 50) & (geometry.shape[1] - j < 20 / j_mm)
        array[inside & (k * k_mm < 200)] = 150
    return volume.with_array(array)


def said_of(volume: Volume) -> Check:
    checks = segment(volume, ["body"]).report.checks
    (check,) = (check for check in checks if check.code == "body-cut")
    return check


@pytest.mark.parametrize("geometry", GRIDS)
def test_an_arm_of_which_the_field_of_view_leaves_little_is_said_to_miss(
    geometry: Geometry,
) -> None:
    check = said_of(with_things(geometry, arm=True))
    assert not check.ok
    assert "holds the trunk" in check.message
    assert "an arm or a leg" in check.message


@pytest.mark.parametrize("geometry", GRIDS)
def test_the_foot_of_a_table_at_the_edge_is_no_arm(geometry: Geometry) -> None:
    assert said_of(with_things(geometry, foot=True)).ok
