"""What a scan never measured: the same in all slices or not, and what the rest is read as."""

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from vis3d.segmentation.frame import AIR_HU, patient_frame
from vis3d.segmentation.grids import mostly, pooled
from vis3d.volume import Volume

SHAPE = (6, 30, 40)


def scan(outside: np.ndarray, fill: int, padding: float | None) -> Volume:
    array = np.random.default_rng(0).integers(-900, 400, SHAPE).astype(np.int16)
    array[outside] = fill
    return Volume(array, oblique_geometry(SHAPE), padding=padding)


@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize(("fill", "padding"), [(-3024, -3024.0), (-2000, None), (100, 100.0)])
def test_what_was_not_measured_is_marked_and_read_as_air(
    everywhere: bool, fill: int, padding: float | None
) -> None:
    outside = np.zeros(SHAPE, bool)
    outside[:, :, :7] = True
    if not everywhere:
        outside[4, 3:9, 20:30] = True
    volume = scan(outside, fill, padding)
    frame = patient_frame(volume)
    assert frame.unmeasured is not None
    stored = frame.as_stored(frame.unmeasured)
    assert np.array_equal(stored, outside | (volume.array == padding))
    values = frame.as_stored(frame.hu)
    assert (values[stored] <= AIR_HU).all()
    assert np.array_equal(values[~stored], volume.array[~stored])


def test_a_mask_that_is_the_same_in_all_slices_is_pooled_once() -> None:
    one = np.random.default_rng(2).random((1, 31, 42)) < 0.5
    same = np.broadcast_to(one, (7, 31, 42))
    factors = (2, 3, 4)
    assert np.array_equal(mostly(same, factors), pooled(same.copy(), factors) > 0.5)
