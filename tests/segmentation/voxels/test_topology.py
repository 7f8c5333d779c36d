"""Taking voxels out of a mask opens no hole in it, and nothing falls apart."""

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.measure import euler_number, label

from vis3d.segmentation.voxels.frame import Bools
from vis3d.segmentation.voxels.topology import take_without_holes

SHAPE = (20, 24, 28)


def sponge(seed: int) -> Bools:
    """A thing with holes, cavities and pieces apart, away from the ends of its array."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=SHAPE), 0.8)
    return np.pad(noise > 0.05, 2)


def topology(mask: Bools) -> list[int]:
    """Pieces, cavities and Euler number, joined by corners and by faces alone."""
    return [
        number
        for by in (1, 3)
        for number in (
            label(mask, connectivity=by).max(),
            label(~mask, connectivity=by).max(),
            euler_number(mask, by),
        )
    ]


def test_pieces_holes_and_cavities_stay_whatever_is_asked_for() -> None:
    for seed in range(3):
        mask = sponge(seed)
        asked = np.random.default_rng(seed).permutation(np.flatnonzero(mask))
        left = mask.copy()
        take_without_holes(left, asked)
        assert topology(left) == topology(mask)
        assert left.sum() < 0.6 * mask.sum()
        assert not (left & ~mask).any()


def test_what_is_asked_for_first_goes_first() -> None:
    wall = np.zeros(SHAPE, bool)
    wall[:, :, 11:13] = True
    for order in (1, -1):
        left = wall.copy()
        take_without_holes(left, np.flatnonzero(wall).reshape(-1, 2).T[::order].ravel())
        kept = wall.copy()
        kept[:, :, 11 if order == 1 else 12] = False
        np.testing.assert_array_equal(left, kept)


def test_nothing_else_is_taken() -> None:
    mask = np.pad(np.ones(SHAPE, bool), 1)
    asked = np.ravel_multi_index((1, 5, 5), mask.shape)
    left = mask.copy()
    take_without_holes(left, np.array([asked]))
    assert np.flatnonzero(left != mask).tolist() == [asked]
