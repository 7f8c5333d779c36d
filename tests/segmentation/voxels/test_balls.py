"""Growing by balls of bits against the distances that define it."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from vis3d.segmentation.voxels.balls import MIN_SHARED, ball_grown
from vis3d.segmentation.voxels.morphology import grown, shrunk

SHAPES = st.tuples(*[st.integers(1, 24)] * 3)
SPACINGS = st.tuples(*[st.floats(0.5, 4.0)] * 3)


def within(mask: np.ndarray, radius_mm: float, spacing: tuple[float, ...]) -> np.ndarray:
    """What lies within the radius of the mask, by the distances of another library."""
    return distance_transform_edt(~mask, sampling=spacing) <= radius_mm


def just_beside(mask: np.ndarray, radius_mm: float, spacing: tuple[float, ...]) -> bool:
    """Whether rounding decides for some voxel."""
    distance = distance_transform_edt(~mask, sampling=spacing)
    return bool((np.isclose(distance, radius_mm, rtol=1e-5) & (distance != radius_mm)).any())


@given(
    shape=SHAPES,
    spacing=SPACINGS,
    radius_mm=st.floats(0.3, 12.0),
    share=st.sampled_from([0.02, 0.3, 0.95]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_growing_takes_what_lies_within_the_radius(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    radius_mm: float,
    share: float,
    seed: int,
) -> None:
    mask = np.random.default_rng(seed).random(shape) < share
    if not mask.any() or mask.all():
        return
    assume(not any(just_beside(what, radius_mm, spacing) for what in (mask, ~mask)))
    assert np.array_equal(grown(mask, radius_mm, spacing), within(mask, radius_mm, spacing))
    assert np.array_equal(
        shrunk(mask, radius_mm, spacing), ~within(~mask, radius_mm, spacing) & mask
    )


def test_slabs_of_a_large_mask_join_without_a_seam() -> None:
    shape = (70, 340, 350)
    assert np.prod(shape) > MIN_SHARED
    mask = np.zeros(shape, bool)
    places = np.random.default_rng(1).integers((0, 0, 0), shape, (300, 3))
    mask[tuple(places.T)] = True
    spacing = (1.5, 0.7, 0.9)
    assert np.array_equal(ball_grown(mask, 4.0, spacing), within(mask, 4.0, spacing))
