"""Arrays that take memory only where they hold something."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vis3d.segmentation.voxels.sparse import overwrite, sparse_copy, sparse_zeros

SHAPE = (64, 512, 512)
MIB = 1 << 20


def resident() -> int:
    """The memory of this process that is really there, in bytes."""
    status = Path("/proc/self/status")
    if not status.is_file():
        pytest.skip("only Linux says what memory is really there")
    found = re.search(r"RssAnon:\s+(\d+)", status.read_text())
    assert found is not None
    return int(found[1]) << 10


def test_a_few_voxels_take_a_few_pages() -> None:
    before = resident()
    array = sparse_zeros(SHAPE, bool)
    array[::4, 100, 100] = True
    copy = sparse_copy(array)
    assert resident() - before < MIB, "of 16 MiB each"
    assert copy.sum() == array.sum() == 16


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([bool, np.uint8, np.int16]))
def test_a_part_becomes_like_another_and_a_copy_is_apart(seed: int, dtype: type) -> None:
    random = np.random.default_rng(seed)
    one, other = (random.integers(0, 2, (5, 6, 7)).astype(dtype) for _ in range(2))
    copy = sparse_copy(one)
    overwrite(copy[1:4], other[1:4])
    assert (copy[1:4] == other[1:4]).all()
    assert (copy[[0, 4]] == one[[0, 4]]).all()
    assert copy.dtype == one.dtype


def test_no_voxels_are_no_trouble() -> None:
    assert sparse_copy(np.zeros((0, 3), bool)).shape == (0, 3)


def test_too_little_memory_is_told_as_numpy_tells_it() -> None:
    with pytest.raises(MemoryError):
        sparse_zeros((1 << 20, 1 << 20, 1 << 10), np.uint8)
