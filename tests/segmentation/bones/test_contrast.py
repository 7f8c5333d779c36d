"""What tells contrast from bone, in a trunk on a turned grid of unequal sides."""

import numpy as np

from tests.segmentation.bones.test_plaques import away, bones_of, trunk


def test_the_muscle_of_a_heart_between_bright_chambers_is_no_marrow() -> None:
    hu, spine, (x, y, z) = trunk(350.0)
    off = away(x + 25, y + 30, z)
    muscle = (off < 36) & ((abs(x + 25) < 7) | ((off > 10) & (off < 20)))
    hu[off < 40], hu[muscle] = 350, 125
    bones = bones_of(hu)
    assert np.count_nonzero(bones & (off < 40)) < 0.01 * np.count_nonzero(spine)
    assert np.mean(bones[spine]) > 0.95
