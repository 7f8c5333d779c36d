"""The quick ways of looking at masks, against the plain ones."""

import numpy as np
import pytest
from scipy import ndimage

from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    components,
    components_in_slices,
    fringed,
    keep,
    looked_up,
    sizes,
    sums,
    swept,
    trimmed,
)

SHAPES = ((20, 9, 13), (1, 7, 5), (35, 1, 6), (3, 8, 1))


@pytest.fixture(params=SHAPES)
def mask(request: pytest.FixtureRequest) -> np.ndarray:
    mask = np.random.default_rng(3).random(request.param) < 0.3
    mask[:, : request.param[1] // 3] = False  # its box is not the array
    return mask


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2), (0,), (2,)])
def test_growing_and_shrinking_by_a_voxel_are_those_of_scipy(
    mask: np.ndarray, axes: tuple[int, ...]
) -> None:
    cube = np.ones([3 if axis in axes else 1 for axis in range(3)], bool)
    assert np.array_equal(fringed(mask, axes), ndimage.binary_dilation(mask, cube))
    eroded = ndimage.binary_erosion(mask, cube, border_value=1)
    assert np.array_equal(trimmed(mask, axes), eroded)
    assert np.array_equal(trimmed(~mask, axes), ~fringed(mask, axes))


def test_pieces_of_slices_are_those_of_each_slice(mask: np.ndarray) -> None:
    labels, count = components_in_slices(mask), 0
    for here, plane in zip(labels, mask, strict=True):
        alone, pieces = ndimage.label(plane)
        pairs = np.unique(np.stack([here[plane], alone[plane]]), axis=1)
        assert pairs.shape[1] == pieces
        assert set(pairs[0]) == set(range(count + 1, count + pieces + 1))
        count += pieces
    assert np.array_equal(labels > 0, mask)


@pytest.mark.parametrize("shape", [(1, 1, 3), (20, 20, 20), (5, 1, 7), (3, 3, 3), (1, 8, 5)])
@pytest.mark.parametrize("connectivity", [6, 18, 26])
def test_voxels_with_one_between_are_pieces_of_their_own(
    shape: tuple[int, int, int], connectivity: int
) -> None:
    apart = np.zeros(shape, bool)
    apart[:5:2, :9:2, :9:2] = True
    assert components(apart, connectivity).max() == np.count_nonzero(apart)


def test_tables_and_sums_are_those_of_numpy(mask: np.ndarray) -> None:
    labels = components_in_slices(mask)
    table = np.arange(labels.max() + 1) % 3 == 1
    table[0] = True
    assert np.array_equal(looked_up(labels, table), table[labels])
    assert np.array_equal(keep(labels, table), table[labels] & mask)
    assert np.array_equal(keep(labels, np.arange(len(table)) == 2), labels == 2)
    assert np.array_equal(sizes(labels), np.bincount(labels[mask], minlength=len(table)))
    for weights in (np.random.default_rng(5).integers(-9, 9, mask.shape), ~swept(mask, 0)):
        expected = np.bincount(labels[mask], weights[mask], labels.max() + 1)
        assert np.array_equal(sums(labels, weights), expected)


@pytest.mark.parametrize("axis", range(3))
def test_what_lies_behind_and_the_box_are_found(mask: np.ndarray, axis: int) -> None:
    assert np.array_equal(swept(mask, axis), np.logical_or.accumulate(mask, axis))
    box = bounding_box(mask)
    assert box is not None
    there = np.nonzero(mask)[axis]
    assert (box[axis].start, box[axis].stop) == (there.min(), there.max() + 1)
    assert bounding_box(mask & ~mask) is None
