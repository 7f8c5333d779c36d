"""Coarse grids: the mean of each block of voxels."""

import numpy as np
import pytest

from vis3d.segmentation.voxels.grids import mostly, pooled, pooled_hu

FACTORS = (2, 3, 4)


def means_of(array: np.ndarray) -> np.ndarray:
    """The mean of each block, one at a time."""
    fk, fj, fi = FACTORS
    nk, nj, ni = (-(-n // f) for n, f in zip(array.shape, FACTORS, strict=True))
    means = np.empty((nk, nj, ni))
    for k, j, i in np.ndindex(nk, nj, ni):
        block = array[k * fk : (k + 1) * fk, j * fj : (j + 1) * fj, i * fi : (i + 1) * fi]
        means[k, j, i] = block.mean(dtype=float)
    return means


@pytest.mark.parametrize("highest", [1000, 32767])
@pytest.mark.parametrize("shape", [(8, 9, 12), (7, 11, 13), (1, 2, 3)])
def test_blocks_have_their_mean_however_large_it_is(
    shape: tuple[int, ...], highest: int
) -> None:
    hu = np.random.default_rng(2).integers(-1024, highest, shape).astype(np.int16)
    hu[..., -2:] = highest
    assert pooled(hu, FACTORS) == pytest.approx(means_of(hu), rel=1e-6, abs=1e-3)
    assert pooled_hu(hu, FACTORS) == pytest.approx(means_of(hu), abs=0.5001)


def test_blocks_lie_in_a_mask_with_their_share_of_it() -> None:
    mask = np.random.default_rng(3).random((7, 11, 13)) < 0.5
    assert (mostly(mask, FACTORS, 0.6) == (means_of(mask) > 0.6 + 1e-6)).all()


def test_large_blocks_of_a_mask_are_counted_whole() -> None:
    assert pooled(np.ones((20, 21, 40), bool), (20, 20, 20)).min() == pytest.approx(1)
