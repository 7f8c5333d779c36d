"""A small oblique scan, for whoever asks for one."""

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack


@pytest.fixture
def array():
    return np.random.default_rng(4).integers(0, 4000, (6, 30, 40)).astype(np.uint16)


@pytest.fixture
def stack(array):
    """A small oblique scan."""
    return ct_stack(array, oblique_geometry(shape=(6, 30, 40)), RescaleIntercept="-1024")
