"""Foam under the patient that the field of view cuts has the density of lung and is none."""

import numpy as np
import pytest

from tests.segmentation.simple_chest import chest, dice, turned
from vis3d.geometry import Geometry
from vis3d.segmentation import segment


@pytest.mark.parametrize("foam_hu", [-760, -880])
def test_foam_that_the_field_of_view_cuts_before_the_table_is_no_body(foam_hu: int) -> None:
    turn = turned(3).direction @ turned(-8, axis=0).direction
    geometry = Geometry((20, 150, 160), (1.7, 1.5, 4.5), tuple(turn @ (-136, -95, -45)), turn)
    volume, truth = chest(geometry, table=False)
    k, j, i = np.indices(geometry.shape)
    y = geometry.to_lps(np.stack([i, j, k], axis=-1))[..., 1]
    array = volume.array.copy()
    foam = (truth == 0) & (y > 0)  # from side to side, wherever the patient leaves room
    array[foam] += foam_hu + 1000
    body = segment(volume.with_array(array), ["body"]).mask("body").array
    assert np.count_nonzero(foam) > 0.05 * foam.size
    assert np.mean(body[foam]) < 0.01
    assert dice(body, truth > 0) > 0.998
