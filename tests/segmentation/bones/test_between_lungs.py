"""What lies between the lungs."""

import numpy as np

from vis3d.segmentation.bones.contrast import between_lungs


def test_between_lungs_lies_what_has_lung_on_both_sides_in_its_row() -> None:
    lungs = np.zeros((2, 4, 9), bool)
    lungs[0, 1, [1, 2, 6]] = True  # holds 3 to 5
    lungs[0, 2, 4] = True  # nothing beside it
    lungs[0, 3, [0, 8]] = True
    expected = np.zeros_like(lungs)
    expected[0, 1, 3:6] = True
    expected[0, 3, 1:8] = True
    assert (between_lungs(lungs) == expected).all()
    expected[0, 3] = False
    assert (between_lungs(lungs, 0.5) == expected).all()
