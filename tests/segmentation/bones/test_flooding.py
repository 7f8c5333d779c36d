"""Flooding from markers, against a watershed that keeps all voxels in a heap."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.segmentation import watershed

from vis3d.segmentation.bones.flooding import flooded


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.3, 1.0))
def test_it_is_a_watershed_where_no_two_voxels_are_as_high(seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    shape = (5, 6, 8)
    heights = random.permutation(240).reshape(shape).astype(np.uint8)
    within = random.random(shape) < share
    markers = (random.integers(1, 4, shape) * (random.random(shape) < 0.05)).astype(np.uint8)
    expected = watershed(heights, markers.astype(np.int32), mask=within | (markers > 0))
    assert np.array_equal(flooded(markers, within, heights), expected)


def test_a_plain_is_shared_by_the_way_round_its_walls() -> None:
    within = np.ones((3, 9, 9), bool)
    within[:, :8, 4] = False
    markers = np.zeros(within.shape, np.uint8)
    markers[1, 0, 0], markers[1, 0, 8] = 1, 2
    sides = flooded(markers, within, np.zeros(within.shape, np.uint8))
    assert (sides[:, :, :4] == 1).all()
    assert (sides[:, :, 5:] == 2).all()
    assert (sides[:, :8, 4] == 0).all()


def test_what_no_marker_reaches_belongs_to_none() -> None:
    within = np.zeros((4, 5, 6), bool)
    within[:, :, 4] = True
    markers = np.zeros(within.shape, np.uint8)
    markers[2, 2, 1] = 7
    assert np.array_equal(flooded(markers, within, markers), markers)
